"""Cells of the experiments, and which table needs which."""

import re
from dataclasses import dataclass

THESIS_METHODS = ("geometric", "cvae", "cvae_gan", "bagan")
# section 1.2 describes the first three and measures none; class weights make no images
BEYOND_THESIS = ("random_oversampling", "smote", "adasyn", "class_weights")
METHODS = THESIS_METHODS + BEYOND_THESIS
MAKERS = tuple(method for method in METHODS if method != "class_weights")
VARIANTS = ("original", "unbalanced", "balanced_original", *METHODS)
DROPPED_PERCENT = (50, 75)
# (dataset, dropped per cent) -> tables of the thesis: SSIM, classifier
THESIS_TABLES = {
    ("mnist", 50): ("C.1", "C.3"),
    ("mnist", 75): ("C.2", "C.4"),
    ("cifar10", 50): ("C.1", "C.5"),
    ("cifar10", 75): ("C.2", "C.6"),
    ("vehicles", 50): ("C.1", "C.7"),
    ("vehicles", 75): ("C.2", "C.8"),
}
# height, width, channels, number of classes
SHAPES = {"mnist": (28, 28, 1, 10), "cifar10": (32, 32, 3, 10), "vehicles": (64, 64, 3, 3), "digits": (28, 28, 1, 10)}
PRINTED_NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10", "vehicles": "Vehicles", "digits": "digits"}
PRINTED_MINORITIES = {"mnist": "class 4", "cifar10": "ships", "vehicles": "cars", "digits": "class 4"}


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
    def makes_images(self) -> bool:
        return self.variant in MAKERS

    @property
    def has_ssim(self) -> bool:
        return self.variant == "original" or self.makes_images

    @property
    def has_classifier(self) -> bool:
        return self.variant != "original"


def cell_named(name: str) -> Cell:
    """The cell whose string this is; raises ValueError where there is none."""
    match = re.fullmatch(r"(\w+)-(\d+)-(\w+)-seed(\d+)", name)
    is_known = match and match[1] in PRINTED_NAMES and match[3] in VARIANTS
    if not is_known or int(match[2]) not in ((0,) if match[3] == "balanced_original" else range(1, 100)):
        raise ValueError(f"no cell is called {name!r}; --list-cells prints their IDs")
    return Cell(match[1], int(match[2]), match[3], int(match[4]))


@dataclass(frozen=True)
class Table:
    """A table to print: SSIM of several datasets, or variants of one dataset as rows and `metrics` as columns."""

    name: str
    datasets: tuple[str, ...]
    dropped: int
    metrics: tuple[str, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        rows = ()
        if "ssim" in self.metrics:
            rows += ("original",)
        if "accuracy" in self.metrics:
            rows += ("unbalanced", "balanced_original")
        return rows + (METHODS if "accuracy" in self.metrics else MAKERS)

    def cell(self, dataset: str, variant: str, seed: int) -> Cell:
        return Cell(dataset, 0 if variant == "balanced_original" else self.dropped, variant, seed)

    def cells(self, n_seeds: dict[str, int]) -> list[Cell]:
        """All cells of the table; `n_seeds` by dataset."""
        return [
            self.cell(dataset, variant, seed)
            for dataset in self.datasets
            for variant in self.variants
            for seed in range(n_seeds[dataset])
        ]


def tables(pairs) -> list[Table]:
    """For (dataset, dropped per cent) pairs: the thesis's tables where it has them, else one with all metrics."""
    scores = ("accuracy", "f1_minority")
    found = {}
    for dataset, dropped in pairs:
        if (dataset, dropped) not in THESIS_TABLES:
            found[f"{dataset}-{dropped}"] = Table(f"{dataset}-{dropped}", (dataset,), dropped, ("ssim", *scores))
            continue
        ssim_name, scores_name = THESIS_TABLES[dataset, dropped]
        datasets = found[ssim_name].datasets if ssim_name in found else ()
        found[ssim_name] = Table(ssim_name, (*datasets, dataset), dropped, ("ssim",))
        found[scores_name] = Table(scores_name, (dataset,), dropped, scores)
    return [found[name] for name in sorted(found)]


def cells(datasets, dropped, methods, n_seeds: dict[str, int]) -> list[Cell]:
    """All cells of the tables, cheap ones first; those of one method and imbalance stand together."""
    variants = [variant for variant in VARIANTS if variant not in METHODS or variant in methods]
    found = {}
    for dataset in datasets:
        for variant in variants:
            for percent in dropped:
                for seed in range(n_seeds[dataset]):
                    found[Cell(dataset, 0 if variant == "balanced_original" else percent, variant, seed)] = None
    return list(found)
