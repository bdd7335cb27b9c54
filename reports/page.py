"""One self-contained HTML page of a run: tables, figures, networks, configuration, and what each cell cost."""

import base64
import html
import io
import re
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageChops

from reports.tables import METRIC_LABELS, VARIANT_LABELS

N_SHADES = 16
WIDE_PIXELS = 1000
# of a diagram: attributes that the page's style sets, and fractions of a pixel
SAID_BY_STYLE = re.compile(r' (text-anchor|font-family|font-size)="[^"]*"| fill="none" stroke="black"|(?<=\d)\.\d+')
NO_DIAGRAM = "<p>No diagram: graphviz is not installed.</p>"
STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5c5c5c; --line: #d5d5d5; --paper: #fff; --stripe: #f5f5f3;
  --good: #1a6e3c; --bad: #a8321d; --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e3; --soft: #a5a29c; --line: #45433f; --paper: #1a1a19;
  --stripe: #242422; --good: #7fd39b; --bad: #ff9d87; --link: #8ab8f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); } h3 { font-size: 1.05rem; }
a { color: var(--link); } nav a { margin-right: 1rem; }
.tables { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { padding: .25rem .5rem; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
thead th { border-bottom: 2px solid var(--line); } tbody tr:nth-child(even) { background: var(--stripe); }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--link); }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
.yes { color: var(--good); } .no { color: var(--bad); } .notes { color: var(--soft); font-size: .875rem; }
.figures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 32rem), 1fr)); }
figure { margin: 0; } figure.wide { grid-column: 1 / -1; }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .875rem; }
details { margin: .4rem 0; } summary { cursor: pointer; } pre { overflow-x: auto; font-size: .8rem; }
svg polygon:not([fill]), svg path { fill: none; stroke: #000; }
svg text { text-anchor: middle; font: 10px Helvetica, sans-serif; }
svg { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
"""

SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const head = button.parentElement, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[head.cellIndex].dataset.key ?? row.cells[head.cellIndex].textContent;
  const order = (a, b) => isNaN(a) || isNaN(b) || a === "" || b === "" ? a.localeCompare(b) : a - b;
  const rows = [...body.rows].sort((a, b) => order(key(a), key(b)));
  body.append(...(up ? rows : rows.reverse()));
});
"""


def render(title: str, tables, figures, networks, cells, configurations, environments) -> str:
    """The page as a string that needs no other file.

    `tables`: (caption, rows of `reports.tables.summarise`, notes). `figures`: (path of a PNG file, caption), those of
    one caption together. `networks`: (caption, rows of text with a heading first, SVG or None). `cells`: (name,
    seconds, figures in words). `configurations` and `environments`: (heading, text).
    """
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        '<nav><a href="#tables">Tables</a><a href="#figures">Figures</a><a href="#networks">Networks</a>'
        '<a href="#configuration">Configuration</a><a href="#cells">Cells</a></nav>',
        '<h2 id="tables">Tables</h2>',
        "<p>Click a heading to sort. Difference is ours less the thesis's.</p>",
        *(_table_section(*table) for table in tables),
        '<h2 id="figures">Figures</h2>',
        *(_figures(caption, list(paths)) for caption, paths in groupby(figures, key=itemgetter(1))),
        '<h2 id="networks">Networks</h2>',
        *(_network(*network) for network in networks),
        '<h2 id="configuration">Configuration and versions</h2>',
        *(_details(*item) for item in (*configurations, *environments)),
        '<h2 id="cells">Cells</h2>',
        "<p>The first seed of a method counts its training; a cell that was continued only the time since it was.</p>",
        _sortable(
            f"{len(cells)} finished cells, {sum(seconds for _, seconds, _ in cells) / 3600:.1f} hours",
            [("Cell", ""), ("Seconds", "n"), ("Result", "")],
            [[(name, name), (f"{seconds:.1f}", seconds), (words, words)] for name, seconds, words in cells],
        ),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n<script>{SCRIPT}</script></body></html>\n"
    )


def _table_section(caption: str, summary: pd.DataFrame, notes: list[str]) -> str:
    parts = [f"<h3>{html.escape(caption)}</h3>", '<div class="tables">']
    for (metric, dataset), rows in summary.groupby(["metric", "dataset"], sort=False):
        parts.append(
            _sortable(f"{METRIC_LABELS[metric]}, {dataset}", _HEADINGS, [_row(row) for row in rows.itertuples()])
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


def _sortable(caption: str, headings, rows) -> str:
    head = "".join(
        f'<th class="{kind}" scope="col"><button type="button">{html.escape(text)}</button></th>'
        for text, kind in headings
    )
    lines = []
    for row in rows:
        cells = []
        for (text, key), (_, kind) in zip(row, headings, strict=True):
            kinds = " ".join(filter(None, (kind, text if text in ("yes", "no") else "")))
            cells.append(f'<td class="{kinds}" data-key="{html.escape(str(key))}">{html.escape(text)}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _figures(caption: str, figures: list[tuple[Path, str]]) -> str:
    parts = [f"<h3>{html.escape(caption)}</h3>", '<div class="figures">']
    for path, _ in figures:
        with Image.open(path) as picture:
            rgb = picture.convert("RGB")
        kind, content = _compressed(rgb)
        name, width = html.escape(path.stem), "wide" if rgb.width > WIDE_PIXELS else ""
        parts.append(
            f'<figure class="{width}"><img alt="{html.escape(caption)} {name}" '
            f'src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return "\n".join([*parts, "</div>"])


def _compressed(rgb: Image.Image) -> tuple[str, bytes]:
    """Format and content: drawings in grey without loss but for their shades, coloured pictures with some."""
    content = io.BytesIO()
    if ImageChops.difference(rgb, rgb.convert("L").convert("RGB")).getbbox():
        rgb.save(content, "AVIF", quality=30, speed=4)
        return "avif", content.getvalue()
    rgb.convert("L").quantize(N_SHADES).convert("RGB").save(content, "WEBP", lossless=True, method=6)
    return "webp", content.getvalue()


def _network(caption: str, rows: list[list[str]], svg: str | None) -> str:
    head, *rest = [f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows]
    head = f"<thead>{head.replace('td>', 'th>')}</thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{"".join(rest)}</tbody></table></div>'
    diagram = SAID_BY_STYLE.sub("", svg or NO_DIAGRAM)
    return f"<details><summary>{html.escape(caption)}</summary>{table}{diagram}</details>"


def _details(heading: str, text: str) -> str:
    return f"<details><summary>{html.escape(heading)}</summary><pre>{html.escape(text)}</pre></details>"
