"""From finished cells to figures/."""

from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.tasks import Task
from ...reports import figures
from ..running import pictures
from ..running.cell import Cell, label
from ..running.runner import N_SAMPLES_SHOWN, Runner
from .results import is_of

N_IMAGES_COMPARED = 4
COMPARED_DROPPED_PERCENT = (None, 50)  # Figure 6.1 of the thesis
# beginning of a file's name -> what it shows, in the page's order
CAPTIONS = {
    "dataset": "Images of each class (for the thesis's datasets its Figures 5.1-5.3).",
    "class-distribution": "Training images of each class (Figure 5.4 of the thesis).",
    "samples": "Original images of the measured classes and those of each method (Figure 6.1 of the thesis).",
    "interpolations": "Between two originals of the minority class: the outermost images are originals, those between "
    "are made from latents on the line between theirs.",
    "confusion": "Confusion matrices, mean over seeds, in per cent of the true class.",
    "training": "Losses over the epochs.",
}


def captions(folder: Path, tasks: list[Task]) -> list[tuple[Path, str]]:
    """(path, caption) of each figure of one dataset's tasks in the folder, in the page's order."""
    found = []
    for start, text in CAPTIONS.items():
        names = [f"dataset-{tasks[0].dataset}.png"] if start == "dataset" else []
        for task in tasks if start != "dataset" else ():
            ending = "-*" if start == "training" else ""
            names += sorted(path.name for path in folder.glob(f"{start}-{task.name}{ending}.png"))
        found += [(folder / name, text) for name in names if (folder / name).exists()]
    return found


def write_all(runner: Runner, tasks: list[Task], records: dict[Cell, dict]) -> None:
    """All figures of the tasks from finished cells; some only of the datasets that are loaded."""
    folder = runner.plan.out / "figures"
    for task in {task.dataset: task for task in tasks if task.dataset in runner.datasets}.values():
        data = runner.datasets[task.dataset]
        rows = {
            name: data.images[data.labels == index][:N_SAMPLES_SHOWN] for index, name in enumerate(data.class_names)
        }
        figures.image_rows(rows, task.label, folder / f"dataset-{task.dataset}.png")
    compared = {}
    for task in tasks:
        cells = [cell for cell in records if is_of(cell, task)]
        if task.dataset in runner.datasets:
            train = runner.parts(task.name).train
            path = folder / f"class-distribution-{task.name}.png"
            figures.class_distribution(train.labels, train.class_names, task.title, path)
        _write_confusion(records, cells, task, folder / f"confusion-{task.name}.png")
        samples = _samples(runner, cells, task)
        if samples:
            figures.image_rows(samples, task.title, folder / f"samples-{task.name}.png")
            if task.dropped_percent in COMPARED_DROPPED_PERCENT:
                compared[task.label] = {name: images[:N_IMAGES_COMPARED] for name, images in samples.items()}
        _write_interpolations(runner, cells, task, folder / f"interpolations-{task.name}.png")
        for cell in cells:
            if cell.is_trained and cell.seed == 0:
                _write_training_curves(runner, cell, task, folder / f"training-{task.name}-{cell.method}.png")
    if compared:
        labels = list(dict.fromkeys(name for samples in compared.values() for name in samples))
        figures.image_columns(compared, labels, folder / "compared.png")


def _samples(runner: Runner, cells: list[Cell], task: Task) -> dict[str, np.ndarray]:
    """Label -> uint8 images (n, height, width, channels): those of the first seed of each method that has any."""
    samples = {}
    height, width = task.image_shape[:2]
    for cell in cells:
        path = runner.plan.folder(cell) / "samples.png"
        if cell.seed == 0 and path.exists():
            picture = pictures.load(path)
            rows = [
                np.split(row, picture.shape[1] // width, axis=1) for row in np.split(picture, len(picture) // height)
            ]
            for index, row in enumerate(rows):  # one per class
                name = label(cell.method) + (f", {index + 1}" if len(rows) > 1 else "")
                samples[name] = np.stack(row)
    return samples


def _write_interpolations(runner: Runner, cells: list[Cell], task: Task, path: Path) -> None:
    sources = {label(cell.method): runner.plan.folder(cell) / "interpolations.png" for cell in cells if not cell.seed}
    found = {name: pictures.load(source)[None] for name, source in sources.items() if source.exists()}
    if found:
        figures.image_rows(found, task.title, path)


def _write_confusion(records: dict[Cell, dict], cells: list[Cell], task: Task, path: Path) -> None:
    matrices = {}
    for method in dict.fromkeys(cell.method for cell in cells if cell.has_classifier):
        of_seeds = [records[cell]["scores"]["confusion"] for cell in cells if cell.method == method]
        matrices[label(method)] = np.mean(of_seeds, axis=0)
    if matrices:
        figures.confusion_matrices(matrices, task.class_names, task.title, path)


def _write_training_curves(runner: Runner, cell: Cell, task: Task, path: Path) -> None:
    folder = runner.plan.training_folder(cell)
    files = sorted(folder.rglob("history.csv"), key=lambda file: file.stat().st_mtime_ns)
    if files:
        histories = {file.parent.name if file.parent != folder else "all networks": pd.read_csv(file) for file in files}
        figures.training_curves(histories, f"{label(cell.method)}, {task.title}", path)
