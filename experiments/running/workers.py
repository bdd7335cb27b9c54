"""Run many cells in processes of their own, sharing them with any other command that runs cells of the same folder."""

import itertools
import os
import pickle
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ...datasets.files import write_atomically
from ...models.training.callbacks import TrainingDivergedError
from ..command_line import EXIT_FAILED, KILLED, DiskFullError, is_full_disk, is_out_of_memory
from . import devices, worker_start
from .cell import Cell, in_words
from .locks import BusyError
from .plan import duration
from .runner import Runner

MAX_LETTERS = 300  # of an error message
OUT_OF_MEMORY = "out of memory; use a machine with more, or fewer --jobs"
_worker_runner: Runner  # in a worker process


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: its record, or the error and its log, or neither if another process has it."""

    cell: Cell
    record: dict | None = None
    error: str | None = None
    log: Path | None = None

    @property
    def lacked_memory(self) -> bool:
        return self.error == OUT_OF_MEMORY


def run_all(runner: Runner, cells: list[Cell], n_jobs: int, chosen_devices) -> dict[Cell, Path]:
    """Run the cells that are not finished; returns the log of each that failed.

    They run in processes of their own, `n_jobs` at a time, so that one that dies takes no other with it. What another
    command is computing is left to it and waited for at the end. Prints a line per cell. Raises DiskFullError if the
    disk is full.
    """
    unfinished = [cell for cell in cells if runner.cached(cell) is None]
    n_done = len(cells) - len(unfinished)
    failed, left = {}, dict.fromkeys(unfinished)
    for wait in (False, True):
        for outcome in _outcomes(runner, list(left), n_jobs, chosen_devices, wait):
            n_done += 1
            del left[outcome.cell]
            counted = f"[{n_done}/{len(cells)}] {outcome.cell}"
            if outcome.error:
                failed[outcome.cell] = outcome.log
                print(f"{counted}: FAILED, {outcome.error}; see {outcome.log}", file=sys.stderr, flush=True)
                continue
            seconds = runner.plan.remaining_seconds(cell for cell in cells if cell not in failed) / n_jobs
            print(f"{counted}: {in_words(outcome.record)} (about {duration(seconds)} left)", flush=True)
    return failed


def _outcomes(runner: Runner, cells: list[Cell], n_jobs: int, chosen_devices, wait: bool) -> Iterator[Outcome]:
    """Outcomes of all cells or, without `wait`, only of those that no other command computes.

    Cells that share networks stay together.
    """
    together = itertools.groupby(cells, key=lambda cell: _training(runner, cell) if cell.is_trained else cell)
    left = [list(group) for _, group in together]
    if devices.n_machines() > 1:  # this process is on one of them
        yield from (outcome for group in left for outcome in _with_other_machines(runner, group))
    elif left:
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder) / "images"
            with images.open("wb") as file:
                pickle.dump((runner.datasets, runner.groups), file)
            yield from _in_processes(runner, left, n_jobs, chosen_devices, wait, images)


def _in_processes(runner, left, n_jobs, chosen_devices, wait, images: Path) -> Iterator[Outcome]:
    """Outcomes of groups of cells. Workers read the datasets from the file `images`.

    In the pipe in which loky sends arguments, large ones would wait for ever for a worker that dies while it starts.
    """
    while left:
        arguments = (os.getpid(), runner.plan, images, chosen_devices, int(n_jobs == 1))
        workers = ProcessPoolExecutor(n_jobs, initializer=worker_start.start, initargs=arguments)
        waiting, running = list(left), {}
        try:
            while waiting or running:
                while waiting and len(running) < n_jobs:  # loky stumbles over queued work when it is shut down
                    group = waiting.pop(0)
                    running[workers.submit(_run_group, group, wait)] = group
                for future in futures.wait(running, return_when=futures.FIRST_COMPLETED).done:
                    outcomes = future.result()
                    group = running.pop(future)
                    left.remove(group)
                    if outcomes and outcomes[-1].lacked_memory:
                        waiting.clear()  # what is left goes to new processes
                        rest = group[group.index(outcomes[-1].cell) + 1 :]
                        left = [rest, *left] if rest else left
                    yield from outcomes
        except TerminatedWorkerError:
            if n_jobs > 1:
                print("A process was killed; unfinished cells are tried one at a time.", file=sys.stderr)
                n_jobs = 1
            elif len(left[0]) > 1:
                left[:1] = [[cell] for cell in left[0]]
            else:
                (cell,) = left.pop(0)
                if runner.cached(cell) is None:
                    yield _failure(runner, cell, RuntimeError(KILLED))
        finally:
            workers.shutdown(kill_workers=bool(running))  # idle ones end by themselves and leave nothing behind


def _training(runner: Runner, cell: Cell) -> Path:
    """A key that is the same for all cells that share their networks."""
    return runner.plan.training_folder(cell)


def _with_other_machines(runner: Runner, cells: list[Cell]) -> Iterator[Outcome]:
    """Outcomes of cells that share networks. If one fails, so do the rest: the other machines do not train again."""
    failure = None
    for cell in cells:
        outcome = _attempt(runner, cell, wait=True) if failure is None else _failure(runner, cell, failure)
        if outcome.error:
            failure = RuntimeError(outcome.error)
        yield outcome


def start_worker(parent, plan, images, chosen_devices, verbose):
    """In a worker: what it needs for all its cells. It ends with the process `parent`."""
    global _worker_runner
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with images.open("rb") as file:
        datasets, groups = pickle.load(file)
    _worker_runner = Runner(plan, datasets, groups, devices.strategy(chosen_devices), verbose)


def _end_with(parent: int) -> None:
    """End this process soon after its parent, which may have been killed; files are whole at any moment."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(EXIT_FAILED)


def _run_group(cells: list[Cell], wait: bool) -> list[Outcome]:
    """In a worker: what became of the cells that no other command computes, up to one that ran out of memory.

    TensorFlow does not recover from that, so the cells after it need another process.
    """
    outcomes = []
    for cell in cells:
        if outcome := _attempt(_worker_runner, cell, wait):
            outcomes.append(outcome)
            if outcome.lacked_memory:
                break
    return outcomes


def _attempt(runner: Runner, cell: Cell, wait: bool) -> Outcome | None:
    """None if another process has the cell."""
    try:
        return Outcome(cell, runner.run(cell, wait))
    except BusyError:
        return None
    except Exception as error:  # one failed cell does not stop the others
        if is_full_disk(error):
            raise DiskFullError(f"no space left on the disk of {runner.plan.out}") from error
        return _failure(runner, cell, error)


def _failure(runner: Runner, cell: Cell, error: Exception) -> Outcome:
    log = runner.failure_log(cell)
    log.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(log, "".join(traceback.format_exception(error)) + f"\n{in_a_line(error)}\n")
    return Outcome(cell, error=in_a_line(error), log=log)


def in_a_line(error: Exception) -> str:
    """An error in one line, for people."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:MAX_LETTERS]


def train_with_the_chief(runner: Runner, cells: list[Cell]) -> int:
    """What machines other than the chief do: their part of all training whose cells are not all finished.

    Returns how many training runs diverged.
    """
    n_diverged = 0
    unfinished = [cell for cell in cells if cell.is_trained and runner.cached(cell) is None]
    for _, sharing in itertools.groupby(unfinished, key=partial(_training, runner)):
        cell = next(sharing)
        try:
            runner.fitting.train(cell)
        except TrainingDivergedError as error:  # the chief reports it too
            print(f"{cell}: {error}", file=sys.stderr)
            n_diverged += 1
    return n_diverged


def other_environments(records: list[dict], own: dict) -> list[str]:
    """What differs between records made elsewhere and here, as "packages.keras 3.15.0, here 3.15.1 (12 cells)"."""
    counts = Counter()
    here = pd.json_normalize(own).iloc[0].to_dict()
    for record in records:
        differences = set()
        for environment in (record["environment"], *record.get("training_environments", ())):
            there = pd.json_normalize(environment).iloc[0].to_dict()
            shared = there.keys() & here.keys()
            differences |= {(name, str(there[name])) for name in shared if there[name] != here[name]}
        counts.update(differences)
    return [f"{name} {value}, here {here[name]} ({n} cells)" for (name, value), n in sorted(counts.items())]
