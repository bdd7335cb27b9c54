import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as commands do
# Before numpy is imported: at small products the threads of processes side by side mostly wait for each other.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture(scope="session")
def digits():
    from class_balancing.datasets import digits

    return digits.load()


@pytest.fixture(scope="session")
def few_digits(digits):
    """30 images of each of the classes 0, 1 and 2, and 10 of class 4."""
    import numpy as np

    chosen = [np.flatnonzero(digits.labels == label)[:n] for label, n in ((0, 30), (1, 30), (2, 30), (4, 10))]
    return digits.take(np.sort(np.concatenate(chosen)))


@pytest.fixture(scope="session")
def datasets_folder():
    """Function of a folder's name: the folder of real datasets that holds it; skips the test where it is absent."""

    def find(name):
        folder = os.environ.get("DATASETS_DIR")
        if not folder:
            pytest.skip(f"needs real data: set DATASETS_DIR to a folder that holds {name}")
        if not (Path(folder) / name).is_dir():
            pytest.skip(f"needs real data, but {folder}/{name} does not exist")
        return folder

    return find


@pytest.fixture(scope="session")
def mnist_folder(datasets_folder):
    return datasets_folder("mnist")
