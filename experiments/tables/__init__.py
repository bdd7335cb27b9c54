"""The sources' tables beside ours.

A source is one file with its TASKS and its PRINTED_NETWORKS (number of a table -> caption, path of the builder), and a
line in SOURCES.
"""

import importlib
from collections.abc import Iterable

from ...datasets.tasks import Task

SOURCES = [
    importlib.import_module(f".{name}", __name__)
    for name in (
        "thesis",
        "fer2013",
        "few_images",
        "skewed_mnist",
        "styled",
        "generator_options",
    )
]  # fmt: skip
TASKS = {task.name: task for source in SOURCES for task in source.TASKS}


def compared_together(tasks: Iterable[Task]) -> list[list[Task]]:
    """The tasks in groups of one dataset and the same methods: what is measured of one of a group is of all."""
    groups = {}
    for task in tasks:
        groups.setdefault((task.dataset, task.methods), []).append(task)
    return list(groups.values())


def task_named(name: str) -> Task:
    """One of TASKS, or one of their datasets with another percentage dropped, as "mnist-60" or "mnist-0".

    Raises ValueError if there is none.
    """
    if name in TASKS:
        return TASKS[name]
    dataset, _, percent = name.rpartition("-")
    for task in TASKS.values():
        if task.dataset == dataset and task.dropped_percent and percent.isdecimal() and int(percent) < 100:
            found = task.dropping(int(percent)) if int(percent) else task.undropped
            if found.name == name:  # and not "mnist-060"
                return found
    raise ValueError(f"there is no task {name}")
