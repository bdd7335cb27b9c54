"""Pictures of any kind in one folder, made alike."""

import numpy as np
import pytest
from class_balancing.datasets import photographs
from class_balancing.datasets.image_dataset import DatasetError
from class_balancing.datasets.loose_pictures import load_pictures
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """A red, a half transparent black, a 16-bit grey and a palette's blue picture, a hidden one and a text."""
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.jpg", quality=100)
    Image.new("RGBA", (9, 30), (0, 0, 0, 51)).save(tmp_path / "b.png")
    Image.fromarray(np.full((8, 8), 100 * 257, np.uint16)).save(tmp_path / "c.tiff")
    Image.new("RGB", (5, 5), "blue").convert("P").save(tmp_path / "d.gif")
    Image.new("RGB", (5, 5)).save(tmp_path / ".hidden.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


@pytest.mark.parametrize(
    ("n_channels", "expected"),
    [(3, [[254, 0, 0], [204, 204, 204], [100, 100, 100], [0, 0, 255]]), (1, [[76], [204], [100], [29]])],
)
def test_pictures_of_all_modes_and_sizes_become_alike(folder, n_channels, expected):
    images, names = load_pictures(folder, (12, 16, n_channels))
    assert names == ["a.jpg", "b.png", "c.tiff", "d.gif"]
    assert (images.dtype, images.shape) == (np.uint8, (4, 12, 16, n_channels))
    np.testing.assert_array_equal(images, np.broadcast_to(np.array(expected)[:, None, None], images.shape))


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"itself holds no pictures \(\.jpg, "):
        load_pictures(tmp_path, (12, 16, 3))


def test_a_picture_that_cannot_be_read_is_named(folder, monkeypatch):
    monkeypatch.setattr(photographs, "MAX_PIXELS", 250)
    with pytest.raises(DatasetError, match=r"b.png: refused: 9 x 30 are more than 250 pixels"):
        load_pictures(folder, (12, 16, 3))
    (folder / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"a.jpg: not a readable image"):
        load_pictures(folder, (12, 16, 3))
    (folder / "a.jpg").unlink()
    (folder / "a.jpg").symlink_to(folder / "nowhere")
    with pytest.raises(DatasetError, match=r"a.jpg cannot be read \(No such file or directory\)"):
        load_pictures(folder, (12, 16, 3))


def test_other_numbers_of_channels_are_refused(folder):
    with pytest.raises(DatasetError, match="pictures have one channel or three, but the images have 2"):
        load_pictures(folder, (12, 16, 2))
