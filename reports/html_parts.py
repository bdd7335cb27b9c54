"""Parts of self-contained HTML pages: one string that needs no other file."""

import base64
import html
import io
from pathlib import Path

from PIL import Image, ImageChops

WIDE_PIXELS = 1000
GOOD, BAD = ("agrees", "helped"), ("differs", "hurt")  # with which texts of table cells begin
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
.good { color: var(--good); } .bad { color: var(--bad); } .notes { color: var(--soft); font-size: .875rem; }
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
  const isText = a => a === "" || isNaN(a);
  const order = (a, b) => isText(a) !== isText(b) ? isText(a) - isText(b) : isText(a) ? a.localeCompare(b) : a - b;
  const rows = [...body.rows].sort((a, b) => order(key(a), key(b)));
  body.append(...(up ? rows : rows.reverse()));
});
"""


def document(title: str, sections: dict[str, str], parts: list[str]) -> str:
    """The whole page; `sections`: id of a section -> text of the link to it."""
    links = "".join(f'<a href="#{name}">{html.escape(text)}</a>' for name, text in sections.items())
    body = "\n".join([f"<h1>{html.escape(title)}</h1>", f"<nav>{links}</nav>", *parts])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n<script>{SCRIPT}</script></body></html>\n"
    )


def sortable(caption: str, headings, rows) -> str:
    """A table that is sorted by clicks on its headings.

    `headings`: (text, "n" for numbers or ""). `rows`: (text, sort key) of each cell.
    """
    head = "".join(
        f'<th class="{kind}" scope="col"><button type="button">{html.escape(text)}</button></th>'
        for text, kind in headings
    )
    lines = []
    for row in rows:
        cells = []
        for (text, key), (_, kind) in zip(row, headings, strict=True):
            word = text.partition(" ")[0]
            worth = "good" if word in GOOD else "bad" if word in BAD else ""
            kinds = " ".join(filter(None, (kind, worth)))
            attributes = f' class="{kinds}"' * bool(kinds)
            attributes += f' data-key="{html.escape(str(key))}"' * (str(key) != text)
            cells.append(f"<td{attributes}>{html.escape(text)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def figures(caption: str, paths: list[Path]) -> str:
    """PNG files below a heading, each with its name, recompressed to need little space."""
    parts = [f"<h3>{html.escape(caption)}</h3>", '<div class="figures">']
    for path in paths:
        with Image.open(path) as picture:
            rgb = picture.convert("RGB")
        content = base64.b64encode(_compressed(rgb)).decode()
        name, width = html.escape(path.stem), "wide" if rgb.width > WIDE_PIXELS else ""
        parts.append(
            f'<figure class="{width}"><img alt="{html.escape(caption)} {name}" '
            f'src="data:image/avif;base64,{content}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return "\n".join([*parts, "</div>"])


def _compressed(rgb: Image.Image) -> bytes:
    """As AVIF, so that a page of many figures stays below 1 MiB; grey drawings at higher quality than photographs."""
    content, grey = io.BytesIO(), rgb.convert("L")
    is_coloured = ImageChops.difference(rgb, grey.convert("RGB")).getbbox()
    (rgb if is_coloured else grey).save(content, "AVIF", quality=20 if is_coloured else 30, speed=7)
    return content.getvalue()


def details(heading: str, text: str) -> str:
    """Text that unfolds below its heading."""
    return f"<details><summary>{html.escape(heading)}</summary><pre>{html.escape(text)}</pre></details>"
