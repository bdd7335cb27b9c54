"""How cells are handed to processes and what becomes of them; the processes stand in this one."""

import errno
import json
import subprocess
import sys
import time
import types
from concurrent import futures
from pathlib import Path

import commands
import pytest
from class_balancing.experiments.command_line import DiskFullError
from class_balancing.experiments.running import plan as planned
from class_balancing.experiments.running import worker, workers
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.locks import BusyError
from class_balancing.experiments.running.plan import Plan, duration
from class_balancing.experiments.tables import TASKS
from class_balancing.models.training.callbacks import TrainingDivergedError
from class_balancing.models.training.trained_balancer import SECONDS_TO_START
from joblib.externals.loky.process_executor import TerminatedWorkerError

RECORD = {"scores": {"accuracy": 0.5, "f1_minority": 0.25}}
GEOMETRIC = [Cell("digits-50", "geometric", seed) for seed in range(2)]
CVAE = [Cell("digits-50", "cvae", seed) for seed in range(3)]


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A runner whose cells do what `errors` says; it notes each start of processes as None and each cell it begins."""
    found = types.SimpleNamespace(order=[], errors={})

    class Pool(commands.WorkersHere):
        def __init__(self, *arguments, **keywords):
            found.order.append(None)
            super().__init__(*arguments, **keywords)

        def submit(self, *call):
            future = super().submit(*call)
            if isinstance(future.exception(), SystemExit):  # which would have ended a real process
                future = futures.Future()
                future.set_exception(TerminatedWorkerError())
            return future

    class Runner(worker.Runner):
        def run(self, cell, wait):
            found.order.append((cell, wait))
            if errors := found.errors.get(cell):
                raise errors.pop(0)
            finish(self.plan, cell)
            return RECORD

    def train(cell):
        found.order.append(cell)
        if errors := found.errors.get(cell):
            raise errors.pop(0)

    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(worker, "Runner", Runner)
    found.runner = Runner(Plan(tmp_path, TASKS, "smoke", "thesis"), {})
    found.runner.fitting.train = train
    return found


def finish(plan, cell):
    plan.folder(cell).mkdir(parents=True, exist_ok=True)
    (plan.folder(cell) / "cell.json").write_text(json.dumps(RECORD))


def finished(begun, cells):
    return [cell for cell in cells if begun.runner.plan.is_finished(cell)]


def test_cells_are_counted_and_told_in_words(begun, capsys):
    finish(begun.runner.plan, GEOMETRIC[0])
    assert workers.run_all(begun.runner, GEOMETRIC, 1, "cpu") == {}
    output = capsys.readouterr().out
    assert output == "[2/2] digits-50-geometric-seed1: accuracy 0.5000, F1 0.2500 (about 0 s left)\n"
    assert begun.order == [None, (GEOMETRIC[1], False)]


def test_what_is_left_holds_trainings_to_come_without_their_finished_epochs(begun, capsys, monkeypatch):
    monkeypatch.setattr(planned, "TRUSTED_SECONDS", 1e9)
    plan, fails = begun.runner.plan, TrainingDivergedError("the loss became nan")
    seconds = [plan.remaining_seconds(CVAE[:1])]
    begun.errors[CVAE[0]] = [fails, fails]
    workers.run_all(begun.runner, [GEOMETRIC[0], CVAE[0]], 1, "cpu")
    folder = plan.training_folder(CVAE[0])
    folder.mkdir()
    (folder / "epoch-999999-abc.npz").touch()
    seconds.append(plan.remaining_seconds(CVAE[:1]))
    workers.run_all(begun.runner, [GEOMETRIC[1], CVAE[0]], 1, "cpu")
    assert seconds[0] - seconds[1] == pytest.approx(plan.training_seconds(CVAE[0]))
    assert seconds[0] - seconds[1] > SECONDS_TO_START
    told = [line for line in capsys.readouterr().out.splitlines() if "geometric" in line]
    assert [line.rpartition("(")[2] for line in told] == [f"about {duration(left)} left)" for left in seconds]


def test_what_is_left_follows_the_pace_of_this_machine(begun, capsys, monkeypatch):
    seconds, left = (begun.runner.plan.remaining_seconds(cells[:1]) for cells in (GEOMETRIC, CVAE))
    monkeypatch.setattr(
        planned, "time", types.SimpleNamespace(monotonic=iter([0.0, 9 * seconds, 9 * seconds]).__next__)
    )
    monkeypatch.setattr(planned, "TRUSTED_SECONDS", seconds)
    workers.run_all(begun.runner, [GEOMETRIC[0], CVAE[0]], 1, "cpu")
    told = capsys.readouterr().out.splitlines()[0]
    assert told.endswith(f"(about {duration(5 * left)} left)")


def test_cells_of_one_training_go_to_one_process(begun, monkeypatch):
    groups, run_group = [], workers.run_group
    monkeypatch.setattr(workers, "run_group", lambda group, wait: groups.append(group) or run_group(group, wait))
    halves = [Cell("digits-50", "cvae", seed, 0.5) for seed in range(3)]
    other = [Cell("digits-75", "cvae", 0)]
    affine = [Cell("digits-50", "affine", seed) for seed in range(2)]
    workers.run_all(begun.runner, [*GEOMETRIC, *affine, *halves, *CVAE, *other], 2, "cpu")
    assert groups == [GEOMETRIC[:1], GEOMETRIC[1:], affine, [*halves, *CVAE], other]


def test_a_cell_that_fails_stops_no_other_and_leaves_a_log(begun, capsys):
    begun.errors[CVAE[0]] = [TrainingDivergedError("the loss became nan\nin the second line")]
    failed = workers.run_all(begun.runner, [*CVAE, *GEOMETRIC], 1, "cpu")
    assert finished(begun, [*CVAE, *GEOMETRIC]) == [*CVAE[1:], *GEOMETRIC]
    assert list(failed) == CVAE[:1]
    assert "TrainingDivergedError: the loss became nan\nin the second line" in failed[CVAE[0]].read_text()
    expected = f"[1/5] digits-50-cvae-seed0: FAILED, the loss became nan; see {failed[CVAE[0]]}\n"
    assert capsys.readouterr().err == expected


def test_what_another_command_computes_is_left_to_it_and_waited_for_at_the_end(begun):
    begun.errors[GEOMETRIC[0]] = [BusyError("in use")]
    assert workers.run_all(begun.runner, [*GEOMETRIC, *CVAE], 1, "cpu") == {}
    cells = [(cell, False) for cell in (*GEOMETRIC, *CVAE)]
    assert [item for item in begun.order if item] == [*cells, (GEOMETRIC[0], True)]


def test_a_process_that_lacked_memory_gets_no_other_cell(begun, capsys):
    begun.errors[CVAE[0]] = [MemoryError()]
    failed = workers.run_all(begun.runner, [*CVAE, *GEOMETRIC], 1, "cpu")
    assert list(failed) == CVAE[:1]
    assert finished(begun, [*CVAE, *GEOMETRIC]) == [*CVAE[1:], *GEOMETRIC]
    assert begun.order[:4] == [None, (CVAE[0], False), None, (CVAE[1], False)]
    assert f"FAILED, {worker.OUT_OF_MEMORY}; see" in capsys.readouterr().err


def test_a_process_that_is_killed_takes_only_its_own_cell(begun, capsys):
    begun.errors[CVAE[1]] = [SystemExit() for _ in range(3)]
    failed = workers.run_all(begun.runner, [*CVAE, *GEOMETRIC], 2, "cpu")
    assert list(failed) == [CVAE[1]]
    assert begun.errors[CVAE[1]] == [], "it was tried with the others, with its own group, alone"
    assert finished(begun, [*CVAE, *GEOMETRIC]) == [CVAE[0], CVAE[2], *GEOMETRIC]
    error = capsys.readouterr().err
    assert "A process was killed; unfinished cells are tried one at a time." in error
    assert "digits-50-cvae-seed1: FAILED, the process was killed" in error


def test_a_full_disk_ends_the_run(begun, tmp_path):
    begun.errors[CVAE[0]] = [OSError(errno.ENOSPC, "No space left on device")]
    with pytest.raises(DiskFullError, match=f"no space left on the disk of {tmp_path}"):
        workers.run_all(begun.runner, CVAE, 1, "cpu")
    assert begun.order == [None, (CVAE[0], False)]


def test_other_machines_train_each_network_once_with_the_chief(begun, capsys):
    finish(begun.runner.plan, CVAE[0])
    other = Cell("digits-75", "cvae", 0)
    begun.errors[other] = [TrainingDivergedError("the loss became nan")]
    assert workers.train_with_the_chief(begun.runner, [*GEOMETRIC, *CVAE, other]) == 1
    assert begun.order == [CVAE[1], other], "networks are the same for all seeds, of which the first is finished"
    assert "digits-75-cvae-seed0: the loss became nan" in capsys.readouterr().err


def test_records_of_other_environments_are_counted():
    own = {"python": "3.11", "packages": {"keras": "3.15.1"}}
    older = {"python": "3.11", "packages": {"keras": "3.15.0"}}
    continued = {"environment": own, "training_environments": [older, own]}
    records = [{"environment": own}, {"environment": older}, continued]
    assert workers.other_environments(records, own) == ["packages.keras 3.15.0, here 3.15.1 (2 cells)"]
    assert workers.other_environments(records[:1], own) == []


def test_errors_are_told_in_a_line():
    assert worker.in_a_line(ValueError(" one\ntwo")) == "one"
    assert worker.in_a_line(ValueError()) == "ValueError"
    assert worker.in_a_line(ValueError("x" * 1000)) == "x" * worker.MAX_LETTERS
    assert worker.in_a_line(MemoryError()) == worker.OUT_OF_MEMORY


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes below /proc")
def test_no_process_outlives_a_killed_run(tmp_path):
    command = [sys.executable, str(commands.ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits"]
    command += ["--methods", "cvae", "--schedule", "quick", "--jobs", "2", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("out/runs/*-unbalanced-*")):
        assert process.poll() is None
        time.sleep(0.05)
    children = [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(children) >= 2
    process.kill()
    process.wait()
    for _ in range(200):
        if not any(is_running(child) for child in children):
            return
        time.sleep(0.1)
    pytest.fail("a worker is still running")


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def test_workers_that_are_stopped_leave_nothing_and_say_nothing():
    code = """
import signal
from class_balancing.experiments.running import worker_start
from joblib.externals.loky.process_executor import ProcessPoolExecutor

def work():
    from tqdm import tqdm
    tqdm(disable=True)
    return signal.getsignal(signal.SIGINT)

workers = ProcessPoolExecutor(1, initializer=worker_start.prepare)
print(workers.submit(work).result().name)
workers.shutdown(kill_workers=True)
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert finished.stdout == "SIG_IGN\n"
    assert finished.stderr == ""
