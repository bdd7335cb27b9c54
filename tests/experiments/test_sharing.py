"""One grid run by several commands, processes, devices and machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.replication.test_replicas import free_ports

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [
    sys.executable,
    str(ROOT / "experiments" / "reproduce_tables.py"),
    "--datasets",
    "digits",
    "--schedule",
    "smoke",
]
COMMAND += ["--dropped", "75", "--seeds", "2", "--methods", "cvae", "geometric"]
CELLS = [
    f"digits-{variant}-seed{seed}"
    for variant in ("75-original", "75-unbalanced", "0-balanced_original", "75-geometric", "75-cvae")
    for seed in range(2)
]


def start(out, *arguments, environment=None):
    command = [*COMMAND, "--out", str(out), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | (environment or {})
    )


def finished(process):
    output, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return output, error


def results(out):
    return (out / "results.csv").read_bytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Folder of a run by one command in one process."""
    out = tmp_path_factory.mktemp("alone")
    finished(start(out))
    return out


def test_cells_are_listed(tmp_path):
    output, _ = finished(start(tmp_path, "--list-cells"))
    assert output.splitlines() == CELLS
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_cells_run_one_by_one_give_the_same_tables(alone, tmp_path):
    for name in reversed(CELLS[-2:]):
        output, _ = finished(start(tmp_path, "--cell", name))
        assert "[1/1] " + name in output
        assert "Next: the same command without --cell writes the tables" in output
    output, _ = finished(start(tmp_path, "--cell", CELLS[-1]))
    assert "[1/1]" not in output, "a finished cell is not run again"
    assert not (tmp_path / "tables").exists()
    finished(start(tmp_path))
    assert results(tmp_path) == results(alone)


@pytest.mark.slow
def test_two_commands_share_the_work(alone, tmp_path):
    processes = [start(tmp_path), start(tmp_path)]
    for process in processes:
        output, _ = finished(process)
        assert "Tables are in" in output
    assert results(tmp_path) == results(alone)
    assert len(list(tmp_path.glob("runs/*/cell.json"))) == len(CELLS)
    (environments,) = tmp_path.glob("runs/*/environments.json")
    assert len(json.loads(environments.read_text())) == 1


@pytest.mark.slow
def test_cells_side_by_side_give_the_same_results(alone, tmp_path):
    finished(start(tmp_path, "--jobs", "2"))
    assert results(tmp_path) == results(alone)


@pytest.mark.slow
def test_a_cell_of_another_environment_is_told(alone):
    (path,) = alone.glob("runs/*-geometric-seed0-*/cell.json")
    kept = path.read_text()
    path.write_text(kept.replace('"python": "', '"python": "older than '))
    _, error = finished(start(alone))
    path.write_text(kept)
    assert "10 cells were finished before, some in another environment" in error
    assert "python older than 3.11" in error
    assert "(1 cells)" in error


@pytest.mark.slow
def test_two_devices_of_this_machine_are_used_and_recorded(tmp_path):
    finished(start(tmp_path, "--devices", "2", "--cell", CELLS[-2]))
    (path,) = tmp_path.glob("runs/*-cvae-seed0-*/cell.json")
    record = json.loads(path.read_text())
    assert (record["environment"]["strategy"], record["environment"]["n_replicas"]) == ("MirroredStrategy", 2)
    assert record["training_environments"] == [record["environment"]]


@pytest.mark.slow
def test_two_machines_train_together_and_the_chief_writes(tmp_path):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = [
        start(
            tmp_path,
            environment={"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})},
        )
        for index in range(2)
    ]
    outputs = [finished(process)[0] for process in processes]
    assert "Tables are in" in outputs[0]
    assert "Tables are in" not in outputs[1]
    (path,) = tmp_path.glob("runs/*-cvae-seed1-*/cell.json")
    environment = json.loads(path.read_text())["environment"]
    assert (environment["strategy"], environment["n_replicas"]) == ("CollectiveAllReduceStrategy", 2)
