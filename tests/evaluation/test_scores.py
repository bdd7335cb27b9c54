import numpy as np
import pytest
from class_balancing.evaluation.scores import scores


def test_scores_of_a_known_confusion():
    true = np.array([0] * 8 + [1] * 4)
    predicted = np.array([0] * 6 + [1] * 2 + [1] * 3 + [0])
    found = scores(true, predicted, measured=(1,), n_classes=2)
    assert found["accuracy"] == pytest.approx(9 / 12)
    assert found["f1_minority"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert found["recalls"] == pytest.approx([6 / 8, 3 / 4])
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["g_mean"] == pytest.approx(0.75)
    assert found["confusion"] == [[6, 2], [1, 3]]


def test_of_several_measured_classes_the_mean_counts():
    true = np.array([0] * 10 + [1] * 6 + [2] * 4)
    predicted = np.array([0] * 8 + [1, 2] + [1] * 5 + [0] + [2] * 2 + [1] * 2)
    both, *each = (scores(true, predicted, measured, n_classes=3) for measured in ((1, 2), (1,), (2,)))
    assert [one["f1_minority"] for one in each] == pytest.approx([10 / (6 + 8), 4 / (4 + 3)])
    assert both["f1_minority"] == pytest.approx((10 / 14 + 4 / 7) / 2)
    assert both["accuracy"] == each[0]["accuracy"] == 15 / 20
    errors = [one["standard_errors"]["f1_minority"] for one in each]
    assert both["standard_errors"]["f1_minority"] == pytest.approx(np.hypot(*errors) / 2)


def test_a_class_that_is_never_found_scores_zero():
    found = scores(np.array([0, 1, 2]), np.array([0, 0, 0]), measured=(2,), n_classes=3)
    assert found["f1_minority"] == found["g_mean"] == 0.0


def test_standard_errors_are_the_spread_over_test_sets():
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(150):
        true = (rng.random(2000) < 0.1).astype(int)
        draws.append(scores(true, np.where(rng.random(2000) < 0.05, 1 - true, true), measured=(1,), n_classes=2))
    for metric in ("accuracy", "f1_minority"):
        spread = np.std([draw[metric] for draw in draws])
        assert np.mean([draw["standard_errors"][metric] for draw in draws]) == pytest.approx(spread, rel=0.15)
