"""Tables of anything, as Markdown and LaTeX; those of methods and metrics are in `reports.tables`."""

from dataclasses import dataclass

import pandas as pd

from .latex import document, escape

SMALLEST_PLAIN = 1e-4
MANY_COLUMNS, VERY_MANY_COLUMNS = 14, 18  # more need smaller letters to fit on a page; still more, a page on its side


@dataclass(frozen=True)
class PlainTable:
    """A table as it is shown: the columns of `frame` are its headings, a missing value is an empty cell.

    `name` is the number of the table, as in names of files.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"Table {self.name}. {self.caption}"

    @property
    def headings(self) -> list[tuple[str, str]]:
        """(text, "n" for numbers or "") of each column."""
        return [(name, "n" * pd.api.types.is_numeric_dtype(kind)) for name, kind in self.frame.dtypes.items()]

    @property
    def rows(self) -> list[list[tuple[str, object]]]:
        """(text, sort key) of each cell."""
        columns = [self.frame[name].tolist() for name in self.frame]
        return [
            [(_text(value), "" if pd.isna(value) else value) for value in row] for row in zip(*columns, strict=True)
        ]


def markdown(table: PlainTable) -> str:
    texts = [text for text, _ in table.headings]
    rules = ["---:" if kind else "---" for _, kind in table.headings]
    lines = [f"**{table.title}**", "", *("| " + " | ".join(cells) + " |" for cells in (texts, rules))]
    lines += ["| " + " | ".join(text for text, _ in row) + " |" for row in table.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes), ""])


def latex(table: PlainTable) -> str:
    """The same table as LaTeX, on several pages if it is long; see `reports.latex.document`."""
    columns = "".join("r" if kind else "l" for _, kind in table.headings)
    is_wide, is_very_wide = len(columns) > MANY_COLUMNS, len(columns) > VERY_MANY_COLUMNS
    size, gap = ("tiny", 1) if is_very_wide else ("scriptsize", 1.5) if is_wide else ("footnotesize", 3)
    lines = [f"{{\\{size}\\setlength\\tabcolsep{{{gap:g}pt}}", f"\\begin{{longtable}}{{{columns}}}"]
    lines.append(
        f"\\multicolumn{{{len(columns)}}}{{p{{0.9\\textwidth}}}}{{\\textbf{{{escape(table.title)}}}}}\\\\[1ex]"
    )
    lines.append("\\hline " + " & ".join(_narrow(text) for text, _ in table.headings) + " \\\\ \\hline\\endhead")
    lines += [" & ".join(escape(text) for text, _ in row) + " \\\\" for row in table.rows]
    lines += ["\\hline\\end{longtable}", "\\raggedright"]
    lines += [escape(note) + "\\\\" for note in table.notes]
    lines.append("}")
    if is_very_wide:
        lines = ["\\begin{landscape}", *lines, "\\end{landscape}"]
    return document("\n".join(lines), packages=("lscape", "longtable"))


def _narrow(heading: str) -> str:
    """One word below the other."""
    words = "\\\\".join(map(escape, heading.split()))
    return f"\\begin{{tabular}}[b]{{@{{}}l@{{}}}}{words}\\end{{tabular}}"


def _text(value) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or abs(value) >= SMALLEST_PLAIN else f"{value:.0e}"
    return str(value)
