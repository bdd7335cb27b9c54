"""One device, two devices and two machines learn the same."""

import os
import subprocess
import sys

import fit_somewhere
import numpy as np
import pytest
from fit_somewhere import Fit
from forked import Forked, cluster

TOLERANCE = 1e-9  # of float64; wrong statistics, noise or scales make 1e-4 and more
# method -> batch size, epochs: 20 to 24 steps of each stage. 15 images are 8 and 7 for two replicas.
CASES = {
    "cvae": (15, 3),
    "cvae_gan": (12, 2),
    "bagan": (24, 4),
    "weighted_cyclegan": (15, 4),
    "wasserstein_cyclegan": (15, 3),
    "dcgan": (15, 3),
    "wgan_gp": (30, 2),
    "deep_smote": (15, 3),
    "latent_flow": (24, 3),  # whose gradients are clipped
}
ON_MACHINES = ("cvae", "bagan")  # of one stage and of two; what is special about a method's steps two devices show


def finished(*processes):
    for process in processes:
        assert process.wait() == 0, process.stderr


def assert_same(path, other_path):
    with np.load(path) as one, np.load(other_path) as other:
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_allclose(other[name], one[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


SAME_OR_NOT = """
import tensorflow as tf
from class_balancing.models.training.replicas import n_unlike_mean, same_everywhere

(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 3)
assert same_everywhere(5)
strategy = tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(3)])
for numbers, n_unlike in (((1, 2, 3), 2), ((1, 1, 4), 3), ((0, 2**32, 2**31), 2), ((2**40 - 1,) * 3, 0), ((0,) * 3, 0)):
    given = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(numbers[context.replica_id_in_sync_group], tf.float64)
    )
    found = strategy.experimental_local_results(tf.function(strategy.run)(n_unlike_mean, args=(given,)))
    assert [int(value) for value in found] == [n_unlike] * 3, (numbers, found)
with strategy.scope():
    assert same_everywhere(2**32 - 1)
"""


@pytest.mark.slow
def test_all_replicas_get_the_same_answer_whether_their_numbers_are_the_same():
    command = [sys.executable, "-c", SAME_OR_NOT]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """(method, number of devices) -> the fit of each case on one device and on two, all in one process."""
    folder = tmp_path_factory.mktemp("devices")
    found = {
        (method, n): Fit(method, *case, n, folder / f"{method}-{n}.npz", folder / f"{method}-{n}")
        for method, case in CASES.items()
        for n in (1, 2)
    }
    finished(Forked(fit_somewhere.fit_all, list(found.values())))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", CASES)
def test_two_devices_learn_what_one_does(method, fits):
    assert_same(fits[method, 1].out, fits[method, 2].out)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Folder of METHOD-MACHINE.npz, learned by two machines that were stopped after the first epoch and continued."""
    folder = tmp_path_factory.mktemp("machines")
    for is_stopped in (True, False):
        processes = []
        for index, machine in enumerate(cluster(2)):
            its_fits = []
            for method in ON_MACHINES:
                batch_size, n_epochs = CASES[method]
                out = folder / f"{method}-{index}.npz"
                its_fits.append(Fit(method, batch_size, 1 if is_stopped else n_epochs, 2, out, folder / method))
            processes.append(Forked(fit_somewhere.fit_all, its_fits, environment=machine))
        finished(*processes)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ON_MACHINES)
def test_two_machines_learn_what_one_does(method, fits, machines):
    for index in range(2):
        assert_same(fits[method, 1].out, machines / f"{method}-{index}.npz")
    assert not list(machines.rglob("*.partial"))


@pytest.mark.slow
def test_machines_that_share_no_folder_refuse_to_go_on(fits, tmp_path):
    batch_size, n_epochs = CASES["cvae"]
    folders = fits["cvae", 1].folder, tmp_path  # of which the second knows nothing of the first
    processes = [
        Forked(
            fit_somewhere.fit_all,
            [Fit("cvae", batch_size, n_epochs + 1, 2, tmp_path / "x.npz", folder)],
            environment=machine,
        )
        for folder, machine in zip(folders, cluster(2), strict=True)
    ]
    for process in processes:
        assert process.wait() != 0
        assert "must be shared by all of them" in process.stderr
