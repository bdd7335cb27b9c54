"""What a method's images are like: how diverse, how close to the real ones, how many are copies, what they teach."""

from functools import partial

import numpy as np
from scipy import stats

from ...datasets.image_dataset import ImageDataset
from ...datasets.stored_images import n_bytes
from ...evaluation import classifiers, fidelity, protocol
from ...evaluation.nearest import copy_limit, nearest, nearest_other
from ...evaluation.ssim import DEFAULT_RANGE, MIN_IMAGES, MIN_SIDE_PIXELS, pairwise_ssim
from ...models import BASELINE
from .cell import Cell
from .filters import drawn

NONE_LEFT = "no image passed the filters"
MAX_IMAGES = 1000  # of a class, real or new
MAX_IMAGES_OF_ALL = 50_000  # new ones of all classes
MAX_BYTES_OF_ALL = MAX_IMAGES_OF_ALL * 64 * 64 * 3
# intervals end where measures do; the estimate of KID has no bias and so may lie below 0
POSSIBLE = {
    "SSIM pairs": (-1.0, 1.0),
    "SSIM pairs of originals": (-1.0, 1.0),
    "Fréchet": (0.0, np.inf),
    "density": (0.0, np.inf),
    "coverage": (0.0, 1.0),
}
OF_CLASSES = {
    "SSIM pairs": "structural similarity of random pairs of new images, lower is more diverse; then of originals",
    "KID": "squared maximum mean discrepancy of features from those of the training images; 0: cannot be told apart",
    "Fréchet": "Fréchet distance of features; compare only figures of equally many images",
    "density": "how many real images' neighbourhoods a new one lies in; 1 is usual for real images",
    "coverage": "share of real images that have a new one in their neighbourhood; more new images cover more",
    "near copies": "share of new images closer to a training image than 99 % of these to their nearest other one; "
    "in classes of fewer than 99 images only exact copies",
    "nearest": "median distance of a new image from the nearest training image, in multiples of that between these",
    "named": "share of new images that a classifier trained on real ones takes for their class",
}
OF_ALL = {
    "GAN-train": "accuracy on real test images after training on new ones alone",
    "real to real": "accuracy on real test images after training on all real ones, which may be more",
    "GAN-test": "accuracy on new images of a classifier trained on real ones",
    "Inception score": "how sure that classifier is of each new image, and how evenly they fall into the classes",
}


def of_class(
    originals: np.ndarray, new: np.ndarray, label: int, classifier, extractor, ssim_range=DEFAULT_RANGE
) -> dict:
    """OF_CLASSES: each {"value", "low", "high"}, without an interval {"value"}, or {"refused": why}; images are uint8.

    `extractor(images)` gives features (n, n_features), `classifier` is trained on real images.
    """
    indices = drawn(np.arange(len(originals)), MAX_IMAGES)
    chosen = originals[indices]
    real, made = extractor(chosen), extractor(new)
    found = {}
    if min(len(new), len(originals)) >= MIN_IMAGES and min(new.shape[1:3]) >= MIN_SIDE_PIXELS:
        for name, images in (("SSIM pairs", new), ("SSIM pairs of originals", chosen)):
            ssim = pairwise_ssim(images, random_state=0, value_range=ssim_range)
            half = stats.t.ppf(0.975, ssim.n_pairs - 1) * ssim.standard_error
            found[name] = {"value": ssim.mean} | _interval(ssim.mean - half, ssim.mean + half, *POSSIBLE[name])
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
                found[name] |= _interval(estimate.low, estimate.high, *POSSIBLE.get(name, (-np.inf, np.inf)))
    _, distances = nearest(new, originals)
    found["near copies"] = {"value": float((distances <= copy_limit(originals)).mean())}
    if len(originals) > 1 and (between := float(np.median(nearest_other(originals, indices)[1]))) > 0:
        found["nearest"] = {"value": float(np.median(distances)) / between}
    found["named"] = {"value": float((classifiers.predict(classifier, new) == label).mean())}
    return found


def _interval(low: float, high: float, least: float, most: float) -> dict[str, float]:
    """The part of the interval that is possible."""
    return {"low": max(low, least), "high": min(high, most)}


def of_cell(runner, cell: Cell, balancer, images: dict[int, np.ndarray]) -> dict[str, dict]:
    """Of the cell's new images of each class ("classes": name -> OF_CLASS), and of more of all classes ("all": OF_ALL).

    Features are those of the classifier of the originals.
    """
    task, train = runner.plan.tasks[cell.task], runner.parts(cell.task).train
    classifier = runner.classifying.of_originals(cell.task)
    extractor = partial(classifiers.features, classifier)
    of_classes = {}
    for label, new in images.items():
        if not len(new):
            of_classes[train.class_names[label]] = {measure: {"refused": NONE_LEFT} for measure in OF_CLASSES}
            continue
        originals = train.images[train.labels == label]
        arguments = new[:MAX_IMAGES], label, classifier, extractor, task.ssim_range or DEFAULT_RANGE
        of_classes[train.class_names[label]] = of_class(originals, *arguments)
    return {"classes": of_classes, "all": of_all(runner, cell.task, balancer)}


def of_all(runner, task: str, balancer) -> dict:
    """OF_ALL: classifiers between real and new images of all classes, as many new ones as real ones, up to a limit.

    GAN-train (Shmelkov et al. 2018): accuracy on real test images after training on new ones alone. GAN-test: accuracy
    on new images after training on real ones. Inception score: of that classifier on the new images.
    """
    parts, baseline = runner.parts(task), Cell(task, BASELINE, 0)
    train, test = parts.train, parts.test
    counts = np.bincount(train.labels)
    most = min(MAX_IMAGES_OF_ALL, MAX_BYTES_OF_ALL // n_bytes(1, balancer.image_shape_))
    counts = np.minimum(counts, min(MAX_IMAGES, max(1, most // len(counts))))
    try:
        images = np.concatenate([balancer.sample(label, int(n), random_state=1) for label, n in enumerate(counts)])
    except (ValueError, RuntimeError) as error:  # a method may only make images of small classes
        return {measure: {"refused": str(error)} for measure in OF_ALL}
    new = ImageDataset(train.name, images, np.repeat(np.arange(len(counts)), counts), train.class_names)
    asked = runner.plan.tasks[task]
    takes_first = asked.classifier.schedules[runner.plan.schedule].get("n_statistics_images", 0)
    mixed = new.take(np.random.default_rng(0).permutation(len(images))) if takes_first else new  # of all classes
    learned = protocol.with_validation(mixed, parts.validation, asked)
    trained, _ = runner.classifying.trained(baseline, *learned)
    original_classifier = runner.classifying.of_originals(task)
    probabilities, _ = classifiers.probabilities_and_features(original_classifier, images)
    score = fidelity.with_interval(fidelity.inception_score, probabilities, random_state=0)
    accuracies = (
        (classifiers.predict(trained, test.images) == test.labels).mean(),
        (classifiers.predict(original_classifier, test.images) == test.labels).mean(),
        (probabilities.argmax(axis=1) == new.labels).mean(),
    )
    inception_score = {"value": score.value} | _interval(score.low, score.high, 1.0, float(len(counts)))
    return dict(zip(OF_ALL, [*({"value": float(value)} for value in accuracies), inception_score], strict=True))
