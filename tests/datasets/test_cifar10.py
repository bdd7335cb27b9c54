import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
from class_balancing.datasets import cifar10
from class_balancing.datasets.image_dataset import DatasetError


@pytest.fixture
def small_cifar10(tmp_path, monkeypatch):
    """Two images a batch in the official format, with their own checksums; also as Keras' cached archive."""
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "data" / cifar10.FOLDER
    folder.mkdir(parents=True)
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    checks, archive = {}, io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for index, name in enumerate(cifar10.BATCH_FILES):
            pixels = np.zeros((2, 3, 32, 32), np.uint8)
            pixels[:, :, 1, 2] = [[10, 20, 30 + index]] * 2  # red, green, blue of row 1, column 2
            content = pickle.dumps({b"data": pixels.reshape(2, 3072), b"labels": [index, 9]})
            (folder / name).write_bytes(content)
            checks[name] = hashlib.md5(content).hexdigest()
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (tmp_path / "archive").write_bytes(archive.getvalue())
    monkeypatch.setattr(cifar10, "BATCH_FILES", checks)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(archive.getvalue()).hexdigest())
    monkeypatch.setattr(cifar10, "ARCHIVE_ADDRESS", (tmp_path / "archive").as_uri())
    return tmp_path


def check(dataset):
    assert dataset.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9]
    assert dataset.images.shape == (12, 32, 32, 3)
    assert dataset.images[-1, 1, 2].tolist() == [10, 20, 35]
    assert dataset.images[-1].sum() == 65
    assert dataset.class_names[8] == "ship"
    assert dataset.official_parts.tolist() == ["train"] * 10 + ["test"] * 2


@pytest.mark.parametrize("below", ["", cifar10.FOLDER])
def test_batches_are_merged_in_order(small_cifar10, below):
    check(cifar10.load(str(small_cifar10 / "data" / below)))


def test_the_archive_is_downloaded_kept_and_used(small_cifar10):
    check(cifar10.load())
    (small_cifar10 / "archive").unlink()
    check(cifar10.load())


def test_a_changed_batch_is_named_kept_and_never_unpickled(small_cifar10, monkeypatch):
    path = small_cifar10 / "data" / cifar10.FOLDER / "data_batch_1"
    path.write_bytes(b"cos\nsystem\n(S'exit'\ntR.")
    monkeypatch.setattr(pickle, "loads", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(DatasetError, match="data_batch_1 is damaged"):
        cifar10.load(str(small_cifar10 / "data"))
    assert path.exists()


def test_a_missing_batch_is_named(small_cifar10):
    (small_cifar10 / "data" / cifar10.FOLDER / "test_batch").unlink()
    with pytest.raises(DatasetError, match=r"cannot read .*test_batch"):
        cifar10.load(str(small_cifar10 / "data"))


def test_a_folder_without_cifar10_and_no_network_say_the_address_and_the_place(small_cifar10, tmp_path):
    with pytest.raises(DatasetError, match="no CIFAR-10 file found"):
        cifar10.load(str(tmp_path / "keras"))
    (small_cifar10 / "archive").unlink()
    with pytest.raises(DatasetError, match=r"archive could not be downloaded.*cifar-10-batches-py with --data-dir"):
        cifar10.load()
    assert not list((tmp_path / "keras" / "datasets").iterdir())


def test_a_damaged_cached_archive_is_named_and_kept(small_cifar10):
    cached = small_cifar10 / "keras" / "datasets" / cifar10.ARCHIVE_FILE
    cached.write_bytes(b"cut")
    with pytest.raises(DatasetError, match="is damaged or incomplete; move it away"):
        cifar10.load()
    assert cached.read_bytes() == b"cut"


def test_real_cifar10(datasets_folder):
    dataset = cifar10.load(datasets_folder("cifar-10-batches-py"))
    assert dataset.images.shape == (60_000, 32, 32, 3)
    assert np.bincount(dataset.labels).tolist() == [6000] * 10
    ships = dataset.images[dataset.labels == 8].mean(axis=(0, 1, 2))
    assert ships[2] > ships[0], "there is more blue than red in pictures of ships"
