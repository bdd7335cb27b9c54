import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from class_balancing.reports.plain_tables import PlainTable, latex, markdown

FRAME = pd.DataFrame(
    {
        "Method": ["a_b", "SMOTE & more"],
        "Seed": pd.array([None, 1], "Int64"),
        "Share of real": [0.25, np.nan],
        "p": [0.0, 1.23e-7],
    }
)
TABLE = PlainTable("F.6", "100 % of them.", FRAME, ("A note: 5 %.",))


def test_missing_values_are_empty_and_small_ones_do_not_become_zero():
    lines = markdown(TABLE).splitlines()
    assert lines == [
        "**Table F.6. 100 % of them.**",
        "",
        "| Method | Seed | Share of real | p |",
        "| --- | ---: | ---: | ---: |",
        "| a_b |  | 0.2500 | 0.0000 |",
        "| SMOTE & more | 1 |  | 1e-07 |",
        "",
        "- A note: 5 %.",
    ]


def test_rows_are_sorted_by_their_values():
    assert TABLE.rows[0][1:] == [("", ""), ("0.2500", 0.25), ("0.0000", 0.0)]
    assert TABLE.rows[1][3] == ("1e-07", 1.23e-7)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_a_long_latex_table_compiles(tmp_path):
    long = PlainTable("F.6", TABLE.caption, pd.concat([FRAME] * 60), TABLE.notes)
    (tmp_path / "table.tex").write_text(latex(long))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-2000:]
    assert "Overfull" not in finished.stdout


def test_latex_escapes_what_is_special():
    text = latex(TABLE)
    for part in ("SMOTE \\& more & 1 &  & 1e{-}07 \\\\", "a\\_b &", "100 \\% of them."):
        assert part in text
