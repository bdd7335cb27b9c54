"""What `judge.py` says before it begins: the images, what is compared, and how long that takes."""

import itertools

import numpy as np

from ...datasets import folder
from ..running.cell import Cell
from ..running.plan import Plan, duration
from . import options as folder_options
from .entrants import audited, entrants

SECONDS_AN_AUDIT = 15


def print_plan(plan: Plan, options, listing: folder.Listing, indices: dict[str, np.ndarray], groups) -> None:
    asked, tasks = entrants(plan, options), list(plan.tasks.values())
    shape = tasks[0].image_shape
    print(", ".join(f"{n} {name}" for name, n in listing.counts.items()) + f"; {shape[0]} x {shape[1]} pixels")
    folder_options.print_others(listing)
    if groups is not None:
        print(f"groups.csv names {len(np.unique(groups))} groups, which stay together.")
    n_train, n_validation, n_test = (len(indices[name]) for name in ("train", "validation", "test"))
    in_fold = f" in each of {len(tasks)} folds" if len(tasks) > 1 else ""
    print(f"About {n_train} of these to learn from, {n_validation} to choose epochs by, {n_test} to test{in_fold}.")
    few, many = (
        [cell for one in asked for cell in one.cells(n, options.trainings)] for n in (options.first_look, options.seeds)
    )
    seeds = " to ".join(dict.fromkeys(map(str, (options.first_look, options.seeds))))
    print(
        f"{len(asked) - 1} comparisons with {asked[0].method} by {options.metric.replace('_', ' ')}, with "
        f"{seeds} seeds each, into {options.out}:"
    )
    width = max(len(cell.method) for cell in many)
    for method, of_method in itertools.groupby(many, key=lambda cell: cell.method):
        of_method = list(of_method)
        n_finished = sum(map(plan.is_finished, of_method))
        shares = [f"{share:g}" for share in dict.fromkeys(cell.proportion for cell in of_method)]
        times = "" if shares == ["1"] else f", with {', '.join(shares)} times the new images"
        n_folds = len({cell.task for cell in of_method})
        folds = f", on {n_folds} of {len(tasks)} folds" if n_folds < len(tasks) else ""
        done = f", {n_finished} of {len(of_method)} finished" if n_finished else ""
        print(f"  {method:{width}} training {_training(plan, of_method)}{times}{folds}{done}")
    print(f"  {'a classifier':{width}} {duration(plan.measuring_seconds(many[0]))}")
    n_audits = len(audited(options))
    audits = (plan.measuring_seconds(many[0]) + SECONDS_AN_AUDIT) * n_audits
    audits = audits if not all(map(plan.is_finished, few)) else 0
    least, most = (duration(plan.remaining_seconds(cells) + audits) for cells in (few, many))
    print(
        f"About {least}{'' if least == most else f' to {most}'} on two cores like the reference machine's; finished "
        "parts are kept.",
        flush=True,
    )


def _training(plan: Plan, of_method: list[Cell]) -> str:
    """How long a method's trainings take and, if they have begun, what is left of them."""
    cells = {plan.training_folder(cell): cell for cell in of_method}
    finished = {plan.training_folder(cell) for cell in of_method if plan.is_finished(cell)}
    whole = sum(map(plan.training_seconds, cells.values()))
    left = sum(plan.remaining_training_seconds(cell) for folder, cell in cells.items() if folder not in finished)
    has_begun = left < whole and len(finished) < len(cells)
    return f"{duration(whole)}, {duration(left)} of it left" if has_begun else duration(whole)
