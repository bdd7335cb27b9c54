"""The committed results are of the current configuration, consistent with each other, and what the README shows."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from experiments import grid, hyperparameters, plan

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reports" / "reference"
DATASETS = ("mnist", "cifar10", "vehicles")
N_SEEDS = hyperparameters.N_SEEDS["quick"]
CELLS = grid.cells(DATASETS, grid.DROPPED_PERCENT, grid.METHODS, N_SEEDS)
TABLES = {table.name: table for table in grid.tables(itertools.product(DATASETS, grid.DROPPED_PERCENT))}


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(REFERENCE / "results.csv")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_cell_has_a_record_of_the_current_configuration(cell):
    record = json.loads((REFERENCE / "runs" / plan.folder_name(cell, "quick", "thesis") / "cell.json").read_text())
    assert record["configuration"] == plan.configuration(cell, "quick", "thesis")
    packages = record["environment"]["packages"]
    assert (packages["tensorflow"], packages["keras"]) == ("2.21.0", "3.15.1")


def test_results_hold_every_printed_figure_with_every_seed(results):
    printed = results[results["thesis"].notna()]
    figures = printed.groupby(["table", "dataset", "dropped_percent", "variant", "metric"]).size()
    assert len(figures) == 102
    assert set(printed["table"]) == set(TABLES)
    n_seeds = {grid.PRINTED_NAMES[name]: n for name, n in N_SEEDS.items()}
    for (_, dataset, *_), n in figures.items():
        assert n == n_seeds[dataset]


def test_figures_are_where_they_must_be(results):
    accuracy = results[results["metric"] == "accuracy"]
    for dataset, least in (("MNIST", 0.975), ("CIFAR-10", 0.65), ("Vehicles", 0.94)):
        assert accuracy.loc[accuracy["dataset"] == dataset, "value"].min() >= least
    of_ships = results[(results["dataset"] == "CIFAR-10") & (results["variant"] == "balanced_original")]
    means = of_ships.groupby("metric")["value"].mean()
    assert means["accuracy"] >= 0.68
    assert means["f1_minority"] >= 0.79
    originals = results[(results["metric"] == "ssim") & (results["variant"] == "original")]
    for dataset, low, high in (("MNIST", 0.165, 0.18), ("CIFAR-10", 0.02, 0.04), ("Vehicles", 0.08, 0.13)):
        assert originals.loc[originals["dataset"] == dataset, "value"].between(low, high).all()


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_complete(name):
    lines = (REFERENCE / "tables" / f"{name}.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| |")]
    assert not any("failed" in row or "not run" in row for row in rows)
    of_datasets = "ssim" in TABLES[name].metrics
    assert len(rows) == (len(DATASETS) if of_datasets else len(TABLES[name].variants))


def test_tables_in_the_readme_are_those_of_the_reference():
    shown = [line for line in (ROOT / "README.md").read_text().splitlines() if "(thesis " in line]
    rows = {line for name in TABLES for line in (REFERENCE / "tables" / f"{name}.md").read_text().splitlines()}
    assert len(shown) >= 2
    assert set(shown) <= rows


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_latex_tables_compile_in_one_document(tmp_path):
    inputs = "".join(f"\\input{{{REFERENCE / 'tables' / f'{name}.tex'}}}\n" for name in TABLES)
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage[margin=1.5cm]{geometry}\\usepackage{graphicx}\\def\\insidedocument{}\n"
        f"\\begin{{document}}\n{inputs}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-2000:]
    assert "Overfull" not in finished.stdout, "no table is wider than the page"


def test_the_page_shows_every_table_and_needs_no_other_file():
    page = (REFERENCE / "index.html").read_text()
    for name in TABLES:
        assert f"Table {name}." in page
    assert not re.search(r'(src|href)="(?!data:|#)|url\(', page)


def test_the_readme_points_at_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_nothing_large_and_no_weights_or_archives_are_committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        assert not name.endswith((".npz", ".h5", ".gz", ".keras")), name
        assert (ROOT / name).stat().st_size < 2**20, name


def test_the_readme_shows_the_judges_verdicts():
    verdicts = pd.read_csv(REFERENCE / "judge" / "verdicts.csv").set_index(["metric", "method"])
    rows = [line.split(" | ") for line in (ROOT / "README.md").read_text().splitlines() if " | no evidence | " in line]
    assert len(rows) == len(verdicts.loc["accuracy"])
    for method, *cells in rows:
        for metric, shown in (("f1_minority", cells[:3]), ("balanced_accuracy", cells[3:6])):
            row = verdicts.loc[metric, method.removeprefix("| ")]
            assert shown == [row["verdict"], f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}"]
