"""What a run will do: each cell's configuration, its folder, and how long it takes. Imports no TensorFlow."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from datasets.image_dataset import ImageDataset
from evaluation.protocol import Folds, prepare
from experiments import hyperparameters
from experiments.grid import Cell, cell_named

N_TRAIN_IMAGES = {"mnist": 49_000, "cifar10": 42_000, "vehicles": 1_575, "digits": 1_257}
SECONDS_TO_START = 4  # building and tracing a network


def configuration(cell: Cell, schedule: str, protocol: str) -> dict:
    """All that decides a cell's result on a given machine and version."""
    values = {
        "dataset": cell.dataset,
        "minority": hyperparameters.MINORITY[cell.dataset],
        "dropped_percent": cell.dropped,
        "variant": cell.variant,
        "protocol": protocol,
        "test_fraction": hyperparameters.TEST_FRACTION,
        "validation_fraction": hyperparameters.VALIDATION_FRACTION,
        "split_random_state": hyperparameters.SPLIT_RANDOM_STATE,
        "seed": cell.seed,
    }
    if cell.has_ssim and cell.dataset in hyperparameters.SSIM_RANGE:
        values["ssim_range"] = hyperparameters.SSIM_RANGE[cell.dataset]
    if cell.makes_images:
        values["training_random_state"] = hyperparameters.TRAINING_RANDOM_STATE
        values["method"] = hyperparameters.METHODS[schedule][cell.dataset][cell.variant]
    if cell.has_classifier:
        network = {"network": hyperparameters.CLASSIFIER_BUILDER[cell.dataset]}
        values["classifier"] = network | hyperparameters.CLASSIFIERS[schedule][cell.dataset]
    if cell.variant == "class_weights":
        values["class_weight"] = "balanced"
    return values


def folder_name(cell: Cell, schedule: str, protocol: str) -> str:
    """Of a cell's folder: a changed configuration gets another folder, so nothing old is taken for new."""
    return f"{cell}-{digest(configuration(cell, schedule, protocol))}"


def training_folder_name(cell: Cell, schedule: str, protocol: str) -> str:
    """Of the folder of the networks that all seeds of a method share."""
    shared = configuration(cell, schedule, protocol)
    for of_the_measurement in ("seed", "classifier", "ssim_range"):
        shared.pop(of_the_measurement, None)
    return f"{cell.dataset}-{cell.dropped}-{cell.variant}-training-{digest(shared)}"


def folds(dataset: ImageDataset, name: str, dropped: int, protocol: str) -> Folds:
    """The parts of the dataset under a protocol; raises ValueError where a class is too small."""
    return prepare(
        dataset,
        minority=hyperparameters.MINORITY[name],
        dropped_percent=dropped,
        protocol=protocol,
        test_fraction=hyperparameters.TEST_FRACTION,
        validation_fraction=hyperparameters.VALIDATION_FRACTION,
        random_state=hyperparameters.SPLIT_RANDOM_STATE,
    )


def epochs(cell: Cell, schedule: str) -> str:
    """The cell's epochs in words: of its networks and of its classifier."""
    parts = []
    method = hyperparameters.METHODS[schedule][cell.dataset].get(cell.variant, {})
    if "n_autoencoder_epochs" in method:
        parts.append(f"{method['n_autoencoder_epochs']} autoencoder")
    if "n_epochs" in method:
        parts.append(f"{method['n_epochs']} {cell.variant}")
    if cell.has_classifier:
        parts.append(f"{hyperparameters.CLASSIFIERS[schedule][cell.dataset]['n_epochs']} classifier")
    return " + ".join(parts) or "none"


def training_seconds(cell: Cell, schedule: str) -> float:
    """Estimate for the networks that all seeds of a method share."""
    method = hyperparameters.METHODS[schedule][cell.dataset].get(cell.variant, {})
    cost = hyperparameters.SECONDS_PER_1000_IMAGES[cell.dataset]
    seconds = method.get("n_epochs", 0) * cost.get(cell.variant, 0.0)
    seconds += method.get("n_autoencoder_epochs", 0) * cost["bagan_autoencoder"]
    return seconds * N_TRAIN_IMAGES[cell.dataset] / 1000 + (SECONDS_TO_START if seconds else 0)


def measuring_seconds(cell: Cell, schedule: str) -> float:
    """Estimate for a trained cell: sampling, SSIM, classifier."""
    if not cell.has_classifier:
        return SECONDS_TO_START / 4
    n_epochs = hyperparameters.CLASSIFIERS[schedule][cell.dataset]["n_epochs"]
    per_1000 = hyperparameters.SECONDS_PER_1000_IMAGES[cell.dataset]["classifier"]
    return SECONDS_TO_START + n_epochs * per_1000 * N_TRAIN_IMAGES[cell.dataset] / 1000


def remaining_seconds(cells: list[Cell], schedule: str, protocol: str, out: Path) -> float:
    """Estimate for all cells that are not finished; a training counts as a whole until its first cell is finished."""
    untrained, seconds = {}, 0.0
    for cell in cells:
        if is_finished(cell, schedule, protocol, out):
            continue
        seconds += measuring_seconds(cell, schedule)
        first = replace(cell, seed=0)
        if cell.makes_images and not is_finished(first, schedule, protocol, out):
            untrained[first] = training_seconds(cell, schedule)
    return seconds + sum(untrained.values())


def is_finished(cell: Cell, schedule: str, protocol: str, out: Path) -> bool:
    return (out / "runs" / folder_name(cell, schedule, protocol) / "cell.json").exists()


def finished_cells(schedule: str, protocol: str, out: Path) -> list[Cell]:
    """All finished cells of the current configuration below `out`, whichever command ran them."""
    found = []
    for path in sorted(out.glob("runs/*/cell.json")):
        try:
            cell = cell_named(path.parent.name.rpartition("-")[0])
        except ValueError:
            continue
        if path.parent.name == folder_name(cell, schedule, protocol):
            found.append(cell)
    return found


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
