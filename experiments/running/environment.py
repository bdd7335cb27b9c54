"""Versions and whatever else may change the last bits of a result."""

import os
import platform
from importlib import metadata
from pathlib import Path

import tensorflow as tf

RECORDED_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_XLA_FLAGS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
RECORDED_PACKAGES = ("class-balancing", "imbalanced-learn", "keras", "numpy", "pillow", "scikit-learn")


def environment(strategy) -> dict:
    """The environment of this process and the `tf.distribute` strategy that trains its networks, for a record."""
    packages = {name: metadata.version(name) for name in RECORDED_PACKAGES}
    return {
        "python": platform.python_version(),
        "packages": packages | {"tensorflow": tf.__version__},
        "processor": _processor(),
        "n_processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads_intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
        "threads_inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        "devices": [_device(device) for device in tf.config.get_visible_devices()],
        "strategy": type(strategy).__name__,
        "n_replicas": strategy.num_replicas_in_sync,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""),
        "variables": {name: os.environ.get(name, "") for name in RECORDED_VARIABLES},
    }


def _device(device) -> str:
    """The device's type and, for a GPU, its model."""
    if device.device_type != "GPU":
        return device.device_type
    return f"GPU {tf.config.experimental.get_device_details(device).get('device_name', '')}".strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
