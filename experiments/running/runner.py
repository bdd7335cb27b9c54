"""Run one cell: cached, atomic, resumable. A cell is finished when its folder holds `cell.json`."""

import time
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ...datasets.files import read_json, write_archive, write_json
from ...datasets.image_dataset import ImageDataset
from ...datasets.stored_images import StoredImages, write
from ...evaluation import classifiers, protocol, scores, ssim
from ...models.balancer import HasSourceClass, collapse_tolerated
from . import audit, locks, pictures
from .cell import ORIGINAL, Cell
from .classifying import KEPT, Classifying
from .environment import environment
from .filters import Chain, Counts, drawn, useful
from .fitting import Fitting
from .plan import Plan
from .rounds import rounds
from .translated import of_source_class

MAX_RATED_IMAGES = 500  # of a class, by filters that drop nothing
STORED = "new-{}.npy"  # new images of a class, in the cell's folder while it is computed


class Runner:
    """Runs the cells of a plan.

    `datasets` by name; `groups` (n,) names images of the only dataset that stay together. Networks are trained in the
    scope of `strategy` (None: TensorFlow's default), classifiers on one device. Processes that run cells of the same
    folder keep out of each other's way.
    """

    def __init__(self, plan: Plan, datasets: dict[str, ImageDataset], groups=None, strategy=None, verbose: int = 1):
        self.plan = plan
        self.datasets = datasets
        self.groups = groups
        self.strategy = strategy or tf.distribute.get_strategy()
        self.verbose = verbose
        self.drawn_parts = cache(self._drawn_parts)
        self.fitting = Fitting(plan, self.parts_of, self.strategy, verbose)
        self.classifying = Classifying(plan, self.drawn_parts, verbose)
        self.filters = cache(self._filters)

    def cached(self, cell: Cell) -> dict | None:
        """The record of a finished cell, or None; a damaged one is set aside."""
        return read_json(self.plan.folder(cell) / "cell.json")

    def run(self, cell: Cell, wait: bool = True) -> dict:
        """The cell's record, computed unless it is cached.

        If another process is computing the cell or its networks, waits for it or raises locks.BusyError.
        """
        record = self.cached(cell)
        if record is None:
            folder = self.plan.folder(cell)
            with locks.held(folder, wait):
                record = self.cached(cell)  # another process may have finished it meanwhile
                if record is None:
                    try:
                        record = self._compute(cell, wait)
                    finally:
                        for path in folder.glob(STORED.format("*") + "*"):
                            path.unlink()
                    write_json(folder / "cell.json", record)
                    for path in (self.plan.failure_log(cell), folder / KEPT):
                        path.unlink(missing_ok=True)
        return record

    def parts_of(self, cell: Cell) -> protocol.Parts:
        """The parts of the dataset of a cell's task, with the training images of its seed."""
        return self.drawn_parts(cell.task, self._draw(cell))

    def _draw(self, cell: Cell) -> int:
        return self.plan.tasks[cell.task].draw(cell.seed)

    def parts(self, task: str) -> protocol.Parts:
        """The parts of a task's dataset, with the training images of the first seed."""
        return self.drawn_parts(task, 0)

    def _drawn_parts(self, task: str, draw: int) -> protocol.Parts:
        asked = self.plan.tasks[task]
        return protocol.parts(self.datasets[asked.dataset], asked, self.plan.protocol, self.groups, draw)

    def _compute(self, cell: Cell, wait: bool) -> dict:
        started = time.perf_counter()
        task, parts = self.plan.tasks[cell.task], self.parts_of(cell)
        record = {
            "cell": str(cell),
            "schedule": self.plan.schedule,
            "configuration": self.plan.configuration(cell),
            "environment": environment(self.strategy),
            "n_train_images": len(parts.train.labels),
            "n_test_images": len(parts.test.labels),
        }
        images, balancer = {}, None  # images of each class
        if cell.method == ORIGINAL:
            images = self._originals(cell)
        elif cell.makes_images:
            balancer, record["training_s"] = self.fitting.fitted(cell, wait)
            filters = self.filters(cell.task, useful(self.plan.filters, balancer), self._draw(cell))
            sampling_started = time.perf_counter()
            with collapse_tolerated(self.plan.schedule == "smoke"):  # which only tries every path
                images, counts = self._sampled(cell, balancer, filters)
            sampling_s = round(time.perf_counter() - sampling_started, 1)
            names = parts.train.class_names
            record |= {
                "sampling_s": sampling_s,
                "n_new": {names[label]: len(made) for label, made in images.items()},
                "n_dropped": {
                    name: {names[label]: n - passed for label, of in counts.items() for n, passed in [of[name]]}
                    for name in filters.names
                },
            }
            if self.plan.filters:
                record["pass_rates"] = filters.rates(counts)
            elif task.shown_filters:
                record["pass_rates"] = self._shown_rates(cell, balancer, images)
            if cell.is_trained:
                record["training"] = self.plan.training_folder(cell).name
                record["training_environments"] = self.fitting.environments(cell)
        if self.plan.has_ssim(cell):
            if cell.makes_images:
                arrays = {f"class_{label}": made for label, made in images.items()}
                write_archive(self.plan.folder(cell) / "images.npz", arrays)
            if cell.seed == 0:
                pictures.save_all(self.plan.folder(cell), balancer, images, parts)
            record |= self._similarity(cell, images)
        if cell.has_classifier:
            record |= self._classify(cell, images)
        if self.plan.is_audited(cell):
            with collapse_tolerated():  # its cell has failed, or is to warn, already
                record["audit"] = audit.of_cell(self, cell, balancer, images)
        if task.n_new_only and cell.makes_images:
            record["tested_on_new"] = self._tested_on_new(cell, images)
        record["wall_time_s"] = round(time.perf_counter() - started, 1)
        return record

    def _originals(self, cell: Cell) -> dict[int, np.ndarray]:
        """As many original images of each class as are missing, from before anything was dropped."""
        task = self.plan.tasks[cell.task]
        whole = protocol.parts(self.datasets[task.dataset], task.undropped, self.plan.protocol, self.groups).train
        found = {}
        for label, n in self.parts_of(cell).missing.items():
            members = np.flatnonzero(whole.labels == label)
            rng = np.random.default_rng(self.plan.random_state(cell))
            chosen = rng.choice(members, min(n, len(members)), replace=False)
            found[label] = whole.images[chosen]
        return found

    def _filters(self, task: str, names: tuple[str, ...], draw: int = 0) -> Chain:
        """Filters for a task's images; the classifier that they need is trained here."""
        return Chain(names, self.drawn_parts(task, draw), partial(self.classifying.of_originals, task, draw))

    def _sampled(self, cell: Cell, balancer, filters: Chain) -> tuple[dict[int, np.ndarray], dict[int, Counts]]:
        """New images of each class that passed all filters, and what each filter did.

        Where the original images are stored, so are the new ones. Raises RuntimeError if SSIM is measured and too few
        of a class passed.
        """
        images, counts = {}, {}
        image_shape, are_stored = balancer.image_shape_, isinstance(self.parts_of(cell).train.images, StoredImages)
        for label, n in self.fitting.additions(cell, balancer).items():
            counts[label] = dict.fromkeys(filters.names, (0, 0))
            parts = self._passed(cell, balancer, filters, label, n, counts[label])
            path = self.plan.folder(cell) / STORED.format(label)
            images[label] = write(path, image_shape, parts) if are_stored else np.concatenate(list(parts))
            n_passed = len(images[label])
            if filters.names and self.plan.has_ssim(cell) and n_passed < ssim.MIN_IMAGES:
                passed = f"{' and '.join(filters.names)} passed {n_passed} of {n} new images"
                name = self.plan.tasks[cell.task].class_names[label]
                raise RuntimeError(f"{passed} of {name}, too few for SSIM")
        return images, counts

    def _passed(self, cell: Cell, balancer, filters: Chain, label: int, n: int, counts: Counts) -> Iterator[np.ndarray]:
        """Of `n` new images of a class those that passed all filters, a round at a time; counts are added to."""
        hidden, make = not self.verbose, partial(balancer.sample, label)
        if isinstance(balancer, HasSourceClass) and label == balancer.source_label_:
            make = partial(of_source_class, balancer, self.parts_of(cell).train)
        with tqdm(None, f"{cell}, new images", n, unit="image", disable=hidden, delay=2, mininterval=1) as bar:
            for n_of_round, seed in rounds(n, balancer.image_shape_, self.plan.random_state(cell)):
                made = make(n_of_round, random_state=seed)
                kept, of_round = filters.passing(made, label)
                counts |= {name: tuple(np.add(counts[name], of_round[name]).tolist()) for name in filters.names}
                yield made[kept]
                bar.update(n_of_round)

    def _shown_rates(self, cell: Cell, balancer, images: dict[int, np.ndarray]) -> dict:
        """The pass rates of the task's filters that drop nothing; of the first seed also a picture of what is kept."""
        filters = self.filters(cell.task, useful(self.plan.rated_filters(cell), balancer), self._draw(cell))
        some = {label: drawn(made, MAX_RATED_IMAGES) for label, made in images.items()}
        passed = {label: filters.passing(made, label) for label, made in some.items()}
        if cell.seed == 0:
            kept = {label: of_class[0] for label, of_class in passed.items()}
            pictures.save_filtered(self.plan.folder(cell) / "filtered.png", some, kept)
        return filters.rates({label: counts for label, (_, counts) in passed.items()})

    def _classify(self, cell: Cell, new_images: dict[int, np.ndarray]) -> dict:
        task, parts = self.plan.tasks[cell.task], self.parts_of(cell)
        started = time.perf_counter()
        learned = self.classifying.learned_from(cell, new_images)
        model, history = self.classifying.trained(cell, *learned, self.plan.folder(cell) / KEPT)
        predicted = classifiers.predict(model, parts.test.images)
        record = {
            "scores": scores.scores(parts.test.labels, predicted, task.measured, parts.test.n_classes),
            "classifier_history": {name: [round(v, 6) for v in values] for name, values in history.items()},
            "classifier_s": round(time.perf_counter() - started, 1),
        }
        return record | ({"predicted": predicted.tolist()} if task.keeps_predictions else {})

    def _similarity(self, cell: Cell, images: dict[int, np.ndarray]) -> dict:
        """Mean over classes of the SSIM of random pairs of one class and, if asked for, of pairs with an original.

        Of originals both are pairs of two originals.
        """
        task, train, random_state = self.plan.tasks[cell.task], self.parts_of(cell).train, self.plan.random_state(cell)
        value_range = task.ssim_range or ssim.DEFAULT_RANGE
        measured = [ssim.pairwise_ssim(made, random_state, value_range) for made in images.values()]
        record = {
            "ssim": ssim.mean_over_classes(measured),
            "n_images": sum(map(len, images.values())),
            "n_pairs": sum(each.n_pairs for each in measured),
        }
        if "ssim_to_originals" in task.metrics:
            if cell.makes_images:
                measured = [
                    ssim.ssim_to_originals(made, train.images[train.labels == label], random_state, value_range)
                    for label, made in images.items()
                ]
            record["ssim_to_originals"] = ssim.mean_over_classes(measured)
        return record

    def _tested_on_new(self, cell: Cell, images: dict[int, np.ndarray]) -> dict[str, dict[str, int]]:
        """Name of each class -> its new images, and how many the classifier of the originals takes for their class."""
        classifier = self.classifying.of_originals(cell.task, self._draw(cell))
        names = self.plan.tasks[cell.task].class_names
        right = {label: classifiers.predict(classifier, made) == label for label, made in images.items()}
        return {names[label]: {"n_new": len(found), "n_right": int(found.sum())} for label, found in right.items()}
