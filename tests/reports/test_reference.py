"""The committed results are complete, of the current configuration, and what the README shows."""

import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from experiments import grid, plan

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reports" / "reference"
CELLS = grid.cells(["mnist"], [50, 75], grid.METHODS, 3)


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(REFERENCE / "results.csv")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_cell_has_a_record_of_the_current_configuration(cell):
    record = json.loads((REFERENCE / "runs" / plan.folder_name(cell, "quick", "thesis") / "cell.json").read_text())
    assert record["configuration"] == plan.configuration(cell, "quick", "thesis")
    packages = record["environment"]["packages"]
    assert (packages["tensorflow"], packages["keras"]) == ("2.21.0", "3.15.1")


def test_results_hold_every_printed_figure_three_times(results):
    printed = results[results["thesis"].notna()]
    assert len(printed) == 34 * 3
    assert set(printed["table"]) == {"C.1", "C.2", "C.3", "C.4"}
    assert list(results.columns) == [
        "table",
        "dataset",
        "dropped_percent",
        "variant",
        "seed",
        "metric",
        "value",
        "thesis",
    ]


def test_accuracy_and_ssim_of_originals_are_where_they_must_be(results):
    assert results.loc[results["metric"] == "accuracy", "value"].min() >= 0.97
    originals = results[(results["metric"] == "ssim") & (results["variant"] == "original")]
    assert originals["value"].between(0.165, 0.180).all()


@pytest.mark.parametrize("name", ["C.1", "C.2", "C.3", "C.4"])
def test_tables_are_complete_and_shown_in_the_readme(name):
    text = (REFERENCE / "tables" / f"{name}.md").read_text()
    assert "failed" not in text
    assert "not run" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert set(rows) <= set((ROOT / "README.md").read_text().splitlines())


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
