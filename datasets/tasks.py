"""What is asked of a dataset, so that nothing else needs to know it by name."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .image_dataset import ImageDataset

SCHEDULES = ("smoke", "quick", "thesis")


@dataclass(frozen=True)
class Classifier:
    """The network that judges, and how each schedule trains it.

    `network` is a function of `models.networks.classifiers` or a path "package.module:function", which builds a model
    from (n_classes, image_shape). `schedules`: schedule -> arguments of `evaluation.classifiers.train_classifier`.
    `seconds_per_1000_images` is the time for one epoch on the reference machine.
    """

    network: str
    schedules: Mapping[str, dict]
    seconds_per_1000_images: float


@dataclass(frozen=True)
class Table:
    """A table that shows metrics of one task or, if other tasks have a table of the same name, of several.

    Metrics are "ssim", "ssim_to_originals", "accuracy", "f1_minority", "balanced_accuracy", "g_mean" and
    "recall_<label>". `notes` are written below the table.
    """

    name: str
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Why a task's figures differ from the printed ones, for these methods (none: all) and metrics (none: all)."""

    text: str
    methods: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A dataset, how it is split and imbalanced, which classes are measured, who judges, and what the source prints.

    `load` is the path of `load(data_dir)`, which returns the ImageDataset. `measured` are the classes whose F1 score is
    taken (the mean, if there are several). `dropped_percent` of the training images of each of them are dropped and
    replaced by new ones; 0 drops none, and None keeps the imbalance that the dataset came with, so that every class is
    filled up to `n_images_per_class` images (None: the size of the largest). With `official_split` the parts are the
    dataset's `official_parts`, else `test_fraction` of all images are for testing. With `kept_per_class` only so many
    training images of each class are kept, and up to 1000 of the others validate; with `is_redrawn` every seed keeps
    others, else all the same. With `fold` (which, of how many) test images are those of one fold of all images, and
    `test_fraction` does not matter. All seeds, of new images, networks and classifiers, count on from `random_state`.
    `n_trainings` is how often a method's networks are trained, each for some of the seeds.
    `arguments[schedule][method]` are constructor arguments that a source prints, or our shortened ones; other methods
    choose their own for such images, mirrored too if `is_mirrored`, with `network_share` of the epochs and least steps
    that they would choose. `overrides[method]` replace some of either.

    With `n_new_only`, by schedule, classifiers learn from so many new images of every class and from no real ones; a
    source class is made by translating others back, and of a class that a chain cannot make they are real.
    `baseline_task` is the task whose baseline is shown (None: its own). `published` is a CSV file of what was printed,
    with the columns table, dataset, dropped_percent, method, metric and value. `shown_filters` are filters whose pass
    rates are recorded, in this order; they drop nothing. `further_tables` is the path of a function that makes
    `reports.plain_tables` of (runner, records), for what such tables do not show; tasks may share one. With
    `is_audited` the first seed's new images are also compared with real ones and teach a classifier of their own.
    `images_are_private` says that nobody else may be given the images.
    """

    name: str
    dataset: str
    label: str
    load: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    n_train_images: int
    measured: tuple[int, ...]
    measured_label: str
    classifier: Classifier
    methods: tuple[str, ...]
    tables: tuple[Table, ...]
    dropped_percent: int | None = None
    kept_per_class: tuple[int, ...] | None = None
    is_redrawn: bool = False
    n_images_per_class: int | None = None
    n_new_only: Mapping[str, int] | None = None
    baseline_task: str | None = None
    official_split: bool = False
    fold: tuple[int, int] | None = None
    is_mirrored: bool = False
    ssim_range: tuple[float, float] | None = None
    arguments: Mapping[str, Mapping[str, dict]] = field(default_factory=dict)
    overrides: Mapping[str, dict] = field(default_factory=dict)
    network_share: float = 1.0
    n_seeds: Mapping[str, int] = field(default_factory=lambda: {"smoke": 1, "quick": 3, "thesis": 3})
    published: Path | None = None
    explanations: tuple[Explanation, ...] = ()
    further_tables: str | None = None
    images_are_private: bool = False
    is_audited: bool = False
    keeps_predictions: bool = False
    shown_filters: tuple[str, ...] = ()
    test_fraction: float = 0.30
    validation_fraction: float = 0.25
    split_random_state: int = 0
    random_state: int = 0
    n_trainings: int = 1

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of all its tables."""
        return tuple(dict.fromkeys(metric for table in self.tables for metric in table.metrics))

    @property
    def title(self) -> str:
        """For headings: the dataset and what was done to it."""
        if self.n_new_only:
            return f"{self.label}, as many of every class"
        if self.kept_per_class:
            return self.label
        if self.dropped_percent is None:
            return f"{self.label}, imbalanced as it is"
        if self.dropped_percent == 0:
            return f"{self.label}, complete"
        return f"{self.label}, {self.dropped_percent} % of {self.measured_label} dropped"

    @property
    def undropped(self) -> "Task":
        """The same dataset with nothing dropped, which all percentages share."""
        return replace(self, name=f"{self.dataset}-0", dropped_percent=0, kept_per_class=None)

    def draw(self, seed: int) -> int:
        """Which of several draws of training images a seed uses."""
        return seed if self.is_redrawn else 0

    def training(self, seed: int) -> int:
        """Which of the trainings of a method's networks a seed uses."""
        return seed % self.n_trainings

    def dropping(self, percent: int) -> "Task":
        """The task with another percentage: no source prints it, and its own table has all metrics."""
        name = f"{self.dataset}-{percent}"
        return replace(self, name=name, dropped_percent=percent, tables=(Table(name, self.metrics),), published=None)

    def dataset_in(self, data_dir: str | None) -> ImageDataset:
        """The images, from `data_dir` or wherever the loader finds them."""
        return pkgutil.resolve_name(self.load)(data_dir)
