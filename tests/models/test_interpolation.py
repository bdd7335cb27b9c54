import tracemalloc

import numpy as np
import pytest
from class_balancing.models import interpolation
from class_balancing.models.interpolation import ADASYN, SMOTE
from imblearn import over_sampling


def points(values):
    """Grey images of one value each, 2 x 2 pixels."""
    return np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)


def test_smote_interpolates_between_neighbours_of_the_class():
    images = points([0] * 10 + [100, 110, 120, 200])
    labels = np.array([0] * 10 + [1] * 4)
    new = SMOTE(n_neighbors=2).fit(images, labels).sample(1, 50)
    values = new[:, 0, 0, 0]
    assert values.min() >= 100, "nothing between the classes"
    assert values.max() <= 200
    assert len(np.unique(values)) > 10


def test_adasyn_prefers_images_near_another_class():
    images = points([0] * 20 + [10, 12, 14, 200, 202, 204, 206])
    labels = np.array([0] * 20 + [1] * 7)
    new = ADASYN(n_neighbors=3).fit(images, labels).sample(1, 13)
    assert len(new) == 13
    assert (new[:, 0, 0, 0] < 100).mean() > 0.8


def test_adasyn_is_asked_for_more_where_every_share_rounds_to_none():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 2, 2, 1), dtype=np.uint8)
    labels = np.array([0] * 70 + [1] * 50)
    assert len(ADASYN().fit(images, labels).sample(1, 5)) == 5


def test_adasyn_of_a_class_far_from_all_others_is_refused():
    images = points([0] * 20 + [200, 202, 204, 206, 208, 210, 212])
    with pytest.raises(ValueError, match="no image of class 1 has a neighbour of another class; use SMOTE"):
        ADASYN().fit(images, np.array([0] * 20 + [1] * 7)).sample(1, 13)


@pytest.mark.parametrize("method", [SMOTE, ADASYN])
def test_too_few_images_for_their_neighbours_are_refused(method):
    images = points([0] * 20 + [100] * 5)
    with pytest.raises(ValueError, match=r"class 1 has 5 images.*needs more than n_neighbors, 5"):
        method().fit(images, np.array([0] * 20 + [1] * 5))


@pytest.mark.parametrize("method", [SMOTE, ADASYN])
def test_a_class_that_fit_does_not_enlarge_needs_neighbours_too(method):
    fitted = method(sampling_strategy={1: 12}).fit(points([0] * 20 + [9] * 10 + [5] * 4), [0] * 20 + [1] * 10 + [2] * 4)
    with pytest.raises(ValueError, match=r"class 2 has 4 images; \w+ needs more than n_neighbors, 5"):
        fitted.sample(2, 3)


def test_other_errors_of_adasyn_are_not_taken_for_its_rounding(monkeypatch):
    def fail(*_):
        raise ValueError("another error")

    monkeypatch.setattr(interpolation.over_sampling.ADASYN, "fit_resample", fail)
    fitted = ADASYN().fit(points([0] * 20 + [9] * 10), [0] * 20 + [1] * 10)
    with pytest.raises(ValueError, match="another error"):
        fitted.sample(1, 3)


def test_smote_makes_the_points_of_imbalanced_learn_with_less_memory():
    points = np.random.default_rng(0).random((20, 1000), np.float32)
    labels = np.arange(21) == 20
    (made,) = interpolation.smote_parts(points, 5000, 5, 3)
    sampler = over_sampling.SMOTE(sampling_strategy={False: 5020}, random_state=3, k_neighbors=5)
    expected, _ = sampler.fit_resample(np.concatenate([points, points[:1]]), labels)
    np.testing.assert_array_equal(made, expected[21:])


def test_smote_makes_points_some_at_a_time(monkeypatch):
    points, peaks = np.random.default_rng(0).random((20, 1000), np.float32), []
    for max_values in (5_000_000, 100_000):
        monkeypatch.setattr(interpolation, "MAX_VALUES_AT_ONCE", max_values)
        tracemalloc.start()
        next(interpolation.smote_parts(points, 5000, 5, 3))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.5 * 5000 * 1000 * 4 < 5 * 5000 * 1000 * 4 < peaks[0]


def test_smote_makes_many_images_part_by_part(digits, monkeypatch):
    few = digits.take(np.arange(300))
    monkeypatch.setattr(interpolation, "MAX_IMAGES_AT_ONCE", 30)
    made = interpolation.SMOTE(sampling_strategy="minority").fit(few.images, few.labels).sample(4, 70)
    assert len(np.unique(made, axis=0)) == len(made) == 70
