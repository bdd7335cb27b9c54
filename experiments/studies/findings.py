"""From what is finished to verdicts, gains and states, which tables show."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...evaluation import verdict
from ...models import BASELINE, in_order, named
from ..running.cell import minutes_of_seeds
from .order import REASONS, Entry, Study
from .results import SECONDS, Results
from .tasks import METHODS, METRIC, STUDIED

ADJUSTMENT = "logit_adjustment"
FAILED, NOT_RUN, MEASURED = "failed", "not run", "measured"
NOT_MEASURED = (FAILED, NOT_RUN, *REASONS)
N_DIGITS = 9  # of a score, the rest is the luck of how its parts are added
MEASURES = ["difference", "low", "high", "smallest_effect", "p"]


@dataclass(frozen=True)
class Findings:
    """What the study has found so far.

    `states`: a row for each task, a column for each method, with a verdict against the baseline, one of
    `order.REASONS`, FAILED, NOT_RUN or, for the baseline and what has none to be compared with, MEASURED. `scores`: the
    same with the mean balanced accuracy over seeds (NaN: not measured). `minutes`: the same with the minutes of
    computing for one classifier with the method. `verdicts` and `against_adjustment`: a row for each comparison of
    `evaluation.verdict`, with the column task, against the baseline and against logit adjustment. `failures`: why each
    entry failed.
    """

    states: pd.DataFrame
    scores: pd.DataFrame
    minutes: pd.DataFrame
    verdicts: pd.DataFrame
    against_adjustment: pd.DataFrame
    failures: dict[Entry, str]
    n_outdated: int

    @property
    def methods(self) -> list[str]:
        return list(self.states)

    @property
    def imbalanced(self) -> list[str]:
        """The tasks on which something can be balanced."""
        return [task for task in self.states.index if not STUDIED[task].is_balanced]

    @property
    def n_finished(self) -> int:
        return int((~self.states.isin(NOT_MEASURED)).to_numpy().sum())

    @property
    def n_entries(self) -> int:
        """What can be measured of METHODS, and what was measured or failed of others."""
        own = [method for method in self.states if method in METHODS]
        others = self.states.drop(columns=own)
        n_of_others = (~others.isin([NOT_RUN, *REASONS])).to_numpy().sum()
        return int((~self.states[own].isin(REASONS)).to_numpy().sum() + n_of_others)


def find(study: Study, results: Results) -> Findings:
    """The findings of the whole study and of whatever else was measured into its folder."""
    current, failed = results.current(study), results.failed(study)
    methods = in_order([*METHODS, *(entry.method for entry in (*current, *failed))])
    states = pd.DataFrame(NOT_RUN, index=list(STUDIED), columns=methods)
    scores = pd.DataFrame(np.nan, index=list(STUDIED), columns=methods)
    minutes = scores.copy()
    for entry in [Entry(task, method) for task in STUDIED for method in methods]:
        if entry in current:
            states.loc[entry] = MEASURED
            scores.loc[entry] = _score(results, entry)
            minutes.loc[entry] = _minutes(current[entry])
        else:
            states.loc[entry] = FAILED if entry in failed else study.reason(entry) or NOT_RUN
    verdicts = _compared(results, states, BASELINE, methods)
    for row in verdicts.itertuples():
        states.loc[row.task, row.method] = row.verdict
    makers = [name for name in methods if not named(name).classifier_methods]
    n_held = len(results.known_entries())
    return Findings(
        states,
        scores,
        minutes,
        verdicts,
        _compared(results, states, ADJUSTMENT, makers),
        {entry: reason for entry, reason in failed.items() if entry not in current},
        n_held - len(current),
    )


def _score(results: Results, entry: Entry) -> float:
    """The mean over seeds, without the rounding of the files, so that equal methods have equal scores."""
    small = STUDIED[entry.task].task.measured[0]
    of_seeds = verdict.scores(results.true[entry.task], results.predicted[entry], METRIC, small)
    return round(float(of_seeds.mean()), N_DIGITS)


def _minutes(rows: pd.DataFrame) -> float:
    training, sampling, classifier = (rows[name] for name in SECONDS)
    return minutes_of_seeds(training, sampling + classifier)


def _compared(results: Results, states: pd.DataFrame, baseline: str, methods: list[str]) -> pd.DataFrame:
    """`verdict.compare` of each task, where the baseline and other methods are measured."""
    frames = [pd.DataFrame(columns=["task", *verdict.COLUMNS])]
    for task in states.index:
        is_measured = ~states.loc[task].isin(NOT_MEASURED)
        names = [name for name in dict.fromkeys([baseline, *methods]) if is_measured.get(name, False)]
        if baseline not in names or len(names) < 2:
            continue
        predicted = {name: results.predicted[Entry(task, name)].astype(int) for name in names}
        small = STUDIED[task].task.measured[0]
        frame = verdict.compare(results.true[task].astype(int), predicted, baseline, small, METRIC)
        frame.insert(0, "task", task)
        frames.append(frame)
    whole = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    whole[MEASURES] = whole[MEASURES].astype(float).round(5) + 0.0  # no -0
    return whole
