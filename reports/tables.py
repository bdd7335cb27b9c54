"""Tables C.1-C.8 and the like, as Markdown and LaTeX.

Results are a pandas.DataFrame with a row per measurement and the columns table, task, dataset, method, label (of the
method), seed, metric, metric_label, value, printed (NaN if nothing was printed), standard_error (of the value, over
test sets or pairs of images of this size) and failed (bool).
"""

import numpy as np
import pandas as pd

from . import agreement
from .latex import document, escape


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each table, task, method and metric: mean, sd over seeds, printed, half_width, mark.

    `sd` is NaN for one seed; `half_width` is that of the interval of the difference from the printed figure; `mark` is
    one of `agreement.MARKS`, or empty if nothing was printed or measured, or a seed failed.
    """
    keys = ["table", "task", "dataset", "method", "label", "metric", "metric_label"]
    rows = []
    for key, group in results.groupby(keys, sort=False):
        printed, failed, metric = group["printed"].iloc[0], bool(group["failed"].any()), key[5]
        measured = group[group["value"].notna()]
        values = measured["value"].to_numpy()
        half = agreement.half_width(values, measured["standard_error"].to_numpy(), metric)
        mean = group["value"].mean()
        known = not failed and not np.isnan(printed) and not np.isnan(mean)
        row = {
            "printed": printed,
            "mean": mean,
            "sd": group["value"].std(ddof=1),
            "n_seeds": len(group),
            "n_measured": len(values),
            "half_width": half,
            "mark": agreement.mark(mean - printed, half, metric) if known else "",
            "failed": failed,
        }
        rows.append(dict(zip(keys, key, strict=True)) | row)
    return pd.DataFrame(rows)


def layout(summary: pd.DataFrame) -> tuple[list[str], list[str], dict]:
    """Row labels, column labels and summary rows by (row, column), as the thesis arranges the table.

    SSIM alone: datasets as rows, methods as columns. Else methods as rows, metrics (of each dataset) as columns.
    """
    only_ssim = set(summary["metric"]) == {"ssim"}
    several = summary["dataset"].nunique() > 1
    cells = {}
    for row in summary.to_dict("records"):
        metric = f"{row['metric_label']}, {row['dataset']}" if several else row["metric_label"]
        cells[(row["dataset"], row["label"]) if only_ssim else (row["label"], metric)] = row
    return list(dict.fromkeys(r for r, _ in cells)), list(dict.fromkeys(c for _, c in cells)), cells


def markdown(summary: pd.DataFrame, caption: str, notes: list[str]) -> str:
    """One table of `summarise`, with notes below."""
    rows, columns, cells = layout(summary)
    lines = [f"**{caption}**", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        lines.append(f"| {row} | " + " | ".join(_cell(cells.get((row, column))) for column in columns) + " |")
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])


def latex(summary: pd.DataFrame, caption: str, notes: list[str]) -> str:
    """The same table as LaTeX; see `reports.latex.document`."""
    rows, columns, cells = layout(summary)
    lines = ["\\begin{table}[ht]\\centering\\small", f"\\textbf{{{escape(caption)}}}\\\\[1ex]"]
    lines.append("\\resizebox{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}{!}{%")  # shrunk only if too wide
    lines.append("\\begin{tabular}{l" + "l" * len(columns) + "}\\hline")
    lines.append(" & ".join(["", *map(escape, columns)]) + " \\\\ \\hline")
    for row in rows:
        texts = [_latex_cell(_cell(cells.get((row, column)))) for column in columns]
        lines.append(" & ".join([escape(row), *texts]) + " \\\\")
    lines.append("\\hline\\end{tabular}}\n\n\\raggedright\\footnotesize")
    lines += [escape(note) + "\\\\" for note in notes]
    return document("\n".join([*lines, "\\end{table}"]), packages=("graphicx",))


def _cell(row: dict | None) -> str:
    if row is None:
        return ""
    if row["failed"]:
        return "failed"
    if np.isnan(row["mean"]):
        ours = "not run"
    elif np.isnan(row["sd"]):
        ours = f"{row['mean']:.4f}"
    else:
        ours = f"{row['mean']:.4f} ± {row['sd']:.4f}"
    if 0 < row["n_measured"] < row["n_seeds"]:
        ours += f", {row['n_measured']} of {row['n_seeds']} seeds"
    if np.isnan(row["printed"]):
        return ours
    mark = agreement.MARKS.get(row["mark"], "")
    return f"{ours} (printed {row['printed']:.4f}) {mark}".strip()


def _latex_cell(text: str) -> str:
    ours, parenthesis, rest = text.partition(" (")
    if not parenthesis:
        return escape(ours)
    return f"\\begin{{tabular}}{{@{{}}l@{{}}}}{escape(ours)}\\\\({escape(rest)}\\end{{tabular}}"
