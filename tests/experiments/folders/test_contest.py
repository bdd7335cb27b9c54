"""Several looks at made-up predictions: what each may err by, and what it is told."""

from types import SimpleNamespace

import numpy as np
import pytest
from class_balancing.evaluation import racing, verdict
from class_balancing.experiments.folders.contest import Contest
from class_balancing.experiments.folders.entrants import Entrant

TRUE, GROUPS = np.repeat([0, 1], 40), np.arange(80) // 2
LOOKS = [3, 5]


def predicted_by(cell):
    """Predictions that differ from seed to seed, of which 70 of 100 are right."""
    is_right = np.random.default_rng([cell.seed, len(cell.method)]).random(80) < 0.7
    return np.where(is_right, TRUE, 1 - TRUE)


@pytest.fixture
def contest():
    """Of nothing, a method without and one with networks, which are trained three times."""
    runner = SimpleNamespace(
        parts=lambda _: SimpleNamespace(test=SimpleNamespace(labels=TRUE), test_groups=GROUPS),
        cached=lambda cell: {"predicted": predicted_by(cell).tolist()},
    )
    task = SimpleNamespace(name="task", n_trainings=3, measured=(1,))
    entrants = [Entrant(name, 1.0, ("task",)) for name in ("unbalanced", "geometric", "cvae")]
    return Contest(runner, [task], entrants, "accuracy", LOOKS, lambda _: {})


def test_each_look_errs_by_its_share_and_knows_groups_and_trainings(contest, monkeypatch):
    asked, compare = [], verdict.compare
    monkeypatch.setattr(verdict, "compare", lambda *given: asked.append(given) or compare(*given))
    contest.run()
    true, predicted, baseline, minority, metric, groups, folds, trained, error_rate = asked[0]
    assert (baseline, minority, metric, folds) == ("unbalanced", 1, "accuracy", None)
    assert {name: len(of_seeds) for name, of_seeds in predicted.items()} == dict.fromkeys(contest.entrants, 3)
    assert trained == {"cvae": 3}
    assert error_rate == racing.INTERIM_ERROR_RATE
    np.testing.assert_array_equal(true, TRUE)
    np.testing.assert_array_equal(groups, GROUPS)
    contest.verdicts("accuracy")
    assert asked[-1][-1] == pytest.approx(verdict.ERROR_RATE - racing.INTERIM_ERROR_RATE)


def test_every_seed_has_its_own_predictions(contest):
    contest.run()
    for name in ("unbalanced", "cvae"):
        cells = {cell.seed: cell for cell in contest.cells(name)}
        found = contest.predicted(name)
        assert len(found) == len(cells) >= 3
        for seed, labels in enumerate(found):
            np.testing.assert_array_equal(labels, predicted_by(cells[seed]))
    scores = contest.scores().query("metric == 'accuracy'").set_index(["method", "seed"])["value"]
    for seed, cell in {cell.seed: cell for cell in contest.cells("cvae")}.items():
        assert scores["cvae", seed] == pytest.approx((predicted_by(cell) == TRUE).mean())
