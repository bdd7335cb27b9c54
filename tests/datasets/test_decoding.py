"""Decoding into a file: continued after a kill, read again, and made again where anything differs."""

import json

import numpy as np
import pytest
from class_balancing.datasets import decoding
from class_balancing.datasets.decoding import decoded, is_decoded, remove_others
from class_balancing.datasets.image_dataset import DatasetError

SHAPE = (25, 2, 3, 3)
IDENTITY, OTHER = "0123456789ab" * 4, "ba9876543210" * 4


@pytest.fixture(autouse=True)
def ten_at_once(monkeypatch):
    monkeypatch.setattr(decoding, "N_IMAGES_AT_ONCE", 10)


@pytest.fixture
def source():
    """Gives images, notes which were asked for, and fails at the position `dies_at`."""

    class Source:
        images = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
        unreadable = (3, 12)
        dies_at = None
        asked = []

        def __call__(self, start, stop):
            self.asked = [*self.asked, start]
            for position in range(start, stop):
                if position == self.dies_at:
                    raise KeyboardInterrupt
                is_unreadable = position in self.unreadable
                yield DatasetError(f"no {position}") if is_unreadable else self.images[position]

    return Source()


def expected(source):
    return np.delete(source.images, source.unreadable, axis=0)


def test_images_are_decoded_once(source, tmp_path):
    for asked in ([0, 10, 20], [0, 10, 20]):
        images, reasons = decoded(tmp_path, IDENTITY, SHAPE, source)
        np.testing.assert_array_equal(images, expected(source))
        assert reasons == {3: "no 3", 12: "no 12"}
        assert source.asked == asked, "the second time nothing is asked for"
    np.testing.assert_array_equal(np.load(tmp_path / "images-0123456789ab.npy"), expected(source))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images-0123456789ab.json", "images-0123456789ab.npy"]


@pytest.mark.parametrize("dies_at", [0, 9, 10, 14, 20, 24])
def test_what_was_decoded_before_a_kill_is_kept(dies_at, source, tmp_path):
    source.dies_at = dies_at
    with pytest.raises(KeyboardInterrupt):
        decoded(tmp_path, IDENTITY, SHAPE, source)
    assert not (tmp_path / "images-0123456789ab.npy").exists(), "never taken for whole"
    source.dies_at, source.asked = None, []
    images, reasons = decoded(tmp_path, IDENTITY, SHAPE, source)
    assert source.asked == [start for start in (0, 10, 20) if start >= dies_at // 10 * 10]
    np.testing.assert_array_equal(images, expected(source))
    assert list(reasons) == [3, 12]


@pytest.mark.parametrize("step", ["write_header", "remove"])
def test_a_kill_after_the_last_image_is_made_good(step, source, monkeypatch, tmp_path):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "remove":
            patched.setattr(decoding.Path, "replace", lambda self, target: target.suffix == ".npy" and die())
            patched.setattr(decoding, "write_atomically", lambda path, text: path.write_text(text))
        else:
            header = decoding.write_header
            patched.setattr(
                decoding, "write_header", lambda file, shape: header(file, shape) if shape[0] == 25 else die()
            )
        with pytest.raises(KeyboardInterrupt):
            decoded(tmp_path, IDENTITY, SHAPE, source)
    source.asked = []
    np.testing.assert_array_equal(decoded(tmp_path, IDENTITY, SHAPE, source)[0], expected(source))
    assert source.asked == []


def test_a_file_that_is_shorter_than_noted_is_not_trusted(source, tmp_path):
    source.dies_at = 24
    with pytest.raises(KeyboardInterrupt):
        decoded(tmp_path, IDENTITY, SHAPE, source)
    with open(tmp_path / "images-0123456789ab.decoding", "r+b") as file:
        file.truncate(300)
    source.dies_at, source.asked = None, []
    np.testing.assert_array_equal(decoded(tmp_path, IDENTITY, SHAPE, source)[0], expected(source))
    assert source.asked == [0, 10, 20]


@pytest.mark.parametrize("note", ["", "{", json.dumps({"identity": OTHER})])
def test_images_without_a_sound_note_are_made_again(note, source, tmp_path):
    decoded(tmp_path, IDENTITY, SHAPE, source)
    (tmp_path / "images-0123456789ab.json").write_text(note)
    source.asked = []
    images, reasons = decoded(tmp_path, IDENTITY, SHAPE, source)
    np.testing.assert_array_equal(images, expected(source))
    assert (len(reasons), source.asked) == (2, [0, 10, 20])


def test_grey_images_have_one_channel_and_one_colour_is_enough_for_three(source, tmp_path):
    source.images = source.images[..., [0, 0, 0]]
    images, _ = decoded(tmp_path, IDENTITY, SHAPE, source)
    np.testing.assert_array_equal(images, expected(source)[..., :1])
    assert not list(tmp_path.glob("*.decoding"))
    source.images[3, 0, 0] = (1, 2, 3)  # which is not readable
    assert decoded(tmp_path, OTHER, SHAPE, source)[0].shape == (23, 2, 3, 1)
    source.images[24, 0, 0] = (1, 2, 3)
    assert decoded(tmp_path, 48 * "f", SHAPE, source)[0].shape == (23, 2, 3, 3)


def test_only_what_was_decoded_is_removed(source, tmp_path):
    images, _ = decoded(tmp_path, IDENTITY, SHAPE, source)
    decoded(tmp_path, OTHER, SHAPE, source)
    own = ["images-0123456789ab.json", "images-0123456789ab.npy"]
    others = ["images-mine.npy", "images.npy", "run.json"]
    for name in others:
        (tmp_path / name).write_text("mine")
        assert not is_decoded(tmp_path / name)
    remove_others(tmp_path, images)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*own, *others])
