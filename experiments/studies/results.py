"""What is finished, in few small files that can be committed: everything that is shown is made from these alone.

    OUT/cells.csv             a row for each cell: scores, seconds, a short hash of the configuration
    OUT/predictions/TASK.npz  what classifiers predicted of a task's test images, and the true classes
    OUT/failures.csv          of each entry that failed the first seed that did, and why
    OUT/environments.json     all environments in which cells ran

The records of cells, in OUT/runs, are needed no more once all seeds of an entry are here.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.files import read_json, write_archive, write_atomically, write_json
from ...datasets.image_dataset import ImageDataset
from ...evaluation.protocol import part_indices
from ...models import named
from ..command_line import UsageError
from ..running.cell import Cell
from ..running.plan import digest
from .order import Entry, Study
from .tasks import PROTOCOL, STUDIED

CELLS, PREDICTIONS, FAILURES, ENVIRONMENTS = "cells.csv", "predictions", "failures.csv", "environments.json"
SCORES = ("balanced_accuracy", "f1_minority", "accuracy")
SECONDS = {"training_seconds": "training_s", "sampling_seconds": "sampling_s", "classifier_seconds": "classifier_s"}
COLUMNS = ["task", "method", "seed", *SCORES, *SECONDS, "configuration"]
FAILURE_COLUMNS = ["task", "method", "seed", "reason", "configuration"]


@dataclass
class Results:
    """`cells` with COLUMNS, `failures` with FAILURE_COLUMNS; of each task the true classes (n,) of its test images, and
    predictions (n_seeds, n) of each method, all uint8.
    """

    cells: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    failures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=FAILURE_COLUMNS))
    true: dict[str, np.ndarray] = field(default_factory=dict)
    predicted: dict[Entry, np.ndarray] = field(default_factory=dict)

    def current(self, study: Study) -> dict[Entry, pd.DataFrame]:
        """The rows of each entry all seeds of which were measured with the present configuration."""
        found, by_entry = {}, self.cells.groupby(["task", "method"], sort=False)
        for entry in self.known_entries():
            rows = by_entry.get_group(entry).sort_values("seed")
            if entry not in self.predicted:
                continue
            if len(self.predicted[entry]) == study.n_seeds and rows["configuration"].tolist() == study.digests(entry):
                found[entry] = rows
        return found

    def known_entries(self) -> list[Entry]:
        """Those with rows in `cells` whose task and method there still are."""
        keys = self.cells[["task", "method"]].drop_duplicates().itertuples(index=False)
        return [entry for key in keys if _is_known(entry := Entry(*key))]

    def failed(self, study: Study) -> dict[Entry, str]:
        """Why each entry failed that did, with the present configuration."""
        return {
            Entry(row.task, row.method): row.reason
            for row in self.failures.itertuples()
            if _is_known(Entry(row.task, row.method))
            and row.seed < study.n_seeds
            and study.digests(Entry(row.task, row.method))[row.seed] == row.configuration
        }


def _is_known(entry: Entry) -> bool:
    """Whether there is still such a task and such a method."""
    try:
        named(entry.method)
    except ValueError:
        return False
    return entry.task in STUDIED


def read(out: Path) -> Results:
    """What the files below a folder hold; empty if there are none. Raises UsageError if one is damaged."""
    found = Results()
    path = out / CELLS
    try:
        if path.exists():
            found.cells = pd.read_csv(path, dtype={"configuration": str})[COLUMNS]
            if found.cells[["task", "method", "seed", "configuration"]].isna().any(axis=None):
                raise ValueError("rows without what was measured")
        path = out / FAILURES
        if path.exists():
            text = {"configuration": str, "reason": str}
            found.failures = pd.read_csv(path, dtype=text, keep_default_na=False)[FAILURE_COLUMNS]
        for path in sorted((out / PREDICTIONS).glob("*.npz")):
            with np.load(path) as arrays:
                found.true[path.stem] = arrays["true"]
                by_method = zip(arrays["methods"].tolist(), arrays["predicted"], strict=True)
                found.predicted |= {Entry(path.stem, method): predicted for method, predicted in by_method}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if getattr(error, "errno", None):  # of the disk or of its rights, which says nothing about the file
            raise
        raise UsageError(f"{path} is damaged; take it from the repository again, or move it away") from error
    return found


def collect(study: Study, entries: Iterable[Entry], dataset: ImageDataset) -> Results:
    """Move what is finished of these entries of a dataset from the records below the study's folder to its files.

    An entry is taken once all its seeds are finished; what the files hold of it from before is then replaced. Of others
    it is noted if they failed. Returns all that the files hold.
    """
    found, rows, failures, environments = read(study.out), [], [], {}
    for entry in entries:
        cells = study.cells(entry)
        records = [read_json(study.plan.folder(cell) / "cell.json") for cell in cells]
        failed = [failure for cell in cells if (failure := _failure(study, cell))]
        if all(records):
            of_seeds = zip(cells, records, study.digests(entry), strict=True)
            rows += [_row(cell, record, configuration) for cell, record, configuration in of_seeds]
            found.true[entry.task] = _test_labels(entry.task, dataset)
            found.predicted[entry] = np.array([record["predicted"] for record in records], np.uint8)
            environments |= {json.dumps(record["environment"]): None for record in records}
        failures += failed[:1]
    taken, failed = ({Entry(row["task"], row["method"]) for row in of} for of in (rows, failures))
    for entry in taken:  # what was measured with another number of seeds or test images cannot stand beside it
        shape = found.predicted[entry].shape
        found.predicted = {e: p for e, p in found.predicted.items() if e.task != entry.task or p.shape == shape}
    found.cells = _replaced(found.cells, rows, taken)
    found.failures = _replaced(found.failures, failures, taken | failed)
    _write(study.out, found, {entry.task for entry in taken}, list(environments))
    return found


def _replaced(frame: pd.DataFrame, rows: list[dict], entries: set[Entry]) -> pd.DataFrame:
    """The frame with these rows in place of all that it had of these entries."""
    kept = [row for row in frame.to_dict("records") if Entry(row["task"], row["method"]) not in entries]
    return pd.DataFrame([*kept, *rows], columns=frame.columns)


def _row(cell: Cell, record: dict, configuration: str) -> dict:
    scores = {name: round(record["scores"][name], 5) for name in SCORES}
    seconds = {name: record.get(key, 0.0) for name, key in SECONDS.items()}
    facts = {"task": cell.task, "method": cell.method, "seed": cell.seed, "configuration": configuration}
    return facts | scores | seconds


def _failure(study: Study, cell: Cell) -> dict | None:
    """A row of `failures` if the last attempt at a cell that is not finished failed."""
    log = study.plan.failure_log(cell)
    if not log.exists() or study.plan.is_finished(cell):
        return None
    reason = log.read_text().strip().splitlines()[-1]
    configuration = digest(study.plan.configuration(cell))
    facts = {"task": cell.task, "method": cell.method, "seed": cell.seed}
    return facts | {"reason": reason, "configuration": configuration}


def _test_labels(task: str, dataset: ImageDataset) -> np.ndarray:
    asked = STUDIED[task].task
    indices, _ = part_indices(dataset.labels, asked, PROTOCOL, official=dataset.official_parts)
    return dataset.labels[indices["test"]].astype(np.uint8)


def _write(out: Path, results: Results, tasks: set[str], environments: list[str]) -> None:
    """Predictions first: what has no row in `cells.csv` is measured again, but no row is without predictions."""
    (out / PREDICTIONS).mkdir(parents=True, exist_ok=True)
    for task in sorted(tasks & results.true.keys()):
        own = {entry.method: predicted for entry, predicted in results.predicted.items() if entry.task == task}
        arrays = {"methods": np.array(list(own)), "true": results.true[task], "predicted": np.stack(list(own.values()))}
        write_archive(out / PREDICTIONS / f"{task}.npz", arrays)
    for name, frame in ((CELLS, results.cells), (FAILURES, results.failures)):
        ordered = frame.sort_values(["task", "method", "seed"], kind="stable")
        write_atomically(out / name, ordered.to_csv(index=False))
    known = read_json(out / ENVIRONMENTS) or []
    known += [found for found in map(json.loads, environments) if found not in known]
    write_json(out / ENVIRONMENTS, known)
