"""The judge is calibrated: it seldom errs where methods are the same, and finds what it says that it can find."""

import numpy as np
import pandas as pd
import pytest

from evaluation import verdict

MINORITY = 2


def predictions(rng, true, difficulty, n_seeds, seed_spread, effect=0.0):
    """Of classifiers whose success depends on the image, on the seed (each class for itself) and on chance."""
    ability = 1.8 + effect + seed_spread * rng.standard_normal((n_seeds, 3))[:, true]
    hit = rng.random((n_seeds, len(true))) < 1 / (1 + np.exp(difficulty - ability))
    return np.where(hit, true, (true + rng.integers(1, 3, hit.shape)) % 3)


def race(rng, n_seeds=5, seed_spread=0.3, counts=(150, 110, 40), effects=(0.0,)):
    """The table of verdicts on methods with these effects against a baseline without."""
    true = np.repeat(np.arange(3), counts)
    difficulty = 1.2 * rng.standard_normal(len(true))
    predicted = {"nothing": predictions(rng, true, difficulty, n_seeds, seed_spread)}
    for index, effect in enumerate(effects):
        predicted[f"method {index}"] = predictions(rng, true, difficulty, n_seeds, seed_spread, effect)
    return verdict.compare(true, predicted, "nothing", MINORITY, random_state=int(rng.integers(2**31)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_seeds", "seed_spread", "n_methods"), [(5, 0.3, 1), (5, 0.8, 1), (3, 0.6, 1), (10, 0.5, 1), (5, 0.5, 6)]
)
def test_same_methods_are_called_the_same(n_seeds, seed_spread, n_methods, monkeypatch):
    """Any wrong verdict in the whole table, in at most 5 % of 400 draws; whatever rules, seeds or test images."""
    monkeypatch.setattr(verdict, "N_DRAWS", 300)
    rng = np.random.default_rng(1)
    n_wrong = 0
    for _ in range(400):
        table = race(rng, n_seeds, seed_spread, effects=(0.0,) * n_methods)
        n_wrong += (table["verdict"] != "no evidence").any()
    assert n_wrong <= 0.05 * 400


@pytest.mark.slow
@pytest.mark.parametrize("counts", [(150, 110, 40), (40, 30, verdict.MIN_UNITS)])
def test_methods_of_which_each_is_good_at_other_images_are_called_the_same(counts, monkeypatch):
    """As above, where all seeds of a method agree on every image and only the test images differ."""
    monkeypatch.setattr(verdict, "N_DRAWS", 300)
    rng = np.random.default_rng(3)
    true = np.repeat(np.arange(3), counts)
    n_wrong = 0
    for _ in range(400):
        hits = {name: rng.random(len(true)) < 0.6 for name in ("nothing", "method 0", "method 1")}
        predicted = {name: np.tile(np.where(hit, true, (true + 1) % 3), (5, 1)) for name, hit in hits.items()}
        table = verdict.compare(true, predicted, "nothing", MINORITY, random_state=int(rng.integers(2**31)))
        n_wrong += (table["verdict"] != "no evidence").any()
    assert n_wrong <= 0.05 * 400


@pytest.mark.slow
@pytest.mark.parametrize(("n_seeds", "effect", "n_others"), [(5, 0.62, 0), (10, 0.475, 6)])
def test_a_planted_improvement_is_found_with_the_stated_power(n_seeds, effect, n_others, monkeypatch):
    """Tables whose stated smallest effect is the planted one find it in .7 to .8 of draws."""
    monkeypatch.setattr(verdict, "N_DRAWS", 300)
    rng = np.random.default_rng(2)
    true_effect = np.mean([_accuracy_of(rng, effect) - _accuracy_of(rng, 0.0) for _ in range(200)])
    effects = (effect, *(0.0,) * n_others)
    tables = [race(rng, n_seeds, 0.3, (900, 700, 300), effects) for _ in range(200)]
    rows = [table[table["metric"] == "accuracy"].set_index("method").loc["method 0"] for table in tables]
    stated = np.median([row["smallest_effect"] for row in rows])
    found = np.mean([row["verdict"] == "helped" for row in rows])
    print(f"planted {true_effect:.4f}, smallest effect stated {stated:.4f}, found in {found:.0%}")
    assert stated == pytest.approx(true_effect, rel=0.1), "the planted effect is the smallest one that is stated"
    assert 0.65 <= found <= 0.85


def _accuracy_of(rng, effect):
    true = np.repeat(np.arange(3), (900, 700, 300))
    difficulty = 1.2 * rng.standard_normal(len(true))
    return (predictions(rng, true, difficulty, 20, 0.3, effect) == true).mean()


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
