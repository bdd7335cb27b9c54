"""What the tables say, in sentences; every number and name in them comes from the findings."""

import pandas as pd

from ...evaluation import verdict
from ...models import named
from ..running.cell import label
from .findings import Findings
from .tables import counted
from .tasks import KINDS, STUDIED

SIZES = ((1, 10), (11, 30), (31, None))  # numbers of images of the small class: at least, at most
HELPED, _, HURT = verdict.VERDICTS
MIN_TASKS = 3  # for advice
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
    start = f"With {size} images of the small class, on {kind} ({counted(rows['task'].nunique(), 'task')}): "
    return start + " ".join([*_choice(rows), *_of_generators(rows, findings)])


def _choice(rows: pd.DataFrame) -> list[str]:
    """Which method to use, if one helped in at least half of the cases.

    Of those compared on all of the tasks the one with the most cases in which it helped, less those in which it hurt;
    equal ones are all named, the one that gained most first.
    """
    n_tasks, by_method = rows["task"].nunique(), rows.groupby("method", sort=False)
    if n_tasks < MIN_TASKS:
        return ["too few are finished to advise anything."]
    summary = pd.DataFrame(
        {
            "n": by_method.size(),
            "helped": by_method["verdict"].agg(lambda words: (words == HELPED).sum()),
            "hurt": by_method["verdict"].agg(lambda words: (words == HURT).sum()),
            "difference": by_method["difference"].mean(),
        }
    )
    is_everywhere = summary["n"] == n_tasks
    whole = summary[is_everywhere].assign(balance=lambda frame: frame["helped"] - frame["hurt"])
    some = [label(method) for method in summary.index[~is_everywhere]]
    not_compared = [f"Not compared on all of these tasks: {', '.join(some)}."] if some else []
    if whole.empty:
        return ["no method is compared on all of them yet.", *not_compared]
    ordered = whole.sort_values(["balance", "difference"], ascending=False, kind="stable")
    best = ordered.iloc[0]
    equal = ordered[(ordered["helped"] == best["helped"]) & (ordered["hurt"] == best["hurt"])]
    names = [label(method) for method in equal.index]
    of_them = f"of the {counted(len(whole), 'method')} compared on all of them"
    if best["balance"] <= 0:
        seen = rows["smallest_effect"].median()
        return [
            f"{of_them} none helped more often than it hurt, so train on the images as they are; effects below "
            f"{seen:.3f} of balanced accuracy could hardly be seen.",
            *not_compared,
        ]
    is_alone = len(names) == 1
    how = (
        f"helped in {best['helped']:.0f} of {counted(n_tasks, 'case')} and hurt in {best['hurt']:.0f}, with "
        f"{best['difference']:+.3f} of balanced accuracy on average{'' if is_alone else ' for the first'} (the best of "
        "many, so expect less)."
    )
    if 2 * best["helped"] >= n_tasks:
        are_best = "is best: it" if is_alone else "are best: each"
        return [f"use {_joined(names, 'or')}, which {of_them} {are_best} {how}", *not_compared]
    which = f"is {names[0]}, which" if is_alone else f"are {_joined(names, 'and')}, each of which"
    return [f"{of_them} none helped in half of the cases; the best {which} {how}", *not_compared]


def _joined(names: list[str], word: str) -> str:
    """The names with commas, and the word before the last one."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def _of_generators(rows: pd.DataFrame, findings: Findings) -> list[str]:
    own = rows[[named(method).family in GENERATORS for method in rows["method"]]]
    n_failed = sum(
        entry.task in set(rows["task"]) and named(entry.method).family in GENERATORS for entry in findings.failures
    )
    if own.empty and not n_failed:
        return []
    n_helped, n_hurt = ((own["verdict"] == word).sum() for word in (HELPED, HURT))
    text = f"A method that learns to make images ({' or '.join(GENERATORS)}) helped in {n_helped} of "
    text += f"{counted(len(own) + n_failed, 'case')}, hurt in {n_hurt} and failed in {n_failed}"
    others = findings.against_adjustment
    is_own = others["task"].isin(own["task"]) & others["method"].isin(own["method"])
    against = others[is_own]
    if len(against):
        n_better = (against["verdict"] == HELPED).sum()
        text += f"; one beat logit adjustment in {n_better} of {counted(len(against), 'case')}"
    return [f"{text}."]
