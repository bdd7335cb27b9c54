"""The self-contained HTML pages of a run: an index with summary and tables, a page per dataset, one of networks."""

import html
import re
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from . import html_parts
from .agreement import NOTE
from .html_parts import details, document, sortable
from .plain_tables import PlainTable

# of a diagram: attributes that the page's style sets, and fractions of a pixel
SAID_BY_STYLE = re.compile(r' (text-anchor|font-family|font-size)="[^"]*"| fill="none" stroke="black"|(?<=\d)\.\d+')
BACK = '<p><a href="../index.html">Summary and tables</a></p>'
PRIVATE = (
    "Figures that show images of this dataset are in <code>{}</code> of the folder of the run. They are not part of "
    "this page, because the terms of the dataset do not allow them to be handed on."
)
AGREEMENT_HEADINGS = [
    ("Figures", ""),
    ("Agree", "n"),
    ("Differ", "n"),
    ("Cannot tell", "n"),
    ("Others' printed figures that would agree", "n"),
    ("Shift", ""),
    ("Differ, by", ""),
    ("Why", ""),
]
DIFFERENCE = " Difference is ours less what is printed."
NO_DIAGRAM = "<p>No diagram: graphviz is not installed.</p>"


def index(title: str, agreement, tables, further, compared: Path | None, pages: dict[str, Path]) -> str:
    """The first page: which printed figures agree, all tables, and links to the other pages.

    `agreement`: rows of AGREEMENT_HEADINGS. `tables`: (caption, rows of `reports.tables.summarise`,
    notes). `further`: PlainTables. `compared`: a PNG file of images of all methods. `pages`: text of a link -> path
    relative to this page.
    """
    parts = []
    if agreement:
        n_agree, n_differ, n_unknown = (sum(row[column] for row in agreement) for column in (1, 2, 3))
        parts += [
            '<h2 id="summary">Summary</h2>',
            f"<p><strong>Of {n_agree + n_differ + n_unknown} printed figures {n_agree} agree with ours, {n_differ} "
            f"differ, and of {n_unknown} the seeds and test images cannot tell.</strong></p>",
            sortable("", AGREEMENT_HEADINGS, [[(_text(cell), cell) for cell in row] for row in agreement]),
            f"<p>{html.escape(NOTE)}</p>",
        ]
    if compared:
        parts.append(html_parts.figures("Original images and those of each method.", [compared]))
    links = "".join(f'<li><a href="{path.as_posix()}">{html.escape(text)}</a></li>' for text, path in pages.items())
    parts += [
        '<h2 id="tables">Tables</h2>',
        f"<p>Click a heading to sort.{DIFFERENCE if agreement else ''}</p>",
        *(_table_section(*table) for table in tables),
        *(plain_section(table) for table in further),
        f'<h2 id="pages">Figures, configurations, networks</h2><ul>{links}</ul>',
    ]
    sections = {"summary": "Summary"} if agreement else {}
    return document(title, sections | {"tables": "Tables", "pages": "Figures, configurations, networks"}, parts)


def _text(cell: str | float) -> str:
    """Of a summary's cell; floats are shares."""
    return f"{cell:.0%}" if isinstance(cell, float) else str(cell)


def dataset(title: str, figures, private: str | None, cells, configurations, environments) -> str:
    """Everything about one dataset except its tables.

    `figures`: (path of a PNG file, caption), those of one caption together. `private`: where figures are that may not
    be handed on with this page. `cells`: (name, seconds, figures in words).
    `configurations` and `environments`: (heading, text).
    """
    parts = [
        BACK,
        '<h2 id="figures">Figures</h2>',
        *_figures(figures),
        *([f"<p>{PRIVATE.format(html.escape(private))}</p>"] if private else []),
        '<h2 id="configuration">Configuration and versions</h2>',
        *(details(*item) for item in (*configurations, *environments)),
        '<h2 id="cells">Cells</h2>',
        "<p>The cell that was computed first with a training includes it; a resumed cell counts only its time since "
        "resuming.</p>",
        sortable(
            f"{len(cells)} finished cells, {sum(seconds for _, seconds, _ in cells) / 3600:.1f} hours",
            [("Cell", ""), ("Seconds", "n"), ("Result", "")],
            [[(name, name), (f"{seconds:.1f}", seconds), (words, words)] for name, seconds, words in cells],
        ),
    ]
    return document(title, {name: name.capitalize() for name in ("figures", "configuration", "cells")}, parts)


def figures_alone(title: str, figures) -> str:
    """A page of (path of a PNG file, caption)."""
    return document(title, {}, [BACK, *_figures(figures)])


def _figures(figures) -> list[str]:
    by_caption = groupby(figures, key=itemgetter(1))
    return [html_parts.figures(caption, [path for path, _ in paths]) for caption, paths in by_caption]


def of_table(table: PlainTable, picture: Path) -> str:
    """A page of one table, with a PNG file that shows it."""
    return document(table.title, {}, [BACK, html_parts.figures("", [picture]), plain_section(table)])


def networks(title: str, found) -> str:
    """`found`: (caption, rows of text with a heading first, SVG or None) of each network."""
    return document(title, {}, [BACK, *(_network(*network) for network in found)])


def _table_section(caption: str, summary: pd.DataFrame, notes: list[str]) -> str:
    parts = [f"<h3>{html.escape(caption)}</h3>", '<div class="tables">']
    for (metric, dataset), rows in summary.groupby(["metric_label", "dataset"], sort=False):
        shown = slice(None) if rows["printed"].notna().any() else _WITHOUT_PRINT
        cells = [_row(row)[shown] for row in rows.itertuples()]
        parts.append(sortable(f"{metric}, {dataset}", _HEADINGS[shown], cells))
    return "\n".join([*parts, "</div>", _notes(notes)])


def plain_section(table: PlainTable) -> str:
    parts = [f"<h3>{html.escape(table.title)}</h3>", sortable("", table.headings, table.rows), _notes(table.notes)]
    return "\n".join(parts)


def _notes(notes) -> str:
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<details class="notes"><summary>Notes</summary><ul>{items}</ul></details>'


_HEADINGS = [("Method", ""), ("Ours ± sd", "n"), ("Printed", "n"), ("Difference", "n"), ("Mark", "")]
_WITHOUT_PRINT = slice(2)  # of these headings, where nothing is printed


def _row(row) -> list[tuple[str, object]]:
    """(text, sort key) of each cell."""
    difference = row.mean - row.printed
    if row.failed:
        ours = "failed"
    elif np.isnan(row.mean):
        ours = "not run"
    else:
        ours = f"{row.mean:.4f}" if np.isnan(row.sd) else f"{row.mean:.4f} ± {row.sd:.4f}"
        if row.n_measured < row.n_seeds:
            ours += f" ({row.n_measured} of {row.n_seeds} seeds)"
    return [
        (row.label, row.label),
        (ours, "" if np.isnan(row.mean) else row.mean),
        _number(row.printed, ".4f"),
        _number(difference, "+.4f"),
        (row.mark, row.mark),
    ]


def _number(value: float, form: str) -> tuple[str, object]:
    return ("", "") if np.isnan(value) else (format(value, form), value)


def _network(caption: str, rows: list[list[str]], svg: str | None) -> str:
    head, *rest = [f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows]
    head = f"<thead>{head.replace('td>', 'th>')}</thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{"".join(rest)}</tbody></table></div>'
    diagram = SAID_BY_STYLE.sub("", svg or NO_DIAGRAM)
    return f"<details><summary>{html.escape(caption)}</summary>{table}{diagram}</details>"
