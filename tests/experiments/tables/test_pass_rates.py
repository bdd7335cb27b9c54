"""The table of filters, from made-up records."""

import numpy as np
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.experiments.tables import TASKS, pass_rates


def passed(n_new, n_new_passed, n_real, n_real_passed):
    return {"n_new": n_new, "n_new_passed": n_new_passed, "n_real": n_real, "n_real_passed": n_real_passed}


RECORDS = {
    Cell("digits-50", "smote", 0): {"pass_rates": {"confidence": {"4": passed(10, 6, 20, 18)}}},
    Cell("digits-50", "smote", 1): {"pass_rates": {"confidence": {"4": passed(10, 8, 20, 18)}}},
    Cell("digits-75", "cvae", 0): {"pass_rates": {"confidence": {"4": passed(0, 0, 20, 5)}}},
    Cell("digits-75", "class_weights", 0): {},
}


def test_each_filter_stands_beside_real_images_of_each_task(tmp_path):
    (table,) = pass_rates.tables(Plan(tmp_path, TASKS, "quick", "thesis", ("confidence",)), RECORDS)
    assert table.frame.iloc[0].tolist() == [
        TASKS["digits-50"].title, "SMOTE", "confidence", "4", 20, 14, 0.7, 0.9
    ]  # fmt: skip
    last = table.frame.iloc[1]
    assert (last["Images"], last["New"], last["Share of real"]) == (TASKS["digits-75"].title, 0, 0.25)
    assert np.isnan(last["Share of new"])


def test_real_images_are_judged_by_the_classifiers_of_all_seeds(tmp_path):
    records = {
        Cell("digits-50", "smote", seed): {"pass_rates": {"confidence": {"4": passed(10, 6, 100, n)}}}
        for seed, n in enumerate((20, 90))
    }
    (table,) = pass_rates.tables(Plan(tmp_path, TASKS, "quick", "thesis", ("confidence",)), records)
    assert table.frame["Share of real"].tolist() == [0.55]


def test_without_filters_or_new_images_there_is_none(tmp_path):
    assert pass_rates.tables(Plan(tmp_path, TASKS, "quick", "thesis"), RECORDS) == []
    asked = Plan(tmp_path, TASKS, "quick", "thesis", ("confidence",))
    assert pass_rates.tables(asked, {Cell("digits-75", "class_weights", 0): {}}) == []
