"""From finished cells to results.csv, tables and the page."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.files import write_atomically
from experiments import compile_figures, grid, hyperparameters, plan
from experiments.grid import Cell, Table
from experiments.reproduce_architectures import built_networks
from experiments.runner import Runner
from reports import architecture, page, tables

PUBLISHED = Path(__file__).with_name("published.csv")
COLUMNS = ["table", "dataset", "dropped_percent", "variant", "seed", "metric", "value", "thesis"]


def in_words(record: dict) -> str:
    """The main figures of a cell's record."""
    parts = [f"SSIM {record['ssim']['value']:.4f}"] if "ssim" in record else []
    if "scores" in record:
        parts.append(f"accuracy {record['scores']['accuracy']:.4f}, F1 {record['scores']['f1_minority']:.4f}")
    return ", ".join(parts)


def write_all(runner: Runner, dropped: list[int], n_seeds: dict[str, int]) -> None:
    """Write results.csv, tables/, figures/ and index.html from all finished cells, also those of earlier runs.

    `n_seeds` are those asked for, by dataset; what was asked for and has not been run stands in the tables as such.
    """
    for folder in ("tables", "figures"):
        (runner.out / folder).mkdir(exist_ok=True)
    pairs, n_seeds = _with_earlier_runs(runner, dropped, n_seeds)
    wanted = grid.tables(pairs)
    frame = collect(runner, wanted, n_seeds)
    write_atomically(runner.out / "results.csv", frame.loc[frame["value"].notna(), COLUMNS].to_csv(index=False))
    written = write_tables(runner, wanted, frame, n_seeds)
    cells = list(dict.fromkeys(cell for table in wanted for cell in table.cells(n_seeds)))
    records = {cell: record for cell in cells if (record := runner.cached(cell))}
    compile_figures.write_all(runner, pairs, list(records))
    html = page.render(
        f"Class balancing: schedule {runner.schedule}, protocol {runner.protocol}",
        written,
        compile_figures.captions(runner.out / "figures"),
        _networks(),
        [(str(cell), record["wall_time_s"], in_words(record)) for cell, record in records.items()],
        _configurations(records),
        _environments(records.values()),
    )
    write_atomically(runner.out / "index.html", html)


def _with_earlier_runs(runner: Runner, dropped, n_seeds) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """(dataset, dropped) pairs and numbers of seeds: those asked for and those that have finished cells."""
    pairs, n_seeds = {(dataset, percent) for dataset in n_seeds for percent in dropped}, dict(n_seeds)
    for cell in plan.finished_cells(runner.schedule, runner.protocol, runner.out):
        if cell.dropped:
            pairs.add((cell.dataset, cell.dropped))
        n_seeds[cell.dataset] = max(n_seeds.get(cell.dataset, 0), cell.seed + 1)
    order = list(grid.PRINTED_NAMES)
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), pair[1])), n_seeds


def collect(runner: Runner, wanted: list[Table], n_seeds: dict[str, int]) -> pd.DataFrame:
    """A row for each table, variant, seed and metric; value NaN where the cell has not been run."""
    published = pd.read_csv(PUBLISHED).set_index(["table", "dataset", "variant", "metric"])["value"]
    rows = []
    for table in wanted:
        for cell in table.cells(n_seeds):
            record = runner.cached(cell) or {}
            dataset = grid.PRINTED_NAMES[cell.dataset]
            for metric, value, standard_error in _metrics(table, cell, record):
                rows.append(
                    {
                        "table": table.name,
                        "dataset": dataset,
                        "dropped_percent": table.dropped,
                        "variant": cell.variant,
                        "seed": cell.seed,
                        "metric": metric,
                        "value": value,
                        "thesis": published.get((table.name, dataset, cell.variant, metric), np.nan),
                        "standard_error": standard_error,
                        "failed": runner.has_failed(cell),
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


def write_tables(runner: Runner, wanted: list[Table], frame: pd.DataFrame, n_seeds: dict[str, int]) -> list:
    """Write each table as Markdown and LaTeX, print it, and return (caption, summary, notes) of each."""
    summary = tables.summarise(frame)
    written = []
    for table in wanted:
        own = summary[(summary["table"] == table.name) & summary["metric"].isin(table.metrics)]
        has_thesis = own["thesis"].notna().any()
        notes = _notes(runner, table, n_seeds) + ([tables.CONSISTENCY] if has_thesis else [])
        caption = _caption(table)
        markdown = tables.markdown(own, caption, notes)
        write_atomically(runner.out / "tables" / f"{table.name}.md", markdown)
        write_atomically(runner.out / "tables" / f"{table.name}.tex", tables.latex(own, caption, notes))
        written.append((caption, own, notes))
        print(f"## {table.name}\n\n{markdown}")
    return written


def _caption(table: Table) -> str:
    what = {
        ("ssim",): "SSIM of pairs of minority images",
        ("accuracy", "f1_minority"): "Classifier on real test images",
    }.get(table.metrics, "SSIM of pairs of minority images, and classifier on real test images")
    of = ", ".join(f"{table.dropped} % of {grid.PRINTED_MINORITIES[name]} of {grid.PRINTED_NAMES[name]}"
                   for name in table.datasets)  # fmt: skip
    return f"Table {table.name}. {what}; {of} dropped."


def _notes(runner: Runner, table: Table, n_seeds: dict[str, int]) -> list[str]:
    records = [record for cell in table.cells(n_seeds) if (record := runner.cached(cell))]
    versions = {
        f"{name} {version}" for record in records for name, version in record["environment"]["packages"].items()
    }
    wall_time = plan.duration(sum(record["wall_time_s"] for record in records))
    failed = [
        f"{tables.VARIANT_LABELS[cell.variant]}, seed {cell.seed}, failed: {runner.failure_log(cell)}"
        for cell in table.cells(n_seeds)
        if runner.has_failed(cell)
    ]
    warning = ["Schedule smoke only tests the program: its figures mean nothing."] if runner.schedule == "smoke" else []
    seeds = ", ".join(f"{grid.PRINTED_NAMES[name]} {n_seeds[name]}" for name in table.datasets)
    return [
        *warning,
        *failed,
        tables.BEYOND_THESIS,
        f"Ours: mean ± standard deviation over seeds ({seeds}) of sampling, pairing and classifier; "
        "split and generative networks are the same for all.",
        *(_difference_from_thesis(runner.schedule, name, table) for name in table.datasets),
        f"Schedule {runner.schedule}, protocol {runner.protocol}; all configurations, versions and wall times "
        "stand in runs/*/cell.json.",
        f"Computed in {wall_time} ({', '.join(sorted(versions))}); last written by python {shlex.join(sys.argv)}",
    ]


def _difference_from_thesis(schedule: str, dataset: str, table: Table) -> str:
    """In words, each hyperparameter of the schedule that differs from the printed one, as "ours (printed)"."""
    parts = []
    for method, printed in hyperparameters.METHODS["thesis"][dataset].items():
        parts += _changes(method, hyperparameters.METHODS[schedule][dataset][method], printed)
    if "accuracy" in table.metrics:
        printed = hyperparameters.CLASSIFIERS["thesis"][dataset]
        parts += _changes("classifier", hyperparameters.CLASSIFIERS[schedule][dataset], printed)
    name = grid.PRINTED_NAMES[dataset]
    return f"{name} as in schedule thesis" + (" but for " + "; ".join(parts) if parts else "") + "."


def _changes(name: str, ours: dict, printed: dict) -> list[str]:
    changed = [
        f"{key} {value:g} ({printed[key]:g})" if key in printed else f"{key} {value:g} (none)"
        for key, value in ours.items()
        if value != printed.get(key)
    ]
    return [f"{name}: {', '.join(changed)}"] if changed else []


def _networks() -> list[tuple[str, list[list[str]], str | None]]:
    """Caption, table and diagram of every network."""
    draw, found = architecture.has_graphviz(), []
    for _, caption, model in built_networks():
        svg = architecture.diagram(model, "svg").decode() if draw else None
        found.append((caption, architecture.text_rows(model), svg and svg[svg.index("<svg") :]))
    return found


def _configurations(records: dict[Cell, dict]) -> list[tuple[str, str]]:
    """Name and configuration of each variant of a dataset, without the seed."""
    found = {}
    for cell, record in records.items():
        configuration = {key: value for key, value in record["configuration"].items() if key != "seed"}
        found[str(cell).rpartition("-")[0]] = json.dumps(configuration, indent=1)
    return list(found.items())


def _environments(records) -> list[tuple[str, str]]:
    """Each different environment, and how many cells ran in it."""
    texts = [json.dumps(record["environment"], indent=1) for record in records]
    return [(f"Environment of {texts.count(text)} cells", text) for text in dict.fromkeys(texts)]
