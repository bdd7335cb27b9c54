"""Which images a balancer sees, which a classifier trains and validates on, and which only test it.

Both protocols first split off the test images, then drop a part of the measured classes from the training images. Test
images are real and reach nothing but the final scores.

"thesis" (sections 5.2 and 5.3): the balancer sees all remaining training images; a quarter of the *balanced* training
images, synthetic ones among them, is set aside for validation. "clean": a quarter of the remaining real training images
is set aside first; neither the balancer nor the classifier's training sees it, and no synthetic image reaches it. If a
dataset has an official validation part, both use that, and if a task keeps few training images, some of the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..datasets.batches import drawn_equally
from ..datasets.groups import split_groups
from ..datasets.image_dataset import ImageDataset
from ..datasets.imbalance import drop_fraction
from ..datasets.split import fold, split
from ..datasets.stored_images import joined
from ..datasets.tasks import Task

PROTOCOLS = ("thesis", "clean")
N_VALIDATION_IMAGES = 1000  # of tasks that keep few training images


@dataclass(frozen=True)
class Parts:
    """`train` is all that a balancer sees; `validation` is None if it is set aside later.

    `missing`: class -> how many images restore its balance. `indices`: name of each part that exists -> its positions
    in the dataset; `test_groups` (n,) names test images that belong together.
    """

    train: ImageDataset
    validation: ImageDataset | None
    test: ImageDataset
    missing: Mapping[int, int]
    indices: Mapping[str, np.ndarray]
    test_groups: np.ndarray | None = None

    def additions(self, proportion: float) -> dict[int, int]:
        """Class -> number of new images: `proportion` times what restores the balance."""
        wanted = {label: round(proportion * n) for label, n in self.missing.items()}
        return {label: n for label, n in wanted.items() if n}


def parts(dataset: ImageDataset, task: Task, protocol: str, groups: np.ndarray | None = None, draw: int = 0) -> Parts:
    """Split, drop and, under "clean", set validation images aside; `groups` (n,) names images that stay together.

    `draw` says which images are kept, if the task keeps a number of each class. Raises ValueError if a class is too
    small for that, and for an official split of a dataset that has none.
    """
    indices, missing = part_indices(dataset.labels, task, protocol, groups, dataset.official_parts, draw)
    images = {name: dataset.take(chosen) for name, chosen in indices.items()}
    return Parts(
        images["train"],
        images.get("validation"),
        images["test"],
        missing,
        indices,
        None if groups is None else groups[indices["test"]],
    )


def part_indices(
    labels: np.ndarray,
    task: Task,
    protocol: str,
    groups: np.ndarray | None = None,
    official: np.ndarray | None = None,
    draw: int = 0,
) -> tuple[dict[str, np.ndarray], dict[int, int]]:
    """Sorted indices of each part, and `Parts.missing`; `official` (n,) names each image's official part."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")

    def cut(among, fraction):
        if groups is None:
            larger, smaller = split(labels[among], fraction, task.split_random_state)
        else:
            larger, smaller = split_groups(
                labels[among], groups[among], fraction, task.split_random_state, task.class_names
            )
        return among[larger], among[smaller]

    if task.official_split and official is None:
        raise ValueError(f"{task.dataset} names no official parts, but task {task.name} asks for them")
    if task.official_split:
        indices = {name: np.flatnonzero(official == name) for name in ("train", "validation", "test")}
        indices = {name: found for name, found in indices.items() if len(found)}
    else:
        if task.fold:
            train, test = fold(labels, *task.fold, task.split_random_state, groups)
        else:
            train, test = cut(np.arange(len(labels)), task.test_fraction)
        indices = {"train": train, "test": test}
    if task.kept_per_class:
        indices["train"], indices["validation"] = _few(labels, indices["train"], task, draw)
    dropped = {}
    if task.dropped_percent:
        for label in task.measured:
            kept = drop_fraction(labels[indices["train"]], label, task.dropped_percent, task.split_random_state)
            dropped[label] = len(indices["train"]) - len(kept)
            indices["train"] = indices["train"][kept]
    if protocol == "clean" and "validation" not in indices:
        indices["train"], indices["validation"] = cut(indices["train"], task.validation_fraction)
        dropped = {label: round(n * (1.0 - task.validation_fraction)) for label, n in dropped.items()}
    if task.dropped_percent is None:
        counts = np.bincount(labels[indices["train"]], minlength=task.n_classes)
        wanted = task.n_images_per_class or counts.max()
        return indices, {label: int(wanted - n) for label, n in enumerate(counts) if n < wanted}
    return indices, dropped


def _few(labels: np.ndarray, among: np.ndarray, task: Task, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the indices `among` those that are kept for training, and of the others some for validation, both sorted.

    Raises ValueError if a class has too few.
    """
    rng = np.random.default_rng([task.split_random_state, draw])
    kept = []
    for label, n in enumerate(task.kept_per_class):
        members = among[labels[among] == label]
        if len(members) < n:
            raise ValueError(f"{task.class_names[label]} has {len(members)} training images, but {n} are asked for")
        kept.append(rng.choice(members, n, replace=False))
    kept = np.sort(np.concatenate(kept))
    others = rng.permutation(np.setdiff1d(among, kept))
    return kept, np.sort(others[:N_VALIDATION_IMAGES])


def with_few_real_images(parts: Parts, classes: Iterable[int], n: int, random_state: int) -> Parts:
    """Parts whose training images are `n` real ones of each of these classes and none of the others.

    They are drawn at random, and again where a class has fewer, each equally often but for the last round.
    """
    rng, chosen = np.random.default_rng(random_state), [np.zeros(0, np.int64)]
    for label in classes:
        members = np.flatnonzero(parts.train.labels == label)
        chosen.append(members[drawn_equally(len(members), n, rng)])
    return replace(parts, train=parts.train.take(np.concatenate(chosen)))


def with_new_images(
    parts: Parts, new_images: np.ndarray, new_labels: np.ndarray, task: Task
) -> tuple[ImageDataset, ImageDataset]:
    """Training and validation images of a classifier, `new_images` (n, height, width, channels) among them."""
    real = parts.train
    balanced = ImageDataset(
        real.name,
        joined([real.images, new_images]),
        np.concatenate([real.labels, new_labels]),
        real.class_names,
    )
    return with_validation(balanced, parts.validation, task)


def with_validation(
    dataset: ImageDataset, validation: ImageDataset | None, task: Task
) -> tuple[ImageDataset, ImageDataset]:
    """The dataset and the validation images; if there are none, some are set aside from the dataset."""
    if validation is not None:
        return dataset, validation
    train_indices, validation_indices = split(dataset.labels, task.validation_fraction, task.split_random_state)
    return dataset.take(train_indices), dataset.take(validation_indices)
