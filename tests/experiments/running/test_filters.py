import numpy as np
from class_balancing.evaluation import classifiers
from class_balancing.experiments.running.filters import FILTERS


def test_confidence_keeps_what_the_classifier_takes_for_its_class(monkeypatch):
    monkeypatch.setattr(classifiers, "predict", lambda classifier, images: images[:, 0, 0, 0] // classifier)
    images = np.array([0, 9, 10, 19, 20], np.uint8).reshape(-1, 1, 1, 1)
    passed = FILTERS["confidence"](images, 1, images[:0], 10)
    np.testing.assert_array_equal(passed, [False, False, True, True, False])


def test_duplicates_are_copies_of_originals():
    originals = np.random.default_rng(0).integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    images = np.concatenate([originals[:2], 255 - originals[:3]])
    passed = FILTERS["duplicates"](images, 1, originals, None)
    np.testing.assert_array_equal(passed, [False, False, True, True, True])
