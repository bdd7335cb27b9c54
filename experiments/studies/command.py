"""Judge every method on digits, MNIST, CIFAR-10, Vehicles and FER2013, with all classes alike and with one of two
classes made small, to five percentages of the others' images; FER2013 also as it is.
"""

import argparse
import contextlib
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from ...datasets.image_dataset import ImageDataset
from ...models import BASELINE
from ..command_line import EXIT_FAILED, Parser, UsageError, method_name, positive
from ..running import devices, locks, run_folder
from ..running.cell import Cell
from ..running.plan import Pace, duration
from .order import Part, Study
from .tasks import DATASETS, METHODS, SCHEDULES, STUDIED

DEFAULT_OUT = "results/study"
CHOICES = tuple(name for name in METHODS if name != BASELINE)
WRITTEN = (
    "index.html", "cells.csv", "failures.csv", "environments.json", "verdicts.csv", "predictions", "tables", "figures",
    "runs",
)  # fmt: skip


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    parser.add_argument(
        "--datasets", nargs="+", choices=DATASETS, default=DATASETS, metavar="NAME",
        help=f"which of {', '.join(DATASETS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--methods", nargs="+", type=compared_method, default=CHOICES, metavar="NAME",
        help=f"which of {', '.join(CHOICES)}, or several joined as first+second (default: all of these); {BASELINE} "
        "always takes part",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="quick",
        help="smoke: every path, figures without meaning; quick: the study; --dry-run shows how long "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_data_dir()
    parser.add_out(DEFAULT_OUT)
    devices.add_to(parser)
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="cells side by side (default: 1)")
    parser.add_argument(
        "--render", action="store_true", help="run nothing; write tables and page from what is finished, and stop"
    )
    parser.add_dry_run()
    options = parser.parse_args(arguments)
    options.datasets = [name for name in DATASETS if name in options.datasets]
    return options


def compared_method(text: str) -> str:
    """argparse type: a method, or several joined, other than the baseline."""
    name = method_name(text)
    if name == BASELINE:
        raise argparse.ArgumentTypeError(f"{name} always takes part; name others")
    return name


def main(options) -> int:
    if devices.n_machines() > 1:
        raise UsageError("machines share the study by running it with the same --out; unset TF_CONFIG")
    study = Study(Path(options.out), options.schedule)
    check_folder(study, {})
    devices.check(options.devices)
    tasks = [name for name, studied in STUDIED.items() if studied.task.dataset in options.datasets]
    parts = study.parts(tasks, options.methods)
    planned = left = unfinished(study, parts)
    if options.dry_run:
        print_plan(study, parts, left)
        return 0
    if options.render:
        left = [part for part in left if has_records(study, part)]
        if not left and not (study.out / "cells.csv").exists():
            raise UsageError(f"nothing is finished in {study.out}")
    names = dict.fromkeys(part.dataset for part in left)
    datasets = {name: dataset_in(name, options.data_dir) for name in names}
    check_folder(study, datasets)
    print_plan(study, parts, planned)
    claim_folder(study, datasets)
    n_failed = 0 if options.render else run(study, parts, left, datasets, options)
    if options.render or not left:
        keep(study, left, datasets)
    print(f"Next: open {study.out / 'index.html'} in a browser; the tables are in {study.out / 'tables'}.")
    if n_failed:
        print(f"{n_failed} cells failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    return 0


def unfinished(study: Study, parts: list[Part]) -> list[Part]:
    """The parts with what the study's files do not hold yet; those of which they hold everything are left out."""
    from . import results

    current = results.read(study.out).current(study)
    left = [replace(part, entries=tuple(e for e in part.entries if e not in current)) for part in parts]
    return [part for part in left if part.entries]


def has_records(study: Study, part: Part) -> bool:
    """Whether a run that was stopped has left records of the part that are not in the study's files."""
    cells = (cell for entry in part.entries for cell in study.cells(entry))
    return any(study.plan.is_finished(cell) or study.plan.failure_log(cell).exists() for cell in cells)


def dataset_in(name: str, data_dir: str | None) -> ImageDataset:
    return next(s.task for s in STUDIED.values() if s.task.dataset == name).dataset_in(data_dir)


def check_folder(study: Study, datasets: dict[str, ImageDataset]) -> dict:
    """What the folder's `run.json` will hold: the command, the schedule, and a hash of each dataset's images.

    Raises UsageError if it already holds others.
    """
    chosen = {"command": "study", "schedule": study.schedule}
    return run_folder.check(study.out, WRITTEN, chosen, {}, datasets)


def claim_folder(study: Study, datasets: dict[str, ImageDataset]) -> None:
    """Write `run.json`, unless another run has meanwhile taken the folder for other results."""
    with locks.held(study.out, wait=True):
        run_folder.write(study.out, check_folder(study, datasets))


def cells_of(study: Study, parts: list[Part]) -> list[Cell]:
    return [cell for part in parts for entry in part.entries for cell in study.cells(entry)]


def print_plan(study: Study, parts: list[Part], left: list[Part]) -> None:
    print(f"Plan: schedule {study.schedule}, {study.n_seeds} seeds, into {study.out}")
    n_left = {part.title: len(part.entries) for part in left}
    seconds = {part.title: study.plan.remaining_seconds(cells_of(study, [part])) for part in left}
    width = max(len(part.title) for part in parts)
    print(f"{'part':{width}} finished  time left")
    for part in parts:
        n = len(part.entries)
        done = f"{n - n_left.get(part.title, 0)} of {n}"
        print(f"{part.title:{width}} {done:>8}  {duration(seconds.get(part.title, 0.0))}")
    print(f"About {duration(sum(seconds.values()))} to go on two cores like the reference machine's.", flush=True)


def run(study: Study, parts: list[Part], left: list[Part], datasets: dict[str, ImageDataset], options) -> int:
    """Run what is left part after part, each followed by everything that is written; returns how many cells failed."""
    from ..running import workers
    from ..running.runner import Runner

    strategy, n_failed = devices.strategy(options.devices), 0
    delete_networks(study, parts)  # a run that was killed may have left some
    pace = Pace(study.plan.remaining_seconds(cells_of(study, left)))
    for place, part in enumerate(left):
        still_left = unfinished(study, [part])  # another machine may have finished some
        if not still_left:
            continue
        seconds = pace.left(study.plan.remaining_seconds(cells_of(study, [*still_left, *left[place + 1 :]])))
        print(f"\n{part.title} (about {duration(seconds)} left in all)", flush=True)
        runner = Runner(study.plan, {part.dataset: datasets[part.dataset]}, strategy=strategy)
        n_failed += len(workers.run_all(runner, cells_of(study, still_left), options.jobs, options.devices))
        keep(study, still_left, datasets)
        delete_networks(study, [part])
    return n_failed


def keep(study: Study, parts: list[Part], datasets: dict[str, ImageDataset]) -> None:
    """Move what is finished of these parts to the study's files, and write tables, figures and page from them."""
    from . import results, write

    with locks.held(study.out, wait=True):
        for part in parts:
            results.collect(study, part.entries, datasets[part.dataset])
        write.write_all(study, results.read(study.out))


def delete_networks(study: Study, parts: list[Part]) -> None:
    """Delete the networks of finished entries that no other entry of these parts needs, as hundreds are large.

    Those that another command works with stay.
    """
    from . import results

    kept = results.read(study.out).current(study)
    folders = {True: set(), False: set()}  # whether the entries that share them are kept
    for entry in [entry for part in parts for entry in part.entries]:
        cell = study.cells(entry)[0]
        if cell.is_trained:
            folders[entry in kept].add(study.plan.training_folder(cell))
    for folder in folders[True] - folders[False]:
        if folder.exists():
            with contextlib.suppress(locks.BusyError, FileNotFoundError), locks.held(folder, wait=False):
                shutil.rmtree(folder, ignore_errors=True)  # another machine may be deleting it too
