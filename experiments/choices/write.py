"""From finished trials to a table and pictures."""

import numpy as np
import pandas as pd

from ...datasets import pictures
from ...datasets.files import read_json, write_atomically
from ...reports import figures, plain_tables
from ...reports.plain_tables import PlainTable
from ..tables.results import published_of
from .comparisons import Comparison
from .plan import Plan, Trial

TABLE, CAPTION = "L.1", "What the thesis leaves open: what was chosen, and what it could have been."
NOTES = (
    "The first form of each question is what was chosen. Forms of a question are trained equally long, but for the "
    "decoder alone, much shorter than printed, with the same random states; a figure is the mean of its trainings, "
    "which stand behind it.",
    "SSIM of random pairs of new images of the class of which half is dropped; beside it that of its originals, and "
    "what the thesis prints for the method. Named: the share of these new images that a classifier, trained on the "
    "originals, takes for the class. C: accuracy on test images of CVAE-GAN's own classifier.",
)
COLUMNS = {"ssim": "SSIM", "named": "Named as the class", "accuracy_of_c": "C on test images"}


def write_all(plan: Plan) -> None:
    """Write the table and the pictures from all finished trials of the plan."""
    records = {trial: record for trial in plan.trials() if (record := read_json(plan.record(trial)))}
    table = PlainTable(TABLE, CAPTION, frame(plan, records), (*NOTES, *unfinished_notes(plan, records)))
    path = plan.out / "choices.md"
    write_atomically(path, plain_tables.markdown(table))
    write_atomically(path.with_suffix(".tex"), plain_tables.latex(table))
    write_atomically(path.with_suffix(".csv"), table.frame.to_csv(index=False))
    print(f"{path.read_text()}\n")
    for comparison in plan.comparisons:
        write_figure(plan, comparison, records)


def unfinished_notes(plan: Plan, records: dict[Trial, dict]) -> list[str]:
    """A sentence that names the questions with forms that are not trained yet, if there are any."""
    unfinished = dict.fromkeys(trial.comparison.question for trial in plan.trials() if trial not in records)
    return [f"Not finished yet: {'; '.join(unfinished)}."] if unfinished else []


def frame(plan: Plan, records: dict[Trial, dict]) -> pd.DataFrame:
    """A row for each form with finished trials."""
    rows = []
    for comparison in plan.comparisons:
        for form in comparison.forms:
            own = [record for trial, record in records.items() if (trial.comparison, trial.form) == (comparison, form)]
            if own:
                rows.append(_row(comparison, form, own))
    return pd.DataFrame(rows)


def _row(comparison: Comparison, form: str, records: list[dict]) -> dict:
    values = pd.DataFrame([record["values"] for record in records])
    row = {"Question": comparison.question, "Form": form}
    for name, heading in COLUMNS.items():
        known = name in values
        row[heading] = values[name].mean() if known else np.nan
        if name == "ssim":
            row["Each"] = " ".join(f"{value:.4f}" for value in values[name])
            row["Originals"] = values["ssim_of_originals"].mean()
            row["Printed"] = printed_ssim(comparison)
    return row | {"Minutes": np.mean([record["training_s"] for record in records]) / 60}


def printed_ssim(comparison: Comparison) -> float:
    """What the thesis prints for the comparison's method and task."""
    task = comparison.task
    published = published_of([task])
    asked = {"dataset": task.label, "dropped_percent": task.dropped_percent, "method": comparison.method}
    chosen = published["metric"] == "ssim"
    for column, value in asked.items():
        chosen &= published[column] == value
    return float(published.loc[chosen, "value"].iloc[0])


def write_figure(plan: Plan, comparison: Comparison, records: dict[Trial, dict]) -> None:
    """New images of each form's first training below originals."""
    height, width, _ = comparison.task.image_shape
    rows = {}
    for trial in records:
        if trial.comparison is comparison and trial.random_state == 0:
            loaded = pictures.load_rows(plan.pictures(trial), height, width)
            if loaded is not None:
                rows.setdefault("originals", loaded[1])
                rows[trial.form] = loaded[0]
    if rows:
        (plan.out / "figures").mkdir(exist_ok=True)
        figures.image_rows(rows, comparison.question, plan.out / "figures" / f"{comparison.name}.png", label_inches=2.2)
