import pytest
from class_balancing.datasets.tasks import Table
from class_balancing.experiments.tables import TASKS, task_named


def test_tasks_of_the_sources_are_found():
    for name, task in TASKS.items():
        assert task.name == name
        assert task_named(name) is task


def test_percentages_that_the_thesis_lacks_get_a_table_of_their_own():
    task = task_named("digits-60")
    assert (task.name, task.dataset, task.dropped_percent) == ("digits-60", "digits", 60)
    assert task.tables == (Table("digits-60", ("ssim", "accuracy", "f1_minority")),)
    of_mnist = task_named("mnist-60")
    assert of_mnist.tables == (Table("mnist-60", ("ssim", "accuracy", "f1_minority")),)
    assert of_mnist.published is None
    assert of_mnist.title == "MNIST, 60 % of class 4 dropped"


def test_nothing_may_be_dropped():
    task = task_named("mnist-0")
    assert task == TASKS["mnist-50"].undropped
    assert (task.name, task.dropped_percent, task.title) == ("mnist-0", 0, "MNIST, complete")


@pytest.mark.parametrize(
    "name", ["imagenet-50", "mnist", "mnist-100", "mnist-060", "mnist-00", "mnist--5", "mnist-", ""]
)
def test_other_names_are_no_tasks(name):
    with pytest.raises(ValueError, match="there is no task"):
        task_named(name)
