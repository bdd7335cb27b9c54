"""Tables J.1 and J.3, and the first's figure: what new images are like, beside the minutes that they took."""

import numpy as np
import pandas as pd

from ...reports.plain_tables import PlainTable
from ..running.cell import Cell, label
from . import generator_options

TABLE = "J.1"
FIGURE = "quality"
# measure of a class or of all -> heading
OF_CLASS = {
    "SSIM pairs": "SSIM of pairs",
    "SSIM pairs of originals": "SSIM, originals",
    "density": "Density",
    "coverage": "Coverage",
    "nearest": "Distance to nearest",
    "near copies": "Near copies",
    "named": "Named as the class",
}
OF_ALL = {"GAN-train": "GAN-train", "real to real": "Real to real", "GAN-test": "GAN-test"}
_OPTIONS = {task.name for task in generator_options.TASKS}
QUALITY = ("Coverage", "Named as the class", "GAN-train")  # drawn against minutes
NOTES = (
    "Minutes are those of training the networks once, and of making the new images that restore the balance.",
    "SSIM, density, coverage, distances and copies are the measured class's, by the features of a classifier that was "
    "trained on the originals. Distance to nearest: the median new image's from its nearest training image, in "
    "multiples of that between training images; far below 1 are copies. Near copies: the share that lies closer to a "
    "training image than 99 % of these to their nearest other one; in classes of fewer than 99 images only exact "
    "copies. More new images cover more.",
    "Named as the class: the share that this classifier takes for the class; GAN-test: the same over all classes. "
    "GAN-train: accuracy on real test images of a classifier that learned from as many new images as there are real "
    "ones, at most 1000 of a class, and from no real one but those of which new ones are copies; real to real: of the "
    "one that learned from all real ones. Empty where a method makes images of small classes only.",
    "Networks were trained once, and one draw of new images was measured.",
)


OF_PASSED = "With filters, GAN-train and GAN-test are those of images that had to pass none."


def tables(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    """J.1, if there is an audit of other tasks than those of `generator_options`."""
    own = {cell: record for cell, record in records.items() if cell.task not in _OPTIONS}
    return _table(TABLE, "New images by quality against minutes of computing.", runner, own)


def of_options(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    """J.3, if there is an audit of tasks of `generator_options`; what these options change."""
    own = {cell: records[cell] for cell in sorted(records, key=_dataset_and_method) if cell.task in _OPTIONS}
    caption = "New images with averaged weights, with differentiable augmentation, with both and with neither."
    return _table(generator_options.QUALITY_TABLE, caption, runner, own)


def _dataset_and_method(cell: Cell) -> tuple[str, str]:
    return cell.task.partition("-")[0], cell.method


def _table(name: str, caption: str, runner, records: dict[Cell, dict]) -> list[PlainTable]:
    frame = measured(runner, records)
    notes = (*NOTES, OF_PASSED) if runner.plan.filters else NOTES
    return [] if frame.empty else [PlainTable(name, caption, frame, notes)]


def measured(runner, records: dict[Cell, dict]) -> pd.DataFrame:
    """A row for each task and method whose images were audited."""
    rows = []
    for cell, record in records.items():
        if not (audit := record.get("audit")):
            continue
        task = runner.plan.tasks[cell.task]
        row = {"Dataset": task.title, "Method": label(cell.method), "Minutes": minutes(record)}
        for measure, heading in OF_CLASS.items():
            values = [of_class.get(measure, {}).get("value", np.nan) for of_class in audit["classes"].values()]
            row[heading] = float(np.mean(values))
        row |= {heading: audit["all"][measure].get("value", np.nan) for measure, heading in OF_ALL.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def minutes(record: dict) -> float:
    return (record.get("training_s", 0.0) + record.get("sampling_s", 0.0)) / 60
