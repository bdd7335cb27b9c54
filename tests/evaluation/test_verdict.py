"""The judge is calibrated: it seldom errs where methods are the same, and finds what it says that it can find."""

import numpy as np
import pandas as pd
import pytest
import simulated_verdicts
from class_balancing.evaluation import verdict
from class_balancing.evaluation.recommendation import recommendation
from scipy import stats

WORDS = "the images as they are, with care"
RECORDED = pd.read_csv(simulated_verdicts.RECORD)
PLANTED = RECORDED[RECORDED["kind"] == "planted improvement"]


def test_the_simulations_were_run_with_this_program():
    program = simulated_verdicts.program_hash()
    assert set(RECORDED["program"]) == {program}, (
        "run python tests/helpers/simulated_verdicts.py, it takes half an hour"
    )
    assert len(RECORDED) == len(simulated_verdicts.SIMULATIONS)


def test_same_methods_are_called_the_same():
    """Any wrong verdict in the whole table, in at most 5 % of draws; whatever seeds, methods, test images and folds.

    A simulation of so many settings has some above 5 % by chance: none may be more than that explains.
    """
    equal = RECORDED[RECORDED["kind"] == "equal methods"]
    assert len(equal) == 3 * 3 * 2 * 4 + 6 + 5 + 12 + 8 + 7
    assert equal["share"].mean() < 0.03
    n_wrong = (equal["share"] * equal["n"]).round()
    p = pd.Series(stats.binom.sf(n_wrong - 1, equal["n"], verdict.ERROR_RATE), equal["setting"])
    assert (p > 0.05 / len(equal)).all(), p[p <= 0.05 / len(equal)]


def test_nearly_perfect_classifiers_are_called_the_same_at_every_error_rate():
    nearly = RECORDED[RECORDED["kind"].str.startswith("equal methods at ")]
    assert len(nearly) == 2 * 2 * 2
    error_rates = nearly["kind"].str.removeprefix("equal methods at ").astype(float)
    assert set(error_rates) == {0.05, 0.005}
    assert (nearly["share"] <= error_rates).all()


def test_an_improvement_is_found_with_the_stated_power():
    """Tables whose stated smallest effect is the planted one find it in about four of five draws."""
    found = RECORDED[RECORDED["kind"] == "stated power"]
    assert len(found) == 2
    assert (found["stated"] / found["planted"]).between(0.9, 1.1).all(), "the planted effect is the smallest stated"
    assert found["share"].between(0.7, 0.88).all(), found


def test_folds_and_racing_find_more_than_a_single_split_for_the_same_computing():
    """On the same images; effects that are found are at least a third smaller."""
    assert len(PLANTED) == 5
    assert (PLANTED["trained"] <= 1.15 * PLANTED["trained_old"]).all()
    assert (PLANTED["wrong"] <= 0.05).all()
    planted = PLANTED[PLANTED["share"] >= 0.5]
    assert len(planted)
    assert (planted["share"] > planted["share_old"] + 0.3).all()
    assert (planted["stated"] < 2 / 3 * planted["stated_old"]).all()


def test_a_small_part_of_the_simulations_as_they_are_now(monkeypatch):
    monkeypatch.setattr(simulated_verdicts, "N_TABLES", {1: 60, 4: 30})
    counts = simulated_verdicts.COUNTS
    assert simulated_verdicts.equal_coins(5, 1, counts[0], (0.5,))["share"] <= 0.15
    assert simulated_verdicts.equal_coins(3, 4, counts[1], (0.5,))["share"] <= 0.15
    assert simulated_verdicts.equal_coins_raced(5, 4, (0.5,))["share"] <= 0.15


def test_classes_of_few_test_images_or_groups_and_few_seeds_are_refused():
    true = np.repeat(np.arange(3), 6)
    predicted = {"nothing": np.tile(true, (3, 1)), "same": np.tile(true, (3, 1))}
    asked = "nothing", 0, "accuracy"
    groups = np.concatenate([np.arange(12), [20, 20, 20, 21, 21, 21]])
    with pytest.raises(ValueError, match="class 2 has 2 groups of test images, a verdict needs 5"):
        verdict.compare(true, predicted, *asked, groups)
    with pytest.raises(ValueError, match="class 2 has 4 test images, a verdict needs 5"):
        verdict.compare(true[:16], {name: labels[:, :16] for name, labels in predicted.items()}, *asked)
    two = {name: labels[:2] for name, labels in predicted.items()}
    with pytest.raises(ValueError, match="at least 3 seeds of every method"):
        verdict.compare(true, two, *asked)
    with pytest.raises(ValueError, match="at least 3 seeds of every method, and as many trainings"):
        verdict.compare(true, predicted, *asked, n_trainings={"same": 2})
    assert len(verdict.compare(true, two, *asked, folds=np.arange(18) % 2)) == 1
    with pytest.raises(ValueError, match="metric must be one of"):
        verdict.compare(true, predicted, "nothing", 0, "recall")


def test_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 60)
    predicted = rng.integers(0, 3, (2, 60))
    found = {name: verdict.scores(true, predicted, name, minority=1) for name in verdict.METRICS}
    for seed, labels in enumerate(predicted):
        assert found["accuracy"][seed] == pytest.approx(metrics.accuracy_score(true, labels))
        assert found["balanced_accuracy"][seed] == pytest.approx(metrics.balanced_accuracy_score(true, labels))
        assert found["f1_minority"][seed] == pytest.approx(metrics.f1_score(true == 1, labels == 1))


@pytest.mark.parametrize("metric", verdict.METRICS)
def test_the_variance_of_test_images_is_that_of_drawing_others(metric):
    rng = np.random.default_rng(1)
    true = np.repeat(np.arange(3), (300, 200, 100))

    def difference(true, predicted):
        return verdict.scores(true, predicted["b"], metric, 2) - verdict.scores(true, predicted["a"], metric, 2)

    hits = {"a": rng.random(600) < 0.6, "b": rng.random(600) < 0.7}
    predicted = {name: np.tile(np.where(hit, true, (true + 1) % 3), (3, 1)) for name, hit in hits.items()}
    members = [np.flatnonzero(true == label) for label in range(3)]
    draws = [np.concatenate([rng.choice(of_class, len(of_class)) for of_class in members]) for _ in range(800)]
    drawn = [difference(true[i], {name: labels[:1, i] for name, labels in predicted.items()})[0] for i in draws]
    (row,) = verdict.compare(true, predicted, "a", 2, metric).to_dict("records")
    assert row["error_of_images"] == pytest.approx(np.std(drawn), rel=0.1)
    assert row["error_of_seeds"] == pytest.approx(0, abs=1e-9)


def test_seeds_of_folds_are_independent_and_trainings_count_as_seeds():
    rng = np.random.default_rng(2)
    true = np.repeat(np.arange(2), 400)
    folds = np.arange(800) % 4
    level = 0.5 + 0.1 * rng.standard_normal((60, 4))[:, folds]  # each seed and fold has its luck
    predicted = {"a": np.tile(true, (60, 1)), "b": np.where(rng.random((60, 800)) < level, true, 1 - true)}
    row = verdict.compare(true, predicted, "a", 1, "accuracy", folds=folds).iloc[0]
    spread = verdict.scores(true, predicted["b"], "accuracy", 1).std(ddof=1)
    assert row["error_of_seeds"] == pytest.approx(spread / np.sqrt(60), rel=0.15)
    same = np.tile(predicted["b"][:3], (2, 1))  # seeds 0 and 3 have the networks of training 0, and predict the same
    asked = true, {"a": predicted["a"], "b": same}, "a", 1, "accuracy"
    by_training = verdict.compare(*asked, n_trainings={"b": 3}).iloc[0]
    three = verdict.compare(true, {"a": predicted["a"], "b": same[:3]}, "a", 1, "accuracy").iloc[0]
    assert by_training[["difference", "low", "high"]].tolist() == pytest.approx(three[["difference", "low", "high"]])
    assert by_training["error_of_seeds"] > verdict.compare(*asked).iloc[0]["error_of_seeds"]


def test_every_training_counts_alike_however_many_seeds_it_has():
    rng = np.random.default_rng(6)
    true = np.repeat(np.arange(2), 20)
    baseline, first, second, third = np.where(rng.random((4, 40)) < 0.7, true, 1 - true)
    predicted = {"a": np.tile(baseline, (4, 1)), "b": np.stack([first, second, third, first])}  # 4 seeds, 3 trainings
    row = verdict.compare(true, predicted, "a", 1, "accuracy", n_trainings={"b": 3}).iloc[0]
    of_trainings = [(made == true).mean() - (baseline == true).mean() for made in (first, second, third)]
    assert row["difference"] == pytest.approx(np.mean(of_trainings))


def test_a_difference_without_any_spread_is_certain_in_verdict_and_p_alike():
    true = np.repeat(np.arange(2), [20, 10])
    predicted = {"a": np.zeros((3, 30), int), "b": np.tile(true, (3, 1)), "same": np.zeros((3, 30), int)}
    table = verdict.compare(true, predicted, "a", 1, "balanced_accuracy").set_index("method")
    assert table.loc["b", "verdict"] == "helped"
    assert table.loc["b", ["difference", "low", "high"]].tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert table.loc["b", "p"] < 1e-20
    assert table.loc["same", ["verdict", "p"]].tolist() == ["no evidence", 1.0]


def test_few_seeds_that_agree_by_luck_do_not_narrow_a_methods_interval():
    rng = np.random.default_rng(3)
    true = np.repeat(np.arange(2), 100)
    predicted = {name: np.where(rng.random((3, 200)) < 0.7, true, 1 - true) for name in "abcd"}
    predicted["d"][:] = predicted["d"][0]
    table = verdict.compare(true, predicted | {"a": np.tile(predicted["a"][0], (3, 1))}, "a", 1, "accuracy")
    table = table.set_index("method")
    pooled = np.sqrt((table.loc[["b", "c"], "error_of_seeds"] ** 2).sum() / 3)
    assert table.loc["d", "error_of_seeds"] == pytest.approx(pooled, rel=0.2)


def test_a_method_that_was_tried_on_few_folds_is_compared_on_these_alone():
    rng = np.random.default_rng(4)
    true, folds = np.tile(np.repeat(np.arange(2), 20), 3), np.repeat(np.arange(3), 40)
    predicted = {name: np.where(rng.random((3, 120)) < 0.7, true, 1 - true) for name in "ab"}
    partly = np.where(folds == 2, verdict.NOT_PREDICTED, predicted["b"])
    found = verdict.compare(true, {"a": predicted["a"], "b": partly}, "a", 1, "accuracy", folds=folds).iloc[0]
    tried = folds < 2
    a, b = ((predicted[name] == true)[:, tried].mean() for name in "ab")
    assert found["difference"] == pytest.approx(b - a)


def test_the_same_predictions_are_no_evidence_and_great_differences_are():
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(3), 50)
    noise = np.where(rng.random((4, 150)) < 0.4, (true + 1) % 3, true)
    predicted = {"a": noise, "same": noise, "good": np.tile(true, (4, 1))}
    for metric in verdict.METRICS:
        table = verdict.compare(true, predicted, "a", 2, metric).set_index("method")
        assert table.loc["same", "difference"] == 0
        assert table.loc["same", "verdict"] == "no evidence"
        assert table.loc["good", "verdict"] == "helped"
        swapped = verdict.compare(true, {"good": predicted["good"], "a": noise}, "good", 2, metric)
        assert (swapped["verdict"] == "hurt").all()
    assert verdict.compare(true, {"a": noise}, "a", 2, "accuracy").empty


def test_holm_is_strict_with_the_first_and_milder_with_the_next():
    p = {"first": 0.001, "second": 0.02, "third": 0.03, "fourth": 0.6}
    levels = verdict._levels_of_holm(p, 0.05)
    assert levels == {"first": 0.05 / 4, "second": 0.05 / 3, "third": 0.05 / 3, "fourth": 0.05 / 3}
    levels = verdict._levels_of_holm(p | {"second": 0.01}, 0.05)
    assert levels == {"first": 0.05 / 4, "second": 0.05 / 3, "third": 0.05 / 2, "fourth": 0.05 / 2}
    assert verdict._levels_of_holm(p | {"second": 0.01, "third": 0.02}, 0.05)["fourth"] == 0.05


def test_the_recommendation_is_the_cheapest_of_what_helped():
    rows = [
        ("slow", 0.1, 0.05, 0.15, "helped"),
        ("quick", 0.08, 0.04, 0.12, "helped"),
        ("weak", 0.03, 0.01, 0.05, "helped"),
        ("useless", 0.2, -0.1, 0.5, "no evidence"),
    ]
    table = pd.DataFrame(rows, columns=["method", "difference", "low", "high", "verdict"])
    table = table.assign(smallest_effect=0.05)
    minutes = {"slow": 60.0, "quick": 1.0, "weak": 0.1, "useless": 0.1}
    sentence = recommendation(table, minutes, 0.8, "f1_minority", WORDS)
    assert "Use quick: minority F1 +0.080 (+0.040 to +0.120) for 1.0 minutes" in sentence
    nothing = table.assign(verdict="no evidence")
    sentence = recommendation(nothing, minutes, 0.8, "balanced_accuracy", WORDS)
    assert sentence.startswith("No method was shown to help; until one is, train on the images as they are, with care.")
    assert "improvement of balanced accuracy by less than 0.050 could hardly have been seen" in sentence
    sentence = recommendation(nothing, minutes, 0.96, "balanced_accuracy", WORDS)
    assert "could hardly have shown it: balanced accuracy is 0.960 already" in sentence
    sentence = recommendation(nothing.assign(smallest_effect=0.0), minutes, 0.8, "accuracy", WORDS)
    assert "All classifiers gave the same answers" in sentence
    assert "None was left" in recommendation(nothing[:0], minutes, 0.8, "accuracy", WORDS)


def test_a_group_of_twins_counts_as_one_image():
    rng, true = np.random.default_rng(0), np.repeat([0, 1], 20)
    predicted = {
        name: np.where(rng.random((3, 40)) < share, true, 1 - true) for name, share in (("a", 0.6), ("b", 0.7))
    }
    twice = {name: np.repeat(labels, 2, axis=1) for name, labels in predicted.items()}
    names = ["difference", "error_of_images", "low", "high"]
    one, both, apart = (
        verdict.compare(*given)[names].iloc[0].tolist()
        for given in (
            (true, predicted, "a", 1, "accuracy"),
            (np.repeat(true, 2), twice, "a", 1, "accuracy", np.arange(80) // 2),
            (np.repeat(true, 2), twice, "a", 1, "accuracy"),
        )
    )
    assert both == pytest.approx(one)
    assert apart[1] < 0.8 * one[1]


def test_seeds_that_agree_on_different_images_by_luck_are_not_certain():
    """Three seeds that each get another image right, of 40 in either class; all alike in number."""
    true = np.repeat(np.arange(2), 40)
    wrong = np.tile(np.where(np.arange(80) % 10 == 0, 1 - true, true), (3, 1))
    better = wrong.copy()
    better[[0, 1, 2], [0, 10, 20]] = true[[0, 10, 20]]
    for metric in ("accuracy", "balanced_accuracy"):
        row = verdict.compare(true, {"a": wrong, "b": better}, "a", 1, metric).iloc[0]
        assert row["difference"] == pytest.approx(1 / 80)
        assert row["verdict"] == verdict.NO_EVIDENCE
        assert row["error_of_images"] == pytest.approx(np.sqrt(40 / 39 / 3) / 80)
    same = wrong.copy()
    same[:, [0, 10, 20]] = true[[0, 10, 20]]
    row = verdict.compare(true, {"a": wrong, "b": same}, "a", 1, "accuracy").iloc[0]
    assert row["error_of_seeds"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"error_rate": 5.0}, "error_rate must lie between 0 and 1, got 5.0"),
        ({"baseline": "c"}, "there are no predictions of the baseline 'c', only of a, b"),
        ({"minority": 7}, "no test image is of the minority class 7"),
        ({"groups": np.arange(9)}, "groups and folds must name those of 40 test images"),
        ({"folds": np.arange(9)}, "groups and folds must name those of 40 test images"),
        ({"b": np.zeros(40, int)}, r"predictions of b must be \(n_seeds, 40\), got \(40,\)"),
        ({"b": np.zeros((5, 39), int)}, r"predictions of b must be \(n_seeds, 40\), got \(5, 39\)"),
        ({"b": np.zeros((6, 40), int)}, "b has 6 seeds, the baseline 5"),
        ({"a": np.full((5, 40), verdict.NOT_PREDICTED), "folds": np.arange(40) % 2}, "predictions of a are missing"),
        ({"b": np.tile(np.where(np.arange(40) % 2, -1, 0), (5, 1))}, "predictions of b are missing"),
        (
            {"b": np.tile(np.where(np.arange(40) % 4, 0, -1), (5, 1)), "folds": np.arange(40) % 2},
            "predictions of b are missing; only a method may lack them, those of whole folds",
        ),
        ({"b": np.zeros((0, 40), int)}, r"predictions of b must be \(n_seeds, 40\), got \(0, 40\)"),
        (
            {"b": np.where(np.arange(5)[:, None] == 3, verdict.NOT_PREDICTED, np.zeros((5, 40), int))},
            "of b are missing",
        ),
        ({"n_trainings": {"b": 6}}, "b has 5 seeds, which cannot be of 6 trainings"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    true = np.repeat(np.arange(2), 20)
    given = {"baseline": "a", "minority": 1, "metric": "accuracy"} | changes
    predicted = {name: given.pop(name, np.tile(true, (5, 1))) for name in ("a", "b")}
    with pytest.raises(ValueError, match=message):
        verdict.compare(true, predicted, **given)
