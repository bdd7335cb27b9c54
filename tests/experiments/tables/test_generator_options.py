"""Averaged weights and augmentation of all GANs: what is asked."""

import pytest
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.experiments.tables import generator_options
from class_balancing.models import METHODS

TASKS = {task.name: task for task in generator_options.TASKS}
EXPECTED = {"neither": (0.0, 0.0), "averaged": (0.999, 0.0), "augmented": (0.0, 1.0), "both": (0.999, 1.0)}


def test_every_method_that_has_both_options_takes_part():
    having = {
        name
        for name, method in METHODS.items()
        if method.takes_time and {"ema_momentum", "augmentation_strength"} <= method.new().get_params().keys()
    }
    assert having == set(generator_options.GANS)


@pytest.mark.parametrize("dataset", ["options_vehicles", "options_cifar10"])
@pytest.mark.parametrize("schedule", ["smoke", "quick", "thesis"])
def test_tasks_differ_in_the_options_alone(dataset, schedule, tmp_path):
    plan = Plan(tmp_path, TASKS, schedule, "thesis")
    for method in generator_options.GANS:
        found = {option: dict(plan.arguments(Cell(f"{dataset}-{option}", method, 0))) for option in EXPECTED}
        pairs = {
            name: (own.pop("ema_momentum", 0.0), own.pop("augmentation_strength", 0.0)) for name, own in found.items()
        }
        assert pairs == EXPECTED
        assert all(own == found["neither"] for own in found.values())


def test_one_class_is_rare_and_the_baseline_is_shared():
    for task in TASKS.values():
        (rare,) = task.measured
        assert task.kept_per_class[rare] == 50
        assert {n for label, n in enumerate(task.kept_per_class) if label != rare} == {task.n_images_per_class}
        assert task.baseline_task == f"{task.dataset}-neither"
        assert task.is_audited
