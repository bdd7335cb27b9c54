"""A real run of the main job, killed with SIGKILL again and again, ends as an uninterrupted one.

KILLS=56 RELIABILITY_REPORT=reports/reference/reliability.md python -m pytest -m slow tests/experiments/test_kill.py
kills more often than the default, with all trained methods and images of full size, and writes the report.
"""

import csv
import hashlib
import os
import platform
import random
import signal
import time
from collections import Counter
from pathlib import Path

import forked
import numpy as np
import pytest
import tiny_tables
from class_balancing.datasets.files import write_atomically

pytestmark = pytest.mark.slow
REPORT = os.environ.get("RELIABILITY_REPORT")
METHODS = ("geometric", "cvae", "cvae_gan", "bagan") if REPORT else ("geometric", "cvae", "bagan")
ARGUMENTS = ("--seeds", "1", "--methods", *METHODS)
# Files that a run writes, in their order -> whether it is killed when the file is whole, or when half of it is written
WRITES = {
    "*/run.json": False,
    "*-unbalanced-seed0-*/cell.json": False,
    "*-geometric-seed0-*/images.npz": True,
    "*-geometric-seed0-*/samples.png": False,
    "*-cvae-training-*/training.json": True,
    "*-cvae-training-*/history.csv": True,
    "*-cvae-training-*/epoch-000001-*.npz": False,
    "*-cvae-training-*/epoch-000002-*.npz": True,
    "*-cvae-seed0-*/images.npz": False,
    "*-cvae-seed0-*/cell.json": True,
    "*-bagan-training-*/autoencoder/training.json": False,
    "*-bagan-training-*/autoencoder/epoch-000001-*.npz": True,
    "*-bagan-training-*/adversarial/training.json": True,
    "*-bagan-training-*/adversarial/history.csv": False,
    "*-bagan-training-*/adversarial/epoch-000001-*.npz": True,
    "*-bagan-seed0-*/images.npz": True,
    "*/results.csv": False,
    "*/tables/*.md": True,
    "*/figures/*.png": False,
    "*/index.html": False,
}
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
N_KILLS = int(os.environ.get("KILLS", "3"))
N_KILLS_A_RUN = 8
MAX_DELAY_S = 1.5 if REPORT else 0.5


def start(out, **keywords):
    command = tiny_tables.reproduce_digits if REPORT else tiny_tables.reproduce
    return forked.Forked(command, [*ARGUMENTS, "--out", out], **keywords)


def finish(out):
    process = start(out)
    assert process.wait(400) == 0, process.stderr[-2000:]


def digests(out):
    """Of every result: scores, generated images, losses and the last weights of each training."""
    found = {"results": hashlib.sha256((out / "results.csv").read_bytes()).hexdigest()}
    for path in out.rglob("images.npz"):
        found[path.parent.name] = digest(path)
    for path in out.rglob("history.csv"):
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(path.open())]
        found[str(path.relative_to(out))] = rows
    for folder in {path.parent for path in out.rglob("epoch-*.npz")}:
        found[str(folder.relative_to(out))] = digest(max(folder.glob("epoch-*.npz")))
    return found


def digest(path) -> str:
    with np.load(path) as arrays:
        return hashlib.sha256(b"".join(name.encode() + arrays[name].tobytes() for name in arrays)).hexdigest()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Digests of a run that was never killed."""
    out = tmp_path_factory.mktemp("uninterrupted")
    finish(out)
    found = digests(out)
    stages = sum({"geometric": 0, "bagan": 2}.get(method, 1) for method in METHODS)
    assert len(found) == 1 + len(METHODS) + 2 * stages, (
        "results, images of each method, histories and weights of stages"
    )
    return found


@pytest.mark.skipif(REPORT is not None, reason="other runs are reported")
def test_a_run_killed_at_each_kind_of_write_ends_bit_identical(uninterrupted, tmp_path):
    for pattern, is_whole in WRITES.items():
        process = start(tmp_path, in_one_process=True, death=(pattern, is_whole))
        assert process.wait() == -signal.SIGKILL, f"{pattern} was not written:\n{process.stderr[-2000:]}"
    finish(tmp_path)
    assert digests(tmp_path) == uninterrupted
    assert not list(tmp_path.rglob("*.partial"))


def drawn_kills(rng, n_kills):
    """Stages in their order; after each a delay in seconds, and whether the workers are killed too."""
    stages = [stage for stage in STAGES if "CVAE-GAN" not in stage or "cvae_gan" in METHODS]
    chosen = sorted(rng.sample(range(len(stages)), n_kills))
    return [(stages[index], rng.uniform(0, MAX_DELAY_S), rng.random() < 0.5) for index in chosen]


def has_begun(out, stage) -> bool:
    return not STAGES[stage] or any((out / "runs").glob(STAGES[stage]))


def kill_after(out, stage, delay_s, workers_too) -> bool:
    """Start the run and kill it; returns whether it was still running."""
    process = start(out)
    deadline = time.monotonic() + 300
    while process.is_running() and not has_begun(out, stage):
        assert time.monotonic() < deadline, f"{stage} did not begin"
        time.sleep(0.005)
    time.sleep(delay_s)
    if process.is_running():
        process.kill(workers_too)
    return process.wait() == -signal.SIGKILL


def test_runs_killed_at_drawn_moments_end_bit_identical(uninterrupted, tmp_path):
    rng, survived, n_runs = random.Random(0), Counter(), -(-N_KILLS // N_KILLS_A_RUN)
    for run in range(n_runs):
        out = tmp_path / str(run)
        n_kills = min(N_KILLS_A_RUN, N_KILLS - run * N_KILLS_A_RUN)
        survived.update([stage for stage, *how in drawn_kills(rng, n_kills) if kill_after(out, stage, *how)])
        finish(out)
        assert digests(out) == uninterrupted
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
            f"Runs were killed with SIGKILL {survived.total()} times, at drawn moments: up to {MAX_DELAY_S} s "
            "after a stage had begun, the main process alone or with its workers. The same command was then started "
            f"again. All {n_runs} runs, each killed up to {N_KILLS_A_RUN} times, ended bit-identical to one that was "
            "never killed: scores, generated images, losses of every epoch, and the last weights and optimizer states.",
            "",
            "| killed after the start of | times |",
            "|---|---|",
            *rows,
            "",
            f"`reproduce_tables.py {' '.join((*tiny_tables.DIGITS, *ARGUMENTS))}`, "
            f"TensorFlow {tf.__version__}, Python {platform.python_version()}. Repeat with",
            "",
            "```",
            f"KILLS={N_KILLS} RELIABILITY_REPORT=reports/reference/reliability.md python -m pytest -m slow "
            "tests/experiments/test_kill.py",
            "```",
            "",
        ]
    )
