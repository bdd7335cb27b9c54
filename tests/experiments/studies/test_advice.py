"""Which method is advised, from made-up verdicts."""

import pandas as pd
from class_balancing.experiments.studies import advice
from class_balancing.experiments.studies.tasks import STUDIED


def compared(found, tasks):
    """Rows of verdicts of each method, one for each task."""
    return pd.DataFrame(
        [
            {"task": task, "method": method, "verdict": words[place], "difference": len(method), "smallest_effect": 0.2}
            for method, words in found.items()
            for place, task in enumerate(tasks)
        ]
    )


def test_what_helps_less_often_and_never_hurts_is_advised_before_what_hurts():
    rows = compared(
        {"mixup": [*["helped"] * 4, "hurt"], "smote": [*["helped"] * 3, *["no evidence"] * 2]}, list(STUDIED)[:5]
    )
    rows.loc[rows["method"] == "mixup", "difference"] = 9.0  # of equal balance, and gaining more
    (text,) = advice._choice(rows[rows["method"] == "mixup"])
    assert "none helped in half of the cases and hurt in hardly any; the best is mixup" in text
    (text,) = advice._choice(rows)
    assert text.startswith(
        "use SMOTE, which of the 2 methods compared on all of them is best of those that helped in at least half of "
        "the cases and hurt in hardly any: it helped in 3 of 5 cases"
    )


def test_half_of_the_cases_is_enough_and_one_hurt_of_ten_is_hardly_any():
    tasks = list(STUDIED)[:10]
    half = [*["helped"] * 5, *["no evidence"] * 4]
    (text,) = advice._choice(compared({"smote": [*half, "hurt"]}, tasks))
    assert text.startswith("use SMOTE, which")
    for words in ([*half[:8], "hurt", "hurt"], [*half[1:], "no evidence", "no evidence"]):
        (text,) = advice._choice(compared({"smote": words}, tasks))
        assert "none helped in half of the cases" in text


def test_the_best_of_those_to_use_may_not_be_the_first():
    """Cases of equal balance: what never hurts helped in less than half of them."""
    tasks = list(STUDIED)[:12]
    rows = compared(
        {
            "smote": [*["helped"] * 6, *["no evidence"] * 5, "hurt"],
            "balanced_softmax": [*["helped"] * 5, *["no evidence"] * 7],
        },
        tasks,
    )
    (text,) = advice._choice(rows)
    assert text.startswith("use SMOTE, which of the 2 methods compared on all of them is best of those that helped in")
    assert "helped in 6 of 12 cases and hurt in 1" in text
