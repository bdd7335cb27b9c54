import pickle
import tracemalloc

import numpy as np
import pytest
from class_balancing.datasets import stored_images
from class_balancing.datasets.batches import batches_in_order, class_balanced_batches, shuffled_batches
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.datasets.stored_images import StoredImages, in_parts, joined, taken, write

LABELS = np.arange(50) % 3


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def stored(images, tmp_path):
    return write(tmp_path / "images.npy", (4, 5, 3), [images[:20], images[20:20], images[20:]])


def test_a_file_is_what_numpy_writes_and_reads(images, stored, tmp_path):
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), images)
    np.save(tmp_path / "other.npy", images)
    np.testing.assert_array_equal(StoredImages.of_file(tmp_path / "other.npy"), images)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    np.save(tmp_path / "floats.npy", images / 255)
    with pytest.raises(ValueError, match=r"floats\.npy holds no uint8 images"):
        StoredImages.of_file(tmp_path / "floats.npy")


KEYS = {
    "number": 3,
    "last": -1,
    "slice": slice(10, 30),
    "steps": slice(None, None, -7),
    "indices": np.array([4, 4, 49, 0]),
    "mask": LABELS == 1,
    "two axes": np.array([[1, 2], [3, 4]]),
    "none": np.zeros(0, int),
    "mirrored": (np.array([4, 0]), slice(None), slice(None, None, -1)),
    "a channel": (slice(3), slice(None), slice(None), 0),
    "of one": (7, 2),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_it_is_indexed_like_an_array(key, images, stored):
    found, expected = stored[key], images[key]
    assert type(found) is np.ndarray
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


def test_arrays_along_other_axes_are_refused(stored):
    with pytest.raises(IndexError, match="along the first axis only"):
        stored[[1, 2], [0, 1]]


def test_what_is_taken_is_not_read(images, stored, tmp_path):
    mask, indices = LABELS > 0, np.array([9, 2, 2, 30])
    some = taken(taken(stored, mask), indices)
    assert (some.shape, len(some), some.dtype, some.ndim) == ((4, 4, 5, 3), 4, np.uint8, 4)
    np.testing.assert_array_equal(some, images[mask][indices])
    (tmp_path / "images.npy").unlink()
    assert taken(stored, mask).shape == (33, 4, 5, 3)
    np.testing.assert_array_equal(taken(images, mask), images[mask])


def test_several_files_are_joined(images, stored, tmp_path):
    other = write(tmp_path / "other.npy", (4, 5, 3), [255 - images[:7]])
    none = write(tmp_path / "none.npy", (4, 5, 3), [])
    both = joined([taken(stored, np.arange(49, -1, -1)), none, taken(other, np.array([6, 1]))])
    expected = np.concatenate([images[::-1], 255 - images[[6, 1]]])
    np.testing.assert_array_equal(both, expected)
    np.testing.assert_array_equal(both[[51, 0, 50]], expected[[51, 0, 50]])
    again = joined([both, taken(both, np.array([51]))])
    np.testing.assert_array_equal(again, np.concatenate([expected, expected[51:]]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)), again)
    np.testing.assert_array_equal(joined([images, images[:1]]), np.concatenate([images, images[:1]]))


def test_parts_are_all_images_in_order(images, stored, monkeypatch):
    monkeypatch.setattr(stored_images, "N_IMAGES_AT_ONCE", 20)
    for given in (images, stored):
        parts = list(in_parts(given))
        assert [len(part) for part in parts] == [20, 20, 10]
        np.testing.assert_array_equal(np.concatenate(parts), images)


def test_the_hash_is_that_of_the_array(images, stored):
    labels = LABELS.astype(np.int64)
    datasets = [ImageDataset("a", given, labels, ("x", "y", "z")) for given in (images, stored)]
    assert datasets[0].digest == datasets[1].digest
    assert datasets[0].take(LABELS == 1).digest == datasets[1].take(LABELS == 1).digest != datasets[0].digest


@pytest.mark.parametrize(
    "batches",
    [
        lambda images: shuffled_batches(images, LABELS, 8, 3)[1](5).take(9),
        lambda images: class_balanced_batches(images, LABELS, 8, 3)[1](5).take(9),
        lambda images: batches_in_order(images, 20, LABELS),
    ],
    ids=["shuffled", "class balanced", "in order"],
)
def test_batches_are_those_of_the_array(batches, images, stored):
    assert batches(images).element_spec == batches(stored).element_spec
    for expected, found in zip(batches(images), batches(stored), strict=True):
        expected, found = (list(each.values()) if isinstance(each, dict) else each for each in (expected, found))
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = {}
    for n_parts in (2, 40):
        parts = (np.full((1000, 8, 8, 3), number, np.uint8) for number in range(n_parts))
        path = tmp_path / f"{n_parts}.npy"
        tracemalloc.start()
        images = write(path, (8, 8, 3), parts)
        n_read = sum(len(part) for part in in_parts(taken(images, np.arange(0, len(images), 2))))
        peaks[n_parts] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert n_read == n_parts * 500
    assert peaks[40] - peaks[2] < 0.1 * path.stat().st_size


def test_images_stored_column_by_column_are_refused(tmp_path):
    np.save(tmp_path / "images.npy", np.asfortranarray(np.zeros((3, 4, 5, 1), np.uint8)))
    with pytest.raises(ValueError, match="holds no uint8 images"):
        StoredImages.of_file(tmp_path / "images.npy")
