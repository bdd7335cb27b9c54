"""From finished pieces to tidy frames, which everything else renders. Does not import TensorFlow."""

import numpy as np
import pandas as pd

from ...datasets.files import read_json
from .data import DATASETS
from .piece import Piece
from .plan import USES, Plan

COLUMNS = ["dataset", "use", "method", "setting", "seed", "metric", "value"]


def records_of(plan: Plan) -> dict[Piece, dict]:
    """The records of all finished pieces."""
    return {piece: record for piece in plan.pieces() if (record := read_json(plan.record(piece)))}


def collect(records: dict[Piece, dict]) -> pd.DataFrame:
    """A row for each measured value, and for each that follows from others, with `COLUMNS`."""
    rows = [
        (*_where(piece), metric, value)
        for piece, record in records.items()
        for metric, value in record["values"].items()
    ]
    measured = pd.DataFrame(rows, columns=COLUMNS)
    parts = []
    for name, use in USES.items():
        of_use = measured[measured["use"] == name].reset_index(drop=True)
        parts += [of_use, use.further(of_use)]
    return pd.concat(parts, ignore_index=True).astype({"value": float})  # parts without rows have no type


def _where(piece: Piece) -> tuple:
    use = USES[piece.use]
    return DATASETS[piece.dataset].label, use.NAME, piece.asked.method, use.setting_name(piece), piece.seed


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation over seeds (NaN for one) and `is_best` of each value.

    The best of a column are those whose mean is the best as it is shown, among several methods in the same setting.
    """
    keys = [name for name in COLUMNS if name not in ("seed", "value")]
    summary = frame.groupby(keys, sort=False)["value"].agg(mean="mean", sd="std", n_seeds="count").reset_index()
    metrics = {(use, metric.name): metric for use, module in USES.items() for metric in module.METRICS}
    of_row = [metrics[key] for key in zip(summary["use"], summary["metric"], strict=True)]
    signs = np.array([{"max": 1.0, "min": -1.0, "": np.nan}[metric.best] for metric in of_row])
    shown = [round(mean, metric.n_decimals) for mean, metric in zip(summary["mean"], of_row, strict=True)]
    worth = pd.Series(signs * np.array(shown), index=summary.index)
    compared = worth.groupby([summary[name] for name in ("dataset", "use", "setting", "metric")])
    summary["is_best"] = (worth == compared.transform("max")) & (compared.transform("count") > 1)
    return summary
