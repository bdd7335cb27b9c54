import argparse
import json

import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.running import devices


def test_devices_are_named_or_counted():
    assert [devices.devices(text) for text in ("auto", "cpu", "gpu", "2")] == ["auto", "cpu", "gpu", 2]
    for text in ("0", "-1", "tpu", "1.5", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="expected auto, cpu, gpu or a number of devices"):
            devices.devices(text)


@pytest.mark.parametrize(
    ("cluster", "n_machines"),
    [
        (None, 1),
        ({}, 1),
        ({"cluster": {"worker": ["a:1"]}}, 1),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}, 2),
        ({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "chief", "index": 0}}, 3),
    ],
)
def test_machines_of_the_cluster_are_counted(cluster, n_machines, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if cluster is not None:
        monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    assert devices.n_machines() == n_machines


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": 3}', '{"cluster": {"worker": ["a:1", "b:1"]}}'])
def test_a_cluster_that_cannot_be_read_is_told(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match="the environment variable TF_CONFIG is not what TensorFlow expects"):
        devices.n_machines()


def test_gpus_that_are_not_there_are_told(monkeypatch):
    import tensorflow as tf

    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    with pytest.raises(UsageError, match="--devices gpu: TensorFlow finds no GPU; use auto or cpu"):
        devices.strategy("gpu")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["GPU:0"])
    with pytest.raises(UsageError, match=r"--devices 2: TensorFlow finds only 1 GPU\(s\)"):
        devices.strategy(2)
