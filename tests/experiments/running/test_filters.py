import sys

import numpy as np
import pytest
from class_balancing.evaluation import classifiers
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.running import filters
from class_balancing.experiments.running.filters import FILTERS, Originals, check_packages, drawn, in_words, passing


def test_confidence_keeps_what_the_classifier_takes_for_its_class(monkeypatch):
    monkeypatch.setattr(classifiers, "predict", lambda classifier, images: images[:, 0, 0, 0] // classifier)
    images = np.array([0, 9, 10, 19, 20], np.uint8).reshape(-1, 1, 1, 1)
    passed = FILTERS["confidence"](images, 1, images[:0], 10)
    np.testing.assert_array_equal(passed, [False, False, True, True, False])


def test_duplicates_are_copies_of_originals():
    originals = np.random.default_rng(0).integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    images = np.concatenate([originals[:2], 255 - originals[:3]])
    passed = FILTERS["duplicates"](images, 1, Originals(originals), None)
    np.testing.assert_array_equal(passed, [False, False, True, True, True])


def test_a_chain_gives_each_filter_what_passed_before_and_asks_none_about_no_images(monkeypatch):
    seen = []

    def above(limit):
        def passed(images, label, originals, classifier):
            seen.append(images.ravel().tolist())
            return images.ravel() > limit

        return passed

    monkeypatch.setattr(filters, "FILTERS", {"small": above(2), "large": above(9), "other": above(0)})
    images = np.array([3, 1, 4, 2, 5], np.uint8).reshape(-1, 1, 1, 1)
    kept, counts = passing(("other", "small"), images, 0, None, None)
    assert kept.tolist() == [0, 2, 4]
    assert counts == {"other": (5, 5), "small": (5, 3)}
    assert seen == [[3, 1, 4, 2, 5], [3, 1, 4, 2, 5]]
    seen.clear()
    kept, counts = passing(("small", "large", "other"), images, 0, None, None)
    assert kept.tolist() == []
    assert counts == {"small": (5, 3), "large": (3, 0), "other": (0, 0)}
    assert seen == [[3, 1, 4, 2, 5], [3, 4, 5]]


def test_what_is_drawn_is_always_the_same_and_in_order():
    images = np.arange(100)
    some = drawn(images, 10)
    assert len(set(some.tolist())) == 10
    assert some.tolist() == sorted(some)
    assert some.tolist() != list(range(10))
    np.testing.assert_array_equal(some, drawn(images, 10))
    np.testing.assert_array_equal(drawn(images, 100), images)


def test_rates_in_words():
    rate = {"n_new": 40, "n_new_passed": 3, "n_real": 0, "n_real_passed": 0}
    assert in_words(rate) == ("3 of 40 (8 %)", "0 of 0")


def test_a_missing_package_is_a_users_mistake(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    check_packages(("confidence", "duplicates"))
    with pytest.raises(UsageError, match=r"the filter faces cannot work: .* install .* with its extra faces"):
        check_packages(("confidence", "faces"))
