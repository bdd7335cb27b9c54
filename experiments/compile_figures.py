"""From finished cells to figures/."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from experiments import grid
from experiments.grid import Cell
from experiments.runner import N_SAMPLES_SHOWN, Runner
from reports import figures
from reports.tables import VARIANT_LABELS

N_IMAGES_COMPARED = 4
COMPARED_DROPPED_PERCENT = 50  # Figure 6.1
VARIANTS_COMPARED = ("original", *grid.MAKERS)
# beginning of a file's name -> what it shows, in the page's order
CAPTIONS = {
    "dataset": "Figures 5.1-5.3. Images of each class.",
    "class-distribution": "Figure 5.4. Training images of each class after dropping.",
    "compared": "Figure 6.1. Original images of the minority class and those of each method.",
    "samples": "Original images of the minority class and those of each method.",
    "interpolations": "Between two originals of the minority class: the outermost images are originals, those between "
    "are made from latents on the line between theirs.",
    "confusion": "Confusion matrices, mean over seeds, in per cent of the true class.",
    "training": "Losses over the epochs.",
}


def captions(folder: Path) -> list[tuple[Path, str]]:
    """(path, caption) of each figure in the folder, in the page's order."""
    return [(path, text) for start, text in CAPTIONS.items() for path in sorted(folder.glob(f"{start}-*.png"))]


def write_all(runner: Runner, pairs: list[tuple[str, int]], cells: list[Cell]) -> None:
    """All figures of (dataset, dropped) pairs from finished cells; some only of the datasets that are loaded."""
    folder = runner.out / "figures"
    for dataset, data in runner.datasets.items():
        rows = {
            name: data.images[data.labels == index][:N_SAMPLES_SHOWN] for index, name in enumerate(data.class_names)
        }
        figures.image_rows(rows, grid.PRINTED_NAMES[dataset], folder / f"dataset-{dataset}.png")
    for dataset, dropped in pairs:
        title = f"{grid.PRINTED_NAMES[dataset]}, {dropped} % of {grid.PRINTED_MINORITIES[dataset]} dropped"
        name = f"{dataset}-{dropped}.png"
        if dataset in runner.datasets:
            train = runner.folds(Cell(dataset, dropped, "unbalanced", 0)).train
            path = folder / f"class-distribution-{name}"
            figures.class_distribution(train.labels, train.class_names, title, path)
            _write_confusion(runner, dataset, dropped, cells, title, folder / f"confusion-{name}")
        samples = _samples(runner, dataset, dropped, N_SAMPLES_SHOWN)
        if samples:
            figures.image_rows(samples, title, folder / f"samples-{name}")
        _write_interpolations(runner, dataset, dropped, title, folder / f"interpolations-{name}")
        for method in grid.MAKERS:
            _write_training_curves(runner, Cell(dataset, dropped, method, 0))
    compared = {
        grid.PRINTED_NAMES[dataset]: _samples(runner, dataset, dropped, N_IMAGES_COMPARED)
        for dataset, dropped in pairs
        if dropped == COMPARED_DROPPED_PERCENT
    }
    compared = {name: samples for name, samples in compared.items() if samples}
    if compared:
        shown = [VARIANT_LABELS[variant] for variant in VARIANTS_COMPARED]
        labels = [label for label in shown if any(label in samples for samples in compared.values())]
        figures.image_columns(compared, labels, folder / f"compared-{COMPARED_DROPPED_PERCENT}.png")


def _samples(runner: Runner, dataset: str, dropped: int, n: int) -> dict[str, np.ndarray]:
    """Label -> uint8 images (n, height, width, channels), of each variant whose first cell was run."""
    samples = {}
    for variant in VARIANTS_COMPARED:
        path = runner.folder(Cell(dataset, dropped, variant, 0)) / "samples.png"
        if path.exists():
            strip = _picture(path)
            images = np.stack(np.split(strip, strip.shape[1] // grid.SHAPES[dataset][1], axis=1))
            samples[VARIANT_LABELS[variant]] = images[:n]
    return samples


def _write_interpolations(runner: Runner, dataset: str, dropped: int, title: str, path: Path) -> None:
    pictures = {}
    for method in grid.MAKERS:
        source = runner.folder(Cell(dataset, dropped, method, 0)) / "interpolations.png"
        if source.exists():
            pictures[VARIANT_LABELS[method]] = _picture(source)[None]
    if pictures:
        figures.image_rows(pictures, title, path)


def _write_confusion(runner: Runner, dataset: str, dropped: int, cells: list[Cell], title: str, path: Path) -> None:
    matrices = {}
    for variant in ("unbalanced", "balanced_original", *grid.METHODS):
        percent = 0 if variant == "balanced_original" else dropped
        finished = [cell for cell in cells if (cell.dataset, cell.dropped, cell.variant) == (dataset, percent, variant)]
        records = [runner.cached(cell) for cell in finished]
        if records:
            matrices[VARIANT_LABELS[variant]] = np.mean([record["scores"]["confusion"] for record in records], axis=0)
    if matrices:
        figures.confusion_matrices(matrices, runner.datasets[dataset].class_names, title, path)


def _write_training_curves(runner: Runner, cell: Cell) -> None:
    paths = sorted(
        runner.training_folder(cell).rglob("history.csv"), key=lambda path: path.parent.name != "autoencoder"
    )
    if paths:
        histories = {
            "all networks" if "-training-" in path.parent.name else path.parent.name: pd.read_csv(path)
            for path in paths
        }
        figures.training_curves(
            histories,
            f"{VARIANT_LABELS[cell.variant]}, {grid.PRINTED_NAMES[cell.dataset]}, {cell.dropped} % dropped",
            runner.out / "figures" / f"training-{cell.dataset}-{cell.dropped}-{cell.variant}.png",
        )


def _picture(path: Path) -> np.ndarray:
    """uint8 (height, width, channels)."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
