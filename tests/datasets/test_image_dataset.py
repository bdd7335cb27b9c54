import numpy as np
import pytest
from class_balancing.datasets.image_dataset import DatasetError, ImageDataset

IMAGES = np.zeros((3, 8, 8, 1), np.uint8)
LABELS = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.astype(np.float32), LABELS, "uint8"),
        (IMAGES[..., 0], LABELS, "uint8"),
        (IMAGES, LABELS[:2], "labels must be int64"),
        (IMAGES, LABELS.astype(np.int32), "labels must be int64"),
        (IMAGES, LABELS + 1, r"labels must lie in 0\.\.1"),
    ],
)
def test_wrong_arrays_are_refused(images, labels, message):
    with pytest.raises(DatasetError, match=message):
        ImageDataset("test", images, labels, ("a", "b"))


def test_the_digest_tells_images_and_labels_apart():
    images, labels = np.zeros((4, 2, 2, 1), np.uint8), np.array([0, 1, 0, 1])
    first = ImageDataset("a", images, labels, ("x", "y"))
    assert first.digest == ImageDataset("b", images.copy(), labels.copy(), ("x", "y")).digest
    changed = images.copy()
    changed[3, 1, 1, 0] = 1
    others = [ImageDataset("a", changed, labels, ("x", "y")), ImageDataset("a", images, labels[::-1], ("x", "y"))]
    assert len({first.digest, *(other.digest for other in others)}) == 3


def test_counts_are_by_name_also_of_a_class_without_images():
    assert ImageDataset("a", IMAGES, LABELS, ("x", "y", "z")).counts == {"x": 1, "y": 2, "z": 0}
