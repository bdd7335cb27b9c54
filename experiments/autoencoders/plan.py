"""What a run will measure, where each piece goes, and about how long it takes. Imports neither TensorFlow nor data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..running.plan import digest
from . import compression, denoising, enhancement, features, one_class, reconstruction
from .data import DATASETS
from .piece import Piece
from .settings import SETTINGS, Settings

USES = {use.NAME: use for use in (reconstruction, denoising, enhancement, compression, features, one_class)}
# for 64 images of 28 x 28 x 1, on two cores like the reference machine's
SECONDS_OF_DENSE_STEP = 0.005
SECONDS_OF_CONVOLUTIONAL_STEP_AND_FILTER = 0.0016
SECONDS_TO_START = 1.5  # building and tracing a network
SECONDS_TO_MEASURE = 1.2
VALUES_OF_ESTIMATE = 28 * 28


@dataclass(frozen=True)
class Plan:
    """The pieces of some datasets below one folder."""

    out: Path
    datasets: tuple[str, ...]
    schedule: str

    @property
    def settings(self) -> Settings:
        return SETTINGS[self.schedule]

    def pieces(self) -> list[Piece]:
        """All pieces, in the order of tables."""
        return [
            Piece(dataset, name, asked, seed)
            for dataset in self.datasets
            for name, use in USES.items()
            for asked in use.asked(self.settings)
            for seed in range(self.settings.n_seeds if asked.is_repeated else 1)
        ]

    def groups(self) -> list[list[Piece]]:
        """All pieces, those together that share a trained network."""
        together = {}
        for piece in self.pieces():
            together.setdefault(self.training_folder(piece) or piece, []).append(piece)
        return list(together.values())

    def n_steps(self, piece: Piece) -> int:
        network, settings = piece.asked.network, self.settings
        return settings.n_steps[network.kind] if network.label is None else settings.n_one_class_steps

    def configuration(self, piece: Piece) -> dict:
        """All that decides a piece's result on a given machine and version, besides the images."""
        settings, asked = self.settings, piece.asked
        values = {
            "dataset": piece.dataset,
            "use": piece.use,
            "method": asked.method,
            "setting": asked.setting,
            "seed": piece.seed,
            "n_train_images": settings.n_train_images,
            "n_test_images": settings.n_test_images,
        }
        if asked.network:
            values["network"] = asked.network.configuration
            values |= {"n_steps": self.n_steps(piece), "batch_size": settings.batch_size}
            if asked.network.kind == "convolutional":
                values["n_filters"] = settings.n_filters
        elif asked.method == "pca":
            sizes = ("code_size", "restoration_code_size", "one_class_code_size")
            values |= {name: getattr(settings, name) for name in sizes}
        return values

    def record(self, piece: Piece) -> Path:
        """The piece's file; a changed configuration gets another one, so no old result is taken for a new one."""
        return self.out / "runs" / f"{piece}-{digest(self.configuration(piece))}.json"

    def pictures(self, piece: Piece) -> Path:
        return self.record(piece).with_suffix(".png")

    def training_folder(self, piece: Piece) -> Path | None:
        """Of the network that several pieces may share; None where none is trained."""
        if piece.asked.network is None:
            return None
        shared = self.configuration(replace(piece, use="", asked=replace(piece.asked, method="", setting=0)))
        return self.out / "runs" / f"{piece.dataset}-{piece.asked.network.kind}-training-{digest(shared)}"

    def is_finished(self, piece: Piece) -> bool:
        return self.record(piece).exists()

    def remaining_seconds(self, pieces: Iterable[Piece]) -> float:
        """Estimate for the unfinished ones; a network counts until one of the pieces that share it is finished."""
        pieces = list(pieces)
        unfinished = [piece for piece in pieces if not self.is_finished(piece)]
        trained = {self.training_folder(piece) for piece in set(pieces).difference(unfinished)}
        untrained = {self.training_folder(piece): piece for piece in unfinished if piece.asked.network}
        seconds = [self.training_seconds(piece) for folder, piece in untrained.items() if folder not in trained]
        return sum(seconds) + SECONDS_TO_MEASURE * len(unfinished)

    def training_seconds(self, piece: Piece) -> float:
        of_step = SECONDS_OF_DENSE_STEP
        if piece.asked.network.kind == "convolutional":
            of_step = SECONDS_OF_CONVOLUTIONAL_STEP_AND_FILTER * self.settings.n_filters
        size = np.prod(DATASETS[piece.dataset].image_shape) / VALUES_OF_ESTIMATE
        return SECONDS_TO_START + size * self.n_steps(piece) * of_step
