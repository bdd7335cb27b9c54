"""The table of a training: a row for each epoch, with each loss's mean and the seconds that it took."""

import io
from pathlib import Path

import pandas as pd

from ...datasets.files import set_aside

COLUMNS = ("epoch", "seconds")  # beside the losses


def read_history(path: Path) -> pd.DataFrame:
    """The rows of a `history.csv`; none if there is no file. A damaged one is set aside, named on standard error."""
    nothing = pd.DataFrame(columns=COLUMNS)
    if not path.exists():
        return nothing
    try:
        return _whole(path.read_text())
    except ValueError:  # which pandas' errors are too
        set_aside(path, "what it tells of finished epochs is left out")
        return nothing


def _whole(text: str) -> pd.DataFrame:
    """The rows of a table that ends with a whole row of numbers; raises ValueError for any other."""
    rows = pd.read_csv(io.StringIO(text))
    is_whole = text.endswith("\n") and set(COLUMNS) <= set(rows.columns)
    if not is_whole or rows.isna().any(axis=None) or not all(map(pd.api.types.is_numeric_dtype, rows.dtypes)):
        raise ValueError("not a whole table of numbers")
    return rows
