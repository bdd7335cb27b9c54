"""Anyone's folder of images as a task, judged by a classifier for images of any size, trained equally long for all.

Networks take the same number of steps whatever the number of images, since they learn from batches.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...datasets.tasks import SCHEDULES, Classifier, Table, Task
from ...evaluation.protocol import part_indices
from ...models import METHODS, named
from ..command_line import UsageError

N_STEPS = {"smoke": 60, "quick": 1500, "thesis": 4000}
MIN_EPOCHS = {"smoke": 1, "quick": 6, "thesis": 20}
N_VALIDATIONS = 15
CLASSIFIER = {
    "batch_size": 64,
    "learning_rate": 1e-3,
    "final_learning_rate": 0.0,
    "validation_metric": "balanced_accuracy",
}
PROTOCOL = "clean"
METRICS = ("accuracy", "f1_minority", "balanced_accuracy")
FILTERS_TEST_FRACTION = 0.25
N_FOLDS = 5
SEEDS_APART = 1000  # of one fold and the next, whose seeds are independent of each other
FEW = 200


def judged_tasks(
    class_names: tuple[str, ...],
    labels: np.ndarray,
    groups,
    image_shape: tuple[int, ...],
    minority: str | None,
    flip: bool,
    n_folds: int,
    n_trainings: int,
    n_network_folds: int | None = None,
) -> list[Task]:
    """A task for each fold of images with labels int (n,), or one with a single split if there is one fold.

    `groups` (n,) or None names images that stay together. `minority` is the class whose F1 score is measured (None: the
    smallest), `flip` says whether images may be mirrored. Raises UsageError if a class is too small to be split or for
    a verdict, also on the first `n_network_folds` folds alone (None: all).
    """
    asked = class_names, labels, groups, image_shape
    if n_folds == 1:
        found = [_task_and_indices(*asked, minority, flip, n_trainings=n_trainings)]
    else:
        minority = minority or class_names[int(np.bincount(labels).argmin())]
        found = [
            _task_and_indices(
                *asked,
                minority,
                flip,
                name=f"fold{which + 1}of{n_folds}",
                fold=(which, n_folds),
                random_state=which * SEEDS_APART,
                n_trainings=n_trainings,
            )
            for which in range(n_folds)
        ]
    tested = [indices["test"] for _, indices in found]
    remedy = "add images" if n_folds > 1 else f"add images or give --folds {N_FOLDS}, which tests on all images"
    _check_verdict(class_names, labels, groups, np.concatenate(tested), remedy)
    if n_network_folds:
        tested = np.concatenate(tested[:n_network_folds])
        _check_verdict(class_names, labels, groups, tested, "give a larger --network-folds")
    return [task for task, _ in found]


def default_folds(labels: np.ndarray, groups: np.ndarray | None) -> int:
    """N_FOLDS where the smallest class has fewer than FEW images or groups, else one split."""
    units = np.arange(len(labels)) if groups is None else groups
    fewest = min(len(np.unique(units[labels == label])) for label in np.unique(labels))
    return N_FOLDS if fewest < FEW else 1


def filtering_task(class_names: tuple[str, ...], labels: np.ndarray, groups, image_shape: tuple[int, ...]) -> Task:
    """The task whose classifier filters new images, and whose test images show what filters do to real ones.

    The classifier is that of `judged_tasks`, but a quarter of the images is for testing. Raises UsageError if a class
    is too small to be split.
    """
    try:
        task, _ = _task_and_indices(
            class_names, labels, groups, image_shape, None, True, test_fraction=FILTERS_TEST_FRACTION
        )
    except UsageError as error:
        counts = np.bincount(labels)
        raise UsageError(
            f"--filter sets a quarter of the images aside, but {error}; the smallest class is "
            f"{class_names[counts.argmin()]} with {counts.min()} images"
        ) from error
    return task


def _task_and_indices(class_names, labels, groups, image_shape, minority: str | None, flip: bool, **facts):
    unsplit = Task(
        dataset="folder",
        label="folder",
        load="class_balancing.datasets.folder:load",
        image_shape=image_shape,
        class_names=class_names,
        n_train_images=len(labels),
        measured=(0,),
        measured_label=class_names[0],
        classifier=Classifier("scaled_classifier", {}, max(0.1, 0.4 * image_shape[0] * image_shape[1] / 64**2)),
        methods=tuple(METHODS),
        tables=(Table("folder", METRICS),),
        is_mirrored=flip,
        keeps_predictions=True,
        **{"name": "folder"} | facts,
    )
    indices = split(unsplit, labels, groups)
    train = indices["train"]
    label = int(np.bincount(labels[train]).argmin()) if minority is None else class_names.index(minority)
    schedules = {schedule: _classifier_arguments(schedule, len(train)) for schedule in SCHEDULES}
    task = replace(
        unsplit,
        n_train_images=len(train),
        measured=(label,),
        measured_label=class_names[label],
        classifier=replace(unsplit.classifier, schedules=schedules),
    )
    return task, indices


def split(task: Task, labels: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
    """Indices of the images to learn from, to validate and to test; raises UsageError if a class is too small."""
    try:
        indices, _ = part_indices(labels, task, PROTOCOL, groups)
        for label, name in enumerate(task.class_names):
            if not all((labels[indices[part]] == label).any() for part in ("train", "test")):
                raise ValueError(f"{name} has too few images to learn from and to test on")
    except ValueError as error:
        raise UsageError(f"the images cannot be split for testing: {error}") from error
    return indices


def _check_verdict(class_names, labels: np.ndarray, groups: np.ndarray | None, tested: np.ndarray, remedy: str) -> None:
    from ...evaluation.verdict import MIN_UNITS

    for label, name in enumerate(class_names):
        found = tested[labels[tested] == label]
        n_units, unit = (len(found), "") if groups is None else (len(np.unique(groups[found])), " groups of")
        if n_units < MIN_UNITS:
            raise UsageError(
                f"the images cannot be split for testing: {name} would have {n_units}{unit} test images, and a verdict "
                f"needs {MIN_UNITS}; {remedy}"
            )


def _classifier_arguments(schedule: str, n_images: int) -> dict:
    """The same for every method: the number of steps does not depend on what was added."""
    steps_a_pass = max(1, n_images // min(CLASSIFIER["batch_size"], n_images))
    n_steps = max(N_STEPS[schedule], MIN_EPOCHS[schedule] * steps_a_pass)
    n_epochs = min(N_VALIDATIONS, n_steps)
    return CLASSIFIER | {"n_epochs": n_epochs, "steps_per_epoch": -(-n_steps // n_epochs)}


def balancer(method: str, schedule: str, n_images: int, flip: bool, folder: Path, **given):
    """The method's unfitted balancer for `n_images` images; networks keep their checkpoints in `folder`."""
    made = named(method)
    return made.new(**made.arguments(schedule, n_images, flip), **made.fit_arguments(folder, verbose=1), **given)


def check(methods, schedule: str, counts: dict[str, int], shape: tuple[int, int]) -> None:
    """Raise UsageError if a method cannot learn from classes of these counts or images of this (height, width)."""
    smallest = min(counts, key=counts.get)
    n_images = sum(counts.values())
    for method in methods:
        made = balancer(method, schedule, n_images, False, folder=None)
        try:
            needed = made.min_images
        except ValueError as error:  # a chain of methods that do not go together
            raise UsageError(f"{method}: {error}") from error
        if min(shape) < made.min_side_pixels:
            raise UsageError(
                f"{method} needs images of at least {made.min_side_pixels} x {made.min_side_pixels} pixels, these have "
                f"{shape[0]} x {shape[1]}; give a larger --image-size"
            )
        if counts[smallest] < needed:
            raise UsageError(
                f"class {smallest} has {counts[smallest]} images to learn from, but {method} needs {needed} of every "
                "class; add images or choose another method"
            )


def check_memory(methods, schedule: str, counts: dict[str, int], small: list[str], shape: tuple[int, int]) -> None:
    """Raise UsageError if a method takes more than half of this machine's memory to add images to the `small` classes.

    `counts` are those of all classes to learn from.
    """
    if not hasattr(os, "sysconf"):
        return
    n_images, n_of_class = sum(counts.values()), max(counts[name] for name in small)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for method in methods:
        made = balancer(method, schedule, n_images, False, folder=None)
        needed = made.n_bytes_held(n_images, n_of_class, (*shape, 3))
        if needed > memory / 2:
            raise UsageError(
                f"{method} would hold {needed / 1e9:.0f} GB of images in memory, more than half of this machine's; "
                "choose another method or a smaller --image-size"
            )
