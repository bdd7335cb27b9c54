import contextlib
import csv
import itertools
import os
import sys
import types

import numpy as np
import pytest
from class_balancing.datasets import folder
from class_balancing.datasets.groups import read_groups, split_groups
from class_balancing.datasets.image_dataset import DatasetError
from PIL import ExifTags, Image

ORANGE = (255, 128, 0)


def save(path, size=(20, 12), colour=ORANGE, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)


@pytest.fixture
def source(tmp_path):
    """Two classes in several formats, modes and sizes, with folders in folders and unicode names."""
    root = tmp_path / "src"
    save(root / "cats" / "a.jpg")
    save(root / "cats" / "inner" / "b.PNG", mode="P")
    save(root / "cats" / "ž lutá.webp", size=(31, 47))
    save(root / "pések" / "a.bmp", mode="L")
    save(root / "pések" / "b.png", mode="RGBA")
    return root


def test_every_image_below_a_class_is_found_in_order(source):
    (source / ".cache").mkdir()
    (source / "notes.txt").write_text("x")
    (source / "cats" / "notes.txt").write_text("x")
    (source / "cats" / ".DS_Store").write_text("x")
    listing = folder.scan(source)
    assert listing.counts == {"cats": 3, "pések": 2}
    assert [path.as_posix() for path in listing.paths[0]] == ["cats/a.jpg", "cats/ž lutá.webp", "cats/inner/b.PNG"]
    assert [path.name for path in listing.others] == ["notes.txt", "notes.txt"]


def test_images_are_resized_and_coloured(source, tmp_path):
    loaded = folder.load(folder.scan(source), (8, 10), tmp_path)
    assert loaded.dataset.images.shape == (5, 8, 10, 3)
    assert loaded.dataset.labels.tolist() == [0, 0, 0, 1, 1]
    assert loaded.dataset.class_names == ("cats", "pések")
    assert np.abs(loaded.dataset.images[0][4, 5].astype(int) - ORANGE).max() < 5
    assert not loaded.unreadable


def test_grey_images_have_one_channel(source, tmp_path):
    for path in [path for path in source.rglob("*") if path.is_file()]:
        save(path, colour=(90, 90, 90))
    assert folder.load(folder.scan(source), (8, 8), tmp_path).dataset.images.shape == (5, 8, 8, 1)


def test_images_that_agree_keep_their_size_others_get_64(tmp_path):
    for name in "ab":
        for number in range(2):
            save(tmp_path / name / f"{number}.png", size=(20, 12))
    assert folder.readable(folder.scan(tmp_path)).shape == (12, 20)
    save(tmp_path / "b" / "other.png", size=(20, 13))
    assert folder.readable(folder.scan(tmp_path)).shape == (64, 64)


def test_large_images_that_agree_get_64_pixels(tmp_path):
    for name, number in itertools.product("ab", range(2)):
        save(tmp_path / name / f"{number}.png", size=(64, 65))
    assert folder.readable(folder.scan(tmp_path)).shape == (64, 64)


def test_large_images_are_not_decoded_to_know_their_size(tmp_path):
    """It would take hours for a million photographs."""
    for name, number in itertools.product("ab", range(2)):
        save(tmp_path / name / f"{number}.png", size=(80, 100))
    damaged = tmp_path / "a" / "0.png"
    damaged.write_bytes(damaged.read_bytes()[:60])  # the header is whole
    assert folder.readable(folder.scan(tmp_path)).counts == {"a": 2, "b": 2}


def test_the_size_is_that_after_the_cameras_orientation(tmp_path):
    for name in "ab":
        for number in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (60, 20)).save(tmp_path / name / f"{number}.jpg", exif=orientation(6))
    listing = folder.scan(tmp_path)
    assert folder.readable(listing).shape == (60, 20)
    Image.new("RGB", (60, 20)).save(tmp_path / "a" / "0.jpg", exif=orientation(3))
    assert folder.readable(listing).shape == (64, 64)


def orientation(number):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = number
    return exif


def test_shrinking_averages(tmp_path):
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for name in "ab":
        for number in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(board).save(tmp_path / name / f"{number}.png")
    images = np.asarray(folder.load(folder.scan(tmp_path), (8, 8), tmp_path).dataset.images)
    assert np.abs(images[:, 1:-1, 1:-1].astype(int) - 127).max() < 4


def test_what_is_not_readable_is_left_out_and_named(source, tmp_path, capsys):
    (source / "cats" / "broken.jpg").write_bytes(b"no image")
    save(tmp_path / "elsewhere.png")
    (source / "cats" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    loaded = folder.load(folder.scan(source), (8, 8), tmp_path)
    assert len(loaded.dataset.images) == len(loaded.paths) == 5
    assert [path.name for path, _ in loaded.unreadable] == ["broken.jpg", "link.png"]
    message = capsys.readouterr().err
    assert "2 of 7 files are left out" in message
    assert "cats/broken.jpg: not a readable image" in message
    assert "cats/link.png is refused: it is a symbolic link" in message
    with pytest.raises(DatasetError, match=r"2 of 7 files are not readable images: cats/broken\.jpg"):
        folder.load(folder.scan(source), (8, 8), tmp_path, strict=True)


def test_headers_tell_most_of_what_is_not_readable(source, tmp_path, capsys):
    save(tmp_path / "whole.png", size=(200, 200))
    whole = (tmp_path / "whole.png").read_bytes()
    for name, content in {"text.jpg": b"no image", "empty.png": b"", "cut.png": whole[:-30]}.items():
        (source / "cats" / name).write_bytes(content)
    Image.fromarray(np.zeros((9, 9), np.int32)).save(source / "cats" / "deep.tif")
    save(tmp_path / "elsewhere.png")
    (source / "cats" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (source / "cats" / "nowhere.png").symlink_to(source / "nothing.png")
    listing = folder.scan(source)
    found = folder.readable(listing)
    message = capsys.readouterr().err
    loaded = folder.load(listing, (8, 8), tmp_path)
    assert [path for of_class in found.paths for path in of_class if path.name != "cut.png"] == list(loaded.paths)
    assert "cats/cut.png" in map(str, found.paths[0]), "whose inside is damaged"
    of_load = capsys.readouterr().err
    assert message.startswith("5 of 11 files are left out: cats/")
    assert of_load.startswith("6 of 11 files are left out: cats/")
    told = {reason for reason in message.strip().partition("out: ")[2].split("; ") if reason in of_load}
    assert len(told) >= 3, "in the words of `load`"
    with pytest.raises(DatasetError, match="5 of 11 files are not readable images"):
        folder.readable(listing, strict=True)


def test_a_class_without_enough_readable_images_is_refused(source, tmp_path):
    (source / "pések" / "b.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"1 of 2 classes in .* fewer than 2 readable images"):
        folder.readable(folder.scan(source))
    with pytest.raises(DatasetError, match=r"1 of 2 classes in .* fewer than 2 readable images .*: pések \(1\)"):
        folder.load(folder.scan(source), (8, 8), tmp_path)


def make(root, names, n=2):
    for name in names:
        for number in range(n):
            save(root / name / f"{number}.png", size=(2, 2))


@pytest.mark.parametrize(
    ("names", "n", "message"),
    [
        ([], 2, "found none"),
        (["only"], 2, "found only only"),
        (["a", "b"], 1, r"2 of 2 classes .* fewer than 2 readable images .*: a \(1\), b \(1\)"),
        (["cats", "Cats"], 2, "'Cats' and 'cats' differ only in case"),
        (["\u00e9", "e\u0301"], 2, "differ only in case or spelling"),
    ],
)
def test_folders_that_are_no_dataset_are_refused(names, n, message, tmp_path):
    make(tmp_path, names, n)
    if len({path.name for path in tmp_path.iterdir()}) < len(names):
        pytest.skip("this file system takes the names for one")
    with pytest.raises(DatasetError, match=message):
        folder.scan(tmp_path)


def test_a_missing_folder_an_empty_class_and_too_many_classes_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="there is no folder"):
        folder.scan(tmp_path / "none")
    make(tmp_path, ["a", "b"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"1 of 3 classes .*: empty \(0\)"):
        folder.scan(tmp_path)
    for number in range(folder.MAX_CLASSES):
        (tmp_path / f"class{number}").mkdir()
    with pytest.raises(DatasetError, match="holds 1003 folders, but at most 1000 classes"):
        folder.scan(tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_left_out(source, tmp_path):
    (source / "cats" / "a.jpg").chmod(0)
    assert "cannot be read" in folder.load(folder.scan(source), (8, 8), tmp_path).unreadable[0][1]
    (source / "cats" / "a.jpg").chmod(0o600)
    assert not folder.load(folder.scan(source), (8, 8), tmp_path).unreadable


def test_a_file_that_was_given_permission_is_decoded(source, tmp_path, monkeypatch):
    def decoded_into():
        (file,) = folder.load(folder.scan(source), (8, 8), tmp_path).dataset.images.files
        return file.path

    allowed = decoded_into()
    assert decoded_into() == allowed
    monkeypatch.setattr(folder.os, "access", lambda path, mode: path.name != "a.jpg")
    assert decoded_into() != allowed


def test_groups_are_read_and_wrong_ones_refused(source, tmp_path):
    paths = folder.load(folder.scan(source), (8, 8), tmp_path).paths
    assert read_groups(source, paths) is None
    rows = [("file", "group"), ("cats/a.jpg", "x"), ("pések/a.bmp", "x")]
    with open(source / "groups.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    groups = read_groups(source, paths)
    assert groups[0] == groups[3]
    assert len(set(groups.tolist())) == 4
    with open(source / "groups.csv", "a", newline="") as file:
        csv.writer(file).writerow(("cats/none.jpg", "x"))
    with pytest.raises(DatasetError, match=r"names 1 files that are not readable images: cats/none\.jpg"):
        read_groups(source, paths)
    (source / "groups.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="must have the columns file and group"):
        read_groups(source, paths)


def test_no_group_is_in_both_parts_and_classes_are_in_proportion():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], (400, 200, 60))
    groups = labels * 1000 + rng.integers(0, 12, len(labels))
    larger, smaller = split_groups(labels, groups, 0.3, 0, "abc")
    assert set(groups[larger]).isdisjoint(groups[smaller])
    assert sorted([*larger, *smaller]) == list(range(len(labels)))
    np.testing.assert_allclose(np.bincount(labels[smaller]) / np.bincount(labels), 0.3, atol=0.08)
    with pytest.raises(DatasetError, match="all images of c are in one group"):
        split_groups(labels, np.where(labels == 2, 9999, groups), 0.3, 0, "abc")


def test_what_no_disk_holds_is_refused(source, tmp_path):
    needed = folder.n_bytes_decoded(folder.scan(source), (1_000_000, 1_000_000))
    with pytest.raises(
        DatasetError, match=rf"this may take 15000\.0 GB of the disk of {tmp_path}, of which .* are free"
    ):
        folder.check_disk(tmp_path / "not" / "there", needed)
    folder.check_disk(tmp_path, folder.n_bytes_of_files(folder.scan(source)))


def test_where_no_room_is_known_none_is_asked_for(tmp_path, monkeypatch):
    for total, is_refused in ((0, False), (1, True)):
        usage = types.SimpleNamespace(total=total, used=0, free=0)
        monkeypatch.setattr(folder.shutil, "disk_usage", lambda _, known=usage: known)
        with pytest.raises(DatasetError, match=r"0\.0 GB are free") if is_refused else contextlib.nullcontext():
            folder.check_disk(tmp_path, 1000)


def test_a_class_that_is_a_link_to_elsewhere_is_named_at_once(source, tmp_path):
    make(tmp_path / "other", ["x"])
    (source / "linked").symlink_to(tmp_path / "other")
    with pytest.raises(DatasetError, match=r"linked is a link out of .*, which is not followed"):
        folder.scan(source)


def test_linked_folders_loops_and_pipes_are_named_and_not_followed(source, tmp_path):
    make(tmp_path / "other", ["x"])
    (source / "cats" / "linked").symlink_to(tmp_path / "other")
    os.mkfifo(source / "cats" / "pipe.png")
    (source / "cats" / "loop.png").symlink_to("loop.png")
    listing = folder.scan(source)
    assert {path.name for path in listing.others} == {"linked", "pipe.png"}
    ((path, reason),) = folder.load(listing, (8, 8), tmp_path).unreadable
    assert path.name == "loop.png"
    assert "leads back to itself" in reason


def test_names_that_are_no_unicode_are_refused(source):
    broken = os.fsdecode(b"caf\xe9.png")
    try:
        (source / "cats" / "a.jpg").rename(source / "cats" / broken)
    except OSError:
        pytest.skip("this file system has unicode names only")
    with pytest.raises(DatasetError, match=r"names of files are not valid Unicode; rename 'cats/caf\\udce9\.png'"):
        folder.scan(source)


def test_groups_that_contradict_each_other_are_refused_and_empty_cells_are_groups(source, tmp_path):
    paths = folder.load(folder.scan(source), (8, 8), tmp_path).paths
    (source / "groups.csv").write_text("group,file\n,cats/a.jpg\n,pések/a.bmp\nx\n")
    assert len(set(read_groups(source, paths).tolist())) == 5
    (source / "groups.csv").write_text("file,group\ncats/a.jpg,x\ncats/a.jpg,y\n")
    with pytest.raises(DatasetError, match=r"puts cats/a\.jpg into two groups, x and y"):
        read_groups(source, paths)
