import pandas as pd
import small_tasks
from class_balancing.experiments.tables import agreements

COLUMNS = [
    "dataset",
    "table",
    "method",
    "label",
    "metric",
    "metric_label",
    "mean",
    "printed",
    "half_width",
    "mark",
]


def test_rows_count_marks_and_an_explanation_is_of_its_own_methods_and_metrics():
    table = ("digits", "digits-50")
    rows = [
        (*table, "unbalanced", "Unbalanced", "accuracy", "Accuracy", 0.5, 0.25, 0.0, "differs"),
        (*table, "geometric", "geom. trans.", "accuracy", "Accuracy", 0.5, 0.5, 0.0, "agrees"),
        (*table, "geometric", "geom. trans.", "f1_minority", "F1 score", 0.5, 0.75, 0.0, "differs"),
        (*table, "smote", "SMOTE", "f1_minority", "F1 score", 0.5, None, 0.0, ""),
    ]
    found = agreements.rows(pd.DataFrame(rows, columns=COLUMNS), list(small_tasks.TASKS.values()))
    assert found == [
        ("digits, Accuracy", 1, 1, 0, 0.5, "", "Unbalanced (digits-50) +0.250", ""),
        ("digits, F1 score", 0, 1, 0, "", "", "geom. trans. (digits-50) -0.250", ""),
    ]
