"""From finished pieces to results.csv, tables, figures and a page."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets import pictures
from ...datasets.files import write_atomically
from ...reports import figures, html_parts, page, plain_tables
from . import compression, results, tables
from .data import DATASETS
from .piece import LABELS, Piece
from .plan import USES, Plan

# beginning of a figure's name -> what it shows, in the page's order
CAPTIONS = {
    "reconstruction": "Test images, the first of each class, and what methods reconstruct from as few numbers.",
    "between": "Between the codes of two test images, which are at the ends.",
    "denoising": "Test images, the same with noise, and what methods restore.",
    "enhancement": "Test images, the same with half the resolution, and what methods make of that.",
    "compression": "Test images after compression, and bytes an image against PSNR.",
    "one_class": "Is an image of this class? Area under the ROC curve for each class.",
}


def write_all(plan: Plan) -> None:
    """Write everything from the finished pieces of the plan."""
    out = plan.out
    for folder in ("tables", "figures"):
        (out / folder).mkdir(exist_ok=True)
    records = results.records_of(plan)
    frame = results.collect(records)
    write_atomically(out / "results.csv", frame.to_csv(index=False))
    summary = results.summarise(frame)
    made = tables.tables(plan, summary)
    for table in made:
        path = out / "tables" / f"{table.name}.md"
        write_atomically(path, plain_tables.markdown(table))
        write_atomically(path.with_suffix(".tex"), plain_tables.latex(table))
        write_atomically(path.with_suffix(".csv"), table.frame.to_csv(index=False))
        print(f"{path.read_text()}\n")
    write_figures(plan, records, summary)
    write_atomically(out / "index.html", _page(plan, made, records))


def write_figures(plan: Plan, records: dict[Piece, dict], summary: pd.DataFrame) -> None:
    folder = plan.out / "figures"
    for dataset in plan.datasets:
        label = DATASETS[dataset].label
        for use in USES:
            for title, rows in _rows_of_figures(plan, records, dataset, use).items():
                name = f"{use}-{dataset}-{title.replace(' ', '-')}"
                figures.image_rows(rows, f"{label}: {use}, {title}", folder / f"{name}.png")
        between = _shown(plan, records, dataset, "reconstruction", "between")
        if between:
            rows = {LABELS[piece.asked.method]: images for piece, images in between.items()}
            figures.image_rows(rows, f"{label}: between two codes", folder / f"between-{dataset}.png")
        own = summary[summary["dataset"] == label]
        _write_sizes(own, label, folder / f"compression-{dataset}.png")
        _write_classes(own, label, folder / f"one_class-{dataset}.png")


def _rows_of_figures(plan, records, dataset: str, use: str) -> dict[str, dict[str, np.ndarray]]:
    """Setting -> label -> images: originals, what methods start from, and what each makes of it.

    All settings of compression are in one figure.
    """
    found = {}
    for piece, record in records.items():
        if (piece.dataset, piece.use, piece.seed) == (dataset, use, 0) and record["shown"]:
            loaded = _load(plan, piece)
            if loaded is None:
                continue
            rows = dict(zip(record["shown"], loaded, strict=True))
            rows.pop("between", None)
            setting, label = USES[use].setting_name(piece), LABELS[piece.asked.method]
            if use == compression.NAME:
                setting, label = "images", f"{label}, {setting}"
            *inputs, made = rows
            of_figure = found.setdefault(setting, {name: rows[name] for name in inputs})
            of_figure[label] = rows[made]
    return found


def _shown(plan, records, dataset: str, use: str, what: str) -> dict[Piece, np.ndarray]:
    """Images of this name of each piece of the first seed."""
    found = {}
    for piece, record in records.items():
        if (piece.dataset, piece.use, piece.seed) == (dataset, use, 0) and what in record["shown"]:
            loaded = _load(plan, piece)
            if loaded is not None:
                found[piece] = loaded[record["shown"].index(what)]
    return found


def _load(plan: Plan, piece: Piece) -> np.ndarray | None:
    height, width, _ = DATASETS[piece.dataset].image_shape
    return pictures.load_rows(plan.pictures(piece), height, width)


def _write_sizes(own: pd.DataFrame, label: str, path: Path) -> None:
    """Bytes against PSNR, JPEG's also with the header."""
    own = own[own["use"] == compression.NAME]
    wide = own.pivot(index=["method", "setting"], columns="metric", values=["mean", "sd"])
    lines = {}
    for method in dict.fromkeys(own["method"]):
        rows = wide.loc[method]
        for metric, ending in (("n_bytes", ""), ("n_bytes_with_header", ", with header")):
            line = pd.DataFrame({"x": rows["mean", metric], "mean": rows["mean", "psnr"], "sd": rows["sd", "psnr"]})
            if line["x"].notna().any():
                lines[LABELS[method] + ending] = line.sort_values("x")
    if lines:
        figures.curves(lines, ("bytes an image", "PSNR, dB"), f"{label}: compression", path)


def _write_classes(own: pd.DataFrame, label: str, path: Path) -> None:
    rows = own[own["use"] == "one_class"].rename(columns={"setting": "x"})
    lines = {LABELS[method]: of_method for method, of_method in rows.groupby("method", sort=False)}
    if lines:
        labels = ("class that is learned", "area under the ROC curve")
        figures.curves(lines, labels, f"{label}: is it of this class?", path)


def _page(plan: Plan, made: list, records: dict[Piece, dict]) -> str:
    parts = ['<h2 id="tables">Tables</h2>', *(page.plain_section(table) for table in made)]
    parts.append('<h2 id="figures">Figures</h2>')
    for start, caption in CAPTIONS.items():
        paths = [
            path for dataset in plan.datasets for path in sorted((plan.out / "figures").glob(f"{start}-{dataset}*.png"))
        ]
        if paths:
            parts.append(html_parts.figures(caption, paths))
    environments = dict.fromkeys(json.dumps(record["environment"], indent=1) for record in records.values())
    parts.append('<h2 id="configuration">Configuration and versions</h2>')
    parts.append(html_parts.details(f"Schedule {plan.schedule}", json.dumps(asdict(plan.settings), indent=1)))
    parts += [html_parts.details("Environment", text) for text in environments]
    sections = {"tables": "Tables", "figures": "Figures", "configuration": "Configuration"}
    return html_parts.document(f"Uses of autoencoders: schedule {plan.schedule}", sections, parts)
