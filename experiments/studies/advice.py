"""What the tables say, in sentences; every number and name in them comes from the findings."""

import pandas as pd

from ...evaluation import verdict
from ...models import named
from ..running.cell import label
from .findings import Findings
from .tasks import KINDS, STUDIED

SIZES = ((1, 10), (11, 30), (31, None))  # numbers of images of the small class: at least, at most
HELPED, _, HURT = verdict.VERDICTS
GENERATORS = ("learned", "network")  # families of methods that learn to make images


def advice(findings: Findings) -> list[str]:
    """Sentences for each number of images of the small class and each kind of images of which something is finished."""
    return [text for kind in KINDS for sizes in SIZES if (text := _of_group(findings, kind, *sizes))]


def _of_group(findings: Findings, kind: str, least: int, most: int | None) -> str:
    tasks = [
        task
        for task in findings.imbalanced
        if STUDIED[task].kind == kind and least <= STUDIED[task].n_small <= (most or STUDIED[task].n_small)
    ]
    rows = findings.verdicts[findings.verdicts["task"].isin(tasks)]
    if rows.empty:
        return ""
    size = f"more than {least - 1}" if most is None else f"at most {most}" if least == 1 else f"{least} to {most}"
    start = f"With {size} images of the small class, on {kind} ({_counted(rows['task'].nunique(), 'task')}): "
    return start + " ".join([_choice(rows), *_of_generators(rows, findings)])


def _choice(rows: pd.DataFrame) -> str:
    """Which method to use, if one helped in at least half of the cases.

    Of those compared on all of the tasks the one with the most cases in which it helped, less those in which it hurt;
    of equal ones the one that gained more.
    """
    n_tasks, by_method = rows["task"].nunique(), rows.groupby("method", sort=False)
    summary = pd.DataFrame(
        {
            "n": by_method.size(),
            "helped": by_method["verdict"].agg(lambda words: (words == HELPED).sum()),
            "hurt": by_method["verdict"].agg(lambda words: (words == HURT).sum()),
            "difference": by_method["difference"].mean(),
        }
    )
    summary = summary[summary["n"] == n_tasks].assign(balance=lambda frame: frame["helped"] - frame["hurt"])
    if not (summary["balance"] > 0).any():
        return "train on the images as they are, as no method helped more often than it hurt."
    ordered = summary.sort_values(["balance", "difference"], ascending=False, kind="stable")
    best, name = ordered.iloc[0], label(ordered.index[0])
    how = (
        f"in {best['helped']:.0f} of {_counted(n_tasks, 'case')} and hurt in {best['hurt']:.0f}, with "
        f"{best['difference']:+.3f} of balanced accuracy on average."
    )
    if 2 * best["helped"] >= n_tasks:
        return f"use {name}, which helped {how}"
    return f"no method helped in half of the cases. {name} did most often, {how}"


def _of_generators(rows: pd.DataFrame, findings: Findings) -> list[str]:
    own = rows[[named(method).family in GENERATORS for method in rows["method"]]]
    if own.empty:
        return []
    n_helped, n_hurt = ((own["verdict"] == word).sum() for word in (HELPED, HURT))
    text = f"A generator helped in {n_helped} of {_counted(len(own), 'case')} and hurt in {n_hurt}"
    others = findings.against_adjustment
    is_own = others["task"].isin(own["task"]) & others["method"].isin(own["method"])
    against = others[is_own]
    if len(against):
        n_better = (against["verdict"] == HELPED).sum()
        text += f", and beat logit adjustment in {n_better} of {_counted(len(against), 'case')}"
    return [f"{text}."]


def _counted(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"
