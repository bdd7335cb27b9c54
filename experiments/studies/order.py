"""What the study measures and in which order, so that each finished part is useful."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...models import BASELINE, in_order, named
from ...models.method import Method
from ..command_line import UsageError
from ..running.cell import Cell
from ..running.plan import Plan, digest
from .tasks import BALANCED, DATASETS, N_SEEDS, PROTOCOL, STUDIED

PERCENTS_IN_ORDER = (10, 5, 25, 2, 50, BALANCED)  # the imbalance that is as it is belongs to the first
NOTHING_TO_ADD, TOO_FEW = "nothing to add", "too few"
REASONS = (NOTHING_TO_ADD, TOO_FEW)


class Entry(NamedTuple):
    """A method on a task, with all seeds: what is finished, kept and compared as a whole."""

    task: str
    method: str


def _only_balances(method: Method) -> bool:
    """Whether it trains a classifier as usual if all classes have as many images; what changes batches does not."""
    ways = [way.new() for way in method.classifier_methods]
    return all(way.corrects_prior and "change" not in way.classifier_arguments(np.array([0, 1])) for way in ways)


@dataclass(frozen=True)
class Part:
    """Some entries of one dataset that are run together."""

    title: str
    dataset: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Study:
    """The study below one folder, under one schedule."""

    out: Path
    schedule: str

    @property
    def n_seeds(self) -> int:
        return N_SEEDS[self.schedule]

    @property
    def plan(self) -> Plan:
        return Plan(self.out, {name: studied.task for name, studied in STUDIED.items()}, self.schedule, PROTOCOL)

    def cells(self, entry: Entry) -> list[Cell]:
        return [Cell(*entry, seed) for seed in range(self.n_seeds)]

    def digests(self, entry: Entry) -> list[str]:
        """A short hash of the configuration of each seed, by which results of other versions are told apart."""
        return [digest(self.plan.configuration(cell)) for cell in self.cells(entry)]

    def reason(self, entry: Entry) -> str | None:
        """Why a method has nothing to do on a task, one of REASONS, if so.

        Raises UsageError for joined methods that do not go together.
        """
        method, studied = named(entry.method), STUDIED[entry.task]
        if studied.is_balanced and (method.makes_images or _only_balances(method)):
            return NOTHING_TO_ADD
        return TOO_FEW if method.makes_images and studied.n_small < self.min_images(entry) else None

    def min_images(self, entry: Entry) -> int:
        """How many images a method that makes images needs of a class."""
        try:
            return named(entry.method).new(**self.plan.arguments(Cell(*entry, 0))).min_images
        except ValueError as error:
            raise UsageError(f"{entry.method}: {error}") from error

    def entries(self, tasks: Iterable[str], methods: Iterable[str]) -> list[Entry]:
        """Of these tasks and methods what can be measured, in the order of tables."""
        asked = [Entry(task, method) for task in tasks for method in in_order([BASELINE, *methods])]
        return [entry for entry in asked if self.reason(entry) is None]

    def parts(self, tasks: Iterable[str], methods: Iterable[str]) -> list[Part]:
        """The same in parts: first what trains no network, on all datasets at 10 %, then at the other percentages."""
        by_place = {}
        for entry in self.entries(tasks, methods):
            studied, takes_time = STUDIED[entry.task], named(entry.method).takes_time
            percent = studied.percent or PERCENTS_IN_ORDER[0]
            dataset = studied.task.dataset
            place = takes_time, PERCENTS_IN_ORDER.index(percent), DATASETS.index(dataset)
            by_place.setdefault(place, []).append(entry)
        parts = []
        for place in sorted(by_place):
            takes_time, of_percent, of_dataset = place
            work = "methods that are trained" if takes_time else "methods without training"
            title = f"{DATASETS[of_dataset]} at {PERCENTS_IN_ORDER[of_percent]} %, {work}"
            parts.append(Part(title, DATASETS[of_dataset], tuple(by_place[place])))
        return parts
