"""One device, two devices and two machines learn the same."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("fit_somewhere.py")
ROOT = SCRIPT.parents[2]
TOLERANCE = 1e-9  # of float64; wrong statistics, noise or scales make 1e-4 and more
# method, batch size, epochs: 20 to 24 steps of each stage. 15 images are 8 and 7 for two replicas.
CASES = [("cvae", 15, 3), ("cvae_gan", 12, 2), ("bagan", 24, 4)]


def start(arguments, environment=None):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(*processes):
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def on_two_machines(arguments, outs):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    configurations = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in range(2)]
    finished(
        *(
            start([*arguments[:4], out, arguments[4]], {"TF_CONFIG": json.dumps(configuration)})
            for configuration, out in zip(configurations, outs, strict=True)
        )
    )


def assert_same(path, other_path):
    with np.load(path) as one, np.load(other_path) as other:
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_allclose(other[name], one[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


SAME_OR_NOT = """
import tensorflow as tf
from replication.collectives import n_unlike_mean, same_everywhere

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


def test_all_replicas_get_the_same_answer_whether_their_numbers_are_the_same():
    command = [sys.executable, "-c", SAME_OR_NOT]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Path of what one device learns in a case; each case is run once."""
    folder = tmp_path_factory.mktemp("alone")

    def learned(method, batch_size, n_epochs):
        path = folder / f"{method}.npz"
        if not path.exists():
            finished(start([method, batch_size, n_epochs, 1, path, folder / method]))
        return path

    return learned


@pytest.mark.slow
@pytest.mark.parametrize(("method", "batch_size", "n_epochs"), CASES)
def test_two_devices_learn_what_one_does(method, batch_size, n_epochs, alone, tmp_path):
    finished(start([method, batch_size, n_epochs, 2, tmp_path / "two.npz", tmp_path / "checkpoints"]))
    assert_same(alone(method, batch_size, n_epochs), tmp_path / "two.npz")


@pytest.mark.slow
@pytest.mark.parametrize(("method", "batch_size", "n_epochs"), CASES)
def test_two_machines_learn_what_one_does(method, batch_size, n_epochs, alone, tmp_path):
    """Stopped after the first epoch and continued."""
    outs = [tmp_path / "chief.npz", tmp_path / "other.npz"]
    for epochs in (1, n_epochs):
        on_two_machines([method, batch_size, epochs, 1, tmp_path / "checkpoints"], outs)
    for out in outs:
        assert_same(alone(method, batch_size, n_epochs), out)
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.slow
def test_machines_that_share_no_folder_refuse_to_go_on(tmp_path):
    finished(start(["cvae", 12, 1, 1, tmp_path / "x.npz", tmp_path / "0"]))
    (tmp_path / "1").mkdir()
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = [
        start(
            ["cvae", 12, 2, 1, tmp_path / "x.npz", tmp_path / str(index)],
            {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})},
        )
        for index in range(2)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode != 0
        assert "must be shared by all of them" in output
