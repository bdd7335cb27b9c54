"""From finished cells to results.csv, tables and figures."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from datasets.files import write_atomically
from experiments import grid, hyperparameters, plan
from experiments.grid import Cell, Table
from experiments.runner import Runner
from reports import figures, tables

PUBLISHED = Path(__file__).with_name("published.csv")
COLUMNS = ["table", "dataset", "dropped_percent", "variant", "seed", "metric", "value", "thesis"]
N_IMAGES_SHOWN = 12


def in_words(record: dict) -> str:
    """The main figures of a cell's record."""
    parts = [f"SSIM {record['ssim']['value']:.4f}"] if "ssim" in record else []
    if "scores" in record:
        parts.append(f"accuracy {record['scores']['accuracy']:.4f}, F1 {record['scores']['f1_minority']:.4f}")
    return ", ".join(parts)


def write_all(runner: Runner, wanted: list[Table], n_seeds: int, failed: dict) -> None:
    """Write results.csv, tables/ and figures/ of these tables from finished cells, also those of earlier runs.

    Rows of other tables stay in results.csv.
    """
    (runner.out / "tables").mkdir(exist_ok=True)
    (runner.out / "figures").mkdir(exist_ok=True)
    frame = collect(runner, wanted, n_seeds, failed)
    path = runner.out / "results.csv"
    earlier = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)
    others = earlier[~earlier["table"].isin([table.name for table in wanted])]
    measured = frame.loc[frame["value"].notna(), COLUMNS]
    write_atomically(path, pd.concat([others, measured] if len(others) else [measured]).to_csv(index=False))
    write_tables(runner, wanted, frame, n_seeds)
    write_figures(runner, wanted)


def collect(runner: Runner, wanted: list[Table], n_seeds: int, failed: dict) -> pd.DataFrame:
    """A row for each table, variant, seed and metric; value NaN where the cell has not been run."""
    published = pd.read_csv(PUBLISHED).set_index(["table", "dataset", "variant", "metric"])["value"]
    rows = []
    for table in wanted:
        for variant in table.variants:
            for seed in range(n_seeds):
                cell = table.cell(variant, seed)
                record = runner.cached(cell) or {}
                for metric, value, standard_error in _metrics(table, cell, record):
                    dataset = grid.PRINTED_NAMES[table.dataset]
                    rows.append(
                        {
                            "table": table.name,
                            "dataset": dataset,
                            "dropped_percent": table.dropped,
                            "variant": variant,
                            "seed": seed,
                            "metric": metric,
                            "value": value,
                            "thesis": published.get((table.name, dataset, variant, metric), np.nan),
                            "standard_error": standard_error,
                            "failed": cell in failed,
                        }
                    )
    return pd.DataFrame(rows)


def _metrics(table: Table, cell: Cell, record: dict):
    """(metric, value, standard error) of the table's own metrics, then of the other scores."""
    if "ssim" in table.metrics and cell.has_ssim:
        measured = record.get("ssim", {})
        yield "ssim", measured.get("value", np.nan), measured.get("standard_error", np.nan)
    if "accuracy" in table.metrics and cell.has_classifier:
        scores = record.get("scores", {})
        errors = scores.get("standard_errors", {})
        for metric in ("accuracy", "f1_minority", "balanced_accuracy", "g_mean"):
            yield metric, scores.get(metric, np.nan), errors.get(metric, np.nan)
        for label, recall in enumerate(scores.get("recalls", [])):
            yield f"recall_{label}", recall, np.nan


def write_tables(runner: Runner, wanted: list[Table], frame: pd.DataFrame, n_seeds: int) -> None:
    summary = tables.summarise(frame)
    written = []
    for table in wanted:
        own = summary[(summary["table"] == table.name) & summary["metric"].isin(table.metrics)]
        has_thesis = own["thesis"].notna().any()
        table_notes = _notes(runner, table, n_seeds) + ([tables.CONSISTENCY] if has_thesis else [])
        caption = _caption(table)
        markdown = tables.markdown(own, caption, table_notes)
        write_atomically(runner.out / "tables" / f"{table.name}.md", markdown)
        write_atomically(runner.out / "tables" / f"{table.name}.tex", tables.latex(own, caption, table_notes))
        written.append(f"## {table.name}\n\n{markdown}")
    print("\n" + "\n".join(written))


def _caption(table: Table) -> str:
    minority = hyperparameters.MINORITY[table.dataset]
    what = {
        ("ssim",): "SSIM of pairs of minority images",
        ("accuracy", "f1_minority"): "Classifier on real test images",
    }.get(table.metrics, "SSIM of pairs of minority images, and classifier on real test images")
    name = grid.PRINTED_NAMES[table.dataset]
    return f"Table {table.name}. {what}; {name}, {table.dropped} % of class {minority} dropped."


def _notes(runner: Runner, table: Table, n_seeds: int) -> list[str]:
    cells = [table.cell(variant, seed) for variant in table.variants for seed in range(n_seeds)]
    records = [record for cell in cells if (record := runner.cached(cell))]
    versions = {
        f"{name} {version}" for record in records for name, version in record["environment"]["packages"].items()
    }
    wall_time = plan.duration(sum(record["wall_time_s"] for record in records))
    warning = ["Schedule smoke only tests the program: its figures mean nothing."] if runner.schedule == "smoke" else []
    return [
        *warning,
        f"Ours: mean ± standard deviation over {n_seeds} seed(s) of sampling, pairing and classifier; "
        "split and generative networks are the same for all.",
        f"Schedule {runner.schedule}, protocol {runner.protocol}; all configurations, versions and wall times "
        "stand in runs/*/cell.json.",
        f"Computed in {wall_time} ({', '.join(sorted(versions))}); last written by python {' '.join(sys.argv)}",
    ]


def write_figures(runner: Runner, wanted: list[Table]) -> None:
    for dataset, dropped in dict.fromkeys((table.dataset, table.dropped) for table in wanted):
        name = grid.PRINTED_NAMES[dataset]
        minority = hyperparameters.MINORITY[dataset]
        folds = runner.folds(Cell(dataset, dropped, "unbalanced", 0))
        figures.class_distribution(
            folds.train.labels,
            folds.train.class_names,
            f"{name}, training images, {dropped} % of class {minority} dropped",
            runner.out / "figures" / f"class-distribution-{dataset}-{dropped}.png",
        )
        originals = folds.train.images[folds.train.labels == minority][:N_IMAGES_SHOWN]
        rows = {"original": originals}
        for method in grid.METHODS:
            cell = Cell(dataset, dropped, method, 0)
            if runner.cached(cell):
                rows[tables.VARIANT_LABELS[method]] = _samples(runner.folder(cell), originals.shape[2])[:N_IMAGES_SHOWN]
                _write_training_curves(runner, cell)
        figures.image_rows(
            rows,
            f"{name}, class {minority}, {dropped} % dropped",
            runner.out / "figures" / f"samples-{dataset}-{dropped}.png",
        )


def _samples(folder: Path, width: int) -> np.ndarray:
    """The images of `samples.png`, uint8 (n, height, width, channels)."""
    strip = np.asarray(Image.open(folder / "samples.png"))
    strip = strip[..., None] if strip.ndim == 2 else strip
    return np.stack(np.split(strip, strip.shape[1] // width, axis=1))


def _write_training_curves(runner: Runner, cell: Cell) -> None:
    paths = sorted(
        runner.training_folder(cell).rglob("history.csv"), key=lambda path: path.parent.name != "autoencoder"
    )
    if paths:
        histories = {
            "all networks" if "-training-" in path.parent.name else path.parent.name: pd.read_csv(path)
            for path in paths
        }
        figures.training_curves(
            histories,
            f"{tables.VARIANT_LABELS[cell.variant]}, {grid.PRINTED_NAMES[cell.dataset]}, {cell.dropped} % dropped",
            runner.out / "figures" / f"training-{cell.dataset}-{cell.dropped}-{cell.variant}.png",
        )
