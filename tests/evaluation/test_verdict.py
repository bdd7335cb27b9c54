"""The judge is calibrated: it seldom errs where methods are the same, and finds what it says that it can find."""

import numpy as np
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
    ("n_seeds", "seed_spread", "n_methods"), [(5, 0.3, 1), (5, 0.8, 1), (3, 0.6, 1), (5, 0.0, 1), (5, 0.5, 6)]
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
def test_a_planted_improvement_is_found_with_the_stated_power(monkeypatch):
    """Tables whose stated smallest effect is the planted one find it in about 80 % of draws."""
    monkeypatch.setattr(verdict, "N_DRAWS", 300)
    rng = np.random.default_rng(2)
    true_effect = np.mean([_accuracy_of(rng, 0.62) - _accuracy_of(rng, 0.0) for _ in range(200)])
    counts = (900, 700, 300)
    tables = [race(rng, 5, 0.3, counts, effects=(0.62,)).set_index("metric").loc["accuracy"] for _ in range(200)]
    stated = np.median([table["smallest_effect"] for table in tables])
    found = np.mean([table["verdict"] == "helped" for table in tables])
    print(f"planted {true_effect:.4f}, smallest effect stated {stated:.4f}, found in {found:.0%}")
    assert stated == pytest.approx(true_effect, rel=0.15), "the planted effect is the smallest one that is stated"
    assert 0.7 <= found <= 0.95


def _accuracy_of(rng, effect):
    true = np.repeat(np.arange(3), (900, 700, 300))
    difficulty = 1.2 * rng.standard_normal(len(true))
    return (predictions(rng, true, difficulty, 20, 0.3, effect) == true).mean()
