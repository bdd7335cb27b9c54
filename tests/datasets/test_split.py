import hashlib

import numpy as np
import pytest
from class_balancing.datasets.imbalance import drop_fraction
from class_balancing.datasets.split import fold, split

LABELS = np.repeat(np.arange(10), np.arange(100, 200, 10))
EXPECTED_DIGESTS = ["d9ba72b0493b7e14", "b08a857b1e34995b", "955876c7ea2e868f"]


def digest(indices):
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def test_parts_are_disjoint_complete_and_stratified():
    train, test = split(LABELS, 0.3, 0)
    assert sorted([*train, *test]) == list(range(len(LABELS)))
    np.testing.assert_allclose(np.bincount(LABELS[test]) / np.bincount(LABELS), 0.3, atol=0.01)


def test_same_seed_same_split_on_every_machine():
    train, test = split(LABELS, 0.3, 0)
    kept = drop_fraction(LABELS, 4, 50, 0)
    assert [digest(train), digest(test), digest(kept)] == EXPECTED_DIGESTS
    assert digest(split(LABELS, 0.3, 1)[0]) != digest(train)
    assert digest(drop_fraction(LABELS, 4, 50, 1)) != digest(kept)


def test_every_image_is_in_one_fold():
    folds = [fold(LABELS, which, 5, 0) for which in range(5)]
    assert sorted(np.concatenate([tested for _, tested in folds])) == list(range(len(LABELS)))
    for others, tested in folds:
        assert sorted([*others, *tested]) == list(range(len(LABELS)))
        np.testing.assert_allclose(np.bincount(LABELS[tested]) / np.bincount(LABELS), 0.2, atol=0.01)
    assert not np.array_equal(fold(LABELS, 0, 5, 1)[1], folds[0][1])


def test_folds_keep_groups_together():
    groups = np.arange(len(LABELS)) // 3
    for which in range(5):
        others, tested = fold(LABELS, which, 5, 0, groups)
        assert not set(groups[others]) & set(groups[tested])
        assert set(LABELS[tested]) == set(range(10))


def test_more_folds_than_images_of_a_class_are_refused():
    with pytest.raises(ValueError, match="5 folds need as many images of every class, but one has 3"):
        fold(np.repeat([0, 1], [9, 3]), 0, 5, 0)
    with pytest.raises(ValueError, match="4 folds need as many groups of images of every class, but one has 3"):
        fold(np.repeat([0, 1], [9, 4]), 0, 4, 0, np.arange(13) // 2)


@pytest.mark.parametrize("percent", [1, 50, 75, 99])
def test_only_the_asked_fraction_of_one_class_is_dropped(percent):
    kept = drop_fraction(LABELS, 4, percent, 0)
    counts = np.bincount(LABELS[kept])
    expected = np.bincount(LABELS)
    expected[4] -= round(expected[4] * percent / 100)
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize(
    ("label", "percent", "message"),
    [(4, 0, "1-99"), (4, 100, "1-99"), (12, 50, "class 12 does not occur")],
)
def test_nonsense_is_refused(label, percent, message):
    with pytest.raises(ValueError, match=message):
        drop_fraction(LABELS, label, percent, 0)


def test_a_class_is_never_emptied():
    with pytest.raises(ValueError, match="would leave none"):
        drop_fraction(np.array([0, 0, 1]), 1, 75, 0)
