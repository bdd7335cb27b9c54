"""Tables C.1-C.8 and their like, as Markdown and LaTeX.

Results are a pandas.DataFrame with a row a measurement and the columns table, dataset, dropped_percent, variant,
seed, metric, value, thesis (NaN where nothing was printed), standard_error (of the value, over test sets or pairs of
images of this size) and failed (bool).
"""

import numpy as np
import pandas as pd

from reports.latex import document, escape

VARIANT_LABELS = {
    "original": "Original images",
    "unbalanced": "Unbalanced original",
    "balanced_original": "Balanced original",
    "geometric": "geom. trans.",
    "cvae": "CVAE",
    "cvae_gan": "CVAE-GAN",
    "bagan": "BAGAN",
    "random_oversampling": "random oversampling †",
    "smote": "SMOTE †",
    "adasyn": "ADASYN †",
    "class_weights": "class weights †",
}
METRIC_LABELS = {"ssim": "SSIM", "accuracy": "Accuracy", "f1_minority": "F1 score"}
CONSISTENCY_Z = 1.96
BEYOND_THESIS = "† Beyond the thesis, which describes these rivals (section 1.2) or leaves them out, and measures none."
CONSISTENCY = (
    "Consistent (✓) means that the printed figure, a single run, lies within 1.96 standard errors of our mean. For "
    "accuracy and F1 they combine the spread over our seeds with the sampling error of both test sets, for SSIM they "
    "are the spread over seeds, each of which draws other images and pairs, or where it is larger the error over pairs."
)


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """One row per (table, dataset, dropped_percent, variant, metric): mean, sd over seeds, thesis, consistent.

    `sd` is NaN for one seed, `consistent` None where nothing was printed or a seed failed.
    """
    keys = ["table", "dataset", "dropped_percent", "variant", "metric"]
    rows = []
    for key, group in results.groupby(keys, sort=False):
        thesis, failed = group["thesis"].iloc[0], bool(group["failed"].any())
        mean, sd, n_measured = group["value"].mean(), group["value"].std(ddof=1), group["value"].count()
        sampling = (group["standard_error"] ** 2).mean()
        between_seeds = 0.0 if np.isnan(sd) else sd**2
        if key[-1] == "ssim":  # each seed draws other pairs, so its spread holds the sampling error
            variance = max(between_seeds, sampling) * (1 + 1 / max(1, n_measured))
        else:
            variance = between_seeds * (1 + 1 / max(1, n_measured)) + 2 * sampling
        error = np.sqrt(variance)
        known = not failed and not np.isnan(thesis) and not np.isnan(mean)
        consistent = bool(abs(mean - thesis) <= CONSISTENCY_Z * error) if known else None
        row = {"thesis": thesis, "mean": mean, "sd": sd, "n_seeds": len(group), "n_measured": n_measured}
        rows.append(dict(zip(keys, key, strict=True)) | row | {"consistent": consistent, "failed": failed})
    return pd.DataFrame(rows)


def layout(summary: pd.DataFrame) -> tuple[list[str], list[str], dict]:
    """Row labels, column labels and summary rows by (row, column), as the thesis arranges the table.

    SSIM alone: datasets as rows, variants as columns. Else variants as rows, metrics as columns.
    """
    only_ssim = set(summary["metric"]) == {"ssim"}
    cells = {}
    for row in summary.to_dict("records"):
        variant, metric = VARIANT_LABELS[row["variant"]], METRIC_LABELS[row["metric"]]
        cells[(row["dataset"], variant) if only_ssim else (variant, metric)] = row
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
    if np.isnan(row["thesis"]):
        return ours
    mark = {True: "✓", False: "✗", None: ""}[row["consistent"]]
    return f"{ours} (thesis {row['thesis']:.4f}) {mark}".strip()


def _latex_cell(text: str) -> str:
    ours, parenthesis, rest = text.partition(" (")
    if not parenthesis:
        return escape(ours)
    return f"\\begin{{tabular}}{{@{{}}l@{{}}}}{escape(ours)}\\\\({escape(rest)}\\end{{tabular}}"
