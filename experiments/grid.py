"""Cells of the thesis's experiments, and which table needs which."""

from dataclasses import dataclass

METHODS = ("geometric", "cvae", "cvae_gan", "bagan")
SSIM_VARIANTS = ("original", *METHODS)
CLASSIFIER_VARIANTS = ("unbalanced", "balanced_original", *METHODS)
DROPPED_PERCENT = (50, 75)
# (dataset, dropped per cent) -> tables of the thesis: SSIM, classifier
THESIS_TABLES = {
    ("mnist", 50): ("C.1", "C.3"),
    ("mnist", 75): ("C.2", "C.4"),
}
PRINTED_NAMES = {"mnist": "MNIST", "digits": "digits"}


@dataclass(frozen=True)
class Cell:
    """One variant of a dataset, measured once: images made, SSIM of pairs, a classifier trained and tested.

    `dropped` is a percentage, 0 for the balanced original, which both imbalances share. `seed` is of all that is
    random about the measurement: which images are made and paired, the classifier's weights and order of images. The
    methods' networks are trained once for all seeds, on the same split, as in the thesis.
    """

    dataset: str
    dropped: int
    variant: str
    seed: int

    def __str__(self):
        return f"{self.dataset}-{self.dropped}-{self.variant}-seed{self.seed}"

    @property
    def is_method(self) -> bool:
        return self.variant in METHODS

    @property
    def has_ssim(self) -> bool:
        return self.variant in SSIM_VARIANTS

    @property
    def has_classifier(self) -> bool:
        return self.variant in CLASSIFIER_VARIANTS


@dataclass(frozen=True)
class Table:
    """A table to print for one dataset: its variants as rows, `metrics` as columns."""

    name: str
    dataset: str
    dropped: int
    metrics: tuple[str, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        rows = ()
        if "ssim" in self.metrics:
            rows += SSIM_VARIANTS[:1]
        if "accuracy" in self.metrics:
            rows += CLASSIFIER_VARIANTS[:2]
        return rows + METHODS

    def cell(self, variant: str, seed: int) -> Cell:
        return Cell(self.dataset, 0 if variant == "balanced_original" else self.dropped, variant, seed)


def tables(datasets, dropped) -> list[Table]:
    """The thesis's tables where it has them, else one table `dataset-percent` with all metrics."""
    scores = ("accuracy", "f1_minority")
    found = []
    for dataset in datasets:
        for percent in dropped:
            if (dataset, percent) in THESIS_TABLES:
                ssim_name, classifier_name = THESIS_TABLES[dataset, percent]
                found.append(Table(ssim_name, dataset, percent, ("ssim",)))
                found.append(Table(classifier_name, dataset, percent, scores))
            else:
                found.append(Table(f"{dataset}-{percent}", dataset, percent, ("ssim", *scores)))
    return sorted(found, key=lambda table: table.name)


def cells(datasets, dropped, methods, n_seeds) -> list[Cell]:
    """All cells of the tables, cheap ones first; those of one method and imbalance stand together."""
    variants = ("original", "unbalanced", "balanced_original", *(m for m in METHODS if m in methods))
    found = {}
    for dataset in datasets:
        for variant in variants:
            for percent in dropped:
                for seed in range(n_seeds):
                    found[Cell(dataset, 0 if variant == "balanced_original" else percent, variant, seed)] = None
    return list(found)
