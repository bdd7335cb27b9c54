import io

import numpy as np
import pytest
from class_balancing.datasets.near_duplicates import _alike, hashes, near_duplicates
from class_balancing.evaluation import protocol
from class_balancing.experiments.tables import TASKS
from PIL import Image, ImageFilter


@pytest.fixture(scope="module")
def photographs():
    """60 blurred patches of colour 64 x 64 x 3, as different from one another as photographs are."""
    coarse = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    large = [Image.fromarray(image).resize((64, 64), Image.Resampling.BICUBIC) for image in coarse]
    return np.stack([np.asarray(image.filter(ImageFilter.GaussianBlur(1))) for image in large])


def encoded_again(image):
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=80)
    return np.asarray(Image.open(content))


def brighter(image):
    return np.minimum(image.astype(int) + 3, 255).astype(np.uint8)


def resized(image):
    return np.asarray(Image.fromarray(image).resize((96, 96)).resize((64, 64)))


def mirrored(image):
    return image[:, ::-1]


def much_brighter(image):
    return np.minimum(image.astype(int) + 40, 255).astype(np.uint8)


def found(images, others, **limits):
    both = np.concatenate([images, others])
    return near_duplicates(both, np.arange(len(images)), np.arange(len(images), len(both)), **limits)


@pytest.mark.parametrize("change", [np.copy, encoded_again, brighter, resized])
def test_planted_near_duplicates_are_found_and_nothing_else(photographs, change):
    planted = np.stack([change(image) for image in photographs[10:40]])
    pairs, distances, _ = found(photographs, planted)
    assert pairs.dtype == np.int64
    np.testing.assert_array_equal(pairs, np.stack([np.arange(10, 40), np.arange(60, 90)], axis=1))
    differences = photographs[10:40].astype(float) - planted
    np.testing.assert_allclose(distances, np.sqrt(np.square(differences).mean(axis=(1, 2, 3))))


@pytest.mark.parametrize("change", [mirrored, much_brighter])
def test_images_that_look_different_are_not_reported(photographs, change):
    pairs, distances, _ = found(photographs, np.stack([change(image) for image in photographs]))
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


def test_equal_hashes_of_different_pixels_are_not_enough(photographs):
    faint = (photographs // 8 + 100).astype(np.uint8)
    assert len(found(photographs, faint)[0]) == 0
    assert len(found(photographs, faint, max_distance=255.0)[0]) == 60


def test_pairs_stand_across_the_two_sets_only(photographs):
    images = np.concatenate([photographs[:5], photographs[:5], photographs[:1]])
    pairs, _, _ = near_duplicates(images, np.array([7, 0, 5]), np.array([2, 3, 10]))
    assert pairs.tolist() == [[7, 2], [0, 10], [5, 10]]


def test_hashes_that_are_known_are_not_made_again(photographs, monkeypatch):
    images = np.concatenate([photographs, brighter(photographs[:20])])
    sets = np.arange(10, 60), np.array([5, 60, 75, 70])
    expected, known = near_duplicates(images, *sets), hashes(images)
    assert expected.pairs.tolist() == [[10, 70], [15, 75]]
    monkeypatch.setattr("imagehash.phash", lambda image: pytest.fail("made again"))
    found = near_duplicates(images, *sets, known_hashes=known)
    np.testing.assert_array_equal(found.pairs, expected.pairs)


def test_chunks_make_no_difference(photographs, monkeypatch):
    expected = found(photographs, photographs, max_bits=20, max_distance=255.0)
    monkeypatch.setattr("class_balancing.datasets.near_duplicates.CHUNK_PAIRS", 130)
    monkeypatch.setattr("class_balancing.datasets.near_duplicates.CHUNK_VALUES", 40_000)
    assert len(expected[0]) > 60
    for one, other in zip(expected, found(photographs, photographs, max_bits=20, max_distance=255.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bands_miss_no_hash_that_is_alike():
    rng = np.random.default_rng(0)
    first, bits = rng.integers(0, 2**64, 200, np.uint64), np.uint64(1) << np.arange(64, dtype=np.uint64)
    flipped = [rng.permuted(np.tile(bits, (200, 1)), axis=1)[:, :n].sum(axis=1, dtype=np.uint64) for n in range(8)]
    second = rng.permutation(np.concatenate([first ^ changes for changes in flipped]))
    for max_bits in (0, 1, 4, 6):
        expected = np.argwhere(np.bitwise_count(first[:, None] ^ second) <= max_bits)
        assert len(expected) == 200 * (max_bits + 1)
        np.testing.assert_array_equal(np.concatenate(list(_alike(first, second, max_bits))), expected)


def test_the_search_may_end_early(photographs, monkeypatch):
    monkeypatch.setattr("class_balancing.datasets.near_duplicates.PAIRS_AT_ONCE", 100)
    copies = photographs[[0] * 30]
    everything = found(copies, copies)
    assert (len(everything.pairs), everything.is_complete) == (900, True)
    some = found(copies, copies, max_alike=250)
    assert (len(some.pairs), len(some.distances), some.is_complete) == (300, 300, False)
    np.testing.assert_array_equal(some.pairs, everything.pairs[:300])
    assert found(copies, copies, max_alike=900).is_complete


def test_an_empty_set_has_no_pairs(photographs):
    pairs, distances, _ = near_duplicates(photographs, np.arange(60), np.array([], np.int64))
    assert (pairs.shape, distances.shape) == ((0, 2), (0,))


def test_digits_written_by_different_hands_are_no_duplicates(digits):
    first, second = np.arange(1200), np.arange(1200, 1797)
    alike, _, _ = near_duplicates(digits.images, first, second)
    assert set(map(tuple, digits.labels[alike])) <= {(1, 1)}
    assert len(alike) <= 1
    doubled = np.concatenate([digits.images, digits.images[:30]])
    pairs, distances, _ = near_duplicates(doubled, first, np.arange(1797, 1827))
    np.testing.assert_array_equal(pairs, np.stack([np.arange(30), np.arange(1797, 1827)], axis=1))
    assert not distances.any()


def test_test_cars_of_vehicles_that_have_a_near_duplicate_to_learn_from(datasets_folder):
    """DEVIATIONS.md says how many; they make the task easier than the thesis's."""
    task = TASKS["vehicles-75"].undropped
    parts = protocol.parts(task.dataset_in(datasets_folder("vehicles")), task, "thesis")
    (label,) = task.measured
    cars = [part.images[part.labels == label] for part in (parts.train, parts.test)]
    (n_train, n_test) = map(len, cars)
    pairs, _, _ = near_duplicates(np.concatenate(cars), np.arange(n_train), n_train + np.arange(n_test))
    assert (n_test, len(np.unique(pairs[:, 1]))) == (196, 22)
