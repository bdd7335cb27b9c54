import numpy as np
import pandas as pd
import pytest
from class_balancing.reports import agreement


@pytest.mark.parametrize(
    ("values", "error", "metric", "expected"),
    [
        ([0.9, 0.9, 0.9], 0.003, "accuracy", 1.95996 * 0.003 * np.sqrt(2)),  # two test sets
        ([0.898, 0.9, 0.902], 0.0, "accuracy", 4.30265 * 0.002 * np.sqrt(4 / 3)),  # t with two degrees of freedom
        ([0.899, 0.901], 0.0, "accuracy", 12.7062 * np.sqrt(2e-6 * 1.5)),
        ([0.17, 0.17, 0.17], 0.002, "ssim", 1.95996 * 0.002 * np.sqrt(4 / 3)),  # its own pairs, and the printed ones
        ([0.168, 0.17, 0.172], 0.002, "ssim", 1.95996 * 0.002 * np.sqrt(4 / 3)),  # the spread is the error over pairs
        ([0.9, 0.9], 0.0, "accuracy", 0.0),
    ],
)
def test_half_widths(values, error, metric, expected):
    found = agreement.half_width(np.array(values), np.full(len(values), error), metric)
    assert found == pytest.approx(expected, rel=1e-5)


def test_quantiles_are_weighted_by_the_variances():
    both = agreement.half_width(np.array([0.898, 0.9, 0.902]), np.full(3, 0.001), "accuracy")
    of_seeds, of_images = 4e-6 * 4 / 3, 2e-6
    critical = (of_seeds * 4.302653 + of_images * 1.959964) / (of_seeds + of_images)
    assert both == pytest.approx(critical * np.sqrt(of_seeds + of_images), rel=1e-6)


def test_one_seed_cannot_tell_and_none_has_no_interval():
    assert agreement.half_width(np.array([0.9]), np.array([0.001]), "accuracy") == np.inf
    assert agreement.mark(0.5, np.inf, "accuracy") == "cannot tell"
    assert np.isnan(agreement.half_width(np.array([]), np.array([]), "accuracy"))


@pytest.mark.parametrize(
    ("difference", "half", "metric", "expected"),
    [
        (0.004, 0.005, "accuracy", "agrees"),
        (-0.004, 0.003, "accuracy", "agrees"),  # excludes zero, but within the tolerance
        (0.004, 0.007, "accuracy", "cannot tell"),  # a larger spread makes agreement harder
        (0.012, 0.005, "accuracy", "differs"),
        (0.012, 0.005, "f1_minority", "agrees"),
        (0.03, 0.05, "ssim", "cannot tell"),
    ],
)
def test_marks(difference, half, metric, expected):
    assert agreement.mark(difference, half, metric) == expected


def test_neighbours_are_the_other_rows_printed_figures():
    rows = pd.DataFrame({"mean": [0.9, 0.95], "printed": [0.9, 0.902], "half_width": 0.005, "metric": "accuracy"})
    assert agreement.neighbours_marked(rows) == 0.5  # .902 beside our .9, but not .9 beside our .95
    assert np.isnan(agreement.neighbours_marked(rows[:1]))


def test_only_a_shift_that_chance_would_seldom_give_is_told():
    assert agreement.shift(np.full(12, -0.024)) == "12 of 12 of ours lie below the print, -0.024 on average"
    assert agreement.shift(np.array([0.01] * 11 + [-0.01])).startswith("11 of 12 of ours lie above the print, +0.008")
    assert agreement.shift(np.full(5, 0.1)) == ""  # 2 * .5^5 = .06
    assert agreement.shift(np.array([0.1, -0.1] * 6)) == ""
