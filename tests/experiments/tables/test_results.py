import json

import pandas as pd
import pytest
from class_balancing.experiments.running.cell import Cell, cell_named
from class_balancing.experiments.running.plan import Plan, cells_of
from class_balancing.experiments.tables import TASKS, results, task_named, thesis
from class_balancing.reports import tables

OF_THESIS = [task for task in thesis.TASKS if task.dataset != "digits"]
N_SEEDS = {task.dataset: task.n_seeds["quick"] for task in OF_THESIS}
CELLS = cells_of(OF_THESIS, thesis.METHODS + thesis.RIVALS, N_SEEDS)


def planned(out, tasks=OF_THESIS, schedule="quick"):
    return Plan(out, {t.name: t for task in tasks for t in (task, task.undropped)}, schedule, "thesis")


def finish(plan, cell, record=None):
    plan.folder(cell).mkdir(parents=True)
    (plan.folder(cell) / "cell.json").write_text(json.dumps(record or {}))


@pytest.fixture
def frame(tmp_path):
    """All rows of the thesis's tables, of which nothing has been run."""
    return results.collect(planned(tmp_path), OF_THESIS, CELLS, {})


def own_metrics(frame):
    """Its rows without the scores that no table shows."""
    metrics = {table.name: table.metrics for task in OF_THESIS for table in task.tables}
    return frame[[row.metric in metrics[row.table] for row in frame.itertuples()]]


def test_tables_hold_every_printed_figure_and_what_is_beyond_the_thesis(frame):
    columns = ["table", "dataset", "dropped_percent", "method", "metric"]
    published = pd.read_csv(thesis.PUBLISHED, dtype={"dropped_percent": "Int64"})
    printed = set(published[columns].itertuples(index=False, name=None))
    found = set(own_metrics(frame)[columns].itertuples(index=False, name=None))
    assert len(printed) == 102
    assert printed <= found
    assert {method for *_, method, _ in found - printed} == set(thesis.RIVALS)
    shown = frame[frame["printed"].notna()].drop_duplicates(columns)
    pd.testing.assert_frame_equal(
        shown[[*columns, "printed"]].sort_values(columns, ignore_index=True),
        published.rename(columns={"value": "printed"}).sort_values(columns, ignore_index=True),
    )


def test_what_is_beyond_the_thesis_is_marked(frame):
    marked = frame[frame["label"].str.endswith(" †")]
    assert set(marked["method"]) == set(thesis.RIVALS)
    assert marked["printed"].isna().all()
    assert len(marked) == frame["method"].isin(thesis.RIVALS).sum()


def test_tables_are_the_thesiss_eight(frame):
    of_table = dict(list(own_metrics(frame).groupby("table", sort=False)))
    assert sorted(of_table) == [f"C.{number}" for number in range(1, 9)]
    assert list(of_table["C.1"]["dataset"].unique()) == ["MNIST", "CIFAR-10", "Vehicles"]
    assert list(of_table["C.8"]["dataset"].unique()) == ["Vehicles"]
    assert of_table["C.1"]["method"].nunique() == 1 + 4 + 3
    assert of_table["C.8"]["method"].nunique() == 2 + 4 + 4


def test_every_cell_is_shown_and_every_row_has_its_seeds(frame):
    shown = {
        (task.dataset, cell.method, cell.seed) for task in OF_THESIS for cell in CELLS if results.is_of(cell, task)
    }
    labels = {task.label: task.dataset for task in OF_THESIS}
    found = {(labels[row.dataset], row.method, row.seed) for row in frame.itertuples()}
    assert found == shown == {(TASKS.get(c.task, task_named(c.task)).dataset, c.method, c.seed) for c in CELLS}
    assert all(any(results.is_of(cell, task) for task in OF_THESIS) for cell in CELLS)


def test_the_balanced_original_stands_in_the_tables_of_both_percentages(tmp_path):
    cell = Cell("mnist-0", "balanced_original", 0)
    of_mnist = [TASKS["mnist-50"], TASKS["mnist-75"]]
    scores = {"accuracy": 0.5, "f1_minority": 0.25, "balanced_accuracy": 0.5, "g_mean": 0.5, "recalls": [0.5] * 10,
              "confusion": [[1] * 10] * 10,
              "standard_errors": {"accuracy": 0.01, "f1_minority": 0.02}}  # fmt: skip
    frame = results.collect(planned(tmp_path), of_mnist, [cell], {cell: {"scores": scores}})
    rows = frame[frame["metric"] == "f1_minority"][["table", "task", "value", "standard_error"]]
    assert rows.values.tolist() == [["C.3", "mnist-50", 0.25, 0.02], ["C.4", "mnist-75", 0.25, 0.02]]
    assert len(frame) == 2 * (4 + 10)
    assert set(frame["metric_label"]) >= {"Accuracy", "Balanced accuracy", "Recall of 9"}


def test_what_failed_is_told_from_what_was_not_run(tmp_path):
    plan = planned(tmp_path)
    cells = [Cell("mnist-50", "bagan", 0), Cell("mnist-50", "cvae", 0)]
    plan.folder(cells[0]).mkdir(parents=True)
    (plan.folder(cells[0]) / "failed.log").touch()
    frame = results.collect(plan, [TASKS["mnist-50"]], cells, {})
    assert frame["value"].isna().all()
    assert dict(zip(frame["method"], frame["failed"], strict=True)) == {"bagan": True, "cvae": False}
    summary = tables.summarise(frame)
    assert (summary["mark"] == "").all()


def test_finished_cells_are_those_of_the_current_configuration(tmp_path):
    names = ("cifar10-50-cvae_gan-seed0", "mnist-60-smote-seed1", "vehicles-0-balanced_original-seed2")
    cells = [cell_named(name) for name in names]
    plan = planned(tmp_path, [*OF_THESIS, task_named("mnist-60")])
    for cell in cells:
        finish(plan, cell)
    for stale in ("mnist-50-bagan-seed0-00000000", "mnist-50-training-00000000", "other-50-bagan-seed0-00000000"):
        (tmp_path / "runs" / stale).mkdir()
        (tmp_path / "runs" / stale / "cell.json").touch()
    assert sorted(map(str, results.finished_cells(plan))) == list(names)
    assert results.finished_cells(planned(tmp_path, schedule="smoke")) == []


def test_pieces_of_different_commands_are_shown_together(tmp_path):
    plan = planned(tmp_path)
    of_mnist, of_vehicles = TASKS["mnist-75"], TASKS["vehicles-50"]
    finish(plan, Cell("mnist-50", "geometric", 1))
    finish(plan, Cell("vehicles-50", "original", 0))
    asked = cells_of([of_mnist], ["cvae"], {"mnist": 1})
    tasks, cells = results.with_earlier_runs(plan, [of_mnist], asked)
    assert [task.name for task in tasks] == ["mnist-50", "mnist-75", "vehicles-50"]
    expected = cells_of([TASKS["mnist-50"], of_mnist], ["geometric", "cvae"], {"mnist": 2})
    assert cells == [*expected, *cells_of([of_vehicles], [], {"vehicles": 1})]


def test_a_method_asked_for_one_percentage_is_shown_for_both(tmp_path):
    plan = planned(tmp_path)
    finish(plan, Cell("mnist-75", "unbalanced", 0))
    of_mnist = TASKS["mnist-50"]
    tasks, cells = results.with_earlier_runs(plan, [of_mnist], cells_of([of_mnist], ["smote"], {"mnist": 1}))
    assert [task.name for task in tasks] == ["mnist-50", "mnist-75"]
    assert {cell.task for cell in cells if cell.method == "smote"} == {"mnist-50", "mnist-75"}
    summary = tables.summarise(results.collect(plan, tasks, cells, {}))
    of_smote = summary[(summary["method"] == "smote") & (summary["metric"] == "ssim")]
    assert of_smote["table"].tolist() == ["C.1", "C.2"]


def test_nothing_but_what_was_asked_for_is_shown_of_an_empty_folder(tmp_path):
    asked = cells_of([TASKS["mnist-75"]], ["bagan"], {"mnist": 2})
    assert results.with_earlier_runs(planned(tmp_path), [TASKS["mnist-75"]], asked) == ([TASKS["mnist-75"]], asked)


def test_what_an_earlier_command_trained_counts_as_computing():
    first = {"cell": "a", "training": "t", "wall_time_s": 50.0, "training_s": 300.0, "sampling_s": 5.0}
    second = {"cell": "b", "training": "t", "wall_time_s": 20.0, "training_s": 300.0, "classifier_s": 15.0}
    whole = {"cell": "c", "training": "u", "wall_time_s": 90.0, "training_s": 60.0, "classifier_s": 15.0}
    untrained = {"cell": "d", "wall_time_s": 7.0}
    assert results.computing_seconds([first, second]) == 305 + 20
    assert results.computing_seconds([first, second, whole, untrained]) == 305 + 20 + 90 + 7
