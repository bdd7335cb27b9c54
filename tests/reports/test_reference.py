"""The committed results are of the current configuration, consistent with each other, and what the README shows."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from class_balancing.experiments.running.plan import Plan, cells_of
from class_balancing.experiments.tables import TASKS, compared_together

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reports" / "reference"
DATASETS = ("mnist", "cifar10", "vehicles")
MEASURED = [task for task in TASKS.values() if task.dataset in DATASETS]
N_SEEDS = {task.dataset: task.n_seeds["quick"] for task in MEASURED}


def cells_asked(tasks):
    """Those of the reference's command, by group of tasks."""
    return dict.fromkeys(
        cell
        for group in compared_together(tasks)
        for cell in cells_of(group, group[0].methods, {group[0].dataset: group[0].n_seeds["quick"]})
    )


CELLS = cells_asked(MEASURED)
PLAN = Plan(REFERENCE, {t.name: t for task in MEASURED for t in (task, task.undropped)}, "quick", "thesis")
# datasets of tables of which no source prints a figure
NOT_PRINTED = ("few_mnist", "few_cifar10", "skewed_mnist", "styled_cifar10", "styled_vehicles", "styled_fer2013")
OURS = [task for task in TASKS.values() if task.dataset in NOT_PRINTED]
OUR_PLAN = Plan(REFERENCE, {task.name: task for task in OURS}, "quick", "thesis")
OUR_CELLS = cells_asked(OURS)
FACES = [task for task in TASKS.values() if task.dataset == "fer2013"]
FACES_PLAN = Plan(REFERENCE, {task.name: task for task in FACES}, "quick", "thesis")
FACES_CELLS = cells_asked(FACES)
TABLES = sorted({table.name for task in MEASURED for table in task.tables})
KEYS = ["table", "dataset", "dropped_percent", "method", "seed", "metric"]
# of 2224 values: MNIST's and Vehicles' since, CIFAR-10's as version 0.2.0 measured them
VALUES_SHA256 = "763c527dca203fc1e378a760734fdfa2c0d7d988af524c539680798ed8c00df7"


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(REFERENCE / "results.csv", dtype={"dropped_percent": "Int64"})


def test_there_are_192_cells_and_58_of_faces():
    assert len(CELLS) == 192
    assert len(FACES_CELLS) == 58


@pytest.mark.parametrize("cell", [*CELLS, *OUR_CELLS, *FACES_CELLS], ids=str)
def test_every_cell_has_a_record_of_the_current_configuration(cell):
    (plan,) = (plan for plan in (PLAN, OUR_PLAN, FACES_PLAN) if cell.task in plan.tasks)
    record = json.loads((plan.folder(cell) / "cell.json").read_text())
    assert record["configuration"] == json.loads(json.dumps(plan.configuration(cell)))  # which has lists for tuples
    packages = record["environment"]["packages"]
    assert (packages["tensorflow"], packages["keras"]) == ("2.21.0", "3.15.1")


def test_no_value_has_changed_since_it_was_measured(results):
    of_cells = results[results["method"].isin({cell.method for cell in CELLS}) & results["table"].isin(TABLES)]
    rows = of_cells.sort_values(KEYS)[[*KEYS, "value"]].to_csv(index=False)
    assert len(of_cells) == 2224
    assert hashlib.sha256(rows.encode()).hexdigest() == VALUES_SHA256


def test_results_hold_every_printed_figure_with_every_seed(results):
    printed = results[results["printed"].notna()]
    of_faces = printed[printed["table"] == "F.1"].groupby(["method", "metric"]).size()
    assert len(of_faces) == 16
    assert set(of_faces) == {2}
    figures = printed.groupby(["table", "dataset", "dropped_percent", "method", "metric"]).size()  # drops F.1's
    assert len(figures) == 102
    assert sorted(set(printed["table"])) == [*TABLES, "F.1"]
    assert [f"C.{number}" for number in range(1, 9)] == TABLES
    n_seeds = {task.label: N_SEEDS[task.dataset] for task in MEASURED}
    for (_, dataset, *_), n in figures.items():
        assert n == n_seeds[dataset]


def test_figures_are_where_they_must_be(results):
    accuracy = results[results["metric"] == "accuracy"]
    for dataset, least in (("MNIST", 0.975), ("CIFAR-10", 0.65), ("Vehicles", 0.94)):
        assert accuracy.loc[accuracy["dataset"] == dataset, "value"].min() >= least
    of_ships = results[(results["dataset"] == "CIFAR-10") & (results["method"] == "balanced_original")]
    means = of_ships.groupby("metric")["value"].mean()
    assert means["accuracy"] >= 0.68
    assert means["f1_minority"] >= 0.79
    originals = results[(results["metric"] == "ssim") & (results["method"] == "original")]
    for dataset, low, high in (("MNIST", 0.165, 0.18), ("CIFAR-10", 0.02, 0.04), ("Vehicles", 0.08, 0.13)):
        assert originals.loc[originals["dataset"] == dataset, "value"].between(low, high).all()


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_complete(name):
    lines = (REFERENCE / "tables" / f"{name}.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| |")]
    assert not any("failed" in row or "not run" in row for row in rows)
    of_name = [task for task in MEASURED if name in {table.name for table in task.tables}]
    assert len(rows) == (len(DATASETS) if len(of_name) > 1 else 2 + len(of_name[0].methods))


@pytest.mark.parametrize("name", sorted({table.name for task in OURS for table in task.tables}))
def test_our_own_tables_are_complete(name):
    text = (REFERENCE / "tables" / f"{name}.md").read_text()
    assert "| " in text
    assert not {"failed", "not run"} & set(re.findall(r"failed|not run", text))


def test_verdicts_follow_from_their_intervals():
    names = [table for table in ("G.5", "G.8", "I.6") if (REFERENCE / "tables" / f"{table}.csv").exists()]
    assert names
    for name in names:
        rows = pd.read_csv(REFERENCE / "tables" / f"{name}.csv")
        assert rows.loc[rows["Low"] > 0, "Verdict"].eq("helped").all()
        assert rows.loc[rows["High"] < 0, "Verdict"].eq("hurt").all()
        assert rows.loc[(rows["Low"] <= 0) & (rows["High"] >= 0), "Verdict"].eq("no evidence").all()
        text = (REFERENCE / "tables" / f"{name}.md").read_text()
        n_helped = text.count("| helped |")
        assert n_helped == rows["Verdict"].eq("helped").sum() > 0


def test_tables_in_the_readme_are_those_of_the_reference():
    shown = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| ") and " ± " in line]
    rows = {line for name in TABLES for line in (REFERENCE / "tables" / f"{name}.md").read_text().splitlines()}
    assert len(shown) >= 2
    assert set(shown) <= rows


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_latex_tables_compile_in_one_document(tmp_path):
    paths = [REFERENCE / "tables" / f"{name}.tex" for name in TABLES]
    paths += sorted((REFERENCE / "study" / "tables").glob("*.tex"))
    inputs = "".join(f"\\input{{{path}}}\n" for path in paths)
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage[margin=1.5cm]{geometry}\\usepackage{graphicx,longtable,lscape}\\def\\insidedocument{}\n"
        f"\\begin{{document}}\n{inputs}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    for _ in range(3):  # so many find the widths of long tables
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout[-2000:]
    assert "Overfull" not in finished.stdout, "no table is wider than the page"


def test_the_page_opens_with_what_agrees_and_shows_every_table():
    page = (REFERENCE / "index.html").read_text()
    assert (
        "Of 118 printed figures 33 agree with ours, 31 differ, and of 54 the seeds and test images cannot tell." in page
    )
    for name in TABLES:
        assert f"Table {name}." in page
    links = re.findall(r'(?:src|href)="((?!data:|#)[^"]*)"', page)
    assert links == [f"pages/{name}.html" for name in (*DATASETS, "fer2013", *NOT_PRINTED, "quality", "networks")]
    for link in links:
        text = (REFERENCE / link).read_text()
        assert re.findall(r'(?:src|href)="((?!data:|#)[^"]*)"|url\(', text) == ["../index.html"]


def test_nothing_large_and_no_weights_or_archives_are_committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        is_of_predictions = name.startswith("reports/reference/study/predictions/")
        assert is_of_predictions or not name.endswith((".npz", ".h5", ".gz", ".keras")), name
        assert (ROOT / name).stat().st_size < 2**20, name


def test_the_text_about_folders_shows_the_judges_verdicts():
    verdicts = pd.read_csv(REFERENCE / "judge" / "verdicts.csv").set_index(["metric", "method"])
    rows = [
        line.split(" | ")
        for line in (ROOT / "experiments" / "folders" / "README.md").read_text().splitlines()
        if " | no evidence | " in line
    ]
    assert len(rows) == len(verdicts.loc["accuracy"])
    for method, *cells in rows:
        for metric, shown in (("f1_minority", cells[:3]), ("balanced_accuracy", cells[3:6])):
            row = verdicts.loc[metric, method.removeprefix("| ")]
            assert shown == [row["verdict"], f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}"]
