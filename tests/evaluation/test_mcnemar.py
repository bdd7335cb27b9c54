import numpy as np
import pytest
from class_balancing.evaluation import mcnemar


def test_only_images_that_one_classifier_gets_right_are_discordant():
    true = np.array([0, 0, 1, 1, 2, 2])
    first, second = np.array([0, 0, 1, 0, 1, 0]), np.array([0, 1, 0, 0, 2, 1])
    assert mcnemar.discordant(true, first, second) == (2, 1)
    assert mcnemar.discordant(true, second, first) == (1, 2)
    assert mcnemar.discordant(true, true, true) == (0, 0)


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        ((0, 0), 1.0),
        ((1, 0), 1.0),  # 2 / 2
        ((0, 6), 2 / 64),
        ((1, 9), 2 * 11 / 1024),
        ((5, 5), 1.0),
        ((0, 40), 2.0**-39),
    ],
)
def test_the_exact_test_is_the_binomial_one(counts, p):
    assert mcnemar.p_value(*counts) == pytest.approx(p)
    assert mcnemar.p_value(*counts) == mcnemar.p_value(*counts[::-1])


def test_a_difference_of_42_images_is_significant_up_to_438_discordant_ones():
    """2378 - 2336 of the slides; the normal approximation, 42 / sqrt(n) = 1.96, ends at 459.2, of which 458 is even."""
    assert mcnemar.most_discordant(42) == (438, 458)
    assert mcnemar.p_value((438 - 42) // 2, (438 + 42) // 2) < 0.05 <= mcnemar.p_value((440 - 42) // 2, (440 + 42) // 2)
    assert mcnemar.most_discordant(5) == (0, 5), "five to none has p 0.0625"
    assert mcnemar.most_discordant(6)[0] == 6
    assert mcnemar.most_discordant(1) == (0, 0)
