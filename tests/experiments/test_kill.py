"""A real run of the main job, killed with SIGKILL at drawn moments, ends as an uninterrupted one.

KILLS=56 RELIABILITY_REPORT=reports/reference/reliability.md python -m pytest -m slow tests/experiments/test_kill.py
kills more often than the default and writes the report.
"""

import csv
import hashlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datasets.files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits", "--dropped", "75",
           "--schedule", "smoke", "--seeds", "1", "--methods", "geometric", "cvae", "cvae_gan", "bagan",
           "--out"]  # fmt: skip
# What has just begun -> what below OUT/runs shows it
STAGES = {
    "the program": "",
    "the classifier of the unbalanced data": "*-unbalanced-*",
    "the classifier of geometric images": "*-geometric-*/images.npz",
    "CVAE": "*-cvae-training-*/training.json",
    "CVAE, after a checkpoint": "*-cvae-training-*/epoch-*",
    "the classifier of CVAE's images": "*-cvae-seed0-*/images.npz",
    "CVAE-GAN": "*-cvae_gan-training-*/training.json",
    "writing a file of CVAE-GAN": "*-cvae_gan-training-*/*.partial",
    "CVAE-GAN, after a checkpoint": "*-cvae_gan-training-*/epoch-*",
    "the classifier of CVAE-GAN's images": "*-cvae_gan-seed0-*/images.npz",
    "BAGAN's autoencoder": "*-bagan-training-*/autoencoder/training.json",
    "BAGAN's autoencoder, after a checkpoint": "*-bagan-training-*/autoencoder/epoch-*",
    "BAGAN's adversarial stage": "*-bagan-training-*/adversarial/training.json",
    "BAGAN's adversarial stage, after a checkpoint": "*-bagan-training-*/adversarial/epoch-*",
    "the classifier of BAGAN's images": "*-bagan-seed0-*/images.npz",
    "writing the tables": "../tables",
}
N_KILLS = int(os.environ.get("KILLS", "16"))
N_KILLS_A_RUN = 8
REPORT = os.environ.get("RELIABILITY_REPORT")


@st.composite
def kills(draw):
    """Stages in their order; after each a delay in seconds, and whether the workers are killed too."""
    chosen = sorted(draw(st.permutations(range(len(STAGES))))[:N_KILLS_A_RUN])
    return [(list(STAGES)[index], draw(st.floats(0, 1.5)), draw(st.booleans())) for index in chosen]


def has_begun(out, stage) -> bool:
    return not STAGES[stage] or any((out / "runs").glob(STAGES[stage]))


def kill_after(out, stage, delay_s, workers_too) -> bool:
    """Start the run and kill it; returns whether it was still running."""
    with open(out.parent / "log", "ab") as log:
        process = subprocess.Popen([*COMMAND, str(out)], stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 300
    while process.poll() is None and not has_begun(out, stage):
        assert time.monotonic() < deadline, f"{stage} did not begin"
        time.sleep(0.005)
    time.sleep(delay_s * (4 if stage == "the program" else 1))  # it starts for some seconds
    if process.poll() is None:
        (os.killpg if workers_too else os.kill)(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


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
def test_killed_runs_end_bit_identical(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    finish(folder / "uninterrupted")
    expected = digests(folder / "uninterrupted")
    assert len(expected) == 1 + 4 + 4 + 4, "results, images of four methods, histories and weights of four stages"
    survived, n_runs = Counter(), 0

    @settings(
        max_examples=-(-N_KILLS // N_KILLS_A_RUN),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kills())
    def runs_survive(drawn):
        nonlocal n_runs
        n_runs += 1
        out = folder / str(n_runs) / "out"
        out.parent.mkdir()
        killed = [stage for stage, *how in drawn if kill_after(out, stage, *how)]
        finish(out)
        assert digests(out) == expected
        survived.update(killed)

    runs_survive()
    assert survived.total() >= N_KILLS / 2
    if REPORT:
        write_atomically(Path(REPORT), report(survived, n_runs))


def report(survived, n_runs) -> str:
    import tensorflow as tf

    rows = [f"| {stage} | {survived[stage]} |" for stage in STAGES]
    return "\n".join(
        [
            "# Reliability",
            "",
            f"{survived.total()} times a run was killed with SIGKILL, at moments that hypothesis drew: up to 1.5 s "
            "after a stage had begun, the main process alone or with its workers. The same command was then started "
            f"again. All {n_runs} runs, each killed up to {N_KILLS_A_RUN} times, ended bit-identical to one that was "
            "not: scores, generated images, losses of every epoch, and the last weights and optimizer states.",
            "",
            "| killed after the begin of | times |",
            "|---|---|",
            *rows,
            "",
            f"`{' '.join(Path(part).name if '/' in part else part for part in COMMAND[1:-1])}`, "
            f"TensorFlow {tf.__version__}, Python {platform.python_version()}. Repeat with",
            "",
            "```",
            f"KILLS={N_KILLS} RELIABILITY_REPORT=reports/reference/reliability.md python -m pytest -m slow "
            "tests/experiments/test_kill.py",
            "```",
            "",
        ]
    )
