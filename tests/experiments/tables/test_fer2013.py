"""What the slides print of FER2013, and the two tasks that stand beside it."""

import argparse
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from class_balancing.datasets.fer2013 import CLASS_NAMES, OFFICIAL_COUNTS
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.datasets.tasks import SCHEDULES
from class_balancing.evaluation.protocol import part_indices
from class_balancing.experiments.running.cell import Cell, cell_named
from class_balancing.experiments.running.plan import Plan, cells_of
from class_balancing.experiments.tables import (
    TASKS,
    architectures,
    command,
    compared_together,
    results,
    task_named,
)
from class_balancing.experiments.tables import fer2013 as source
from class_balancing.models import METHODS
from class_balancing.models.networks.classifiers import builder
from class_balancing.reports import tables

SLIDES, SMALL, SYNTHETIC = TASKS["fer2013"], TASKS["fer2013-small"], TASKS["fer2013-synthetic"]
# as printed, in per cent: overall, then of each emotion in the official order (cut off, not rounded)
PRINTED_PERCENT = {
    "unbalanced": (65.09, [53, 60, 46, 85, 44, 78, 73]),
    source.TRANSLATED: (66.26, [57, 65, 51, 87, 45, 78, 67]),
}


def planned(out, schedule="quick"):
    return Plan(out, {task.name: task for task in source.TASKS}, schedule, "thesis")


def test_the_sixteen_printed_figures_are_those_of_the_slides():
    published = pd.read_csv(source.PUBLISHED)
    assert published.columns.tolist() == ["table", "dataset", "dropped_percent", "method", "metric", "value"]
    assert len(published) == 16
    assert set(published["table"]) == {"F.1"}
    assert set(published["dataset"]) == {SLIDES.label}
    for method, (overall, of_emotions) in PRINTED_PERCENT.items():
        values = published[published["method"] == method].set_index("metric")["value"]
        assert values["accuracy"] == pytest.approx(overall / 100, abs=1e-9)
        hits, n_images = np.array(source.PRINTED_HITS[method]), np.array(OFFICIAL_COUNTS["test"])
        assert hits.sum() / 3589 == pytest.approx(overall / 100, abs=5e-5)
        np.testing.assert_allclose(values[list(source.RECALLS)], hits / n_images, atol=5e-5)
        assert (100 * hits // n_images).tolist() == of_emotions


def test_the_tasks_are_the_official_split_imbalanced_as_it_is():
    for task in source.TASKS:
        assert (task.dataset, task.image_shape, task.class_names) == ("fer2013", (48, 48, 1), CLASS_NAMES)
        assert (task.official_split, task.dropped_percent, task.measured) == (True, None, tuple(range(7)))
        assert task.keeps_predictions
        assert task.is_mirrored
        assert task.n_train_images == 28_709
        for schedule in SCHEDULES:
            assert task.classifier.schedules[schedule]["n_epochs"] >= 1
            assert task.n_seeds[schedule] >= 1
        model = builder(task.classifier.network)(task.n_classes, task.image_shape)
        assert (model.input_shape, model.output_shape) == ((None, 48, 48, 1), (None, 7))
    recalls = {f"recall_{index}" for index in range(7)}
    assert [table.name for task in source.TASKS for table in task.tables] == ["F.1", "F.2", "F.3", "F.4"]
    assert set(SLIDES.metrics) == {"accuracy", *recalls}
    assert set(SMALL.metrics) == {"accuracy", "balanced_accuracy", "ssim", "ssim_to_originals", *recalls}
    assert len({task.label for task in source.TASKS}) == 3, "or the printed figures would stand in both"
    assert set(SMALL.methods) <= set(METHODS)
    assert set(SYNTHETIC.methods) == {name for name in SMALL.methods if METHODS[name].makes_images}
    assert (SYNTHETIC.n_seeds, SYNTHETIC.classifier) == (SMALL.n_seeds, SMALL.classifier), "they share the baseline"


def test_every_emotion_is_filled_up_to_8000_and_validation_is_the_official_one():
    labels = np.concatenate([np.repeat(np.arange(7), counts) for counts in OFFICIAL_COUNTS.values()])
    parts = np.repeat(list(OFFICIAL_COUNTS), [sum(counts) for counts in OFFICIAL_COUNTS.values()])
    for protocol in ("thesis", "clean"):
        indices, missing = part_indices(labels, SLIDES, protocol, official=parts)
        assert {name: len(found) for name, found in indices.items()} == {
            "train": 28_709,
            "validation": 3589,
            "test": 3589,
        }
        assert missing == {0: 4005, 1: 7564, 2: 3903, 3: 785, 4: 3170, 5: 4829, 6: 3035}


def test_names_with_a_hyphen_are_no_percentages():
    assert task_named("fer2013") is SLIDES
    assert task_named("fer2013-small") is SMALL
    assert task_named("fer2013-synthetic") is SYNTHETIC
    for name in ("fer2013-0", "fer2013-50", "fer2013-small-0", "fer2013-small-50", "fer2013-", "fer"):
        with pytest.raises(ValueError, match="there is no task"):
            task_named(name)
    for task in source.TASKS:
        cell = Cell(task.name, "weighted_cyclegan", 1)
        assert cell_named(str(cell)) == cell


def test_each_task_compares_its_own_methods_with_its_own_seeds():
    assert compared_together(source.TASKS) == [[SLIDES], [SMALL], [SYNTHETIC]]
    assert compared_together([TASKS["mnist-50"], SMALL, TASKS["mnist-75"]]) == [
        [TASKS["mnist-50"], TASKS["mnist-75"]],
        [SMALL],
    ]
    options = command.parse("prog", ["--datasets", "fer2013"])
    tasks = command.asked_tasks(options)
    assert tasks == source.TASKS
    cells = command.asked_cells(options, tasks)
    assert {cell.task for cell in cells if cell.method == "smote"} == {"fer2013-small", "fer2013-synthetic"}
    assert {cell.task for cell in cells if cell.method == "unbalanced"} == {"fer2013", "fer2013-small"}
    assert {cell.task for cell in cells if cell.method == "original"} == {"fer2013-small"}
    assert {cell.task for cell in cells if cell.method == "as_many_originals"} == {"fer2013-synthetic"}
    assert len(cells) == len(set(cells))
    asked = command.asked_cells(command.parse("prog", ["--datasets", "fer2013", "--methods", "smote"]), tasks)
    assert {cell.task for cell in asked if cell.method == "smote"} == {"fer2013", "fer2013-small", "fer2013-synthetic"}
    weights = command.asked_cells(command.parse("prog", ["--datasets", "fer2013", "--methods", "class_weights"]), tasks)
    assert {c.task for c in weights if c.method == "class_weights"} == {"fer2013", "fer2013-small"}, (
        "it makes no images"
    )
    one = command.parse("prog", ["--cell", "fer2013-small-smote-seed1"])
    assert command.asked_cells(one, command.asked_tasks(one)) == [Cell("fer2013-small", "smote", 1)]
    for cell in cells:
        assert command.cell_id(str(cell)) == cell
    for name in ("fer2013-small-as_many_originals", "fer2013-synthetic-mixup", "fer2013-synthetic-unbalanced"):
        with pytest.raises(argparse.ArgumentTypeError, match="no cell is called"):
            command.cell_id(f"{name}-seed0")


def test_what_one_task_measured_is_not_asked_of_the_other(tmp_path):
    plan = planned(tmp_path)
    finished = Cell("fer2013-small", "smote", 1)
    plan.folder(finished).mkdir(parents=True)
    (plan.folder(finished) / "cell.json").write_text("{}")
    asked = cells_of([SLIDES], ["geometric"], {"fer2013": 1})
    tasks, cells = results.with_earlier_runs(plan, [SLIDES], asked)
    assert tasks == [SLIDES, SMALL]
    assert cells == [*asked, *cells_of([SMALL], ["smote"], {"fer2013": 2})]


def test_classifiers_of_new_images_stand_beside_the_baseline_of_all_originals(tmp_path):
    cells = cells_of([SYNTHETIC], ["smote"], {"fer2013": 1})
    assert list(map(str, cells)) == [
        "fer2013-small-unbalanced-seed0",
        "fer2013-synthetic-as_many_originals-seed0",
        "fer2013-synthetic-smote-seed0",
    ]
    records = {cell: record(np.array(source.PRINTED_HITS["unbalanced"])) for cell in cells}
    frame = results.collect(planned(tmp_path), [SYNTHETIC], cells, records)
    assert set(frame["table"]) == {"F.4"}
    labels = ["Unbalanced original", "As many originals", "SMOTE"]
    assert frame["label"].drop_duplicates().tolist() == labels
    assert frame["value"].notna().all()


@pytest.mark.parametrize("method", ["cvae", "bagan", "cyclegan"])
def test_networks_are_trained_once_for_all_tasks(tmp_path, method):
    plan = planned(tmp_path)
    slides, small, synthetic = (Cell(task.name, method, 0) for task in source.TASKS)
    assert plan.training_folder(slides) == plan.training_folder(small) == plan.training_folder(synthetic)
    assert plan.training_folder(slides).name.startswith(f"fer2013-{method}-training-")
    assert plan.folder(slides) != plan.folder(small)
    assert plan.remaining_seconds([slides, small]) < plan.remaining_seconds([slides]) + plan.remaining_seconds([small])


def record(hits):
    """As the runner makes it, of a classifier with so many hits of each emotion."""
    n_images = np.array(OFFICIAL_COUNTS["test"])
    confusion = np.zeros((7, 7), int)
    confusion[np.arange(7), np.arange(7)] = hits
    confusion[np.arange(7), (np.arange(7) + 1) % 7] = n_images - hits
    accuracy = np.sum(hits) / n_images.sum()
    errors = {"accuracy": np.sqrt(accuracy * (1 - accuracy) / n_images.sum()), "f1_minority": 0.01}
    scores = {"accuracy": accuracy, "f1_minority": 0.6, "balanced_accuracy": 0.6, "g_mean": 0.6}
    recalls = (np.array(hits) / n_images).tolist()
    return {"scores": scores | {"recalls": recalls, "confusion": confusion.tolist(), "standard_errors": errors}}


def test_printed_figures_stand_beside_ours_with_their_errors(tmp_path):
    cells = [Cell("fer2013", "unbalanced", seed) for seed in range(2)]
    records = {cell: record(np.array(source.PRINTED_HITS["unbalanced"])) for cell in cells}
    frame = results.collect(planned(tmp_path), [SLIDES], cells, records)
    assert frame["printed"].notna().sum() == 2 * 8
    of_disgust = frame[frame["metric"] == "recall_1"].iloc[0]
    assert of_disgust["metric_label"] == "Recall of disgust"
    assert of_disgust["standard_error"] == pytest.approx(np.sqrt(0.6 * 0.4 / 55))
    summary = tables.summarise(frame).set_index("metric")
    assert summary.loc[["accuracy", *source.RECALLS], "mark"].tolist() == ["cannot tell"] * 8
    records = dict.fromkeys(cells, record(np.array(source.PRINTED_HITS["unbalanced"]) // 2))
    summary = tables.summarise(results.collect(planned(tmp_path), [SLIDES], cells, records)).set_index("metric")
    assert summary.loc[["accuracy", *source.RECALLS], "mark"].tolist() == ["differs"] * 8
    text = tables.markdown(summary.reset_index(), "Caption", [])
    assert "| Recall of angry |" in text
    assert "(printed 0.6509) ✗" in text


def test_nothing_printed_stands_beside_the_small_classifier(tmp_path):
    cells = cells_of(source.TASKS, ["smote"], {"fer2013": 1})
    frame = results.collect(planned(tmp_path), source.TASKS, cells, {})
    of_small = frame[frame["task"] == "fer2013-small"]
    assert of_small["printed"].isna().all()
    assert not of_small["label"].str.endswith("†").any()


def test_printed_networks_and_each_tasks_classifier_have_tables():
    own = [task for task in TASKS.values() if task.dataset == "fer2013"]
    assert list(architectures.printed_networks(own)) == ["E.1", "E.2", "E.3"]
    built = {name: build for name, _, build in architectures.networks(own) if name.endswith("classifier")}
    found = {name: build for name, build in built.items() if "fer2013" in name and "gan" not in name}
    assert list(found) == ["fer2013-classifier", "fer2013-small-classifier"]
    assert [build().name for build in found.values()] == ["slides_classifier", "small_classifier"]
    assert all(isinstance(build, partial) for build in found.values())


def test_cyclegans_translate_from_neutral_under_every_schedule(tmp_path):
    for schedule in SCHEDULES:
        for method in source.CYCLEGANS:
            plan, cell = planned(tmp_path, schedule), Cell("fer2013-small", method, 0)
            assert plan.arguments(cell)["source_class"] == CLASS_NAMES.index("neutral")
            assert plan.arguments(cell).keys() == Plan(tmp_path, {"fer2013-small": replace(SMALL, overrides={})},
                                                       schedule, "thesis").arguments(cell).keys()  # fmt: skip


@pytest.fixture(scope="module")
def faces():
    """Few made-up faces in the official parts."""
    rng = np.random.default_rng(0)
    parts = np.repeat(["train", "validation", "test"], [36, 14, 14])
    images = rng.integers(0, 256, (len(parts), 48, 48, 1), dtype=np.uint8)
    labels = np.concatenate([np.repeat(np.arange(7), [5, 4, 5, 8, 5, 4, 5]), np.arange(28) % 7])
    return ImageDataset("fer2013", images, labels, CLASS_NAMES, parts)


@pytest.fixture
def runner(tmp_path, faces):
    """Of tasks with 12 images of every emotion."""
    from class_balancing.experiments.running.runner import Runner

    plan = planned(tmp_path, "smoke")
    tasks = {name: replace(task, n_images_per_class=12) for name, task in plan.tasks.items()}
    return Runner(replace(plan, tasks=tasks), {"fer2013": faces}, verbose=0)


@pytest.mark.slow
def test_a_smoke_run_measures_the_slides_task(runner):
    """On few faces in the official parts, through the runner, whose record keeps the predictions."""
    cell = Cell("fer2013-small", "random_oversampling", 0)
    made = runner.run(cell)
    assert (made["n_train_images"], made["n_test_images"], len(made["predicted"])) == (36, 14, 14)
    assert made["configuration"]["split"] == "official"
    assert made["configuration"]["n_images_per_class"] == 12
    assert list(made["n_new"].values()) == [7, 8, 7, 4, 7, 8, 7]
    assert made["ssim"].keys() == made["ssim_to_originals"].keys() == {"value", "standard_error"}
    assert "tested_on_new" not in made
    assert len(made["scores"]["recalls"]) == 7
    assert json.loads((runner.plan.folder(cell) / "cell.json").read_text()) == made


def test_of_originals_both_similarities_are_of_pairs_of_two(runner):
    made = runner.run(Cell("fer2013-small", "original", 0))
    assert made["ssim_to_originals"] == made["ssim"]


@pytest.mark.parametrize("method", [pytest.param("geometric", marks=pytest.mark.slow), "as_many_originals"])
def test_classifiers_learn_from_new_images_alone(runner, monkeypatch, faces, method):
    """Twenty of every emotion; of originals the same few again and again."""
    from class_balancing.evaluation import classifiers

    learned, train = [], classifiers.train_classifier

    def spy(build, images, validation, **arguments):
        learned.append((images, validation))
        return train(build, images, validation, **arguments)

    monkeypatch.setattr(classifiers, "train_classifier", spy)
    made = runner.run(Cell("fer2013-synthetic", method, 0))
    images, validation = learned[0]
    assert np.bincount(images.labels).tolist() == [20] * 7
    np.testing.assert_array_equal(validation.images, faces.images[36:50])
    real = {image.tobytes() for image in faces.images[:36]}
    assert {image.tobytes() in real for image in images.images} == {method == "as_many_originals"}
    assert made["configuration"]["n_new_only"] == 20
    if method == "as_many_originals":
        assert "tested_on_new" not in made
    else:
        (_, (originals, _)) = learned
        assert len(originals.labels) == 36, "the classifier of the originals learns from these"
        assert list(made["tested_on_new"]) == list(CLASS_NAMES)
        assert all(0 <= of["n_right"] <= of["n_new"] == 20 for of in made["tested_on_new"].values())


def test_only_a_classifier_of_new_images_gets_some_of_the_class_that_a_cyclegan_translates_from(runner):
    """Other faces translated back; a chain's gets real ones."""
    from class_balancing import SMOTE, Chain, CycleGAN

    class Untrained(CycleGAN):
        def _fit(self, images, class_indices):
            pass

    source_class = CLASS_NAMES.index("neutral")
    chain = Chain(methods=[SMOTE(), Untrained(source_class=source_class)])
    for balancer, absent in ((Untrained(source_class=source_class), source_class), (Untrained(), 3), (chain, 6)):
        for task, n in (("fer2013-small", [7, 8, 7, 4, 7, 8, 7]), ("fer2013-synthetic", [20] * 7)):
            makes_all = task == "fer2013-synthetic" and balancer is not chain
            expected = {label: count for label, count in enumerate(n) if label != absent or makes_all}
            assert runner.fitting.additions(Cell(task, "cyclegan", 0), balancer) == expected
    made = runner.fitting._new_balancer(Cell("fer2013-small", "cyclegan", 0))
    assert made.sampling_strategy == dict.fromkeys(range(6), 12)
    new = {label: np.zeros((20, 48, 48, 1), np.uint8) for label in range(6)}
    images, _ = runner.classifying.learned_from(Cell("fer2013-synthetic", "cyclegan", 0), new)
    assert np.bincount(images.labels).tolist() == [20] * 7
    assert (images.images[images.labels == 6] > 0).any()


def test_records_of_geometric_keep_their_names_when_it_gets_new_arguments(tmp_path):
    folders = [planned(tmp_path).folder(Cell(task.name, "geometric", 0)).name for task in (SMALL, SYNTHETIC)]
    assert folders == ["fer2013-small-geometric-seed0-5a35a24f", "fer2013-synthetic-geometric-seed0-b57e16ba"]
