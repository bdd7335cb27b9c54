from dataclasses import replace

import numpy as np
from class_balancing.datasets.tasks import Table
from class_balancing.experiments.tables import TASKS

TASK = TASKS["digits-50"]


def test_a_task_says_what_becomes_of_its_dataset():
    assert TASK.title == "digits, 50 % of class 4 dropped"
    assert TASK.undropped.title == "digits, complete"
    assert replace(TASK, dropped_percent=None).title == "digits, imbalanced as it is"


def test_its_metrics_are_those_of_all_its_tables_once():
    tables = (Table("1", ("ssim", "recall_4")), Table("2", ("accuracy", "recall_4")))
    assert replace(TASK, tables=tables).metrics == ("ssim", "recall_4", "accuracy")


def test_its_dataset_has_the_classes_and_shape_that_it_tells(digits):
    loaded = TASK.dataset_in(None)
    np.testing.assert_array_equal(loaded.images, digits.images)
    assert loaded.images.shape[1:] == TASK.image_shape
    assert loaded.class_names == TASK.class_names
    assert TASK.n_classes == len(TASK.class_names) == 10
    assert abs(len(loaded.labels) * (1 - TASK.test_fraction) - TASK.n_train_images) < 1
