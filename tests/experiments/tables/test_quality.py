"""Table J.1: what new images are like, measured once for each task and method, beside the minutes that they took."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import small_tasks
from class_balancing.experiments.running import audit
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.experiments.running.runner import Runner
from class_balancing.experiments.tables import quality
from class_balancing.reports import comparison_figures, page

METHODS = ("geometric", "random_oversampling", "unbalanced", "original")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A runner of an audited task, and the records of METHODS with two seeds."""
    task = replace(small_tasks.TASKS["digits-50"], is_audited=True)
    out = tmp_path_factory.mktemp("run")
    plan = Plan(out, {t.name: t for t in (task, task.undropped)}, "smoke", "thesis")
    runner = Runner(plan, {"digits": small_tasks.load()}, verbose=0)
    cells = [Cell(task.name, method, seed) for method in METHODS for seed in range(2)]
    with pytest.MonkeyPatch.context() as patched:
        from class_balancing.evaluation import classifiers

        patched.setattr(classifiers, "train_classifier", small_tasks.quick_training())
        return runner, {cell: runner.run(cell) for cell in cells}


def test_only_the_first_seed_of_what_makes_images_is_audited(audited):
    _, records = audited
    found = {cell for cell, record in records.items() if "audit" in record}
    assert found == {cell for cell in records if cell.makes_images and cell.seed == 0}


def test_copies_are_known_as_copies_and_transformed_images_are_not(audited):
    (table,) = quality.tables(*audited)
    rows = table.frame.set_index("Method")
    assert rows.index.tolist() == ["geom. trans.", "random oversampling"]
    assert rows.loc["random oversampling", "Near copies"] == 1
    assert rows.loc["random oversampling", "Distance to nearest"] == 0
    assert rows.loc["geom. trans.", "Near copies"] == 0
    assert rows.loc["geom. trans.", "Distance to nearest"] > 0.5
    assert (rows["Minutes"] >= 0).all()
    shares = rows[["Named as the class", "GAN-train", "GAN-test", "Real to real"]]
    assert shares.notna().all(axis=None)
    assert shares.loc["random oversampling"].min() > 0.5
    assert rows["Dataset"].unique().tolist() == ["digits, 50 % of class 4 dropped"]


def test_copies_of_originals_that_were_not_drawn_are_known_too(monkeypatch):
    monkeypatch.setattr(audit, "MAX_IMAGES", 4)
    monkeypatch.setattr(audit.classifiers, "predict", lambda _, images: np.zeros(len(images)))
    originals = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 1), dtype=np.uint8)
    found = audit.of_class(originals, originals[20:], 0, None, lambda images: images.reshape(len(images), -1) / 255)
    assert found["nearest"]["value"] == 0


def test_values_are_means_over_classes_and_refused_ones_are_missing(audited):
    runner, records = audited
    cell = Cell("digits-50", "geometric", 0)
    content = copy.deepcopy(records[cell]["audit"])
    of_class = content["classes"]["4"]
    other = of_class | {"coverage": {"value": of_class["coverage"]["value"] - 0.5}, "density": {"refused": "few"}}
    content["classes"]["5"] = other
    content["all"]["GAN-train"] = {"refused": "makes images of small classes only"}
    row = quality.measured(
        runner, {cell: records[cell] | {"training_s": 60.0, "sampling_s": 30.0, "audit": content}}
    ).iloc[0]
    assert row["Coverage"] == pytest.approx(of_class["coverage"]["value"] - 0.25)
    assert np.isnan(row["Density"])
    assert np.isnan(row["GAN-train"])
    assert row["Minutes"] == 1.5


def test_the_page_shows_the_table_and_its_figure(audited, tmp_path):
    (table,) = quality.tables(*audited)
    frame = pd.concat([table.frame, table.frame.assign(Dataset="another")])
    comparison_figures.quality_and_cost(frame, "Dataset", "Method", quality.QUALITY, tmp_path / "quality.png")
    html = page.of_table(table, tmp_path / "quality.png")
    assert "Table J.1. New images by quality" in html
    assert "data:image/avif" in html
    assert "random oversampling" in html


def test_without_audits_there_is_no_table(tmp_path):
    task = small_tasks.TASKS["digits-50"]
    plan = Plan(tmp_path, {task.name: task}, "smoke", "thesis")
    assert quality.tables(Runner(plan, {}, verbose=0), {Cell(task.name, "geometric", 0): {}}) == []


def test_what_options_change_has_a_table_of_its_own(audited, monkeypatch):
    runner, records = audited
    assert quality.of_options(runner, records) == []
    monkeypatch.setattr(quality, "_OPTIONS", {"digits-50"})
    assert quality.tables(runner, records) == []
    (table,) = quality.of_options(runner, records)
    assert (table.name, table.frame["Method"].tolist()) == ("J.3", ["geom. trans.", "random oversampling"])
