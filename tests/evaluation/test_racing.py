"""Seeds are added only where they can still decide something, and the error rate is shared out over the looks."""

import pandas as pd
import pytest
from class_balancing.evaluation import racing
from class_balancing.evaluation.verdict import ERROR_RATE


def table(**rows):
    """Rows of (verdict, difference, error of seeds) with an error of test images of .01."""
    columns = ["method", "verdict", "difference", "error_of_seeds"]
    found = pd.DataFrame([(name, *row) for name, row in rows.items()], columns=columns)
    return found.assign(error_of_images=0.01)


def test_one_looks_at_few_numbers_of_seeds():
    assert racing.looks(5, 3) == [3, 5]
    assert racing.looks(10, 2) == [2, 3, 5, 8, 10]
    assert racing.looks(3, 3) == [3]
    assert racing.looks(2, 3) == [3]


@pytest.mark.parametrize("looks", [[3], [3, 5], [2, 3, 5, 8, 10]])
def test_all_looks_together_err_as_often_as_one_would(looks):
    rates = [racing.error_rate(n, looks) for n in looks]
    assert sum(rates) == pytest.approx(ERROR_RATE)
    assert rates[-1] >= 0.9 * ERROR_RATE


def test_decided_and_hopeless_methods_need_no_more_seeds():
    found = table(
        helped=("helped", 0.2, 0.02),
        hurt=("hurt", -0.2, 0.02),
        hopeless=("no evidence", 0.0, 0.02),
        promising=("no evidence", 0.05, 0.02),
        threatening=("no evidence", -0.05, 0.02),
        useless=("no evidence", 0.01, 0.001),
        same=("no evidence", 0.0, 0.0),
    )
    assert racing.undecided(found, 3, 10, len(found)) == ["promising", "threatening"]


@pytest.mark.parametrize(("n_planned", "bound"), [(5, 0.01993), (20, 0.00116)])
def test_a_method_is_hopeless_just_inside_of_a_bound_and_not_just_outside(n_planned, bound):
    """Of 3 seeds with an error of .02 each: 1.96 hypot(.02 sqrt(s), .01) - 1.2816 .02 sqrt(1 - s), s = 3 / n."""
    share = 3 / n_planned
    by_hand = 1.95996 * (0.0004 * share + 0.0001) ** 0.5 - 1.28155 * 0.02 * (1 - share) ** 0.5
    assert by_hand == pytest.approx(bound, abs=1e-4)
    rows = {"inside": ("no evidence", by_hand - 1e-4, 0.02), "outside": ("no evidence", -by_hand - 1e-4, 0.02)}
    assert racing.undecided(table(**rows), 3, n_planned, 1) == ["outside"]


def test_who_is_decided_leaves_the_race_and_the_others_go_on():
    course = {
        2: {"a": ("helped", 0.3, 0.01), "b": ("no evidence", 0.05, 0.02), "c": ("no evidence", 0.0, 0.001)},
        3: {"a": ("helped", 0.3, 0.01), "b": ("no evidence", 0.05, 0.02), "c": ("no evidence", 0.0, 0.001)},
        5: {"b": ("helped", 0.06, 0.01)},
    }
    seen = []

    def look_at(seeds, error_rate):
        seen.append((dict(seeds), error_rate))
        return table(**course[max(seeds.values())])

    found = racing.race([2, 3, 5, 8], ["a", "b", "c", "failed"], look_at)
    assert found == {"a": 2, "b": 5, "c": 2, "failed": 2}
    assert [max(seeds.values()) for seeds, _ in seen] == [2, 3, 5], "nobody is left for the last look"
    assert {rate for _, rate in seen} == {racing.INTERIM_ERROR_RATE / 3}
