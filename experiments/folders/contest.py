"""Entrants against a baseline, with as many seeds as can still decide something, and what they predicted."""

from pathlib import Path

import numpy as np
import pandas as pd

from ...evaluation import racing, verdict
from ...evaluation.verdict import NOT_PREDICTED
from ..command_line import FailedError
from ..running.cell import Cell
from .entrants import Entrant


class Contest:
    """Runs the cells of `entrants`, of which the first is the baseline, and compares them by one metric.

    `tasks` are the folds' in their order, `looks` those of `racing`; `run_all(cells)` runs cells and returns the log of
    each that failed.
    """

    def __init__(self, runner, tasks, entrants: list[Entrant], metric: str, looks: list[int], run_all):
        self.runner, self.tasks, self.metric, self.looks, self.run_all = runner, tasks, metric, looks, run_all
        self.entrants = {entrant.treatment: entrant for entrant in entrants}
        self.baseline = entrants[0].treatment
        self.failed: dict[str, Path] = {}
        self.seeds = dict.fromkeys(self.entrants, 0)
        parts = [runner.parts(task.name) for task in tasks]
        self.true = np.concatenate([part.test.labels for part in parts])
        folds = np.repeat(np.arange(len(parts)), [len(part.test.labels) for part in parts])
        self.folds = folds if len(parts) > 1 else None
        has_groups = parts[0].test_groups is not None
        self.groups = np.concatenate([part.test_groups for part in parts]) if has_groups else None

    def run(self) -> None:
        """Add seeds until every entrant is decided, hopeless, has failed or has all of them.

        Raises FailedError if the baseline failed, or all others.
        """
        rivals = [name for name in self.entrants if name != self.baseline]
        racing.race(self.looks, rivals, self._look)

    def _look(self, seeds: dict[str, int], error_rate: float) -> pd.DataFrame:
        self.seeds |= seeds
        self.seeds[self.baseline] = n_seeds = max(seeds.values())
        if n_seeds < self.looks[-1]:
            print(f"First {n_seeds} of up to {self.looks[-1]} seeds; the time left is that of these.", flush=True)
        cells = [cell for name in self.entrants if name not in self.failed for cell in self.cells(name)]
        for cell, log in self.run_all(cells).items():
            self.failed.setdefault(cell.treatment, log)
        if self.baseline in self.failed:
            log = self.failed[self.baseline]
            raise FailedError(f"without {self.baseline} there is nothing to compare with; see {log}")
        if len(self.failed) == len(seeds):
            raise FailedError(
                f"all methods failed, so there is nothing to compare; see {next(iter(self.failed.values()))}"
            )
        table = self.verdicts(self.metric, error_rate)
        self._tell(table, n_seeds)
        return table

    def _tell(self, table: pd.DataFrame, n_seeds: int) -> None:
        """Say who goes on."""
        if n_seeds == self.looks[-1]:
            return
        running = [name for name in table["method"] if self.seeds[name] == n_seeds]
        going_on = racing.undecided(table[table["method"].isin(running)], n_seeds, self.looks[-1], len(table))
        print(f"After {n_seeds} seeds: {', '.join(going_on) or 'nobody'} can still be decided by more.", flush=True)

    def cells(self, name: str) -> list[Cell]:
        """The cells of an entrant with the seeds that it got so far."""
        return self.entrants[name].cells(self.seeds[name], self.tasks[0].n_trainings)

    def records(self, name: str) -> list[dict]:
        return [self.runner.cached(cell) for cell in self.cells(name)]

    @property
    def finished(self) -> list[str]:
        """Entrants that did not fail, the baseline first."""
        return [name for name in self.entrants if name not in self.failed]

    def predicted(self, name: str) -> np.ndarray:
        """Predictions int (n_seeds, n) of all test images in the order of `true`; NOT_PREDICTED in folds left out."""
        found = []
        for task in self.tasks:
            n = len(self.runner.parts(task.name).test.labels)
            of_fold = np.full((self.seeds[name], n), NOT_PREDICTED)
            for cell in self.cells(name):
                if cell.task == task.name:
                    of_fold[cell.seed] = self.runner.cached(cell)["predicted"]
            found.append(of_fold)
        return np.concatenate(found, axis=1)

    def verdicts(self, metric: str, error_rate: float | None = None) -> pd.DataFrame:
        """`verdict.compare` of what is finished; by default with what the last look may err by."""
        if error_rate is None:
            error_rate = racing.error_rate(self.looks[-1], self.looks)
        predicted = {name: self.predicted(name) for name in self.finished}
        n_trainings = self.tasks[0].n_trainings
        trained = {name: n_trainings for name in self.finished if n_trainings > 1 and self.cells(name)[0].is_trained}
        return verdict.compare(
            self.true,
            predicted,
            self.baseline,
            self.tasks[0].measured[0],
            metric,
            self.groups,
            self.folds,
            trained,
            error_rate,
        )

    def is_tested(self, name: str) -> np.ndarray:
        """Which test images bool (n,) of `true` the entrant was tried on."""
        tried = {cell.task for cell in self.cells(name)}
        of_folds = [np.full(len(self.runner.parts(task.name).test.labels), task.name in tried) for task in self.tasks]
        return np.concatenate(of_folds)

    def scores_on(self, chosen: np.ndarray, name: str) -> dict[str, np.ndarray]:
        """By metric the scores (n_seeds,) of an entrant over chosen test images, bool (n,), that it was tried on."""
        predicted, minority = self.predicted(name)[:, chosen], self.tasks[0].measured[0]
        return {metric: verdict.scores(self.true[chosen], predicted, metric, minority) for metric in verdict.METRICS}

    def scores(self) -> pd.DataFrame:
        """A row for each entrant, seed and metric, over all `n_tested` images that it was tried on."""
        rows = []
        for name in self.finished:
            chosen = self.is_tested(name)
            for metric, values in self.scores_on(chosen, name).items():
                rows += [
                    {"method": name, "seed": seed, "metric": metric, "value": value, "n_tested": int(chosen.sum())}
                    for seed, value in enumerate(values)
                ]
        return pd.DataFrame(rows)
