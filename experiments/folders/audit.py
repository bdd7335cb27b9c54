"""What a method's images are like: how diverse, how close to the real ones, how many are copies."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from ...datasets.files import read_json, write_atomically
from ...datasets.image_dataset import ImageDataset
from ...evaluation import classifiers, fidelity
from ...evaluation.nearest import near_copies, nearest
from ...evaluation.ssim import MIN_SIDE_PIXELS, pairwise_ssim
from ...models import BASELINE
from ...reports import figures
from ..running.cell import Cell
from ..running.runner import Runner

MAX_IMAGES = 1000  # of a class, real or new
N_SHOWN = 8
MAX_CLASSES_SHOWN = 12
POSSIBLE = {"Fréchet": (0.0, np.inf), "density": (0.0, np.inf), "coverage": (0.0, 1.0)}
OF_CLASSES = {
    "SSIM pairs": "structural similarity of random pairs of new images, lower is more diverse; then of originals",
    "KID": "squared maximum mean discrepancy of features from those of the training images; 0: cannot be told apart",
    "Fréchet": "Fréchet distance of features; compare only figures of equally many images",
    "density": "how many real images' neighbourhoods a new one lies in; 1 is usual for real images",
    "coverage": "share of real images that have a new one in their neighbourhood; more new images cover more",
    "near copies": "share of new images closer to a training image than 99 % of these to their nearest other one; "
    "in classes of fewer than 99 images only exact copies",
}
OF_ALL = {
    "GAN-train": "accuracy on real test images after training on new ones alone",
    "real to real": "accuracy on real test images after training on all real ones, which may be more",
    "GAN-test": "accuracy on new images of a classifier trained on real ones",
    "Inception score": "how sure that classifier is of each new image, and how evenly they fall into the classes",
}


def audit(runner: Runner, method: str, extractor) -> dict:
    """Measures of a method's images, class by class and over all classes; cached as `audit.json`.

    `extractor(images)` gives features (n, n_features). Classes are those that the method adds images to. Writes
    `figures/<method>.png` (originals and new images) and `figures/<method>-nearest.png` (new images beside the training
    images that are nearest to them).
    """
    cell = Cell("folder", method, 0)
    path = runner.plan.folder(cell) / "audit.json"
    if found := read_json(path):
        return found
    balancer, _ = runner.fitting.fitted(cell)
    parts = runner.parts(cell.task)
    train = parts.train
    of_classes, shown, pairs = {}, {}, {}
    for label, n_missing in parts.missing.items():
        name = train.class_names[label]
        originals = train.images[train.labels == label]
        n = min(max(n_missing, len(originals)), MAX_IMAGES)
        new = balancer.sample(label, n, random_state=0)
        of_classes[name] = _of_class(originals, new, extractor)
        if len(of_classes) > MAX_CLASSES_SHOWN:
            continue
        shown |= {f"{name}, originals": originals[:N_SHOWN], f"{name}, new": new[:N_SHOWN]}
        pairs |= {f"{name}, new": new[:N_SHOWN], f"{name}, nearest": originals[nearest(new[:N_SHOWN], originals)[0]]}
    folder = runner.plan.out / "figures"
    folder.mkdir(exist_ok=True)
    figures.image_rows(shown, method, folder / f"{method}.png")
    figures.image_rows(pairs, f"{method}, nearest training images", folder / f"{method}-nearest.png")
    found = {"classes": of_classes, "all": _of_all(runner, balancer)}
    write_atomically(path, json.dumps(found, indent=1) + "\n")
    return found


def _of_class(originals: np.ndarray, new: np.ndarray, extractor) -> dict:
    """Each measure as {"value", "low", "high"}, without an interval {"value"}, or {"refused": why}."""
    chosen = originals
    if len(originals) > MAX_IMAGES:
        chosen = originals[np.sort(np.random.default_rng(0).choice(len(originals), MAX_IMAGES, replace=False))]
    real, made = extractor(chosen), extractor(new)
    found = {}
    if min(len(new), len(originals)) >= 4 and min(new.shape[1:3]) >= MIN_SIDE_PIXELS:
        for name, images in (("SSIM pairs", new), ("SSIM pairs of originals", chosen)):
            ssim = pairwise_ssim(images, random_state=0)
            half = stats.t.ppf(0.975, ssim.n_pairs - 1) * ssim.standard_error
            found[name] = {"value": ssim.mean, "low": ssim.mean - half, "high": ssim.mean + half}
    for measure, names in (
        (fidelity.kernel_inception_distance, ("KID",)),
        (fidelity.frechet_distance, ("Fréchet",)),
        (fidelity.density_and_coverage, ("density", "coverage")),
    ):
        try:
            estimates = fidelity.with_interval(measure, real, made, random_state=0)
        except ValueError as error:
            found |= {name: {"refused": str(error)} for name in names}
            continue
        for name, estimate in zip(names, estimates if isinstance(estimates, tuple) else (estimates,), strict=True):
            found[name] = {"value": estimate.value}
            if estimate.low < estimate.high:  # else all halves of the images gave the same, which is no interval
                low, high = np.clip((estimate.low, estimate.high), *POSSIBLE.get(name, (-np.inf, np.inf)))
                found[name] |= {"low": float(low), "high": float(high)}
    found["near copies"] = {"value": float(near_copies(new, originals).mean())}
    return found


def _of_all(runner: Runner, balancer) -> dict:
    """OF_ALL: classifiers between real and new images of all classes, with as many new ones as real ones.

    GAN-train (Shmelkov et al. 2018): accuracy on real test images after training on new ones alone. GAN-test: accuracy
    on new images after training on real ones. Inception score: of that classifier on the new images.
    """
    parts, baseline = runner.parts("folder"), Cell("folder", BASELINE, 0)
    train, test = parts.train, parts.test
    counts = np.minimum(np.bincount(train.labels), MAX_IMAGES)
    try:
        images = np.concatenate([balancer.sample(label, int(n), random_state=1) for label, n in enumerate(counts)])
    except (ValueError, RuntimeError) as error:  # a method may only make images of small classes
        return {measure: {"refused": str(error)} for measure in OF_ALL}
    new = ImageDataset(train.name, images, np.repeat(np.arange(len(counts)), counts), train.class_names)
    trained, _ = runner.classifier(baseline, new, parts.validation)
    original_classifier = runner.original_classifier("folder")
    probabilities, _ = classifiers.probabilities_and_features(original_classifier, images)
    score = fidelity.with_interval(fidelity.inception_score, probabilities, random_state=0)
    accuracies = (
        (classifiers.predict(trained, test.images) == test.labels).mean(),
        (classifiers.predict(original_classifier, test.images) == test.labels).mean(),
        (probabilities.argmax(axis=1) == new.labels).mean(),
    )
    inception_score = {"value": score.value, "low": score.low, "high": score.high}
    return dict(zip(OF_ALL, [*({"value": float(value)} for value in accuracies), inception_score], strict=True))


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
    paths = [out / "figures" / f"{method}{kind}.png" for method in methods for kind in ("", "-nearest")]
    return [path for path in paths if path.exists()]
