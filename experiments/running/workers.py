"""Run many cells in processes of their own, sharing them with any other command that runs cells of the same folder."""

import itertools
import os
import pickle
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from functools import partial
from pathlib import Path

import pandas as pd
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ...models.training.callbacks import TrainingDivergedError
from ..command_line import KILLED
from . import devices, worker_start
from .cell import Cell, in_words
from .plan import Pace, duration
from .runner import Runner
from .worker import Outcome, attempt, failure, run_group


def run_all(runner: Runner, cells: list[Cell], n_jobs: int, chosen_devices) -> dict[Cell, Path]:
    """Run the cells that are not finished; returns the log of each that failed.

    They run in processes of their own, `n_jobs` at a time, so that one that dies takes no other with it. What another
    command is computing is left to it and waited for at the end. Prints a line per cell. Raises DiskFullError if the
    disk is full.
    """
    unfinished = [cell for cell in cells if runner.cached(cell) is None]
    n_done = len(cells) - len(unfinished)
    pace = Pace(runner.plan.remaining_seconds(cells))
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
            seconds = pace.left(runner.plan.remaining_seconds(cell for cell in cells if cell not in failed))
            print(f"{counted}: {in_words(outcome.record)} (about {duration(seconds)} left)", flush=True)
    return failed


def _outcomes(runner: Runner, cells: list[Cell], n_jobs: int, chosen_devices, wait: bool) -> Iterator[Outcome]:
    """Outcomes of all cells or, without `wait`, only of those that no other command computes.

    Cells that share what takes long to learn stay together.
    """
    together = itertools.groupby(cells, key=lambda cell: _training(runner, cell) if cell.takes_time else cell)
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
                    running[workers.submit(run_group, group, wait)] = group
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
                    yield failure(runner, cell, RuntimeError(KILLED))
        finally:
            workers.shutdown(kill_workers=bool(running))  # idle ones end by themselves and leave nothing behind


def _training(runner: Runner, cell: Cell) -> Path:
    """A key that is the same for all cells that share their networks."""
    return runner.plan.training_folder(cell)


def _with_other_machines(runner: Runner, cells: list[Cell]) -> Iterator[Outcome]:
    """Outcomes of cells that share networks. If one fails, so do the rest: the other machines do not train again."""
    error = None
    for cell in cells:
        outcome = attempt(runner, cell, wait=True) if error is None else failure(runner, cell, error)
        if outcome.error:
            error = RuntimeError(outcome.error)
        yield outcome


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
