"""From finished cells to figures/ and, where images may be shown to nobody else, private/."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...datasets import pictures
from ...datasets.files import read_archive
from ...datasets.tasks import Task
from ...models import named
from ...models.training.history import read_history
from ...reports import figures
from ..running.cell import Cell, label
from ..running.pictures import N_SAMPLES_SHOWN
from ..running.runner import Runner
from ..running.translated import DISTURBANCES
from .results import is_of

N_IMAGES_COMPARED = 4
COMPARED_DROPPED_PERCENT = 50  # Figure 6.1 of the thesis
STYLED_IMAGE_INCHES, STYLED_LABEL_INCHES = 1.0, 2.4
N_OF_EACH_CLASS = 3  # shown where several classes get new images
# beginning of a file's name -> what it shows, in the page's order
CAPTIONS = {
    "dataset": "Images of each class (for the thesis's datasets its Figures 5.1-5.3).",
    "class-distribution": "Training images of each class (Figure 5.4 of the thesis).",
    "samples": "Original images of the measured classes and those of each method (Figure 6.1 of the thesis); where "
    "several classes get new images, a row has one of each.",
    "translations": "Test images of the class that a method translates from, their translations into each other class, "
    "and what it recovers of these.",
    "disturbed": "The same of disturbed images. First the disturbed image and its translations into each other class, "
    "then the undisturbed one and what is recovered of each.",
    "filtered": "New images as they are made, and those that pass the filters.",
    "interpolations": "Between two originals of the minority class: the outermost images are originals, those between "
    "are made from latents on the line between theirs.",
    "deformations": "For each class an image, another of the same class, the image deformed so that it comes close to "
    "it, and the field that does so: each arrow leads to where a point's new value comes from.",
    "axes": "An image of each class, deformed by -2, -1, 0, 1 and 2 standard deviations along the first, the second "
    "and the third main axis of its class's deformations.",
    "styles": "Images of a class, other images of it whose style they take, and what comes of both: with more and more "
    "style; with other networks, starts and guides; and with the mean style of several images.",
    "influences": "The same images: for each map how much a pixel decides about the class, white being most, and the "
    "quarter of pixels that the map picks, the others faded.",
    "confusion": "Confusion matrices, mean over seeds, in per cent of the true class.",
    "meanwhile": "What networks make after so many epochs, always from the same images or latents.",
    "training": "Losses over the epochs.",
}
OF_METHODS = (
    "translations",
    "disturbed",
    "filtered",
    "deformations",
    "axes",
    "styles",
    "influences",
    "meanwhile",
    "training",
)  # a file for each task and method
WITHOUT_IMAGES = ("class-distribution", "confusion", "training")


def folder_of(runner_out: Path, task: Task, start: str) -> Path:
    """Where figures whose names begin so go."""
    is_private = task.images_are_private and start not in WITHOUT_IMAGES
    return runner_out / ("private" if is_private else "figures")


def captions(folder: Path, tasks: list[Task], methods: set[str]) -> list[tuple[Path, str]]:
    """(path, caption) of each figure of one dataset's tasks in the folder, in the page's order.

    Of figures of a method only those of `methods`: others show what an earlier command made with other settings.
    """
    found = {}
    for start, text in CAPTIONS.items():
        names = [f"dataset-{tasks[0].dataset}.png"] if start == "dataset" else []
        for task in tasks if start != "dataset" else ():
            of_method = [f"-{method}{stage}" for method in methods for stage in ("", "-*")]
            patterns = [f"{start}-{task.name}{end}.png" for end in (of_method if start in OF_METHODS else ("",))]
            names += sorted({path.name for pattern in patterns for path in folder.glob(pattern)})
        found |= {folder / name: text for name in names if (folder / name).exists()}
    return list(found.items())


def write_all(runner: Runner, tasks: list[Task], records: dict[Cell, dict]) -> None:
    """All figures of the tasks from finished cells; some only of the datasets that are loaded."""
    out = runner.plan.out

    def path(start: str, task: Task, name: str) -> Path:
        folder = folder_of(out, task, start)
        folder.mkdir(exist_ok=True)
        return folder / f"{start}-{name}.png"

    for task in {task.dataset: task for task in reversed(tasks) if task.dataset in runner.datasets}.values():
        data = runner.datasets[task.dataset]
        rows = {
            name: data.images[data.labels == index][:N_SAMPLES_SHOWN] for index, name in enumerate(data.class_names)
        }
        figures.image_rows(rows, task.label, path("dataset", task, task.dataset))
    compared, trainings = {}, set()
    for task in tasks:
        cells = [cell for cell in records if is_of(cell, task)]
        if task.dataset in runner.datasets:
            train = runner.parts(task.name).train
            distribution = path("class-distribution", task, task.name)
            figures.class_distribution(train.labels, train.class_names, task.title, distribution)
        _write_confusion(records, cells, task, path("confusion", task, task.name))
        samples = _samples(runner, cells, task)
        if samples:
            figures.image_rows(samples, task.title, path("samples", task, task.name))
            if task.dropped_percent == COMPARED_DROPPED_PERCENT and not task.images_are_private:
                compared[task.label] = {name: images[:N_IMAGES_COMPARED] for name, images in samples.items()}
        _write_interpolations(runner, cells, task, path("interpolations", task, task.name))
        for cell in [cell for cell in cells if cell.seed == 0]:
            for start in ("translations", "disturbed", "filtered"):
                found = pictures.load_rows(runner.plan.folder(cell) / f"{start}.png", *task.image_shape[:2])
                if found is not None:
                    rows = _named_rows(start, found, list(records[cell]["n_new"]))
                    title = f"{label(cell.method)}, {task.title}"
                    figures.image_rows(rows, title, path(start, task, f"{task.name}-{cell.method}"))
            _write_deformations(runner, cell, task, path)
            _write_styles(runner, cell, task, path)
            if cell.is_trained and runner.plan.training_folder(cell) not in trainings:
                trainings.add(runner.plan.training_folder(cell))
                named_after = _first_of_training(runner, cell, tasks)
                _write_training_curves(runner, cell, task, path("training", task, f"{named_after}-{cell.method}"))
                for stage, rows in _made_meanwhile(runner, cell, task).items():
                    name = "-".join(filter(None, (named_after, cell.method, stage)))
                    title = ", ".join(filter(None, (label(cell.method), stage, task.title)))
                    figures.image_rows(rows, title, path("meanwhile", task, name))
    if compared:
        labels = list(dict.fromkeys(name for samples in compared.values() for name in samples))
        figures.image_columns(compared, labels, out / "figures" / "compared.png")


def _first_of_training(runner: Runner, cell: Cell, tasks: list[Task]) -> str:
    """The first task whose cells share the training of the cell's networks, whichever of them are finished."""
    plan, dataset = runner.plan, runner.plan.tasks[cell.task].dataset
    folder = plan.training_folder(cell)
    names = [task.name for task in tasks if task.dataset == dataset]
    return next(name for name in names if plan.training_folder(replace(cell, task=name)) == folder)


def _named_rows(start: str, rows: np.ndarray, classes: list[str]) -> dict[str, np.ndarray]:
    """Name -> images (n, height, width, channels) of each row of a picture that the runner left."""
    if start == "translations":
        names = ["original", *(text for name in classes for text in (name, f"recovered from {name}"))]
    elif start == "disturbed":
        numbers = range(1, len(rows) // (2 * len(DISTURBANCES)) + 1)
        each = [f"{name}, {number}" for name in DISTURBANCES for number in numbers]
        names = [text for name in each for text in (name, f"{name}, recovered")]
    else:
        names = [f"{name}, {what}" for name in classes for what in ("made", "kept")]
    return dict(zip(names, rows, strict=True))


def _samples(runner: Runner, cells: list[Cell], task: Task) -> dict[str, np.ndarray]:
    """Label -> uint8 images (n, height, width, channels): those of the first seed of each method that has any.

    Where several classes get new images, each row has one image of each.
    """
    samples = {}
    for cell in cells:
        if cell.seed:
            continue
        rows = pictures.load_rows(runner.plan.folder(cell) / "samples.png", *task.image_shape[:2])  # one per class
        if rows is not None:
            name = label(cell.method)
            if len(rows) == 1:
                samples[name] = rows[0]
            else:
                of_each = enumerate(rows.swapaxes(0, 1)[:N_OF_EACH_CLASS], 1)
                samples |= {f"{name}, {number}": images for number, images in of_each}
    return samples


def _write_interpolations(runner: Runner, cells: list[Cell], task: Task, path: Path) -> None:
    folders = {label(cell.method): runner.plan.folder(cell) for cell in cells if not cell.seed}
    found = {name: pictures.load(folder / "interpolations.png") for name, folder in folders.items()}
    rows = {name: picture[None] for name, picture in found.items() if picture is not None}
    if rows:
        figures.image_rows(rows, task.title, path)


def _write_deformations(runner: Runner, cell: Cell, task: Task, path) -> None:
    found = read_archive(runner.plan.folder(cell) / "deformations.npz")
    if found is None:
        return
    title = f"{label(cell.method)}, {task.title}"
    classes = [task.class_names[index] for index in found["labels"]]
    pairs = [found[part] for part in ("image", "target", "deformed")]
    figures.deformations(
        classes, *pairs, found["field"], title, path("deformations", task, f"{task.name}-{cell.method}")
    )
    rows = {name: np.concatenate(list(axes)) for name, axes in zip(classes, found["axes"], strict=True)}
    figures.image_rows(rows, title, path("axes", task, f"{task.name}-{cell.method}"))


def _write_styles(runner: Runner, cell: Cell, task: Task, path) -> None:
    for start in ("styles", "influences"):
        rows = read_archive(runner.plan.folder(cell) / f"{start}.npz")
        if rows is not None:
            title = f"{label(cell.method)}, {task.title}"
            name = f"{task.name}-{cell.method}"
            figures.image_rows(rows, title, path(start, task, name), STYLED_IMAGE_INCHES, STYLED_LABEL_INCHES)


def _write_confusion(records: dict[Cell, dict], cells: list[Cell], task: Task, path: Path) -> None:
    matrices = {}
    for method in dict.fromkeys(cell.method for cell in cells if cell.has_classifier):
        of_seeds = [records[cell]["scores"]["confusion"] for cell in cells if cell.method == method]
        matrices[label(method)] = np.mean(of_seeds, axis=0)
    if matrices:
        figures.confusion_matrices(matrices, task.class_names, task.title, path)


def _made_meanwhile(runner: Runner, cell: Cell, task: Task) -> dict[str, dict[str, np.ndarray]]:
    """Stage -> epoch -> images (n, height, width, channels), of methods that leave any in their training folder."""
    folder, found = runner.plan.training_folder(cell), {}
    for file in sorted(folder.rglob("made-*.png")):
        rows = pictures.load_rows(file, *task.image_shape[:2])
        if rows is None:
            continue
        (images,) = rows
        epoch = int(file.stem.removeprefix("made-"))
        found.setdefault(_stage(file, folder, task), {})[f"epoch {epoch}"] = images
    return found


def _write_training_curves(runner: Runner, cell: Cell, task: Task, path: Path) -> None:
    folder = runner.plan.training_folder(cell)
    stages = list(getattr(named(cell.method).load(), "epochs_of_stage", ()))

    def place(file: Path) -> tuple[int, Path]:
        name = file.relative_to(folder).parts[0]
        return stages.index(name) if name in stages else len(stages), file

    files = sorted(folder.rglob("history.csv"), key=place)
    found = {_stage(file, folder, task) or "all networks": read_history(file) for file in files}
    histories = {stage: history for stage, history in found.items() if len(history)}
    if histories:
        figures.training_curves(histories, f"{label(cell.method)}, {task.title}", path)


def _stage(file: Path, folder: Path, task: Task) -> str:
    """The folders between the training folder and the file; one for a class has the class's name."""
    names = {f"{index}-{index}": name for index, name in enumerate(task.class_names)}
    return "-".join(names.get(part, part) for part in file.parent.relative_to(folder).parts)
