"""What a run will do: each cell's configuration, its folder, and how long it takes.

Imports TensorFlow only for methods whose arguments do not come with the task.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...datasets.tasks import Task
from ...models import BASELINE, in_order, named
from ...models.method import Chained, Method
from .cell import AS_MANY_ORIGINALS, BALANCED_ORIGINAL, ORIGINAL, REFERENCES, Cell

SECONDS_TO_START = 2  # of a classifier; the first of a process takes longer
TRUSTED_SECONDS = 60  # of estimates, before the pace of this machine counts more than they do
SET_BY_RUNNER = ("sampling_strategy", "random_state", "folder", "verbose")


@dataclass(frozen=True)
class Plan:
    """The cells of some tasks below one folder.

    `filters` are names of `experiments.running.filters`, which new images must pass in this order.
    """

    out: Path
    tasks: Mapping[str, Task]
    schedule: str
    protocol: str
    filters: tuple[str, ...] = ()

    def configuration(self, cell: Cell) -> dict:
        """All that decides a cell's result on a given machine and version. Committed records contain these names."""
        task = self.tasks[cell.task]
        values = {
            "dataset": task.dataset,
            "minority": task.measured[0] if len(task.measured) == 1 else list(task.measured),
            "variant": cell.method,
            "protocol": self.protocol,
            "test_fraction": task.test_fraction,
            "validation_fraction": task.validation_fraction,
            "split_random_state": task.split_random_state,
            "seed": cell.seed,
        }
        if task.dropped_percent is not None:
            values["dropped_percent"] = task.dropped_percent
        if task.kept_per_class is not None:
            values |= {"kept_per_class": list(task.kept_per_class), "is_redrawn": task.is_redrawn}
        if task.n_images_per_class is not None:
            values["n_images_per_class"] = task.n_images_per_class
        if task.n_new_only:
            values["n_new_only"] = task.n_new_only[self.schedule]
        if task.official_split:
            values["split"] = "official"
        if task.fold:
            values["fold"] = list(task.fold)
        if task.random_state:
            values["random_state"] = task.random_state
        if task.ssim_range and (self.has_ssim(cell) or self.is_audited(cell)):
            values["ssim_range"] = list(task.ssim_range)
        if cell.makes_images:
            values["training_random_state"] = self.training_random_state(cell)
            values["method"] = self.arguments(cell)
            if task.n_new_only and named(cell.method).image_method.has_source_class:
                values["source_class"] = "recovered from the others"
            if self.filters:
                values["filters"] = list(self.filters)
            elif task.shown_filters:
                values["shown_filters"] = list(task.shown_filters)
            if cell.proportion != 1:
                values["proportion"] = cell.proportion
        if cell.has_method:
            ways = named(cell.method).classifier_methods
            if ways and ways[0].name != cell.method:
                values["classifier_methods"] = {way.name: way.new().get_params() for way in ways}
            elif ways:
                values |= ways[0].new().get_params()
        if cell.has_classifier:
            values["classifier"] = {"network": task.classifier.network} | task.classifier.schedules[self.schedule]
        return values

    def arguments(self, cell: Cell) -> dict:
        """Constructor arguments of the cell's method: the task's, else all of the method's own, defaults among them.

        The task's overrides replace some of either. Those of a chain are its methods', by name.
        """
        of_each = self.arguments_of_each(cell)
        return of_each if isinstance(named(cell.method).image_method, Chained) else next(iter(of_each.values()))

    def arguments_of_each(self, cell: Cell) -> dict[str, dict]:
        """The same of each method of a chain, or of the only one, by name."""
        task, method = self.tasks[cell.task], named(cell.method).image_method
        links = method.links if isinstance(method, Chained) else (method,)
        return {link.name: self._arguments(link, task) for link in links}

    def training_random_state(self, cell: Cell) -> int:
        """The seed of the cell's method: the task's for its first training, the next for the next."""
        task = self.tasks[cell.task]
        return task.random_state + (task.training(cell.seed) if cell.is_trained else 0)

    def random_state(self, cell: Cell) -> int:
        """The seed of what is drawn for the cell alone: new images and the classifier."""
        return self.tasks[cell.task].random_state + cell.seed

    def _arguments(self, method: Method, task: Task) -> dict:
        known, overrides = task.arguments.get(self.schedule, {}), task.overrides.get(method.name, {})
        if method.name in known:
            return dict(known[method.name]) | overrides
        chosen = method.arguments(self.schedule, task.n_train_images, task.is_mirrored)
        recorded = method.new(**_shortened(chosen, task.network_share) | overrides).recorded_parameters()
        return {name: value for name, value in recorded.items() if name not in SET_BY_RUNNER}

    def rated_filters(self, cell: Cell) -> tuple[str, ...]:
        """Filters whose pass rates are part of the cell's record."""
        if not cell.makes_images:
            return ()
        return self.filters or self.tasks[cell.task].shown_filters

    def has_ssim(self, cell: Cell) -> bool:
        return "ssim" in self.tasks[cell.task].metrics and (cell.method == ORIGINAL or cell.makes_images)

    def is_audited(self, cell: Cell) -> bool:
        return self.tasks[cell.task].is_audited and cell.makes_images and cell.seed == 0

    def folder(self, cell: Cell) -> Path:
        """A changed configuration gets another folder, so no old result is taken for a new one."""
        return self.out / "runs" / f"{cell}-{digest(self.configuration(cell))}"

    def training_folder(self, cell: Cell) -> Path:
        """Of the networks that all seeds and proportions of a method share, and all tasks with the same images.

        So do all ways to train the classifier. Seeds that keep other training images share nothing.
        """
        shared, task = self.configuration(cell), self.tasks[cell.task]
        measured = ("seed", "ssim_range", "filters", "shown_filters", "proportion", "n_new_only", "source_class")
        for of_the_measurement in (*measured, "classifier", "classifier_methods"):
            shared.pop(of_the_measurement, None)
        shared["variant"] = cell.images_by
        if task.is_redrawn:
            shared["draw"] = task.draw(cell.seed)
        images = task.dataset if task.dropped_percent is None else f"{task.dataset}-{task.dropped_percent}"
        return self.out / "runs" / f"{images}-{cell.images_by}-training-{digest(shared)}"

    def is_finished(self, cell: Cell) -> bool:
        return (self.folder(cell) / "cell.json").exists()

    def failure_log(self, cell: Cell) -> Path:
        """Where the reason is written if an attempt at the cell fails."""
        return self.folder(cell) / "failed.log"

    def epochs(self, cell: Cell) -> str:
        """The cell's epochs in words: of its networks and of its classifier."""
        parts = []
        if cell.takes_time:
            for name, arguments in self.arguments_of_each(cell).items():
                for parameter in [each for each in arguments if each.endswith("epochs")]:
                    stage = parameter.removeprefix("n_").removesuffix("epochs").strip("_")
                    least = f" or {arguments['min_steps']} steps" if arguments.get("min_steps") else ""
                    parts.append(f"{arguments[parameter]} {stage or name}{least}")
                if named(name).family == "learned":
                    parts.append(f"{arguments['n_iterations']} {name}")
        if cell.has_classifier:
            parts.append(f"{self.tasks[cell.task].classifier.schedules[self.schedule]['n_epochs']} classifier")
        return " + ".join(parts) or "none"

    def training_seconds(self, cell: Cell) -> float:
        """Estimate for what all seeds of a method share: its whole fit, if that takes time."""
        return self._fit_seconds(cell, folder=None)

    def remaining_training_seconds(self, cell: Cell) -> float:
        """The same without what the checkpoints of the training hold already."""
        return self._fit_seconds(cell, self.training_folder(cell))

    def _fit_seconds(self, cell: Cell, folder: Path | None) -> float:
        if not cell.takes_time:
            return 0.0
        task, method = self.tasks[cell.task], named(cell.method)
        balancer = method.new(**self.arguments(cell), **method.fit_arguments(folder, verbose=0))
        n_small_classes = self._n_small_classes(task)
        return balancer.fit_seconds(task.n_train_images, task.image_shape, task.n_classes, n_small_classes)

    def sampling_seconds(self, cell: Cell) -> float:
        """Estimate for making the new images, which few methods take long for."""
        if not cell.takes_time:
            return 0.0
        task = self.tasks[cell.task]
        n = self._n_small_classes(task) * task.n_train_images / task.n_classes  # where the task does not say
        if task.n_new_only:
            n = task.n_classes * task.n_new_only[self.schedule]
        elif task.kept_per_class:
            n = sum(_lacking(task))
        balancer = named(cell.method).new(**self.arguments(cell))
        return balancer.sample_seconds(round(n * cell.proportion), task.image_shape)

    @staticmethod
    def _n_small_classes(task: Task) -> int:
        if task.kept_per_class:
            return min(sum(n > 0 for n in _lacking(task)), task.n_classes - 1)
        return task.n_classes - 1 if task.dropped_percent is None else len(task.measured)

    def measuring_seconds(self, cell: Cell) -> float:
        """Estimate for a cell whose networks are trained: sampling, SSIM, classifier."""
        if not cell.has_classifier:
            return SECONDS_TO_START / 4
        task = self.tasks[cell.task]
        arguments = task.classifier.schedules[self.schedule]
        n_seen = arguments["n_epochs"] * task.n_train_images
        if "steps_per_epoch" in arguments:
            n_seen = arguments["n_epochs"] * arguments["steps_per_epoch"] * arguments["batch_size"]
        of_classifier = SECONDS_TO_START + task.classifier.seconds_per_1000_images * n_seen / 1000
        return of_classifier + self.sampling_seconds(cell)

    def remaining_seconds(self, cells: Iterable[Cell]) -> float:
        """Estimate for all unfinished cells and what is left of their trainings.

        Nothing is left of a training of networks if one of the cells that share them is finished; what is learned
        without networks is not kept.
        """
        cells = list(cells)
        unfinished = [cell for cell in cells if not self.is_finished(cell)]
        seconds = sum(self.measuring_seconds(cell) for cell in unfinished)
        untrained = {self.training_folder(cell): cell for cell in unfinished if cell.takes_time}
        for cell in filter(lambda cell: cell.is_trained, set(cells).difference(unfinished)):
            untrained.pop(self.training_folder(cell), None)
        return seconds + sum(map(self.remaining_training_seconds, untrained.values()))


def _shortened(arguments: dict, share: float) -> dict:
    """Constructor arguments with this share of their epochs and least steps, at least 1 of each."""
    if share == 1:
        return arguments
    lengths = [name for name in arguments if name.endswith("epochs") or name == "min_steps"]
    return arguments | {name: max(1, round(share * arguments[name])) for name in lengths}


def _lacking(task: Task) -> list[int]:
    """Of a task that keeps so many images of each class, how many each lacks."""
    wanted = task.n_images_per_class or max(task.kept_per_class)
    return [max(0, wanted - kept) for kept in task.kept_per_class]


def cells_of(tasks: Iterable[Task], methods: Iterable[str], n_seeds: Mapping[str, int]) -> list[Cell]:
    """All cells of tasks, cheap ones first; those of one method and task are next to each other.

    `n_seeds` by dataset. References are among them: original images if SSIM is measured, the balanced original if
    images are dropped, once for all percentages, and as many originals where classifiers learn from new images alone.
    These learn nothing from methods that make no images.
    """
    found = {}
    for dataset in dict.fromkeys(task.dataset for task in tasks):
        of_dataset = [task for task in tasks if task.dataset == dataset]
        columns = [(task.name, ORIGINAL) for task in of_dataset if "ssim" in task.metrics]
        columns += [(task.baseline_task or task.name, BASELINE) for task in of_dataset]
        columns += [(task.name, AS_MANY_ORIGINALS) for task in of_dataset if task.n_new_only]
        columns += [(task.undropped.name, BALANCED_ORIGINAL) for task in of_dataset if task.dropped_percent]
        asked = [named(name) for name in in_order(set(methods).difference(REFERENCES, [BASELINE]))]
        columns += [(t.name, m.name) for m in asked for t in of_dataset if m.makes_images or not t.n_new_only]
        found |= {Cell(task, m, seed): None for task, m in columns for seed in range(n_seeds[dataset])}
    return list(found)


class Pace:
    """How fast this machine does what was foreseen to take so many seconds, from now on."""

    def __init__(self, seconds_foreseen: float):
        self.seconds_foreseen = seconds_foreseen
        self.started = time.monotonic()

    def left(self, seconds_left: float) -> float:
        """An estimate of what is left, in the proportion in which the rest took longer or shorter than foreseen."""
        seconds_taken = time.monotonic() - self.started
        seconds_done = max(0.0, self.seconds_foreseen - seconds_left)  # a damaged checkpoint adds to what is left
        return seconds_left * (seconds_taken + TRUSTED_SECONDS) / (seconds_done + TRUSTED_SECONDS)


def duration(seconds: float) -> str:
    """For people: "40 s", "12 min", "3 h 5 min", "12 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours >= 48:
        return f"{round(hours / 24)} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def digest(values: dict) -> str:
    """Short hash of a configuration, for the names of folders."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
