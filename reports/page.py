"""One self-contained HTML page of a run: tables, figures, networks, configuration, and what each cell cost."""

import html
import re
from itertools import groupby
from operator import itemgetter

import numpy as np
import pandas as pd

from reports import html_parts
from reports.html_parts import details, document, sortable
from reports.tables import METRIC_LABELS, VARIANT_LABELS

# of a diagram: attributes that the page's style sets, and fractions of a pixel
SAID_BY_STYLE = re.compile(r' (text-anchor|font-family|font-size)="[^"]*"| fill="none" stroke="black"|(?<=\d)\.\d+')
NO_DIAGRAM = "<p>No diagram: graphviz is not installed.</p>"


def render(title: str, tables, figures, networks, cells, configurations, environments) -> str:
    """The page as a string that needs no other file.

    `tables`: (caption, rows of `reports.tables.summarise`, notes). `figures`: (path of a PNG file, caption), those of
    one caption together. `networks`: (caption, rows of text with a heading first, SVG or None). `cells`: (name,
    seconds, figures in words). `configurations` and `environments`: (heading, text).
    """
    parts = [
        '<h2 id="tables">Tables</h2>',
        "<p>Click a heading to sort. Difference is ours less the thesis's.</p>",
        *(_table_section(*table) for table in tables),
        '<h2 id="figures">Figures</h2>',
        *(
            html_parts.figures(caption, [path for path, _ in paths])
            for caption, paths in groupby(figures, key=itemgetter(1))
        ),
        '<h2 id="networks">Networks</h2>',
        *(_network(*network) for network in networks),
        '<h2 id="configuration">Configuration and versions</h2>',
        *(details(*item) for item in (*configurations, *environments)),
        '<h2 id="cells">Cells</h2>',
        "<p>The first seed of a method counts its training; a cell that was continued only the time since it was.</p>",
        sortable(
            f"{len(cells)} finished cells, {sum(seconds for _, seconds, _ in cells) / 3600:.1f} hours",
            [("Cell", ""), ("Seconds", "n"), ("Result", "")],
            [[(name, name), (f"{seconds:.1f}", seconds), (words, words)] for name, seconds, words in cells],
        ),
    ]
    sections = ("tables", "figures", "networks", "configuration", "cells")
    return document(title, {name: name.capitalize() for name in sections}, parts)


def _table_section(caption: str, summary: pd.DataFrame, notes: list[str]) -> str:
    parts = [f"<h3>{html.escape(caption)}</h3>", '<div class="tables">']
    for (metric, dataset), rows in summary.groupby(["metric", "dataset"], sort=False):
        parts.append(
            sortable(f"{METRIC_LABELS[metric]}, {dataset}", _HEADINGS, [_row(row) for row in rows.itertuples()])
        )
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return "\n".join([*parts, "</div>", f'<details class="notes"><summary>Notes</summary><ul>{items}</ul></details>'])


_HEADINGS = [("Variant", ""), ("Thesis", "n"), ("Ours ± sd", "n"), ("Difference", "n"), ("Consistent", "")]


def _row(row) -> list[tuple[str, object]]:
    """(text, sort key) of each cell."""
    difference = row.mean - row.thesis
    consistent = {True: "yes", False: "no"}.get(row.consistent, "")
    if row.failed:
        ours = "failed"
    elif np.isnan(row.mean):
        ours = "not run"
    else:
        ours = f"{row.mean:.4f}" if np.isnan(row.sd) else f"{row.mean:.4f} ± {row.sd:.4f}"
        if row.n_measured < row.n_seeds:
            ours += f" ({row.n_measured} of {row.n_seeds} seeds)"
    return [
        (VARIANT_LABELS[row.variant], VARIANT_LABELS[row.variant]),
        _number(row.thesis, ".4f"),
        (ours, "" if np.isnan(row.mean) else row.mean),
        _number(difference, "+.4f"),
        (consistent, consistent),
    ]


def _number(value: float, form: str) -> tuple[str, object]:
    return ("", "") if np.isnan(value) else (format(value, form), value)


def _network(caption: str, rows: list[list[str]], svg: str | None) -> str:
    head, *rest = [f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows]
    head = f"<thead>{head.replace('td>', 'th>')}</thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{"".join(rest)}</tbody></table></div>'
    diagram = SAID_BY_STYLE.sub("", svg or NO_DIAGRAM)
    return f"<details><summary>{html.escape(caption)}</summary>{table}{diagram}</details>"
