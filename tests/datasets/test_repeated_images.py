import numpy as np
import pytest
from class_balancing.datasets import fer2013, repeated_images
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.datasets.near_duplicates import NearDuplicates
from class_balancing.datasets.repeated_images import (
    count_repeated,
    n_repeated,
    repeated_across_parts,
    repeated_test_images,
)
from PIL import Image


def photographs(n):
    """Smooth grey images (n, 48, 48, 1), as different from one another as photographs are."""
    coarse = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    large = [Image.fromarray(image).resize((48, 48), Image.Resampling.BICUBIC) for image in coarse]
    return np.stack([np.asarray(image) for image in large])[..., None]


def brighter(image):
    return np.minimum(image.astype(int) + 3, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def dataset():
    """train 0..9, validation 10..15, test 16..23, in this order, with duplicates planted across the parts."""
    images = photographs(24)
    images[1] = images[0]  # within a part: no matter
    images[11] = images[3]
    images[17] = brighter(images[5])
    images[18] = images[0]  # stands in train twice
    images[20] = images[11]  # stands in train and validation
    images[22] = brighter(images[14])
    images[23] = images[21]  # within a part
    labels = np.zeros(24, np.int64)
    labels[17] = labels[20] = 1
    parts = np.repeat(["train", "validation", "test"], [10, 6, 8])
    return ImageDataset("planted", images, labels, ("a", "b"), parts)


@pytest.fixture(scope="module")
def pairs(dataset):
    return repeated_across_parts(dataset)


def test_every_planted_pair_is_found_and_no_other(pairs):
    found = pairs[["first", "second", "first_part", "second_part", "is_exact", "same_label"]]
    assert list(found.itertuples(index=False, name=None)) == [
        (3, 11, "train", "validation", True, True),
        (0, 18, "train", "test", True, True),
        (1, 18, "train", "test", True, True),
        (3, 20, "train", "test", True, False),
        (5, 17, "train", "test", False, False),
        (11, 20, "validation", "test", True, False),
        (14, 22, "validation", "test", False, True),
    ]
    assert (pairs["distance"] == 0).tolist() == pairs["is_exact"].tolist()
    assert pairs["distance"][~pairs["is_exact"]].between(2.9, 3.0).all()


def test_test_images_that_are_known_are_told_in_their_order(dataset, pairs):
    exact, near = repeated_test_images(dataset, pairs)
    assert (np.flatnonzero(exact) + 16).tolist() == [18, 20]
    assert (np.flatnonzero(near) + 16).tolist() == [17, 18, 20, 22]
    assert exact.shape == near.shape == (8,)


def test_the_order_of_the_parts_in_the_dataset_is_no_matter(dataset):
    order = np.random.default_rng(1).permutation(24)
    mixed = dataset.take(order)
    exact, near = repeated_test_images(mixed, repeated_across_parts(mixed))
    of_test = order[mixed.official_parts == "test"]
    assert sorted(of_test[exact].tolist()) == [18, 20]
    assert sorted(of_test[near].tolist()) == [17, 18, 20, 22]


def test_images_are_counted_once_however_often_they_stand_elsewhere(dataset, pairs):
    rows = count_repeated(dataset, pairs)
    assert list(rows.itertuples(index=False, name=None)) == [
        ("validation", "train", 6, 1, 1, 0),
        ("test", "train", 8, 2, 3, 2),
        ("test", "validation", 8, 1, 2, 1),
    ]
    assert n_repeated(dataset.images) == 5


def test_exact_ones_are_found_without_perceptual_hashes(dataset, monkeypatch):
    monkeypatch.setattr(
        repeated_images, "near_duplicates", lambda *_: NearDuplicates(np.zeros((0, 2), np.int64), np.zeros(0), True)
    )
    exact, near = repeated_test_images(dataset, repeated_across_parts(dataset))
    assert (np.flatnonzero(exact) + 16).tolist() == (np.flatnonzero(near) + 16).tolist() == [18, 20]


def test_nothing_repeated_gives_no_rows():
    images = photographs(9)
    dataset = ImageDataset("none", images, np.zeros(9, np.int64), ("a",), np.repeat(fer2013.PARTS, 3))
    pairs = repeated_across_parts(dataset)
    assert len(pairs) == 0
    assert not count_repeated(dataset, pairs)[["n_exact", "n_near", "n_other_label"]].to_numpy().any()
    assert not np.any(repeated_test_images(dataset, pairs))
    assert n_repeated(images) == 0


@pytest.mark.slow
def test_real_fer2013_repeats_faces_across_its_parts(datasets_folder):
    dataset = fer2013.load(datasets_folder("fer2013"))
    assert n_repeated(dataset.images) == 1853
    pairs = repeated_across_parts(dataset)
    rows = count_repeated(dataset, pairs)
    assert list(rows.itertuples(index=False, name=None)) == [
        ("validation", "train", 3589, 280, 309, 18),
        ("test", "train", 3589, 288, 333, 29),
        ("test", "validation", 3589, 44, 57, 8),
    ]
    exact, near = repeated_test_images(dataset, pairs)
    assert (exact.sum(), near.sum()) == (314, 364)
    first, second = pairs[["first", "second"]].to_numpy().T
    equal = (dataset.images[first] == dataset.images[second]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(equal, pairs["is_exact"])
