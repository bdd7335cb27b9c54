"""The judge is calibrated: it seldom errs where methods are the same, and finds what it says that it can find."""

import numpy as np
import pandas as pd
import pytest
import simulated_verdicts
from class_balancing.evaluation import verdict

RECORDED = pd.read_csv(simulated_verdicts.RECORD)


def test_the_simulations_were_run_with_this_program():
    program = simulated_verdicts.program_hash()
    assert set(RECORDED["program"]) == {program}, "run python tests/helpers/simulated_verdicts.py, it takes minutes"
    assert len(RECORDED) == len(simulated_verdicts.SIMULATIONS)


def test_same_methods_are_called_the_same():
    """Any wrong verdict in the whole table, in at most 5 % of 400 draws; whatever rules, seeds or test images."""
    equal = RECORDED[RECORDED["kind"] == "equal methods"]
    assert len(equal) == 7
    assert (equal["share"] <= 0.05).all(), equal


def test_a_planted_improvement_is_found_with_the_stated_power():
    """Tables whose stated smallest effect is the planted one find it in .7 to .8 of draws."""
    planted = RECORDED[RECORDED["kind"] == "planted improvement"]
    assert len(planted) == 2
    assert (planted["stated"] / planted["planted"]).between(0.9, 1.1).all(), "the planted effect is the smallest stated"
    assert planted["share"].between(0.65, 0.85).all(), planted


def test_a_small_part_of_the_simulations_as_they_are_now(monkeypatch):
    monkeypatch.setattr(verdict, "N_DRAWS", simulated_verdicts.N_DRAWS)
    assert simulated_verdicts.wrong_tables(5, 0.3, 1, n_tables=40)["share"] <= 0.125
    assert simulated_verdicts.wrong_tables_of_agreeing_seeds((40, 30, 5), n_tables=40)["share"] <= 0.125


def test_a_class_of_few_test_images_or_groups_is_refused():
    true = np.repeat(np.arange(3), 6)
    predicted = {"nothing": np.tile(true, (2, 1)), "same": np.tile(true, (2, 1))}
    groups = np.concatenate([np.arange(12), [20, 20, 20, 21, 21, 21]])
    with pytest.raises(ValueError, match="class 2 has 2 groups of test images, a verdict needs 5"):
        verdict.compare(true, predicted, "nothing", 0, 0, groups)
    with pytest.raises(ValueError, match="class 2 has 4 test images, a verdict needs 5"):
        verdict.compare(true[:16], {name: labels[:, :16] for name, labels in predicted.items()}, "nothing", 0, 0)
    never = {name: labels[:, :12] * 0 + 2 for name, labels in predicted.items()}
    with pytest.raises(ValueError, match="class 2 has 0 test images"):
        verdict.compare(true[:12], never, "nothing", 0, 0)
    with pytest.raises(ValueError, match="at least 2 seeds"):
        verdict.compare(true, {name: labels[:1] for name, labels in predicted.items()}, "nothing", 0, 0)


def test_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(0)
    true = np.sort(rng.integers(0, 3, 60))
    predicted = rng.integers(0, 3, (2, 60))
    found = verdict.metric_values(true, predicted, np.ones((1, 60)), minority=1)
    for seed, labels in enumerate(predicted):
        assert found["accuracy"][0, seed] == pytest.approx(metrics.accuracy_score(true, labels))
        assert found["balanced_accuracy"][0, seed] == pytest.approx(metrics.balanced_accuracy_score(true, labels))
        assert found["f1_minority"][0, seed] == pytest.approx(metrics.f1_score(true == 1, labels == 1))


def test_the_same_predictions_are_no_evidence_and_great_differences_are():
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(3), 50)
    noise = np.where(rng.random((4, 150)) < 0.4, (true + 1) % 3, true)
    table = verdict.compare(true, {"a": noise, "same": noise, "good": np.tile(true, (4, 1))}, "a", 2, 0)
    table = table.set_index(["method", "metric"])
    assert (table.loc["same"][["difference", "low", "high"]] == 0).all(axis=None)
    assert (table.loc["same", "verdict"] == "no evidence").all()
    assert (table.loc["good", "verdict"] == "helped").all()
    swapped = verdict.compare(true, {"good": np.tile(true, (4, 1)), "a": noise}, "good", 2, 0)
    assert (swapped["verdict"] == "hurt").all()


def test_the_recommendation_is_the_cheapest_of_what_helped():
    rows = []
    for method, f1, balanced, accuracy in (
        ("slow", (0.1, 0.05, 0.15, "helped"), "helped", "no evidence"),
        ("quick", (0.08, 0.04, 0.12, "helped"), "no evidence", "no evidence"),
        ("weak", (0.03, 0.01, 0.05, "helped"), "no evidence", "no evidence"),
        ("harmful", (0.2, 0.1, 0.3, "helped"), "helped", "hurt"),
    ):
        difference, low, high, found = f1
        for metric, text in (("f1_minority", found), ("balanced_accuracy", balanced), ("accuracy", accuracy)):
            rows.append({"method": method, "metric": metric, "difference": difference, "low": low, "high": high,
                         "verdict": text, "smallest_effect": 0.05})  # fmt: skip
    table = pd.DataFrame(rows)
    minutes = {"slow": 60.0, "quick": 1.0, "weak": 0.1, "harmful": 0.1}
    sentence = verdict.recommendation(table, minutes, 0.8)
    assert "Use quick: minority F1 +0.080 (+0.040 to +0.120) for 1.0 minutes" in sentence
    without_f1 = table.assign(verdict=table["verdict"].where(table["metric"] != "f1_minority", "no evidence"))
    assert "Use slow: balanced accuracy +0.100" in verdict.recommendation(without_f1, minutes, 0.8)
    sentence = verdict.recommendation(table.assign(verdict="no evidence"), minutes, 0.8)
    assert "less than 0.050 could hardly have been seen" in sentence
    sentence = verdict.recommendation(table.assign(verdict="no evidence"), minutes, 0.96)
    assert "could hardly have shown it: minority F1 is 0.960 without any" in sentence
    sentence = verdict.recommendation(table.assign(verdict="no evidence", smallest_effect=0.0), minutes, 0.8)
    assert "All classifiers gave the same answers" in sentence
