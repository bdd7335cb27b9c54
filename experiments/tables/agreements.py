"""How many printed figures of each dataset and metric agree with ours, which differ, by how much, and why."""

import numpy as np
import pandas as pd

from ...datasets.tasks import Task
from ...reports import agreement


def rows(summary: pd.DataFrame, tasks: list[Task]) -> list[tuple]:
    """Of `reports.page.AGREEMENT_HEADINGS`, from rows of `reports.tables.summarise`."""
    found = []
    marked = summary[summary["mark"] != ""]
    for (dataset, metric, metric_label), own in marked.groupby(["dataset", "metric", "metric_label"], sort=False):
        counts = own["mark"].value_counts()
        different = own[own["mark"] == agreement.DIFFERS]
        distinct = own.drop_duplicates(["method", "mean", "printed"])  # one run may stand in two tables
        of_tables = [agreement.neighbours_marked(of_table) for _, of_table in own.groupby("table")]
        by = [f"{row.label} ({row.table}) {row.mean - row.printed:+.3f}" for row in different.itertuples()]
        found.append(
            (
                f"{dataset}, {metric_label}",
                *(int(counts.get(mark, 0)) for mark in agreement.MARKS),
                float(np.nanmean(of_tables)) if np.isfinite(of_tables).any() else "",
                agreement.shift((distinct["mean"] - distinct["printed"]).to_numpy()),
                ", ".join(by),
                " ".join(_reasons(different, metric, [task for task in tasks if task.label == dataset])),
            )
        )
    return found


def _reasons(different: pd.DataFrame, metric: str, tasks: list[Task]) -> list[str]:
    """The tasks' explanations of these rows of a metric, the first that fits each, once."""
    explanations = dict.fromkeys(explanation for task in tasks for explanation in task.explanations)
    reasons = {}
    for row in different.itertuples():
        fitting = [
            explanation
            for explanation in explanations
            if row.method in (explanation.methods or [row.method]) and metric in (explanation.metrics or [metric])
        ]
        if fitting:
            reasons[fitting[0].text] = None
    return list(reasons)
