import gzip
import hashlib

import numpy as np
import pytest
from class_balancing.datasets import mnist
from class_balancing.datasets.image_dataset import DatasetError


def idx_file(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Five images in the official file format, with their own checksums in place of the published ones."""
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte.gz": rng.integers(0, 256, (3, 28, 28), dtype=np.uint8),
        "t10k-images-idx3-ubyte.gz": rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        "train-labels-idx1-ubyte.gz": np.array([7, 4, 1], np.uint8),
        "t10k-labels-idx1-ubyte.gz": np.array([0, 9], np.uint8),
    }
    checks = {}
    (tmp_path / "mnist").mkdir()
    for name, array in arrays.items():
        content = idx_file(array)
        (tmp_path / "mnist" / name).write_bytes(content)
        checks[name] = (hashlib.md5(content).hexdigest(), mnist.IDX_FILES[name][1])
    monkeypatch.setattr(mnist, "IDX_FILES", checks)
    return tmp_path, arrays


@pytest.mark.parametrize("below", ["", "mnist"])
def test_idx_files_are_merged_in_order(small_mnist, below):
    folder, arrays = small_mnist
    dataset = mnist.load(str(folder / below))
    assert dataset.labels.tolist() == [7, 4, 1, 0, 9]
    n_train = len(arrays["train-images-idx3-ubyte.gz"])
    assert dataset.official_parts.tolist() == ["train"] * n_train + ["test"] * (5 - n_train)
    expected = np.concatenate([arrays["train-images-idx3-ubyte.gz"], arrays["t10k-images-idx3-ubyte.gz"]])
    np.testing.assert_array_equal(dataset.images[..., 0], expected)


def test_environment_variable_names_the_folder(small_mnist, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(small_mnist[0]))
    assert len(mnist.load().labels) == 5


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_damaged_file_is_named_and_kept(small_mnist, damage):
    path = small_mnist[0] / "mnist" / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-20]
    else:
        content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"t10k-images-idx3-ubyte\.gz is damaged"):
        mnist.load(str(small_mnist[0]))
    assert path.read_bytes() == bytes(content)


def test_missing_file_is_named(small_mnist):
    (small_mnist[0] / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte\.gz"):
        mnist.load(str(small_mnist[0]))


def test_named_folder_without_mnist_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no MNIST file found"):
        mnist.load(str(tmp_path))


def test_environment_variable_that_names_no_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "missing"))
    with pytest.raises(DatasetError, match=r"no MNIST file found in .*missing"):
        mnist.load()


def test_damaged_keras_cache_is_named_and_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cached = tmp_path / "datasets" / "mnist.npz"
    cached.parent.mkdir()
    cached.write_bytes(b"cut off")
    with pytest.raises(DatasetError, match=r"mnist\.npz is damaged"):
        mnist.load()
    assert cached.read_bytes() == b"cut off"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A file in place of Keras' server: set its content, and whether its checksum is the published one."""
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    source = tmp_path / "source.npz"
    np.savez(source, x_train=np.ones((3, 28, 28), np.uint8), y_train=np.uint8([1, 2, 3]),
             x_test=np.zeros((2, 28, 28), np.uint8), y_test=np.uint8([4, 5]))  # fmt: skip
    monkeypatch.setattr(mnist, "KERAS_ADDRESS", source.as_uri())
    monkeypatch.setattr(mnist, "KERAS_SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    return source


def test_downloaded_file_is_kept_and_used(server, tmp_path):
    assert mnist.load().labels.tolist() == [1, 2, 3, 4, 5]
    server.unlink()
    assert mnist.load().images.shape == (5, 28, 28, 1)
    assert [path.name for path in (tmp_path / "keras" / "datasets").iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize("fault", ["no network", "cut"])
def test_failed_download_says_what_to_do_and_leaves_nothing(fault, server, tmp_path):
    if fault == "cut":
        server.write_bytes(server.read_bytes()[:-10])
    else:
        server.unlink()
    with pytest.raises(DatasetError, match="--data-dir or DATASETS_DIR"):
        mnist.load()
    assert not list((tmp_path / "keras" / "datasets").iterdir())


def test_a_keras_home_that_is_a_file_is_told(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match=r"could not be downloaded \(.*Not a directory.*--data-dir or DATASETS_DIR"):
        mnist.load()


def test_real_mnist(mnist_folder):
    dataset = mnist.load(mnist_folder)
    assert dataset.images.shape == (70_000, 28, 28, 1)
    assert np.bincount(dataset.labels).tolist() == [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
