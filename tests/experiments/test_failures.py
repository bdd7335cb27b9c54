"""What goes wrong in long runs, provoked in real processes: a message, a non-zero exit code, earlier results intact."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
DIGITS = ["--datasets", "digits", "--schedule", "smoke", "--dropped", "75", "--seeds", "1"]


def run(out, *arguments, **keywords):
    command = [
        sys.executable,
        str(ROOT / "experiments" / "reproduce_tables.py"),
        *DIGITS,
        "--out",
        str(out),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **keywords)


def with_arguments(folder, **changes):
    """Environment in which every process takes these arguments for the methods of schedule smoke."""
    lines = [f'METHODS["smoke"]["digits"]["{name}"] |= {values!r}' for name, values in changes.items()]
    (folder / "sitecustomize.py").write_text("\n".join(["from experiments.hyperparameters import METHODS", *lines]))
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def records(out):
    return {path: path.read_bytes() for path in out.rglob("cell.json")}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with 2 MB; function that makes it larger or read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("only root may mount a small disk here")
    yield folder, lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
    subprocess.run(["umount", folder], check=True)


def test_diverged_and_collapsed_networks_fail_alone(tmp_path):
    environment = with_arguments(
        tmp_path, cvae={"learning_rate": 1e30}, bagan={"n_autoencoder_epochs": 0, "n_epochs": 0}
    )
    finished = run(tmp_path / "out", "--methods", "geometric", "cvae", "bagan", env=environment)
    assert finished.returncode == 1
    assert "digits-75-cvae-seed0: FAILED, cvae: the loss term L" in finished.stderr
    assert "in epoch 1, step" in finished.stderr
    assert "digits-75-bagan-seed0: FAILED, BAGAN's images of class 4 are nearly all alike" in finished.stderr
    assert "2 of 6 cells failed" in finished.stderr
    assert "digits-75-geometric-seed0: SSIM" in finished.stdout
    table = (tmp_path / "out" / "tables" / "digits-75.md").read_text()
    assert "| CVAE | failed | failed | failed |" in table
    (log,) = (tmp_path / "out").glob("runs/*-bagan-seed0-*/failed.log")
    assert f"BAGAN, seed 0, failed: {log}" in table
    assert "ModeCollapseError" in log.read_text()


def test_a_full_disk_stops_the_run_until_there_is_space(small_disk):
    disk, remount = small_disk
    out = disk / "out"
    finished = run(out, "--methods", "cvae")
    assert finished.returncode == 1
    assert f"no space left on the disk of {out}; what is finished is kept" in finished.stderr
    assert "continue with: " in finished.stderr
    assert "Traceback" not in finished.stderr
    before = records(out)
    assert len(before) == 3
    assert not list(out.rglob("*.partial"))
    remount("size=100m")
    assert run(out, "--methods", "cvae").returncode == 0
    assert before.items() <= records(out).items()
    remount("ro")
    finished = run(out, "--methods", "smote")
    assert finished.returncode == 2
    assert "Read-only file system" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


def test_a_process_that_runs_out_of_memory_fails_its_own_cell(tmp_path):
    def limit_memory():
        resource.setrlimit(resource.RLIMIT_AS, (3 * 10**9, 3 * 10**9))

    finished = run(tmp_path, "--methods", "cvae_gan", "class_weights", preexec_fn=limit_memory)
    assert finished.returncode == 1
    assert "digits-75-cvae_gan-seed0: FAILED, " in finished.stderr
    assert "memory" in next(line for line in finished.stderr.splitlines() if "FAILED" in line)
    assert "digits-75-class_weights-seed0: accuracy" in finished.stdout
    assert "| CVAE-GAN | failed |" in (tmp_path / "tables" / "digits-75.md").read_text()


def with_interference(folder):
    """Environment where processes note the cells they begin, one dies in CVAE's first and BAGAN's lack memory."""
    (folder / "sitecustomize.py").write_text(
        f"""import os
from experiments.runner import Runner
run = Runner.run
def run_with_interference(self, cell, wait):
    with open({str(folder / "processes")!r}, "a") as file:
        print(cell, os.getpid(), file=file)
    if str(cell) == "digits-75-cvae-seed0":
        os.kill(os.getpid(), 9)
    if cell.variant == "bagan":
        raise MemoryError
    return run(self, cell, wait)
Runner.run = run_with_interference
"""
    )
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def test_a_killed_process_and_one_that_lacked_memory_cost_no_other_cell(tmp_path):
    environment = with_interference(tmp_path)
    finished = run(tmp_path / "out", "--methods", "cvae", "bagan", "class_weights", "--seeds", "2", env=environment)
    assert finished.returncode == 1
    assert "3 of 12 cells failed" in finished.stderr
    assert "digits-75-cvae-seed0: FAILED, the process was killed" in finished.stderr
    assert "digits-75-cvae-seed1: SSIM" in finished.stdout
    assert finished.stderr.count("FAILED, out of memory") == 2
    begun = [line.split() for line in (tmp_path / "processes").read_text().splitlines()]
    assert len(begun) == 13, "the killed cell is tried once more by itself"
    processes = dict(begun)
    assert processes["digits-75-bagan-seed0"] == processes["digits-75-cvae-seed1"]
    of_bagan = processes["digits-75-bagan-seed0"], processes["digits-75-bagan-seed1"]
    assert of_bagan[0] != of_bagan[1], "a process that lacked memory gets no other cell"
    assert processes["digits-75-class_weights-seed1"] not in of_bagan


def test_a_damaged_result_is_made_again(tmp_path):
    cell = "digits-75-geometric-seed0"
    assert run(tmp_path, "--methods", "geometric", "--cell", cell).returncode == 0
    (path,) = tmp_path.glob("runs/*-geometric-*/cell.json")
    before = path.read_text()
    path.write_text(before[:-100])
    finished = run(tmp_path, "--methods", "geometric", "--cell", cell)
    assert finished.returncode == 0
    assert "is damaged and was set aside" in finished.stderr
    assert path.with_suffix(".json.damaged").read_text() == before[:-100]
    first, again = json.loads(before), json.loads(path.read_text())
    assert (again["scores"], again["ssim"]) == (first["scores"], first["ssim"])
