"""From findings to the study's tables: K.1 verdicts, K.2 ranks, K.3 cost and gain, K.4 logit adjustment, K.5 tasks."""

from collections import Counter

import pandas as pd

from ...evaluation import ranks, verdict
from ...models import BASELINE, FAMILIES, named
from ...reports.comparison_figures import LOOKS
from ...reports.plain_tables import PlainTable
from ..running.cell import label
from .findings import ADJUSTMENT, FAILED, MEASURED, NOT_RUN, Findings
from .order import NOTHING_TO_ADD, TOO_FEW
from .tasks import DATASETS, KINDS, METHODS, NETWORK_SHARE, PERCENTS, STUDIED

HELPED, NO_EVIDENCE, HURT = verdict.VERDICTS
# those of the figure of the same verdicts, which leaves the others blank; measured: without a baseline to compare with
SYMBOLS = {word: sign for word, (_, sign, _) in LOOKS.items()} | {NOTHING_TO_ADD: "/", NOT_RUN: "?", MEASURED: "?"}
LEGEND = (
    f"One sign for each percentage of the small class, {', '.join(map(str, PERCENTS))} (balanced, and FER2013 as it "
    "is: one): + helped, · no evidence, − hurt, × the class has too few images for the method, / nothing to add, "
    "! failed, ? not finished."
)
AGAINST_BASELINE = (
    "Verdicts are on balanced accuracy, against a classifier of the images as they are, corrected for all methods that "
    "are compared on the same task (`evaluation/verdict.py`): of equal methods, at most one task in 20 has a wrong one."
)
PROVISIONAL = "Not all methods are finished: with more to correct for, some verdicts of today will become no evidence."
ALONE = "A number alone: no evidence."
SAME_IMAGES = (
    "All seeds of a task have the same training images and the same trained networks: a verdict covers the luck of "
    "classifiers and test images, not that of these training images and networks."
)
SHORT = (
    f"Networks were trained for {NETWORK_SHARE:g} times the epochs of `judge.py`: what more would give is not measured."
)
OTHER_TASKS = (
    "Means over the imbalanced tasks that are finished and did not fail; of another method they may be other tasks."
)
_WORDS = [f"{name}, {words.partition(';')[0]}" for name, words in FAMILIES.items() if name != "baseline"]
FAMILIES_IN_WORDS = f"Families: {'; '.join(_WORDS)}."
TOO_FEW_DATASETS = "So few datasets tell no two methods apart: no average ranks can differ by more."
MIN_RANKED_METHODS, MIN_RANKED_DATASETS = 3, 2


def tables(findings: Findings) -> list[PlainTable]:
    """Those for which something is finished, and that of the tasks."""
    found = [
        matrix(findings),
        *ranking_tables(findings),
        *cost_tables(findings),
        *adjustment_tables(findings),
        *details(findings),
        tasks_table(),
    ]
    return [table for table in found if len(table.frame)]


def matrix(findings: Findings) -> PlainTable:
    """K.1: of each method all verdicts, a column for each small class."""
    columns = dict.fromkeys(STUDIED[task].column for task in findings.states.index)
    rows = []
    for method in compared(findings):
        of_method = findings.states[method]
        row = {"Method": label(method)}
        for column in columns:
            words = [word for task, word in of_method.items() if STUDIED[task].column == column]
            row[column] = "".join(SYMBOLS[word] for word in words)
        counts = of_method.value_counts()
        row |= {word.capitalize(): int(counts.get(word, 0)) for word in (HELPED, HURT, FAILED)}
        rows.append(row | {"Of": int(sum(counts.get(word, 0) for word in (*verdict.VERDICTS, FAILED)))})
    provisional = [PROVISIONAL] if findings.states.isin([NOT_RUN]).any(axis=None) else []
    notes = (LEGEND, AGAINST_BASELINE, *provisional, SAME_IMAGES, SHORT, *_failures(findings))
    return PlainTable("K.1", "Which method helps where.", pd.DataFrame(rows), notes)


def compared(findings: Findings) -> list[str]:
    return [method for method in findings.methods if method != BASELINE]


def _failures(findings: Findings) -> list[str]:
    """In words, for each method and the beginning of each reason, how often it failed."""
    words = [f"{label(entry.method)}: {reason.partition(':')[0]}" for entry, reason in findings.failures.items()]
    return [f"Failed on {counted(n, 'task')}, {each}." for each, n in Counter(words).items()]


def counted(n: int, word: str) -> str:
    """As "1 task" or "2 tasks"."""
    return f"{n} {word}{'s' * (n != 1)}"


def rankings(findings: Findings) -> dict[str, pd.DataFrame]:
    """Scores of the study's methods on imbalanced tasks on which all of them can act and none is unfinished.

    Once for what needs no training and once for all methods; methods that failed on one of the tasks are left out.
    """
    started = [method for method in METHODS if method in findings.scores and findings.scores[method].notna().any()]
    asked = {
        "methods without training": [method for method in started if not named(method).takes_time],
        "all methods": started,
    }
    found = {}
    for title, methods in asked.items():
        states = findings.states.loc[findings.imbalanced, methods]
        tasks = states.index[~states.isin([NOT_RUN, TOO_FEW]).any(axis=1)]
        scores = findings.scores.loc[tasks, methods].dropna(axis=1)
        is_new = all(set(scores) != set(other) for other in found.values())
        if scores.shape[1] >= MIN_RANKED_METHODS and len(of_datasets(scores)) >= MIN_RANKED_DATASETS and is_new:
            found[title] = scores
    return found


def ranked(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, float]:
    """Of scores on tasks: their means over datasets, the methods' average ranks by these, the critical difference."""
    means = of_datasets(scores)
    return means, ranks.average_ranks(means), ranks.critical_difference(means.shape[1], len(means))


def of_datasets(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over the tasks of each dataset, which share test images and most training images: no independent cases."""
    return scores.groupby([STUDIED[task].task.label for task in scores.index], sort=False).mean()


def _left_out(findings: Findings, scores: pd.DataFrame, is_last: bool) -> list[str]:
    """Which methods failed on one of the ranked tasks, in a sentence; those that are trained below the last table."""
    has_failed = (findings.states.loc[scores.index] == FAILED).any()
    failed = [method for method in METHODS if has_failed.get(method, False)]
    names = [label(method) for method in failed if is_last or not named(method).takes_time]
    return [f"Left out, as they failed on some of these tasks: {', '.join(names)}."] if names else []


def ranking_tables(findings: Findings) -> list[PlainTable]:
    """K.2: average ranks, of each group of methods in a table."""
    found, asked = [], rankings(findings)
    for place, (title, scores) in enumerate(asked.items()):
        means, average, difference = ranked(scores)
        rows = [
            {
                "Place": number,
                "Method": label(method),
                "Average rank": float(rank),
                "Mean balanced accuracy": float(means[method].mean()),
                "Told apart from the first": "yes" if rank - average.iloc[0] > difference else "no",
            }
            for number, (method, rank) in enumerate(average.items(), 1)
        ]
        notes = (
            f"Ranks of means over the tasks of each of {len(means)} datasets, since these share test images and most "
            f"training images: {counted(len(scores), 'imbalanced task')} on which each of these {scores.shape[1]} "
            "methods can act and is finished. 1 is the best rank, equal scores share theirs.",
            *_left_out(findings, scores, is_last=place == len(asked) - 1),
            f"Critical difference of average ranks {difference:.2f} (Nemenyi, 5 %); Friedman's test: p = "
            f"{ranks.friedman_p(means):.2g}.",
            *([TOO_FEW_DATASETS] if difference >= scores.shape[1] - 1 else []),
        )
        found.append(PlainTable(f"K.2{'ab'[place]}", f"Average ranks, {title}.", pd.DataFrame(rows), notes))
    return found


def cost_tables(findings: Findings) -> list[PlainTable]:
    """K.3: minutes of computing against the mean gain, for digits and photographs."""
    rows = []
    for kind in KINDS:
        of_kind = findings.verdicts[findings.verdicts["task"].isin(_imbalanced_of(findings, kind))]
        for method in [BASELINE, *compared(findings)]:
            own = of_kind if method == BASELINE else of_kind[of_kind["method"] == method]
            if len(own):
                finished = own["task"].unique()
                row = _start_of_row(findings, kind, method, len(finished))
                row |= {"Minutes": round(findings.minutes.loc[finished, method].mean(), 2)}
                gain = 0.0 if method == BASELINE else own["difference"].mean()
                rows.append(row | {"Mean difference": round(gain, 4)})
    notes = (
        FAMILIES_IN_WORDS,
        OTHER_TASKS,
        "Minutes for one classifier with the method: networks once, new images, the classifier (median of seeds). "
        "Difference of balanced accuracy to the images as they are.",
    )
    return [PlainTable("K.3", "What a method costs and what it gains.", pd.DataFrame(rows), notes)]


def adjustment_tables(findings: Findings) -> list[PlainTable]:
    """K.4: each method that makes images against logit adjustment, which costs nothing."""
    rows = []
    for kind in KINDS:
        frame = findings.against_adjustment
        of_kind = frame[frame["task"].isin(_imbalanced_of(findings, kind))]
        for method in dict.fromkeys(of_kind["method"]):
            own = of_kind[of_kind["method"] == method]
            row = _start_of_row(findings, kind, method, len(own))
            row |= {word.capitalize(): int((own["verdict"] == word).sum()) for word in verdict.VERDICTS}
            rows.append(row | {"Mean difference": round(own["difference"].mean(), 4)})
    notes = (
        FAMILIES_IN_WORDS,
        f"The classifier learns from new images in place of {label(ADJUSTMENT)}: they restore the balance, so that "
        "nothing is left to adjust.",
        OTHER_TASKS,
        AGAINST_BASELINE.replace("a classifier of the images as they are", label(ADJUSTMENT)),
    )
    return [PlainTable("K.4", "New images against logit adjustment.", pd.DataFrame(rows), notes)]


def _start_of_row(findings: Findings, kind: str, method: str, n_tasks: int) -> dict:
    n_failed = int((findings.states.loc[_imbalanced_of(findings, kind), method] == FAILED).sum())
    facts = {"Images": kind, "Method": label(method), "Family": named(method).family}
    return facts | {"Tasks": n_tasks, "Failed": n_failed}


def _imbalanced_of(findings: Findings, kind: str) -> list[str]:
    return [task for task in findings.imbalanced if STUDIED[task].kind == kind]


def details(findings: Findings) -> list[PlainTable]:
    """K.1 in words, a table for each dataset, with differences of balanced accuracy."""
    found = []
    for dataset in DATASETS:
        tasks = [task for task in findings.states.index if STUDIED[task].task.dataset == dataset]
        if findings.scores.loc[tasks].notna().any(axis=None):
            name = STUDIED[tasks[0]].task.label
            caption = f"Verdicts and differences of balanced accuracy, {name}."
            found.append(PlainTable(f"K.1-{dataset}", caption, _in_words(findings, tasks), (ALONE, AGAINST_BASELINE)))
    return found


def _in_words(findings: Findings, tasks: list[str]) -> pd.DataFrame:
    """A row for each small class and method, a column for each percentage."""
    differences = findings.verdicts.set_index(["task", "method"])["difference"]
    rows = {}
    for task in tasks:
        studied = STUDIED[task]
        small = studied.column.removeprefix(f"{studied.task.label}, ")
        for method in compared(findings):
            row = rows.setdefault((small, method), {"Small class": small, "Method": label(method)})
            word = findings.states.loc[task, method]
            if (task, method) in differences.index:
                known = "" if word == NO_EVIDENCE else f"{word} "
                word = f"{known}{differences[task, method]:+.3f}"
            row["as it is" if studied.percent is None else f"{studied.percent} %"] = word
    return pd.DataFrame(list(rows.values()))


def tasks_table() -> PlainTable:
    """K.5: the tasks."""
    rows = [
        {
            "Task": studied.task.name,
            "Images": studied.kind,
            "Small class": "" if studied.is_balanced else studied.task.measured_label,
            "Its training images": studied.n_small,
            "Training images": studied.task.n_train_images,
            "Classes": studied.task.n_classes,
        }
        for studied in STUDIED.values()
    ]
    return PlainTable("K.5", "The tasks.", pd.DataFrame(rows))
