import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from class_balancing.datasets import vehicles
from class_balancing.datasets.image_dataset import DatasetError
from PIL import Image


def photograph(grey, size=(100, 60)):
    content = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(content, "JPEG")
    return content.getvalue()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """airplanes/, cars/ and motorcycles/ with two photographs each; the cache is empty."""
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for index, name in enumerate(vehicles.CLASS_NAMES):
        (tmp_path / "data" / "vehicles" / name / "more").mkdir(parents=True)
        (tmp_path / "data" / "vehicles" / name / "b.jpg").write_bytes(photograph(100 * index + 10))
        (tmp_path / "data" / "vehicles" / name / "more" / "c.JPEG").write_bytes(photograph(100 * index + 20))
    return tmp_path / "data"


def check(dataset):
    assert dataset.images.shape == (6, 64, 64, 3)
    assert dataset.labels.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(dataset.images.mean(axis=(1, 2, 3)), [10, 20, 110, 120, 210, 220], atol=2)


@pytest.mark.parametrize("below", ["", "vehicles"])
def test_folders_are_read_in_order(folders, below, capsys):
    check(vehicles.load(str(folders / below)))
    assert "6 images (2 airplanes, 2 cars, 2 motorcycles); the thesis had 2552" in capsys.readouterr().err


def tar_of(photographs):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in photographs.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """The four archives: two as tar files, two as zip files that hold one; with checksums, on a server of our own."""
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "data").mkdir()
    (tmp_path / "server").mkdir()
    contents = [
        tar_of({"b.jpg": photograph(20), "a.jpg": photograph(10), "README": b"words", "ImageData.mat": b"numbers"}),
        tar_of({"image_1.jpg": photograph(110)}),
        tar_of({"image_1.jpg": photograph(120)}),
        tar_of({"1.jpg": photograph(210), "2.jpg": photograph(220)}),
    ]
    changed = []
    for archive, content in zip(vehicles.ARCHIVES, contents, strict=True):
        name = archive.names[0]
        if name.endswith(".zip"):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as outer:
                outer.writestr(f"inside/{archive.names[1]}", content)
                outer.writestr("__MACOSX/._image_1.jpg", b"no image")
                outer.writestr(f"__MACOSX/inside/._{archive.names[1]}", b"no archive")
            content = packed.getvalue()
        (tmp_path / "server" / name).write_bytes(content)
        md5 = archive.md5 and hashlib.md5(content).hexdigest()
        changed.append(replace(archive, address=(tmp_path / "server" / name).as_uri(), md5=md5))
    monkeypatch.setattr(vehicles, "ARCHIVES", tuple(changed))
    return tmp_path


def test_archives_beside_each_other_are_read(archives):
    for path in (archives / "server").iterdir():
        path.rename(archives / "data" / path.name)
    check(vehicles.load(str(archives / "data")))


def test_archives_with_a_checksum_are_downloaded_once_the_others_are_there(archives):
    with pytest.raises(DatasetError, match=r"airplanes_side\.tar is missing and has no published checksum; fetch"):
        vehicles.load(str(archives / "data"))
    assert not (archives / "keras").exists(), "nothing is downloaded in vain"
    (archives / "server" / "airplanes_side.tar").rename(archives / "data" / "airplanes_side.tar")
    check(vehicles.load(str(archives / "data")))
    cached = archives / "keras" / "datasets" / "vehicles"
    assert sorted(path.name for path in cached.iterdir()) == ["Cars_1999.zip", "Cars_2001.zip", "motorbikes_side.zip"]


def test_offline_the_address_and_the_place_are_told(archives):
    (archives / "server" / "airplanes_side.tar").rename(archives / "data" / "airplanes_side.tar")
    (archives / "server" / "Cars_1999.zip").unlink()
    with pytest.raises(DatasetError, match=r"Cars_1999\.zip could not be downloaded.*put Cars_1999\.zip into .*vehi"):
        vehicles.load(str(archives / "data"))


def damaged(content, rng):
    position = int(rng.integers(len(content)))
    return content[:position] + bytes([rng.integers(256)]) + content[position + 1 :]


def test_a_damaged_archive_is_named(archives):
    for path in (archives / "server").iterdir():
        path.rename(archives / "data" / path.name)
    path = archives / "data" / "motorbikes_side.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"motorbikes_side\.zip is damaged or incomplete \(its MD5"):
        vehicles.load(str(archives / "data"))
    path.unlink()
    (archives / "data" / "motorbikes_side.tar").write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"motorbikes_side\.tar is damaged"):
        vehicles.load(str(archives / "data"))


def test_whatever_is_wrong_in_an_archive_is_a_sentence(archives):
    rng = np.random.default_rng(0)
    sound = (archives / "server" / "Cars_1999.zip").read_bytes()
    n_refused = 0
    for _ in range(300):
        try:
            list(vehicles._members(io.BytesIO(damaged(sound, rng)), "Cars_1999.zip"))
        except DatasetError:
            n_refused += 1
    assert 20 < n_refused < 300


def test_resizing_skips_pixels_and_averages_none_of_them():
    """From 256 columns each new one lies between the second and the third of four."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 200
    assert (vehicles._resized(Image.fromarray(stripes)) == 200).all()


def test_links_out_of_a_class_are_refused(folders, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(photograph(5))
    (folders / "vehicles" / "cars" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(DatasetError, match=r"cars/link\.jpg is refused"):
        vehicles.load(str(folders))


@pytest.mark.parametrize("member", ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_that_lead_out_of_an_archive_are_refused(member, kind):
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(member, photograph(5))
    else:
        with tarfile.open(fileobj=content, mode="w") as archive:
            entry = tarfile.TarInfo(member)
            entry.size = len(photograph(5))
            archive.addfile(entry, io.BytesIO(photograph(5)))
    content.seek(0)
    with pytest.raises(DatasetError, match=f"cars.{kind} is refused: its member {member}"):
        list(vehicles._members(content, f"cars.{kind}"))


def test_a_huge_member_of_an_archive_is_refused_before_it_is_unpacked():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.jpg", "w") as member:
        for _ in range(101):
            member.write(bytes(1_000_000))
    assert len(content.getvalue()) < 200_000
    with pytest.raises(DatasetError, match=r"bomb\.jpg in cars\.zip is refused"):
        list(vehicles._members(content, "cars.zip"))


def test_unreadable_files_are_left_out_and_named(folders, capsys):
    (folders / "vehicles" / "cars" / "broken.jpg").write_bytes(photograph(5)[:200])
    (folders / "vehicles" / "cars" / "notes.txt").write_text("no image")
    check(vehicles.load(str(folders)))
    printed = capsys.readouterr().err
    assert "1 file(s) left out" in printed
    assert "broken.jpg: not a readable image" in printed


def test_a_class_without_a_readable_image_is_an_error(folders):
    for path in (folders / "vehicles" / "cars").rglob("*.*"):
        path.write_bytes(b"no image")
    with pytest.raises(DatasetError, match="no readable image of cars"):
        vehicles.load(str(folders))


def test_a_missing_class_is_an_error(folders):
    (folders / "vehicles" / "cars").rename(folders / "vehicles" / "automobiles")
    with pytest.raises(DatasetError, match=r"no image found in .*vehicles/cars"):
        vehicles.load(str(folders))


def test_real_vehicles(datasets_folder, capsys):
    from class_balancing.evaluation.ssim import pairwise_ssim
    from class_balancing.experiments.tables import TASKS

    dataset = vehicles.load(datasets_folder("vehicles"))
    assert len(dataset.images) > 2000
    assert f"{len(dataset.images)} images" in capsys.readouterr().err
    cars = dataset.images[dataset.labels == 1]
    assert 0.08 < pairwise_ssim(cars, 0, TASKS["vehicles-50"].ssim_range).mean < 0.13


def test_a_compressed_archive_that_is_called_tar_is_refused():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("image.jpg"))
    content.seek(0)
    with pytest.raises(DatasetError, match=r"cars\.tar is damaged"):
        list(vehicles._members(content, "cars.tar"))
