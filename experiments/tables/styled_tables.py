"""Tables I.5 to I.7: whether style transfer helps, and what it costs."""

import pandas as pd

from ...reports.plain_tables import PlainTable
from ..running.cell import Cell, label
from . import styled, verdict_tables


def tables(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    return [*verdict_tables.of_styled(runner, records), *costs(records)]


def costs(records: dict[Cell, dict]) -> list[PlainTable]:
    """Seconds of each method that makes images; no table if there is none."""
    titles = {task.name: task.title for task in styled.TASKS}
    rows = [
        {
            "Task": titles[cell.task],
            "Method": label(cell.method),
            "Seconds to fit": record["training_s"],
            "New images": sum(record["n_new"].values()),
            "Seconds for all": record["sampling_s"],
        }
        for cell, record in records.items()
        if cell.task in titles and "sampling_s" in record
    ]
    if not rows:
        return []
    seconds = pd.DataFrame(rows)
    seconds["Seconds per image"] = seconds["Seconds for all"] / seconds["New images"]
    by_method = seconds.groupby(["Task", "Method"], sort=False)
    frame = by_method.min().reset_index()
    frame.insert(2, "Seeds", by_method.size().to_numpy())
    notes = (
        "The smallest of the seeds, on the machine that the page of each dataset names: what ran beside it slowed some "
        "down up to twelve times, so that even a chain may seem quicker than its first method alone. Making images "
        "includes compiling what makes them.",
    )
    return [PlainTable("I.7", "What new images cost: seconds to fit each method and to make its images.", frame, notes)]
