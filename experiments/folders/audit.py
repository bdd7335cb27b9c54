"""What a method's images of a folder are like, and pictures of them."""

from pathlib import Path

import pandas as pd

from ...datasets.files import copy_atomically, read_json, write_json
from ...datasets.stored_images import taken
from ...evaluation.nearest import nearest
from ...models.balancer import collapse_tolerated
from ...reports import figures
from ..running import audit
from ..running.audit import MAX_IMAGES, OF_ALL
from ..running.cell import Cell
from ..running.rounds import size_of_round
from ..running.runner import Runner

AUDIT = "audit.json"  # in the folder of the method's first cell, beside its pictures
KINDS = ("", "-nearest")  # of pictures: originals and new images, new images beside the nearest originals
N_SHOWN = 8
MAX_CLASSES_SHOWN = 12


def audited(runner: Runner, task: str, method: str, extractor) -> dict:
    """Measures of a method's images for a task, class by class and over all classes; cached as `audit.json`.

    `extractor(images)` gives features (n, n_features). Classes are those that the method adds images to. Copies the
    pictures of KINDS to `figures/<method>.png` and `figures/<method>-nearest.png`.
    """
    cell = Cell(task, method, 0)
    path, figures_folder = runner.plan.folder(cell) / AUDIT, runner.plan.out / "figures"
    pictures = {kind: path.with_name(f"audit{kind}.png") for kind in KINDS}
    found = read_json(path)
    if found is None or not all(map(Path.exists, pictures.values())):
        path.parent.mkdir(parents=True, exist_ok=True)  # with a way to train the classifier there is no such cell
        balancer, _ = runner.fitting.fitted(cell)
        with collapse_tolerated(runner.plan.schedule == "smoke"):  # which only tries every path
            found = _measured(runner, cell, balancer, extractor, pictures)
        write_json(path, found)
    figures_folder.mkdir(exist_ok=True)
    for kind, picture in pictures.items():
        copy_atomically(picture, figures_folder / f"{method}{kind}.png")
    return found


def _measured(runner: Runner, cell: Cell, balancer, extractor, pictures: dict[str, Path]) -> dict:
    parts, classifier = runner.parts(cell.task), runner.classifying.of_originals(cell.task)
    train = parts.train
    of_classes, shown, pairs, most = {}, {}, {}, min(MAX_IMAGES, size_of_round(balancer.image_shape_))
    for label, n_missing in parts.missing.items():
        name = train.class_names[label]
        originals = taken(train.images, train.labels == label)
        n = min(max(n_missing, len(originals)), most)
        new = balancer.sample(label, n, random_state=0)
        of_classes[name] = audit.of_class(originals, new, label, classifier, extractor)
        if len(of_classes) > MAX_CLASSES_SHOWN:
            continue
        first = new[:N_SHOWN].copy()  # or all would stay in memory
        shown |= {f"{name}, originals": originals[:N_SHOWN], f"{name}, new": first}
        pairs |= {f"{name}, new": first, f"{name}, nearest": originals[nearest(first, originals)[0]]}
    figures.image_rows(shown, cell.method, pictures[""])
    figures.image_rows(pairs, f"{cell.method}, nearest training images", pictures["-nearest"])
    return {"classes": of_classes, "all": audit.of_all(runner, cell.task, balancer)}


def refused(error: Exception) -> dict:
    """The audit of a method whose images cannot be measured."""
    return {"classes": {}, "all": {measure: {"refused": str(error)} for measure in OF_ALL}}


def table(audits: dict[str, dict]) -> pd.DataFrame:
    """A row for each method, class and measure, with value, low and high or why it was refused."""
    rows = []
    for method, found in audits.items():
        for name, measures in found["classes"].items():
            rows += [{"method": method, "class": name, "measure": measure} | v for measure, v in measures.items()]
        rows += [{"method": method, "class": "all", "measure": measure} | found["all"][measure] for measure in OF_ALL]
    columns = ["method", "class", "measure", "value", "low", "high", "refused"]
    return pd.DataFrame(rows, columns=columns)


def figures_of(out: Path, methods) -> list[Path]:
    paths = [out / "figures" / f"{method}{kind}.png" for method in methods for kind in KINDS]
    return [path for path in paths if path.exists()]
