"""Anyone's folder as a task: how it is split, what judges it, and how long each method is trained for it."""

import os

import numpy as np
import pytest
import small_folder
from class_balancing.datasets import folder
from class_balancing.datasets.tasks import SCHEDULES
from class_balancing.evaluation import protocol
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.folders.task import (
    PROTOCOL,
    balancer,
    check,
    check_memory,
    default_folds,
    filtering_task,
    judged_tasks,
)
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.models import METHODS

MAKERS = [name for name, method in METHODS.items() if method.makes_images]


def tasks_of(counts, n_folds, minority=None, groups=None, flip=True):
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    return judged_tasks(tuple(counts), labels, groups, (64, 64, 3), minority, flip, n_folds, 1)


def task_of(counts, minority=None, groups=None):
    (task,) = tasks_of(counts, 1, minority, groups)
    return task


def test_the_smallest_class_is_measured_unless_another_is_named():
    counts = {"dark": 60, "light": 40, "striped": 50}
    assert (task_of(counts).measured, task_of(counts).measured_label) == ((1,), "light")
    assert (task_of(counts, "dark").measured, task_of(counts, "dark").measured_label) == ((0,), "dark")
    assert task_of(counts).n_train_images == pytest.approx(0.7 * 0.75 * 150, abs=3)


def test_every_class_is_to_get_as_many_images_as_the_largest(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 40, "striped": 50})
    dataset = folder.load(folder.scan(source), (12, 12), tmp_path).dataset
    (task,) = judged_tasks(dataset.class_names, dataset.labels, None, (12, 12, 3), None, True, 1, 1)
    parts = protocol.parts(dataset, task, PROTOCOL)
    counts = np.bincount(parts.train.labels)
    assert dict(parts.missing) == {1: counts[0] - counts[1], 2: counts[0] - counts[2]}
    assert parts.additions(0.5) == {label: round(n / 2) for label, n in parts.missing.items()}
    assert parts.additions(0.01) == {}


def test_groups_are_never_split(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 40})
    loaded = folder.load(folder.scan(source), (12, 12), tmp_path)
    groups = np.arange(len(loaded.paths)) // 2
    dataset = loaded.dataset
    (task,) = judged_tasks(dataset.class_names, dataset.labels, groups, (12, 12, 3), None, True, 1, 1)
    found = protocol.parts(dataset, task, PROTOCOL, groups)
    of_parts = [set(groups[indices]) for indices in found.indices.values()]
    assert len(of_parts) == 3
    assert of_parts[0].isdisjoint(of_parts[1] | of_parts[2])
    assert of_parts[1].isdisjoint(of_parts[2])
    np.testing.assert_array_equal(found.test_groups, groups[found.indices["test"]])


@pytest.mark.parametrize(
    ("counts", "n_in_group", "message"),
    [
        ({"dark": 2, "light": 9}, None, "the images cannot be split for testing"),
        ({"dark": 12, "light": 40}, None, "dark would have 4 test images, and a verdict needs 5; .* or give --folds 5"),
        ({"dark": 24, "light": 40}, 2, "dark would have . groups of test images, and a verdict needs 5"),
    ],
)
def test_classes_too_small_for_a_verdict_are_refused(counts, n_in_group, message):
    groups = np.arange(sum(counts.values())) // n_in_group if n_in_group else None
    with pytest.raises(UsageError, match=message):
        task_of(counts, groups=groups)


def test_in_folds_every_image_is_tested_once_and_few_are_enough(tmp_path):
    counts = {"dark": 7, "light": 40}
    tasks = tasks_of(counts, 5)
    assert [task.name for task in tasks] == [f"fold{which}of5" for which in range(1, 6)]
    assert {task.measured_label for task in tasks} == {"dark"}
    dataset = folder.load(folder.scan(small_folder.write(tmp_path / "src", counts)), (12, 12), tmp_path).dataset
    parts = [protocol.parts(dataset, task, PROTOCOL) for task in tasks]
    assert sorted(np.concatenate([part.indices["test"] for part in parts])) == list(range(47))
    for part in parts:
        assert set(part.indices["train"]).isdisjoint(part.indices["test"])
        assert set(part.indices["validation"]).isdisjoint(part.indices["test"])
        assert min(np.bincount(part.train.labels)) >= 4
    with pytest.raises(UsageError, match="5 folds need as many images of every class, but one has 4"):
        tasks_of({"dark": 4, "light": 40}, 5)
    with pytest.raises(UsageError, match=r"dark would have 4 test images, and a verdict needs 5; add images$"):
        tasks_of({"dark": 4, "light": 40}, 3)


def test_folds_share_no_seeds(tmp_path):
    tasks = {task.name: task for task in tasks_of({"dark": 40, "light": 40}, 5)}
    plan = Plan(tmp_path, tasks, "quick", PROTOCOL)
    cells = [Cell(name, "bagan", seed) for name in tasks for seed in range(10)]
    assert len({plan.random_state(cell) for cell in cells}) == 50
    assert len({plan.training_random_state(cell) for cell in cells}) == 5, "networks are trained once in each fold"
    recorded = [plan.configuration(cell).get("random_state", 0) for cell in cells]
    assert [of_fold + cell.seed for of_fold, cell in zip(recorded, cells, strict=True)] == [
        plan.random_state(cell) for cell in cells
    ]


def test_there_are_folds_where_images_are_few():
    assert default_folds(np.repeat([0, 1], [900, 199]), None) == 5
    assert default_folds(np.repeat([0, 1], [900, 200]), None) == 1
    assert default_folds(np.repeat([0, 1], [900, 200]), np.arange(1100) // 2) == 5, "100 groups"


def test_a_quarter_of_the_images_is_set_aside_for_filters(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 8})
    dataset = folder.load(folder.scan(source), (12, 12), tmp_path).dataset
    task = filtering_task(dataset.class_names, dataset.labels, None, (12, 12, 3))
    parts = protocol.parts(dataset, task, PROTOCOL)
    assert np.bincount(parts.test.labels).tolist() == [15, 2], "too few for a verdict, but no verdict is asked for"
    assert task.classifier.network == task_of({"dark": 60, "light": 40}).classifier.network
    with pytest.raises(UsageError, match=r"--filter sets a quarter .*; the smallest class is b with 2 images"):
        filtering_task(("a", "b"), np.repeat([0, 1], [9, 2]), None, (12, 12, 3))


def test_every_classifier_takes_the_same_number_of_steps():
    for n_images in (500, 3800):
        arguments = task_of({"dark": n_images // 2, "light": n_images // 2}).classifier.schedules["quick"]
        assert arguments["n_epochs"] * arguments["steps_per_epoch"] == 1500
        assert arguments["validation_metric"] == "balanced_accuracy", "that verdicts are on"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("n_images", [7, 300, 100_000])
def test_every_method_has_arguments_for_every_number_of_images(schedule, n_images, tmp_path):
    for method in MAKERS:
        made = balancer(method, schedule, n_images, True, tmp_path, random_state=3)
        assert made.random_state == 3
        seconds = made.fit_seconds(n_images, (64, 64), 2, 1)
        assert (seconds > 0) == METHODS[method].takes_time
        assert getattr(made, "verbose", 0) == METHODS[method].takes_time
        assert (getattr(made, "folder", None) == tmp_path) == (METHODS[method].family == "network")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("n_images", [40, 300, 100_000])
def test_the_classifier_takes_at_least_60_steps(schedule, n_images):
    arguments = task_of({"dark": n_images // 2, "light": n_images // 2}).classifier.schedules[schedule]
    assert arguments["n_epochs"] * arguments["steps_per_epoch"] >= 60


def test_networks_take_as_many_steps_whatever_the_number_of_images():
    for n_images in (200, 5000):
        values = METHODS["cvae"].load().arguments("quick", n_images, flip=True)
        assert values["n_epochs"] * (n_images // values["batch_size"]) == pytest.approx(4000, rel=0.05)


def test_only_mirrored_images_that_are_images_of_the_class_are_made(tmp_path):
    assert balancer("geometric", "quick", 100, True, tmp_path).horizontal_flip
    assert not balancer("geometric", "quick", 100, False, tmp_path).horizontal_flip


def test_what_a_method_cannot_learn_from_is_refused_before_training():
    with pytest.raises(UsageError, match="cvae needs images of at least 8 x 8 pixels, these have 6 x 9"):
        check(["geometric", "cvae"], "quick", {"a": 10, "b": 20}, (6, 9))
    with pytest.raises(UsageError, match="class a has 5 images to learn from, but smote needs 6"):
        check(["smote"], "quick", {"a": 5, "b": 20}, (8, 8))
    check(["geometric"], "quick", {"a": 2, "b": 20}, (6, 9))


def test_of_large_images_smote_makes_fewer_at_once(monkeypatch):
    memory, of_system = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}, os.sysconf  # 4 GB
    monkeypatch.setattr(os, "sysconf", lambda name: memory.get(name) or of_system(name))
    check_memory(["smote"], "quick", {"many": 800, "few": 100}, ["few"], (224, 224))


def test_what_memory_does_not_hold_is_refused_before_hours_of_work(monkeypatch):
    counts, shape, of_system = {"many": 900_000, "few": 100_000}, (64, 64), os.sysconf
    memory = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**22}  # 17 GB
    monkeypatch.setattr(os, "sysconf", lambda name: memory.get(name) or of_system(name))
    check_memory(["geometric", "random_oversampling", "cvae", "bagan+geometric"], "quick", counts, ["few"], shape)
    check_memory(["smote"], "quick", {"many": 900_000, "few": 10_000}, ["few"], shape)
    with pytest.raises(UsageError, match=r"smote would hold 21 GB of images in memory, more than half of this machine"):
        check_memory(["geometric", "smote"], "quick", counts, ["few"], shape)
    with pytest.raises(UsageError, match=r"adasyn\+geometric would hold 198 GB"):
        check_memory(["adasyn+geometric"], "quick", counts, ["few"], shape)
