"""From finished cells to one tidy frame, which everything else renders. Does not import TensorFlow."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.tasks import Table, Task
from ..running.cell import BALANCED_ORIGINAL, Cell, cell_named, label
from ..running.plan import Plan, cells_of
from . import TASKS, task_named

# of results.csv; the frame also has what is needed to render it: standard_error, failed, labels
COLUMNS = ["table", "task", "dataset", "dropped_percent", "method", "seed", "metric", "value", "printed"]
SCORES = ("accuracy", "f1_minority", "balanced_accuracy", "g_mean")
METRIC_LABELS = {
    "ssim": "SSIM",
    "accuracy": "Accuracy",
    "f1_minority": "F1 score",
    "balanced_accuracy": "Balanced accuracy",
    "g_mean": "G-mean",
}
PUBLISHED_KEYS = ["table", "dataset", "method", "metric"]


def with_earlier_runs(plan: Plan, tasks: list[Task], cells: list[Cell]) -> tuple[list[Task], list[Cell]]:
    """Tasks and cells to show: those asked for, and what other commands have finished below the same folder.

    A method that is shown for one task of a dataset is shown for all its tasks, with the same number of seeds.
    """
    known = [*cells, *finished_cells(plan)]
    asked = [task.name for task in tasks]
    names = dict.fromkeys([*asked, *(cell.task for cell in known if task_named(cell.task).dropped_percent != 0)])
    order = list(dict.fromkeys(task.dataset for task in TASKS.values()))
    shown = sorted(map(task_named, names), key=lambda task: (order.index(task.dataset), task.dropped_percent or 0))
    found = []
    for dataset in dict.fromkeys(task.dataset for task in shown):
        of_dataset = [cell for cell in known if task_named(cell.task).dataset == dataset]
        n_seeds = {dataset: 1 + max(cell.seed for cell in of_dataset)}
        methods = {cell.method for cell in of_dataset}
        found += cells_of([task for task in shown if task.dataset == dataset], methods, n_seeds)
    return shown, found


def finished_cells(plan: Plan) -> list[Cell]:
    """All finished cells of the current configuration below the folder, whichever command ran them."""
    found = []
    for path in sorted(plan.out.glob("runs/*/cell.json")):
        try:
            cell = cell_named(path.parent.name.rpartition("-")[0])
            task = task_named(cell.task)
        except ValueError:
            continue
        if path.parent == Plan(plan.out, {task.name: task}, plan.schedule, plan.protocol).folder(cell):
            found.append(cell)
    return found


def records_of(plan: Plan, cells: list[Cell]) -> dict[Cell, dict]:
    """The record of each finished cell."""
    paths = {cell: plan.folder(cell) / "cell.json" for cell in cells}
    return {cell: json.loads(path.read_text()) for cell, path in paths.items() if path.exists()}


def collect(plan: Plan, tasks: list[Task], cells: list[Cell], records: dict[Cell, dict]) -> pd.DataFrame:
    """A row for each table, task, method, seed and metric; value NaN if the cell has not been run.

    `printed` is NaN if the source prints nothing; `standard_error` is that of the value, over test sets or pairs of
    images of this size.
    """
    published = _published(tasks)
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
                    "failed": cell not in records and (plan.folder(cell) / "failed.log").exists(),
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
    frame = pd.DataFrame(rows)
    printed = published.rename(columns={"value": "printed"})[[*PUBLISHED_KEYS, "printed"]]
    return frame.merge(printed, "left", PUBLISHED_KEYS, validate="many_to_one")


def _published(tasks: list[Task]) -> pd.DataFrame:
    paths: dict[Path, None] = {task.published: None for task in tasks if task.published}
    frames = [pd.read_csv(path) for path in paths]
    return pd.concat(frames) if frames else pd.DataFrame(columns=[*PUBLISHED_KEYS, "value"])


def _metrics(plan: Plan, table: Table, task: Task, cell: Cell, record: dict):
    """(metric, value, standard error) of the table's own metrics, then of the other scores."""
    if "ssim" in table.metrics and cell.task == task.name and plan.has_ssim(cell):
        measured = record.get("ssim", {})
        yield "ssim", measured.get("value", np.nan), measured.get("standard_error", np.nan)
    if set(table.metrics) - {"ssim"} and cell.has_classifier:
        scores = record.get("scores", {})
        errors = scores.get("standard_errors", {})
        for metric in SCORES:
            yield metric, scores.get(metric, np.nan), errors.get(metric, np.nan)
        for index in range(task.n_classes):
            yield f"recall_{index}", scores["recalls"][index] if scores else np.nan, np.nan


def _metric_label(metric: str, task: Task) -> str:
    if metric in METRIC_LABELS:
        return METRIC_LABELS[metric]
    return f"Recall of {task.class_names[int(metric.removeprefix('recall_'))]}"


def seconds_of(records: dict[Cell, dict]) -> float:
    return sum(record["wall_time_s"] for record in records.values())


def is_of(cell: Cell, task: Task) -> bool:
    """Whether the cell is shown with the task."""
    return cell.task == task.name or (cell.method == BALANCED_ORIGINAL and cell.task == task.undropped.name)
