"""Trains the networks of pieces, measures them and keeps what they yield."""

import shutil
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from ...datasets import pictures
from ...datasets.files import read_json, write_json
from ...models.autoencoder import Autoencoder, ConvolutionalAutoencoder, DenseAutoencoder
from ...models.training.callbacks import TrainingDivergedError
from ..running.environment import environment
from ..running.plan import Pace, duration
from . import rivals
from .piece import Network, Parts, Piece
from .plan import USES, Plan


class Runner:
    """Measures the pieces of a plan on these parts of each dataset, and continues what was stopped."""

    def __init__(self, plan: Plan, parts: dict[str, Parts]):
        self.plan = plan
        self.parts = parts
        self.environment = environment(tf.distribute.get_strategy())
        self._trained = (None, None)  # the folder and the autoencoder of the last piece

    def run_all(self) -> list[str]:
        """Measure all unfinished pieces; a network's folder is deleted when nothing needs it any more.

        Returns the first piece of each network that diverged, and where it did.
        """
        pieces, n_done, diverged = self.plan.pieces(), 0, []
        pace = Pace(self.plan.remaining_seconds(pieces))
        (self.plan.out / "runs").mkdir(exist_ok=True)
        for group in self.plan.groups():
            for piece in group:
                n_done += 1
                if read_json(self.plan.record(piece)) is not None:
                    continue
                try:
                    values = self.run(piece)
                except TrainingDivergedError as error:
                    diverged.append(f"{piece}: {error}")
                    break  # as all would that share the network
                words = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
                left = duration(pace.left(self.plan.remaining_seconds(pieces)))
                print(f"[{n_done}/{len(pieces)}] {piece}: {words} (about {left} left)", flush=True)
            if folder := self.plan.training_folder(group[0]):
                shutil.rmtree(folder, ignore_errors=True)
        return diverged

    def run(self, piece: Piece) -> dict[str, float]:
        """Measure a piece and write its record; returns the values."""
        plan, parts = self.plan, self.parts[piece.dataset]
        started = time.perf_counter()
        autoencoder = self.autoencoder(piece, parts) if piece.asked.network else None
        measured = USES[piece.use].measure(piece, parts, autoencoder, plan.settings)
        if piece.seed == 0 and measured.shown:
            pictures.save(plan.pictures(piece), np.stack(list(measured.shown.values())))
        record = {
            "configuration": plan.configuration(piece),
            "images": {"train": parts.train.digest, "test": parts.test.digest},
            "values": measured.values,
            "shown": list(measured.shown),
            "wall_time_s": time.perf_counter() - started,
            "environment": self.environment,
        }
        write_json(plan.record(piece), record)
        return measured.values

    def autoencoder(self, piece: Piece, parts: Parts) -> Autoencoder:
        """The piece's network, trained; what was trained before, wholly or in part, comes from its folder."""
        folder = self.plan.training_folder(piece)
        if self._trained[0] != folder:
            images, targets = _training_images(piece.asked.network, parts)
            self._trained = (folder, self._untrained(piece, len(images), folder).fit(images, targets))
        return self._trained[1]

    def _untrained(self, piece: Piece, n_images: int, folder: Path) -> Autoencoder:
        network, settings = piece.asked.network, self.plan.settings
        steps_per_epoch = max(1, n_images // settings.batch_size)
        arguments = {
            "code_size": network.code_size,
            "distance": network.distance,
            "noise": network.noise,
            "n_epochs": -(-self.plan.n_steps(piece) // steps_per_epoch),
            "batch_size": settings.batch_size,
            "learning_rate": network.learning_rate,
            "random_state": piece.seed,
            "folder": folder,
            "verbose": 1,
        }
        if network.kind == "convolutional":
            return ConvolutionalAutoencoder(n_filters=settings.n_filters, **arguments)
        return DenseAutoencoder(**arguments)


def _training_images(network: Network, parts: Parts) -> tuple[np.ndarray, np.ndarray | None]:
    """What the network sees, and what it should make of it (None: the same)."""
    images = parts.train.images
    if network.label is not None:
        return images[parts.train.labels == network.label], None
    if network.enlarges:
        return rivals.enlarged(rivals.half_resolution(images), *images.shape[1:3]), images
    return images, None
