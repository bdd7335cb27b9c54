"""What goes wrong in long runs, provoked in real processes: a message, a non-zero exit code, earlier results intact."""

import json
import os
import subprocess

import pytest
import tiny_tables
from forked import Forked

pytestmark = pytest.mark.slow
MAX_BYTES = 8 * 10**9  # of a process that shall lack memory


def run(out, *arguments, **keywords):
    """The exit code of a command that has ended, and what it printed on standard output and error."""
    process = Forked(tiny_tables.reproduce, ["--out", out, *arguments], **keywords)
    return process.wait(), process.stdout, process.stderr


def with_code(folder, text):
    """Environment in which every Python process that begins runs some code first."""
    (folder / "sitecustomize.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


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


def test_diverged_networks_fail_alone_and_under_smoke_collapsed_ones_only_warn(tmp_path):
    changes = {"cvae": {"learning_rate": 1e30}, "bagan": {"n_autoencoder_epochs": 0, "n_epochs": 0}}
    methods = ("--methods", "geometric", "cvae", "bagan")
    code, output, error = run(tmp_path, *methods, changes=changes, in_one_process=True)
    assert code == 1
    assert "digits-75-cvae-seed0: FAILED, CVAE: the loss term L" in error
    assert "in epoch 1, step" in error
    assert "BAGAN's images of class 4 are nearly all alike" in error
    assert "1 of 6 cells failed" in error
    assert "digits-75-geometric-seed0: SSIM" in output
    table = (tmp_path / "tables" / "digits-75.md").read_text()
    assert "| CVAE | failed | failed | failed |" in table
    (log,) = tmp_path.glob("runs/*-cvae-seed0-*/failed.log")
    assert f"CVAE, seed 0, failed: {log}" in table
    assert "TrainingDivergedError" in log.read_text()


def test_a_full_disk_stops_the_run_until_there_is_space(small_disk):
    disk, remount = small_disk
    out = disk / "out"
    code, _, error = run(out, "--methods", "cvae")
    assert code == 1
    assert f"no space left on the disk of {out}; what is finished is kept" in error
    assert "continue with: " in error
    assert "Traceback" not in error
    before = records(out)
    assert len(before) == 3
    assert not list(out.rglob("*.partial"))
    remount("size=100m")
    assert run(out, "--methods", "cvae", in_one_process=True)[0] == 0
    assert before.items() <= records(out).items()
    remount("ro")
    code, _, error = run(out, "--methods", "smote")
    assert code == 2
    assert "Read-only file system" in error
    assert len(error.strip().splitlines()) == 1


# Processes note the cells they begin, and one dies in CVAE's.
INTERFERENCE = """
import os
from class_balancing.experiments.running.runner import Runner
run = Runner.run
def run_with_interference(self, cell, wait):
    with open(os.environ["BEGUN"], "a") as file:
        print(cell, os.getpid(), file=file)
    if cell.method == "cvae":
        os.kill(os.getpid(), 9)
    return run(self, cell, wait)
Runner.run = run_with_interference
"""


def test_a_killed_process_and_one_that_lacked_memory_cost_no_other_cell(tmp_path):
    out, begun = tmp_path / "out", tmp_path / "begun"
    code, output, error = run(
        out, "--methods", "cvae", "bagan", "class_weights",
        changes={"bagan": {"latent_size": 10**8}}, max_bytes=MAX_BYTES,
        environment=with_code(tmp_path, INTERFERENCE) | {"BEGUN": str(begun)},
    )  # fmt: skip
    assert code == 1
    assert "2 of 6 cells failed" in error
    assert "digits-75-cvae-seed0: FAILED, the process was killed" in error
    assert "digits-75-bagan-seed0: FAILED, out of memory" in error
    assert "digits-75-class_weights-seed0: accuracy" in output
    assert "| BAGAN † | failed |" in (out / "tables" / "digits-75.md").read_text()
    begun = [line.split() for line in begun.read_text().splitlines()]
    assert len(begun) == 6
    processes = dict(begun)
    of_three = [processes[f"digits-75-{method}-seed0"] for method in ("cvae", "bagan", "class_weights")]
    assert len(set(of_three)) == 3, "a process that lacked memory gets no other cell"


def test_processes_that_die_before_they_begin_are_told(tmp_path):
    environment = with_code(tmp_path, "import os, sys\nif 'loky' in str(sys.orig_argv):\n    os.kill(os.getpid(), 9)")
    cell = "digits-75-geometric-seed0"
    code, _, error = run(tmp_path / "out", "--cell", cell, environment=environment)
    assert code == 1
    assert f"{cell}: FAILED, the process was killed" in error


def test_a_damaged_result_is_made_again(tmp_path):
    cell = "digits-75-geometric-seed0"
    assert run(tmp_path, "--cell", cell, in_one_process=True)[0] == 0
    (path,) = tmp_path.glob("runs/*-geometric-*/cell.json")
    before = path.read_text()
    path.write_text(before[:-100])
    code, _, error = run(tmp_path, "--cell", cell, in_one_process=True)
    assert code == 0
    assert "is damaged and was set aside" in error
    assert path.with_suffix(".json.damaged").read_text() == before[:-100]
    first, again = json.loads(before), json.loads(path.read_text())
    assert (again["scores"], again["ssim"]) == (first["scores"], first["ssim"])
