"""What the tables say, in sentences; every number and name in them comes from the findings."""

import pandas as pd

from ...evaluation import verdict
from ...models import named
from ..running.cell import label
from .findings import NOT_RUN, Findings
from .tables import counted
from .tasks import KINDS, STUDIED

SIZES = ((1, 10), (11, 30), (31, None))  # numbers of images of the small class: at least, at most
HELPED, _, HURT = verdict.VERDICTS
MIN_TASKS = 3  # for advice
MAX_HURT_SHARE = 0.1  # of the cases, of a method to use
# families of methods that learn to make images -> in words
GENERATORS = {"learned": "a deformation learned from images", "network": "a network that makes images"}


def advice(findings: Findings) -> list[str]:
    """Sentences for each number of images of the small class and each kind of images of which something is finished."""
    return [text for kind in KINDS for sizes in SIZES if (text := _of_group(findings, kind, *sizes))]


def _of_group(findings: Findings, kind: str, least: int, most: int | None) -> str:
    tasks = [
        task
        for task in findings.imbalanced
        if STUDIED[task].kind == kind and least <= STUDIED[task].n_small <= (most or STUDIED[task].n_small)
    ]
    known = findings.verdicts[findings.verdicts["task"].isin(tasks)]
    rows = known[known["task"].isin(_finished(findings, known))]
    if rows.empty:
        return ""
    found = list(dict.fromkeys(rows["task"]))
    sizes = sorted({STUDIED[task].n_small for task in found})
    size = f"{sizes[0]} to {sizes[-1]} images" if len(sizes) > 1 else counted(sizes[0], "image")
    n_tasks = counted(len(tasks), "task") if len(found) == len(tasks) else f"{len(found)} of {len(tasks)} tasks"
    start = f"With {size} of the small class, on {kind} ({n_tasks}): "
    return start + " ".join([*_choice(rows), *_of_generators(rows, findings)])


def _finished(findings: Findings, rows: pd.DataFrame) -> list[str]:
    """The tasks on which nothing is left to run of the methods without training that these rows compare on any."""
    methods = [method for method in dict.fromkeys(rows["method"]) if not named(method).takes_time]
    return [task for task in dict.fromkeys(rows["task"]) if (findings.states.loc[task, methods] != NOT_RUN).all()]


def _choice(rows: pd.DataFrame) -> list[str]:
    """Which method to use, if one helped in at least half of the cases and hurt in hardly any.

    Of those compared on all of the tasks the one with the most cases in which it helped, less those in which it hurt;
    equal ones are all named, the one that gained most first. Tasks of one dataset are no independent cases, so that
    each dataset's are counted.
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
    often = ordered[2 * ordered["helped"] >= n_tasks]
    useful = often[often["hurt"] <= MAX_HURT_SHARE * n_tasks]
    best = ordered.iloc[0] if useful.empty else useful.iloc[0]
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
    of_datasets = {_by_dataset(rows[rows["method"] == method]) for method in equal.index}
    how = (
        f"helped in {best['helped']:.0f} of {counted(n_tasks, 'case')} and hurt in {best['hurt']:.0f}"
        f"{of_datasets.pop() if len(of_datasets) == 1 else ''}, with {best['difference']:+.3f} of balanced accuracy on "
        f"average{'' if is_alone else ' for the first'} (the best of many, so expect less)."
    )
    if len(useful):
        are_best = "is best" if is_alone else "are best"
        among = (
            ""
            if best.name == ordered.index[0]
            else " of those that helped in at least half of the cases and hurt in hardly any"
        )
        each = "it" if is_alone else "each"
        return [f"use {_joined(names, 'or')}, which {of_them} {are_best}{among}: {each} {how}", *not_compared]
    which = f"is {names[0]}, which" if is_alone else f"are {_joined(names, 'and')}, each of which"
    none = "none helped in half of the cases" + ("" if often.empty else " and hurt in hardly any")
    return [f"{of_them} {none}; the best {which} {how}", *not_compared]


def _by_dataset(rows: pd.DataFrame) -> str:
    """In how many cases of each dataset one method helped, if there are several datasets."""
    datasets = rows["task"].map(lambda task: STUDIED[task].task.label)
    found = (rows["verdict"] == HELPED).groupby(datasets, sort=False).agg(helped="sum", cases="size")
    texts = [f"{of.Index} {of.helped} of {of.cases}" for of in found.itertuples()]
    return f" ({', '.join(texts)})" if len(texts) > 1 else ""


def _joined(names: list[str], word: str) -> str:
    """The names with commas, and the word before the last one."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def _of_generators(rows: pd.DataFrame, findings: Findings) -> list[str]:
    return [text for family in GENERATORS for text in _of_family(rows, findings, family)]


def _of_family(rows: pd.DataFrame, findings: Findings, family: str) -> list[str]:
    own = rows[[named(method).family == family for method in rows["method"]]]
    failed = [entry for entry in findings.failures if entry.task in set(rows["task"])]
    n_failed = sum(named(entry.method).family == family for entry in failed)
    if own.empty and not n_failed:
        return []
    n_helped, n_hurt = ((own["verdict"] == word).sum() for word in (HELPED, HURT))
    words = GENERATORS[family]
    text = f"{words[0].upper()}{words[1:]} helped in {n_helped} of {counted(len(own) + n_failed, 'case')}, hurt in "
    text += f"{n_hurt} and failed in {n_failed}"
    others = findings.against_adjustment
    is_own = others["task"].isin(own["task"]) & others["method"].isin(own["method"])
    against = others[is_own]
    if len(against):
        n_better = (against["verdict"] == HELPED).sum()
        text += f"; one beat logit adjustment in {n_better} of {counted(len(against), 'case')}"
    return [f"{text}."]
