"""Who takes part when methods are judged: each with its proportions of new images, folds and cells.

Folds are tasks of their own, in each of which networks are trained anew.
"""

import sys
from dataclasses import dataclass

from ...models import BASELINE, JOINED, METHODS, in_order, named
from ..command_line import UsageError
from ..running.cell import Cell
from ..running.plan import Plan

ALWAYS = (BASELINE, "class_weights", "logit_adjustment", "random_oversampling", "geometric")  # they cost nothing
SHORTLIST = ("balanced_softmax", "mixup", "affine", "smote")  # of each kind one that costs less than a minute
CHOICES = tuple(name for name in METHODS if name not in ALWAYS)


@dataclass(frozen=True)
class Entrant:
    """A method with a proportion of new images, tried on the folds that these tasks are."""

    method: str
    proportion: float
    tasks: tuple[str, ...]

    @property
    def treatment(self) -> str:
        return self.cells(1, 1)[0].treatment

    def cells(self, n_seeds: int, n_trainings: int) -> list[Cell]:
        """Those of the first `n_seeds` seeds; those that share networks are next to each other."""
        seeds = sorted(range(n_seeds), key=lambda seed: seed % n_trainings)
        return [Cell(task, self.method, seed, self.proportion) for task in self.tasks for seed in seeds]


def rivals(options) -> list[str]:
    """What is compared, the baseline first; with `--with` joined to it, and the images as they are among them.

    Raises UsageError if a method that was asked for cannot be joined.
    """
    asked = in_order([*ALWAYS, *options.methods])
    if options.joined is None:
        return asked
    found = [options.joined, BASELINE]
    for name in asked:
        if name in (BASELINE, options.joined):
            continue
        try:
            found.append(named(name + JOINED + options.joined).name)
        except ValueError as error:
            if name in options.methods and options.are_chosen:
                raise UsageError(f"--with {options.joined}: {error}") from error
            print(f"Left out: {error}.", file=sys.stderr)
    return found


def images_by(name: str) -> str | None:
    """The method or chain that makes the images of a rival, if any are made."""
    method = named(name).image_method
    return method.name if method else None


def trains_networks(name: str) -> bool:
    """Whether networks make the images of a rival."""
    return named(name).makes_images and named(name).family == "network"


def entrants(plan: Plan, options) -> list[Entrant]:
    """Every rival with every proportion; those that make no images have none."""
    folds = tuple(plan.tasks)
    found = []
    for name in options.rivals:
        tasks = folds[: options.network_folds] if trains_networks(name) else folds
        shares = options.proportions if named(name).makes_images else [1.0]
        found += [Entrant(name, share, tasks) for share in shares]
    return found


def audited(options) -> list[str]:
    """The methods whose images are audited: geometric, and those that were asked for."""
    return in_order(["geometric", *(name for name in map(images_by, options.methods) if name)])
