"""Run one cell: cached, atomic, resumable. A cell's folder is finished when it holds `cell.json`."""

import io
import json
import os
import platform
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from datasets.files import read_json, write_atomically
from datasets.image_dataset import ImageDataset
from evaluation import classifiers, protocol, scores, ssim
from experiments import hyperparameters, locks, plan
from experiments.grid import Cell
from models import BALANCERS
from models.callbacks import FiniteLosses, Progress

RECORDED_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_XLA_FLAGS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
RECORDED_PACKAGES = ("class-balancing", "imbalanced-learn", "keras", "numpy", "pillow", "scikit-learn")
N_SAMPLES_SHOWN = 12
N_INTERPOLATIONS = 3
N_INTERPOLATION_STEPS = 9


class Runner:
    """Runs cells of one schedule and protocol below one folder; keeps the last trained balancer.

    Networks are trained in the scope of `strategy` (None: TensorFlow's default), classifiers on one device. Processes
    that run cells of the same folder keep out of each other's way.
    """

    def __init__(
        self,
        out: Path,
        schedule: str,
        protocol_name: str,
        datasets: dict[str, ImageDataset],
        strategy=None,
        verbose: int = 1,
    ):
        self.out = out
        self.schedule = schedule
        self.protocol = protocol_name
        self.datasets = datasets
        self.strategy = strategy or tf.distribute.get_strategy()
        self.verbose = verbose
        self._trained: tuple[Path, object] | None = None

    def folder(self, cell: Cell) -> Path:
        return self.out / "runs" / plan.folder_name(cell, self.schedule, self.protocol)

    def training_folder(self, cell: Cell) -> Path:
        return self.out / "runs" / plan.training_folder_name(cell, self.schedule, self.protocol)

    def cached(self, cell: Cell) -> dict | None:
        """The record of a finished cell, or None; a damaged one is set aside."""
        return read_json(self.folder(cell) / "cell.json")

    def failure_log(self, cell: Cell) -> Path:
        return self.folder(cell) / "failed.log"

    def has_failed(self, cell: Cell) -> bool:
        """Whether the last attempt at a cell that is not finished failed."""
        return self.failure_log(cell).exists() and not (self.folder(cell) / "cell.json").exists()

    def run(self, cell: Cell, wait: bool = True) -> dict:
        """The cell's record, computed unless it is cached.

        Where another process computes the cell or its networks: waits for it, or raises locks.BusyError.
        """
        record = self.cached(cell)
        if record is None:
            with locks.held(self.folder(cell), wait):
                record = self.cached(cell)  # another process may have finished it meanwhile
                if record is None:
                    record = self._compute(cell, wait)
                    write_atomically(self.folder(cell) / "cell.json", json.dumps(record, indent=1) + "\n")
                    self.failure_log(cell).unlink(missing_ok=True)
        return record

    def train(self, cell: Cell) -> None:
        """Only the cell's networks: what machines but the chief do."""
        self._fitted(self._new_balancer(cell, self.folds(cell)), self.folds(cell))

    def folds(self, cell: Cell) -> protocol.Folds:
        return plan.folds(self.datasets[cell.dataset], cell.dataset, cell.dropped, self.protocol)

    def _compute(self, cell: Cell, wait: bool) -> dict:
        started = time.perf_counter()
        folds = self.folds(cell)
        record = {
            "cell": str(cell),
            "schedule": self.schedule,
            "configuration": plan.configuration(cell, self.schedule, self.protocol),
            "environment": environment(self.strategy),
            "n_train_images": len(folds.train.labels),
            "n_test_images": len(folds.test.labels),
        }
        images = self._images(cell, folds, wait)
        if cell.makes_images:
            if self.is_trained(cell):
                record["training"] = self.training_folder(cell).name
                record["training_environments"] = self._training_environments(cell)
            _save_archive(self.folder(cell) / "images.npz", images)
        if cell.has_ssim:
            if cell.seed == 0:
                self._save_pictures(cell, folds, images)
            value_range = hyperparameters.SSIM_RANGE.get(cell.dataset, ssim.DEFAULT_RANGE)
            measured = ssim.pairwise_ssim(images, cell.seed, value_range)
            record["ssim"] = {"value": measured.mean, "standard_error": measured.standard_error}
            record["n_images"], record["n_pairs"] = len(images), measured.n_pairs
        if cell.has_classifier:
            record |= self._classify(cell, folds, images)
        record["wall_time_s"] = round(time.perf_counter() - started, 1)
        return record

    def _images(self, cell: Cell, folds: protocol.Folds, wait: bool) -> np.ndarray:
        """The images that are measured: as many originals as are missing, or the method's new ones."""
        minority = hyperparameters.MINORITY[cell.dataset]
        if cell.variant == "original":
            balanced = self.folds(Cell(cell.dataset, 0, cell.variant, cell.seed)).train
            members = np.flatnonzero(balanced.labels == minority)
            chosen = np.random.default_rng(cell.seed).choice(members, folds.n_missing, replace=False)
            return balanced.images[chosen]
        if cell.makes_images:
            return self._balancer(cell, folds, wait).sample(minority, folds.n_missing, random_state=cell.seed)
        return folds.train.images[:0]

    def _balancer(self, cell: Cell, folds: protocol.Folds, wait: bool):
        """The method fitted to all that it may see, continued from its checkpoints; the last one is kept."""
        folder = self.training_folder(cell)
        if self._trained is None or self._trained[0] != folder:
            self._trained = None
            balancer = self._new_balancer(cell, folds)
            if self.is_trained(cell):
                with locks.held(folder, wait):
                    self._note_environment(cell)
                    self._fitted(balancer, folds)
            else:
                self._fitted(balancer, folds)
            self._trained = folder, balancer
        return self._trained[1]

    def _new_balancer(self, cell: Cell, folds: protocol.Folds):
        minority = hyperparameters.MINORITY[cell.dataset]
        arguments = dict(hyperparameters.METHODS[self.schedule][cell.dataset][cell.variant])
        if self.is_trained(cell):
            arguments |= {"folder": self.training_folder(cell), "verbose": self.verbose}
        return BALANCERS[cell.variant](
            sampling_strategy={minority: int((folds.train.labels == minority).sum()) + folds.n_missing},
            random_state=hyperparameters.TRAINING_RANDOM_STATE,
            **arguments,
        )

    def _fitted(self, balancer, folds: protocol.Folds):
        with self.strategy.scope():
            return balancer.fit(folds.train.images, folds.train.labels)

    def is_trained(self, cell: Cell) -> bool:
        """Whether the cell's method trains networks."""
        return cell.makes_images and "n_epochs" in hyperparameters.METHODS[self.schedule][cell.dataset][cell.variant]

    def _training_environments(self, cell: Cell) -> list[dict]:
        """Of all processes that trained the networks or restored them to make images, in their order."""
        return read_json(self.training_folder(cell) / "environments.json") or []

    def _note_environment(self, cell: Cell) -> None:
        known, own = self._training_environments(cell), environment(self.strategy)
        if own not in known:
            path = self.training_folder(cell) / "environments.json"
            write_atomically(path, json.dumps([*known, own], indent=1) + "\n")

    def _save_pictures(self, cell: Cell, folds: protocol.Folds, images: np.ndarray) -> None:
        """The first images as `samples.png` and, of a method with latents, `interpolations.png`.

        Its rows: an original, images made along the line between two originals' latents, the other original.
        """
        _save_picture(self.folder(cell) / "samples.png", images[None, :N_SAMPLES_SHOWN])
        balancer = self._trained[1] if cell.makes_images else None
        if not hasattr(balancer, "encode"):
            return
        minority = hyperparameters.MINORITY[cell.dataset]
        originals = folds.train.images[folds.train.labels == minority]
        n_rows = min(N_INTERPOLATIONS, len(originals) // 2)
        first, second = originals[:n_rows], originals[n_rows : 2 * n_rows]
        latents = [balancer.encode(images, minority) for images in (first, second)]
        steps = [
            balancer.decode((1 - share) * latents[0] + share * latents[1], minority)
            for share in np.linspace(0, 1, N_INTERPOLATION_STEPS)
        ]
        rows = np.stack([first, *steps, second], axis=1)  # (rows, columns, height, width, channels)
        _save_picture(self.folder(cell) / "interpolations.png", rows)

    def _classify(self, cell: Cell, folds: protocol.Folds, new_images: np.ndarray) -> dict:
        minority = hyperparameters.MINORITY[cell.dataset]
        train, validation = protocol.with_new_images(
            folds,
            new_images,
            minority=minority,
            validation_fraction=hyperparameters.VALIDATION_FRACTION,
            random_state=hyperparameters.SPLIT_RANDOM_STATE,
        )
        arguments = dict(hyperparameters.CLASSIFIERS[self.schedule][cell.dataset])
        if cell.variant == "class_weights":
            arguments["class_weight"] = classifiers.balanced_class_weight(train.labels)
        n_steps = len(train.labels) // min(arguments["batch_size"], len(train.labels))
        callbacks = [FiniteLosses(f"{cell}, classifier")]
        callbacks += [Progress(f"{cell}, classifier", n_steps)] if self.verbose else []
        model, history = classifiers.train_classifier(
            getattr(classifiers, hyperparameters.CLASSIFIER_BUILDER[cell.dataset]),
            train,
            validation,
            random_state=cell.seed,
            callbacks=callbacks,
            **arguments,
        )
        predicted = classifiers.predict(model, folds.test.images)
        return {
            "scores": scores.scores(folds.test.labels, predicted, minority, folds.test.n_classes),
            "classifier_history": {name: [round(v, 6) for v in values] for name, values in history.items()},
        }


def environment(strategy) -> dict:
    """Versions and whatever else may change the last bits of a result."""
    packages = {name: metadata.version(name) for name in RECORDED_PACKAGES}
    return {
        "python": platform.python_version(),
        "packages": packages | {"tensorflow": tf.__version__},
        "processor": _processor(),
        "n_processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads_intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
        "threads_inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        "devices": [_device(device) for device in tf.config.get_visible_devices()],
        "strategy": type(strategy).__name__,
        "n_replicas": strategy.num_replicas_in_sync,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
        "variables": {name: os.environ.get(name, "") for name in RECORDED_VARIABLES},
    }


def _device(device) -> str:
    """Its type and, of a GPU, its model."""
    if device.device_type != "GPU":
        return device.device_type
    return f"GPU {tf.config.experimental.get_device_details(device).get('device_name', '')}".strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _save_archive(path: Path, images: np.ndarray) -> None:
    archive = io.BytesIO()
    np.savez_compressed(archive, images=images)
    write_atomically(path, archive.getvalue())


def _save_picture(path: Path, rows: np.ndarray) -> None:
    """uint8 images (rows, columns, height, width, channels) side by side as one PNG file."""
    tiled = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])  # (rows * height, columns * width, ...)
    picture = io.BytesIO()
    Image.fromarray(tiled.squeeze(-1) if tiled.shape[-1] == 1 else tiled).save(picture, "PNG")
    write_atomically(path, picture.getvalue())
