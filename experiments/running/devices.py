"""Which processors train the networks: one, several of this machine, or those of several machines."""

import argparse
import json
import os

from ..command_line import UsageError

CHOICES = ("auto", "cpu", "gpu")


def devices(text: str) -> str | int:
    """argparse type: auto, cpu, gpu or a number of devices."""
    if text in CHOICES:
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected auto, cpu, gpu or a number of devices, got {text!r}")
    return int(text)


def add_to(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add the option; `more` continues its help."""
    parser.add_argument(
        "--devices", type=devices, default="auto", metavar="DEVICES",
        help=f"what trains networks: auto (all GPUs, else the CPU), cpu, gpu or a number of devices, which "
        f"without GPUs are parts of the CPU{more} "
        "(default: %(default)s)",
    )  # fmt: skip


def check(chosen: str | int) -> None:
    """Raise UsageError if there are fewer GPUs than asked for; imports TensorFlow only for what may not be there."""
    if chosen not in ("auto", "cpu"):
        _gpus(chosen)


def _gpus(chosen: str | int) -> list:
    """Those of this machine that train networks; raises UsageError if there are fewer than asked for."""
    import tensorflow as tf

    found = [] if chosen == "cpu" else tf.config.get_visible_devices("GPU")
    if chosen == "gpu" and not found:
        raise UsageError("--devices gpu: TensorFlow finds no GPU; use auto or cpu, or install '.[gpu]'")
    if not found or not isinstance(chosen, int):
        return found
    if chosen > len(found):
        raise UsageError(f"--devices {chosen}: TensorFlow finds only {len(found)} GPU(s)")
    return found[:chosen]


def strategy(chosen: str | int):
    """The `tf.distribute` strategy; to be made before anything else uses TensorFlow.

    If TF_CONFIG names a cluster of several workers: all devices of all of them. Else auto: all GPUs, or the CPU if
    there are none; a number: that many GPUs, or parts of the CPU if there are none. One device needs no strategy and
    gets TensorFlow's default. Raises UsageError if there are fewer GPUs than asked for or TF_CONFIG is not readable.
    """
    import tensorflow as tf

    gpus = _gpus(chosen)
    tf.config.set_visible_devices(gpus, "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if n_machines() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if not gpus and isinstance(chosen, int) and chosen > 1:
        (processor,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * chosen)
        return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(chosen)])
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def n_machines() -> int:
    """Workers of the cluster in the environment variable TF_CONFIG; 1 without one."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 1
    try:
        found = json.loads(text)
        cluster = found.get("cluster", {})
        n_workers = len(cluster.get("chief", [])) + len(cluster.get("worker", []))
        if n_workers > 1 and not {"type", "index"} <= found.get("task", {}).keys():
            raise ValueError("its task needs a type and an index")
        return n_workers or 1
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"the environment variable TF_CONFIG is not what TensorFlow expects ({error})") from error
