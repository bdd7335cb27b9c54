"""A real run of the main job, killed with SIGKILL several times in each stage, ends as an uninterrupted one."""

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits", "--dropped", "75",
           "--schedule", "smoke", "--seeds", "1", "--out"]  # fmt: skip
# Below OUT/runs: what shows that a stage has begun, and that its first epoch is kept
KILL_WHEN_SEEN = [
    "*-unbalanced-*",
    "*-geometric-*/images.npz",
    "*-cvae-training-*/training.json",
    "*-cvae-training-*/epoch-*",
    "*-cvae-seed0-*/images.npz",
    "*-cvae_gan-training-*/training.json",
    "*-cvae_gan-training-*/*.partial",
    "*-cvae_gan-training-*/epoch-*",
    "*-cvae_gan-seed0-*/images.npz",
    "*-bagan-training-*/autoencoder/training.json",
    "*-bagan-training-*/autoencoder/epoch-*",
    "*-bagan-training-*/adversarial/training.json",
    "*-bagan-training-*/adversarial/epoch-*",
    "*-bagan-seed0-*/images.npz",
    "../tables",
]


def run_until(out, pattern):
    """Start the run and kill it as soon as a file matches; returns the signal it died from."""
    log = open(out.parent / "log", "ab")  # noqa: SIM115  (the process holds it)
    process = subprocess.Popen([*COMMAND, str(out)], stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 200
    while not list((out / "runs").glob(pattern)):
        assert process.poll() is None, f"ended before {pattern}: {(out.parent / 'log').read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"{pattern} did not appear"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def finish(out):
    finished = subprocess.run([*COMMAND, str(out)], capture_output=True, text=True, check=False, timeout=400)
    assert finished.returncode == 0, finished.stderr[-2000:]


def digests(out):
    """Of every result: scores, generated images, losses and the last weights of each training."""
    found = {"results": hashlib.sha256((out / "results.csv").read_bytes()).hexdigest()}
    for path in out.rglob("images.npz"):
        found[path.parent.name] = hashlib.sha256(np.load(path)["images"].tobytes()).hexdigest()
    for path in out.rglob("history.csv"):
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(path.open())]
        found[str(path.relative_to(out))] = rows
    for folder in {path.parent for path in out.rglob("epoch-*.npz")}:
        with np.load(max(folder.glob("epoch-*.npz"))) as arrays:
            content = b"".join(arrays[name].tobytes() for name in arrays)
        found[str(folder.relative_to(out))] = hashlib.sha256(content).hexdigest()
    return found


@pytest.mark.slow
def test_killed_runs_end_bit_identical(tmp_path):
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed" / "out"
    killed.parent.mkdir()
    finish(uninterrupted)
    for pattern in KILL_WHEN_SEEN:
        assert run_until(killed, pattern) == -signal.SIGKILL
    finish(killed)
    expected = digests(uninterrupted)
    assert len(expected) == 1 + 7 + 4 + 4, "results, images of seven methods, histories and weights of four stages"
    assert digests(killed) == expected
