"""Tables G.5, G.8, I.5, I.6 and J.4: methods against the images as they are and hand-made transformations."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.files import read_json, write_atomically
from ...datasets.tasks import Task
from ...evaluation import verdict
from ...models import BASELINE
from ...reports.plain_tables import PlainTable
from ..running.cell import Cell, label
from . import few_images, quality, skewed_mnist, styled, thesis

FILE = "test-labels.json"
HAND_MADE = "geometric"
REDRAWN = "Every seed has training images of its own, so that intervals cover the luck of having these."
SAME_NETWORKS = (
    "All seeds have the same training images and networks: intervals cover the luck of classifiers and test images "
    "alone."
)
COLUMNS = ["Task", "Method", "Against", "Difference", "Low", "High", "Verdict", "Smallest effect"]


def of_few_images(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    return _table(
        "G.5",
        "Accuracy with few images: each method against the images as they are and against hand-made transformations.",
        few_images.TASKS,
        few_images.METRIC,
        few_images.LEARNED,
        "Learned transformations",
        runner,
        records,
        REDRAWN,
    )


def of_skewed_mnist(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    return _table(
        "G.8",
        "Balanced accuracy with DeepSMOTE's imbalance: each method against the images as they are and against "
        "hand-made transformations.",
        skewed_mnist.TASKS,
        skewed_mnist.METRIC,
        skewed_mnist.PENALTIES,
        "DeepSMOTE's three forms",
        runner,
        records,
        SAME_NETWORKS,
    )


def of_thesis(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    """J.1 and J.4, of the thesis's three datasets."""
    tasks = [task for task in thesis.TASKS if task.is_audited]
    return quality.tables(runner, records) + _table(
        "J.4",
        "F1 of the small class on the thesis's tasks: each method against the images as they are and against "
        "hand-made transformations.",
        tasks,
        "f1_minority",
        (*thesis.NETWORKS, *thesis.FLOWS),
        "Networks",
        runner,
        records,
        SAME_NETWORKS,
    )


def of_styled(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    what = {"I.5": ("accuracy", "Accuracy"), "I.6": ("f1_minority", "F1 of the class that gets new images")}
    return [
        table
        for name, (metric, in_words) in what.items()
        for table in _table(
            name,
            f"{in_words}, with style transfer: each method against the images as they are and against geometric "
            "transformations.",
            styled.TASKS,
            metric,
            styled.STYLED,
            "Style transfer, alone or with geometric transformations",
            runner,
            records,
            REDRAWN,
        )
    ]


def _table(name, caption, tasks, metric, of_interest, in_words, runner, records, scope) -> list[PlainTable]:
    frames = [_verdicts(task, metric, runner, records, against) for task in tasks for against in (BASELINE, HAND_MADE)]
    frame = pd.concat(frames, ignore_index=True)
    if frame.empty:
        return []
    n_seeds = Counter((cell.task, cell.method) for cell, record in records.items() if "predicted" in record)
    old = {(c.task, c.method) for c, record in records.items() if "scores" in record and "predicted" not in record}
    of_old = ", ".join(task.title for task in tasks if task.name in {name for name, _ in old})
    told = {
        "Not compared, since seeds are missing": _incomplete(tasks, n_seeds, old),
        "Too few seeds for a verdict": _too_few(tasks, n_seeds),
        "Records of earlier versions hold no predictions": of_old,
    }
    left_out = [f"{what}: {names}." for what, names in told.items() if names]
    own = frame[frame["method"].isin(of_interest)]
    counts = {
        against: [int((own.loc[own["against"] == against, "verdict"] == found).sum()) for found in verdict.VERDICTS]
        for against in (BASELINE, HAND_MADE)
    }
    beaten = "; ".join(
        f"against {label(against)} they helped in {helped} of {helped + neither + hurt} comparisons and hurt in {hurt}"
        for against, (helped, neither, hurt) in counts.items()
    )
    shown = frame.assign(method=frame["method"].map(label), against=frame["against"].map(label))
    shown.columns = COLUMNS
    notes = (
        f"{in_words}: {beaten}.",
        "Difference of means over seeds, with an interval that is corrected for the methods compared with the same "
        "other on the same task (`evaluation/verdict.py`); smallest effect: what would have been found four times of "
        "five.",
        scope,
        *left_out,
    )
    return [PlainTable(name, caption, shown, notes)]


def _incomplete(tasks: list[Task], n_seeds: Counter, old: set[tuple[str, str]]) -> str:
    """The methods with fewer finished seeds, by task and method, than the images as they are, with their tasks.

    Those in `old` have records without predictions.
    """
    return ", ".join(
        f"{label(method)} on {task.title}"
        for task in tasks
        for method in task.methods
        if n_seeds[task.name, method] < n_seeds[task.name, BASELINE] and (task.name, method) not in old
    )


def _too_few(tasks: list[Task], n_seeds: Counter) -> str:
    """The tasks that have been begun with fewer seeds than a verdict needs."""
    return ", ".join(task.title for task in tasks if 0 < n_seeds[task.name, BASELINE] < verdict.min_seeds(n_folds=1))


def _verdicts(task: Task, metric: str, runner, records: dict[Cell, dict], against: str) -> pd.DataFrame:
    """A row for each method with as many seeds as the one it is compared with; none without three seeds.

    Nothing is compared with a method that lacks seeds itself.
    """
    by_method = {}
    for cell, record in records.items():
        if cell.task == task.name and "predicted" in record:
            by_method.setdefault(cell.method, {})[cell.seed] = record["predicted"]
    seeds = by_method.get(against, {}).keys()
    predicted = {
        name: np.array([found[seed] for seed in seeds]) for name, found in by_method.items() if found.keys() >= seeds
    }
    if against == HAND_MADE:
        predicted.pop(BASELINE, None)  # the same comparison the other way round
    n_needed = max(verdict.min_seeds(n_folds=1), len(by_method.get(BASELINE, {})))
    if len(seeds) < n_needed or len(predicted) < 2:
        return pd.DataFrame()
    true = _test_labels(task, runner)
    if true is None:
        return pd.DataFrame()
    frame = verdict.compare(true, predicted, against, task.measured[0], metric)
    frame.insert(0, "task", task.title)
    frame.insert(2, "against", against)
    measured = ["difference", "low", "high", "smallest_effect"]
    frame[measured] = frame[measured].round(4) + 0.0  # no -0
    return frame[["task", "method", "against", "difference", "low", "high", "verdict", "smallest_effect"]]


def _test_labels(task: Task, runner) -> np.ndarray | None:
    """Labels of the test images in the order of predictions, kept in the run's folder; None if there are none yet."""
    path: Path = runner.plan.out / FILE
    known = read_json(path) or {}
    if task.dataset in runner.datasets:
        labels = runner.parts(task.name).test.labels.tolist()
        if known.get(task.dataset) != labels:
            known[task.dataset] = labels
            write_atomically(path, json.dumps(known) + "\n")
    return np.array(known[task.dataset]) if task.dataset in known else None
