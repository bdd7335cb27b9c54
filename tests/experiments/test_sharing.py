"""One grid run by several commands, processes, devices and machines."""

import json
import platform

import pytest
import tiny_tables
from forked import Forked, cluster

pytestmark = pytest.mark.slow
GRID = ("--seeds", "2", "--methods", "cvae", "geometric")
CELLS = [
    f"digits-{group}-seed{seed}"
    for group in ("75-original", "75-unbalanced", "0-balanced_original", "75-geometric", "75-cvae")
    for seed in range(2)
]


def start(out, *arguments, in_one_process=True, environment=None) -> Forked:
    command = [*GRID, "--out", out, *arguments]
    return Forked(tiny_tables.reproduce, command, in_one_process=in_one_process, environment=environment)


def finished(process) -> str:
    """What a command printed that has ended well."""
    assert process.wait() == 0, process.stderr
    return process.stdout


def results(out):
    return (out / "results.csv").read_bytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Folder of a run by one command in one process."""
    out = tmp_path_factory.mktemp("alone")
    finished(start(out))
    return out


def test_cells_run_one_by_one_give_the_same_tables(alone, tmp_path):
    for name in reversed(CELLS[-2:]):
        output = finished(start(tmp_path, "--cell", name))
        assert "[1/1] " + name in output
        assert "Next: the same command without --cell writes the tables" in output
    output = finished(start(tmp_path, "--cell", CELLS[-1]))
    assert "[1/1]" not in output, "a finished cell is not run again"
    assert not (tmp_path / "tables").exists()
    finished(start(tmp_path))
    assert results(tmp_path) == results(alone)


def test_two_commands_share_the_work(alone, tmp_path):
    processes = [start(tmp_path), start(tmp_path)]
    for process in processes:
        assert "Tables are in" in finished(process)
    assert results(tmp_path) == results(alone)
    assert len(list(tmp_path.glob("runs/*/cell.json"))) == len(CELLS)
    (environments,) = tmp_path.glob("runs/*/environments.json")
    assert len(json.loads(environments.read_text())) == 1


def test_cells_side_by_side_give_the_same_results(alone, tmp_path):
    finished(start(tmp_path, "--jobs", "2", in_one_process=False))
    assert results(tmp_path) == results(alone)


def test_a_cell_of_another_environment_is_told(alone):
    (path,) = alone.glob("runs/*-geometric-seed0-*/cell.json")
    kept = path.read_text()
    path.write_text(kept.replace('"python": "', '"python": "older than '))
    process = start(alone)
    finished(process)
    path.write_text(kept)
    assert "10 cells were finished before, some in another environment" in process.stderr
    assert f"python older than {platform.python_version()}" in process.stderr
    assert "(1 cells)" in process.stderr


def test_two_devices_of_this_machine_are_used_and_recorded(tmp_path):
    finished(start(tmp_path, "--devices", "2", "--cell", CELLS[-2], in_one_process=False))
    (path,) = tmp_path.glob("runs/*-cvae-seed0-*/cell.json")
    record = json.loads(path.read_text())
    assert (record["environment"]["strategy"], record["environment"]["n_replicas"]) == ("MirroredStrategy", 2)
    assert record["training_environments"] == [record["environment"]]


def test_two_machines_train_together_and_the_chief_writes(tmp_path):
    processes = [start(tmp_path, "--methods", "cvae", environment=machine) for machine in cluster(2)]
    chief, other = map(finished, processes)
    assert "Tables are in" in chief
    assert "Tables are in" not in other
    (path,) = tmp_path.glob("runs/*-cvae-seed1-*/cell.json")
    environment = json.loads(path.read_text())["environment"]
    assert (environment["strategy"], environment["n_replicas"]) == ("CollectiveAllReduceStrategy", 2)
