import numpy as np
import pandas as pd
import pytest
from class_balancing.evaluation import ranks
from scipy import stats

# by hand: ranks of a task are 1 2 3, 1 2.5 2.5, 2 1 3, 1 2 3
SCORES = pd.DataFrame(
    {"a": [0.9, 0.8, 0.6, 0.7], "b": [0.8, 0.5, 0.7, 0.6], "c": [0.7, 0.5, 0.1, 0.5]}, index=["w", "x", "y", "z"]
)


def test_average_ranks_of_a_worked_example():
    assert ranks.average_ranks(SCORES).to_dict() == {"a": 5 / 4, "b": 7.5 / 4, "c": 11.5 / 4}
    assert ranks.average_ranks(SCORES[["c", "b", "a"]]).index.tolist() == ["a", "b", "c"], "the best first"


def test_ranks_are_scipys():
    scores = pd.DataFrame(np.random.default_rng(0).random((9, 5)).round(1))
    expected = np.mean([stats.rankdata(-row) for row in scores.to_numpy()], axis=0)
    np.testing.assert_allclose(ranks.average_ranks(scores).sort_index(), expected)


def test_friedmans_test_is_that_of_a_worked_example():
    """Chi squared is 12 / (N k (k + 1)) sum R^2 - 3 N (k + 1), divided by 1 - ties / (N (k^3 - k))."""
    n, k, sums = 4, 3, np.array([5, 7.5, 11.5])
    statistic = (12 / (n * k * (k + 1)) * (sums**2).sum() - 3 * n * (k + 1)) / (1 - 6 / (n * (k**3 - k)))
    assert ranks.friedman_p(SCORES) == pytest.approx(stats.chi2.sf(statistic, k - 1))


def test_equal_scores_say_nothing():
    assert ranks.friedman_p(pd.DataFrame(np.ones((4, 3)))) == 1


def test_the_critical_difference_is_the_published_one():
    """Demšar 2006, Table 5 (a), and his example of 4 classifiers on 14 datasets."""
    assert ranks.critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    for k, quantile in {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 10: 3.164}.items():
        assert ranks.critical_difference(k, 6) == pytest.approx(quantile * np.sqrt(k * (k + 1) / 36), abs=0.002)
    assert ranks.critical_difference(4, 14, error_rate=0.1) == pytest.approx(2.291 * np.sqrt(20 / 84), abs=0.002)


def test_few_equal_methods_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    n_wrong = 0
    for _ in range(400):
        average = ranks.average_ranks(pd.DataFrame(rng.random((12, 5))))
        n_wrong += average.iloc[-1] - average.iloc[0] > ranks.critical_difference(5, 12)
    assert 0 < n_wrong / 400 < 0.08, "about 1 in 20"


def test_groups_are_the_largest_ones_within_a_critical_difference():
    average = pd.Series({"d": 4.6, "a": 1.0, "b": 2.0, "c": 2.9, "e": 7.0})
    assert ranks.not_told_apart(average, 2.0) == [["a", "b", "c"], ["c", "d"]]
    assert ranks.not_told_apart(average, 0.5) == []
    assert ranks.not_told_apart(average, 9.0) == [["a", "b", "c", "d", "e"]]
