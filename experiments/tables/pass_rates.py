"""How many new images pass each filter, beside how many real ones of their class do."""

import pandas as pd

from ...reports.plain_tables import PlainTable
from ..running.cell import Cell, label
from ..running.plan import Plan

TABLE = "filters"
NOTE = (
    "Filters are a chain: a later one is asked of the images that passed the earlier ones. New images of all seeds "
    "together, without `--filter` at most 500 of a class and seed; real ones are at most 1000 test images. A share "
    "of new images means something only beside that of real ones. Copies, turned or interpolated originals are like "
    "images that the classifier of `confidence` has learned from, so that they may pass more often than real test "
    "images."
)


def tables(plan: Plan, records: dict[Cell, dict]) -> list[PlainTable]:
    """The table of all tasks, if images had to pass filters."""
    found = counts(records) if plan.filters else pd.DataFrame()
    if found.empty:
        return []
    frame = shares(found)
    frame.insert(0, "Images", found["task"].map(lambda name: plan.tasks[name].title))
    return [PlainTable(TABLE, "New images that passed each filter, beside real ones of their class.", frame, (NOTE,))]


def counts(records: dict[Cell, dict]) -> pd.DataFrame:
    """A row of counts for each task, method, filter and class: new images of all seeds together, real ones of a seed,
    their mean where seeds have classifiers of their own.
    """
    rows = [
        {"task": cell.task, "method": cell.method, "filter": name, "class": of_class, **counted}
        for cell, record in records.items()
        for name, of_classes in record.get("pass_rates", {}).items()
        for of_class, counted in of_classes.items()
    ]
    if not rows:
        return pd.DataFrame()
    of_seeds = {"n_new": "sum", "n_new_passed": "sum", "n_real": "mean", "n_real_passed": "mean"}
    return pd.DataFrame(rows).groupby(["task", "method", "filter", "class"], sort=False).agg(of_seeds).reset_index()


def shares(counted: pd.DataFrame) -> pd.DataFrame:
    """The rows of `counts` as they are shown, without the task."""
    found = {
        kind: (counted[f"n_{kind}_passed"] / counted[f"n_{kind}"].where(counted[f"n_{kind}"] > 0)).astype(float)
        for kind in ("new", "real")
    }
    return pd.DataFrame(
        {
            "Method": counted["method"].map(label),
            "Filter": counted["filter"],
            "Class": counted["class"],
            "New": counted["n_new"],
            "Passed": counted["n_new_passed"],
            "Share of new": found["new"],
            "Share of real": found["real"],
        }
    )
