"""From finished cells to one tidy frame, which everything else renders. Does not import TensorFlow."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.files import read_json
from ...datasets.tasks import Table, Task
from ...models import BASELINE
from ..running.cell import BALANCED_ORIGINAL, Cell, cell_named, label
from ..running.plan import Plan, cells_of
from . import TASKS, compared_together, task_named

# of results.csv; the frame also has what is needed to render it: failed, labels
COLUMNS = [
    "table",
    "task",
    "dataset",
    "dropped_percent",
    "method",
    "seed",
    "metric",
    "value",
    "standard_error",
    "printed",
]
SIMILARITIES = ("ssim", "ssim_to_originals")
SCORES = ("accuracy", "f1_minority", "balanced_accuracy", "g_mean")
METRIC_LABELS = {
    "ssim": "SSIM",
    "ssim_to_originals": "SSIM to originals",
    "accuracy": "Accuracy",
    "f1_minority": "F1 score",
    "balanced_accuracy": "Balanced accuracy",
    "g_mean": "G-mean",
}
PUBLISHED_KEYS = ["table", "dataset", "method", "metric"]


def with_earlier_runs(plan: Plan, tasks: list[Task], cells: list[Cell]) -> tuple[list[Task], list[Cell]]:
    """Tasks and cells to show: those asked for, and what other commands have finished below the same folder.

    A method that is shown of one task of a dataset is shown, with as many seeds, of all its tasks that compare the same
    methods.
    """
    known = [*cells, *finished_cells(plan)]
    asked = [task.name for task in tasks]
    names = dict.fromkeys([*asked, *(cell.task for cell in known if task_named(cell.task).dropped_percent != 0)])
    order = list(dict.fromkeys(task.dataset for task in TASKS.values()))
    places = {name: place for place, name in enumerate(TASKS)}
    shown = sorted(
        map(task_named, names), key=lambda t: (order.index(t.dataset), t.dropped_percent or 0, places.get(t.name, 0))
    )
    found = []
    for group in compared_together(shown):
        like_these = (group[0].dataset, group[0].methods)
        own = [cell for cell in known if (task_named(cell.task).dataset, task_named(cell.task).methods) == like_these]
        n_seeds = {group[0].dataset: 1 + max(cell.seed for cell in own)}
        found += cells_of(group, {cell.method for cell in own}, n_seeds)
    return shown, list(dict.fromkeys(found))


def finished_cells(plan: Plan) -> list[Cell]:
    """All finished cells of the current configuration below the folder, whichever command ran them."""
    found = []
    for path in sorted(plan.out.glob("runs/*/cell.json")):
        try:
            cell = cell_named(path.parent.name.rpartition("-")[0])
            task = task_named(cell.task)
        except ValueError:
            continue
        if path.parent == replace(plan, tasks={task.name: task}).folder(cell):
            found.append(cell)
    return found


def records_of(plan: Plan, cells: list[Cell]) -> dict[Cell, dict]:
    """The record of each finished cell."""
    found = {cell: read_json(plan.folder(cell) / "cell.json") for cell in cells}
    return {cell: record for cell, record in found.items() if record is not None}


def collect(plan: Plan, tasks: list[Task], cells: list[Cell], records: dict[Cell, dict]) -> pd.DataFrame:
    """A row for each table, task, method, seed and metric; value NaN if the cell has not been run.

    `printed` is NaN if the source prints nothing; `standard_error` is that of the value, over test sets or pairs of
    images of this size.
    """
    published = published_of(tasks)
    rows = []
    for task in tasks:
        for table in task.tables:
            for cell in cells:
                if not is_of(cell, task):
                    continue
                in_tables = published["dataset"] == task.label
                is_beyond = in_tables.any() and cell.method not in set(published["method"][in_tables])
                facts = {
                    "table": table.name,
                    "task": task.name,
                    "dataset": task.label,
                    "dropped_percent": task.dropped_percent,
                    "method": cell.method,
                    "label": label(cell.method) + (" †" if is_beyond else ""),
                    "seed": cell.seed,
                    "failed": cell not in records and plan.failure_log(cell).exists(),
                }
                for metric, value, standard_error in _metrics(plan, table, task, cell, records.get(cell, {})):
                    rows.append(
                        facts
                        | {
                            "metric": metric,
                            "metric_label": _metric_label(metric, task),
                            "value": value,
                            "standard_error": standard_error,
                        }
                    )
    frame = pd.DataFrame(rows).astype({"dropped_percent": "Int64"})
    printed = published.rename(columns={"value": "printed"})[[*PUBLISHED_KEYS, "printed"]]
    return frame.merge(printed, "left", PUBLISHED_KEYS, validate="many_to_one")


def published_of(tasks: list[Task]) -> pd.DataFrame:
    """What the sources of the tasks print."""
    paths: dict[Path, None] = {task.published: None for task in tasks if task.published}
    frames = [pd.read_csv(path) for path in paths]
    return pd.concat(frames) if frames else pd.DataFrame(columns=[*PUBLISHED_KEYS, "value"])


def _metrics(plan: Plan, table: Table, task: Task, cell: Cell, record: dict):
    """(metric, value, standard error) of the table's own metrics, then of the other scores."""
    if cell.task == task.name and plan.has_ssim(cell):
        for metric in (name for name in SIMILARITIES if name in table.metrics):
            measured = record.get(metric, {})
            yield metric, measured.get("value", np.nan), measured.get("standard_error", np.nan)
    if set(table.metrics).difference(SIMILARITIES) and cell.has_classifier:
        scores = record.get("scores", {})
        errors = scores.get("standard_errors", {})
        for metric in SCORES:
            yield metric, scores.get(metric, np.nan), errors.get(metric, np.nan)
        for index in range(task.n_classes):
            yield f"recall_{index}", *_recall(scores, index)


def _recall(scores: dict, index: int) -> tuple[float, float]:
    """The recall of a class, and how much it varies over test sets of this size, by the binomial formula."""
    if not scores:
        return np.nan, np.nan
    recall, n_images = scores["recalls"][index], sum(scores["confusion"][index])
    return recall, float(np.sqrt(recall * (1.0 - recall) / max(1, n_images)))


def _metric_label(metric: str, task: Task) -> str:
    if metric in METRIC_LABELS:
        return METRIC_LABELS[metric]
    return f"Recall of {task.class_names[int(metric.removeprefix('recall_'))]}"


def is_of(cell: Cell, task: Task) -> bool:
    """Whether the cell is shown with the task."""
    if cell.method == BALANCED_ORIGINAL:
        return cell.task == task.undropped.name
    if cell.method == BASELINE and task.baseline_task:
        return cell.task == task.baseline_task
    return cell.task == task.name


def computing_seconds(records: list[dict]) -> float:
    """How long cells took with the networks that they share, which an earlier command may have trained in part."""
    of_trainings = {}
    for record in records:
        of_trainings.setdefault(record.get("training", record["cell"]), []).append(record)
    seconds = 0.0
    for of_training in of_trainings.values():
        longest = max(of_training, key=lambda record: record["wall_time_s"])
        stages = sum(longest.get(name, 0.0) for name in ("training_s", "sampling_s", "classifier_s"))
        seconds += sum(record["wall_time_s"] for record in of_training) + max(0.0, stages - longest["wall_time_s"])
    return seconds
