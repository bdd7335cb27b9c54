"""The unit of work: one method on one task, measured once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ...models import named

# what methods are compared with: SSIM of original images, a classifier on the dataset with nothing dropped, and one on
# as many original images as a task with `n_new_only` takes new ones
REFERENCES = {
    "original": "Original images",
    "balanced_original": "Balanced original",
    "as_many_originals": "As many originals",
}
ORIGINAL, BALANCED_ORIGINAL, AS_MANY_ORIGINALS = REFERENCES


@dataclass(frozen=True)
class Cell:
    """Images made, SSIM of pairs, a classifier trained and tested: as much of it as the method has.

    `method` is the name of a method, of a chain or of one of REFERENCES, `proportion` the number of new images in
    multiples of what restores the balance. `seed` decides all that is random about the measurement: which images are
    made and paired, the classifier's weights and order of images. A method's networks are trained once for all seeds
    and proportions, as in the thesis.
    """

    task: str
    method: str
    seed: int
    proportion: float = 1.0

    def __str__(self):
        return f"{self.group}-seed{self.seed}"

    @property
    def group(self) -> str:
        """The part of the name that all seeds share."""
        return f"{self.task}-{self.treatment.replace(' ', '-')}"

    @property
    def treatment(self) -> str:
        """The method and, if it is not the usual one, the proportion, for reports."""
        return self.method if self.proportion == 1 else f"{self.method} x{self.proportion:g}"

    @property
    def has_method(self) -> bool:
        """Whether it is no reference."""
        return self.method not in REFERENCES

    @property
    def makes_images(self) -> bool:
        return self.has_method and named(self.method).makes_images

    @property
    def images_by(self) -> str:
        """The name of the method or chain without ways to train the classifier: what makes the images."""
        method = named(self.method).image_method if self.has_method else None
        return method.name if method else self.method

    @property
    def is_trained(self) -> bool:
        """Whether the method trains networks."""
        return self.has_method and named(self.method).family == "network"

    @property
    def takes_time(self) -> bool:
        """Whether fitting the method takes time, which `Plan` then knows."""
        return self.has_method and named(self.method).takes_time

    @property
    def has_classifier(self) -> bool:
        return self.method != ORIGINAL


def label(method: str) -> str:
    """The name of a method or reference in tables and figures."""
    return REFERENCES[method] if method in REFERENCES else named(method).label


def cell_named(name: str) -> Cell:
    """The cell of a table that has this name; raises ValueError if there is none."""
    match = re.fullmatch(r"(.+)-([\w+]+)-seed(\d+)", name)
    try:
        if match[2] not in REFERENCES:
            named(match[2])
    except (TypeError, ValueError) as error:
        raise ValueError(f"no cell is called {name!r}") from error
    return Cell(match[1], match[2], int(match[3]))


def minutes_of_seeds(training_seconds: Iterable[float], other_seconds: Iterable[float]) -> float:
    """What one classifier costs with a method, from what each seed took: its training, which they share, once, and
    new images and the classifier, of which the median counts, since the machine may have been held up meanwhile.
    """
    return (max(training_seconds) + median(other_seconds)) / 60


SHOWN_SCORES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1_minority": "F1"}


def in_words(record: dict) -> str:
    """The main figures of a cell's record."""
    parts = [f"SSIM {record['ssim']['value']:.4f}"] if "ssim" in record else []
    if "scores" in record:
        shown = [(name, record["scores"][score]) for score, name in SHOWN_SCORES.items() if score in record["scores"]]
        parts += [f"{name} {value:.4f}" for name, value in shown]
    return ", ".join(parts)
