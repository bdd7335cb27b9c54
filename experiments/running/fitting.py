"""Methods fitted to a cell's images: networks trained once for all cells that share them, and which images they add."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...datasets.files import read_json, write_json
from ...evaluation import protocol
from ...models import named
from ...models.balancer import HasSourceClass
from ...models.training.history import read_history
from . import locks
from .cell import Cell
from .environment import environment
from .plan import Plan


class Fitting:
    """Fits the methods of a plan's cells; keeps the last fitted balancer.

    `parts` gives the parts of a cell's dataset; networks are trained in the scope of `strategy`.
    """

    def __init__(self, plan: Plan, parts: Callable[[Cell], protocol.Parts], strategy, verbose: int):
        self.plan = plan
        self.parts = parts
        self.strategy = strategy
        self.verbose = verbose
        self._fitted: tuple[Path, object, float] | None = None

    def train(self, cell: Cell) -> None:
        """Train only the cell's networks, as machines other than the chief do."""
        self._fit(self._new_balancer(cell), cell)

    def fitted(self, cell: Cell, wait: bool = True) -> tuple:
        """The method fitted to all that it may see, continued from its checkpoints, and the seconds that this took.

        The last one is kept in memory.
        """
        folder = self.plan.training_folder(cell)
        if self._fitted is None or self._fitted[0] != folder:
            self._fitted = None
            balancer = self._new_balancer(cell)
            started = time.perf_counter()
            if cell.is_trained:
                with locks.held(folder, wait):
                    self._note_environment(cell)
                    self._fit(balancer, cell)
                seconds = sum(read_history(path)["seconds"].sum() for path in folder.rglob("history.csv"))
            else:
                self._fit(balancer, cell)
                seconds = time.perf_counter() - started
            self._fitted = folder, balancer, round(float(seconds), 1)
        return self._fitted[1:]

    def _new_balancer(self, cell: Cell):
        parts, arguments = self.parts(cell), self.plan.arguments(cell)
        method = named(cell.method)
        arguments |= method.fit_arguments(self.plan.training_folder(cell), self.verbose)
        arguments["random_state"] = self.plan.training_random_state(cell)
        balancer = method.new(**arguments)
        counts = np.bincount(parts.train.labels, minlength=parts.train.n_classes)
        missing = _without_source(parts.missing, balancer, counts)
        return balancer.set_params(sampling_strategy={k: int(counts[k]) + n for k, n in missing.items()})

    def additions(self, cell: Cell, balancer) -> dict[int, int]:
        """Class -> number of new images of the cell; a class that the balancer cannot make is left out.

        Where there are no real images, a balancer that HasSourceClass makes its source class by translating back.
        """
        task, parts = self.plan.tasks[cell.task], self.parts(cell)
        wanted = parts.additions(cell.proportion)
        if task.n_new_only:
            wanted = dict.fromkeys(range(task.n_classes), task.n_new_only[self.plan.schedule])
            if isinstance(balancer, HasSourceClass):
                return wanted
        return _without_source(wanted, balancer, np.bincount(parts.train.labels))

    def _fit(self, balancer, cell: Cell) -> None:
        train = self.parts(cell).train
        with named(cell.method).fit_scope(self.strategy):
            balancer.fit(train.images, train.labels)

    def environments(self, cell: Cell) -> list[dict]:
        """The environments in which the cell's networks were trained: several if another machine continued."""
        return read_json(self.plan.training_folder(cell) / "environments.json") or []

    def _note_environment(self, cell: Cell) -> None:
        known, own = self.environments(cell), environment(self.strategy)
        if own not in known:
            path = self.plan.training_folder(cell) / "environments.json"
            write_json(path, [*known, own])


def _without_source(wanted, balancer, counts: np.ndarray) -> dict[int, int]:
    """Of class -> number of images, the classes that the balancer can make; `counts` are the training images'."""
    sources = {int(counts.argmax()) if source is None else source for source in balancer.source_classes}
    return {label: n for label, n in wanted.items() if label not in sources}
