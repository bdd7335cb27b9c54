"""A report as Markdown and as a self-contained page, from the same sections."""

import html
from dataclasses import dataclass
from pathlib import Path

from . import html_parts


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs of text, a table, PNG files. `headings`: (text, "n" for numbers or ""); `rows`: texts."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    headings: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    figures: tuple[Path, ...] = ()


def markdown(title: str, sections: list[Section], folder: Path) -> str:
    """The report as Markdown for a file in `folder`, below which the figures are."""
    lines = [f"# {title}", ""]
    for section in sections:
        lines += [f"## {section.heading}", "", *(line for text in section.paragraphs for line in (_escaped(text), ""))]
        if section.rows:
            texts = [heading for heading, _ in section.headings]
            rules = ["---:" if kind == "n" else "---" for _, kind in section.headings]
            lines += [_row(texts), _row(rules), *map(_row, section.rows), ""]
        lines += [f"![{path.stem}]({path.relative_to(folder).as_posix()})\n" for path in section.figures]
    return "\n".join(lines)


def _row(texts) -> str:
    return "| " + " | ".join(_escaped(text).replace("|", "\\|") for text in texts) + " |"


def _escaped(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("<", "&lt;").splitlines())


def page(title: str, sections: list[Section]) -> str:
    """The report as a page that needs no other file; clicks on the headings of a table sort it."""
    parts, links = [], {}
    for index, section in enumerate(sections):
        links[f"s{index}"] = section.heading
        parts.append(f'<h2 id="s{index}">{html.escape(section.heading)}</h2>')
        parts += [f"<p>{html.escape(text)}</p>" for text in section.paragraphs]
        if section.rows:
            rows = [[(text, _key(text)) for text in row] for row in section.rows]
            parts.append(html_parts.sortable("", section.headings, rows))
        if section.figures:
            parts.append(html_parts.figures("", list(section.figures)))
    return html_parts.document(title, links, parts)


def _key(text: str) -> str:
    """What a cell is sorted by: the number at its beginning, else its text."""
    first = text.split(" ")[0].replace("−", "-")
    try:
        return str(float(first))
    except ValueError:
        return text
