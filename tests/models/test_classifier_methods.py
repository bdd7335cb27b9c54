"""Methods that make no images: what they tell the training of a classifier."""

import inspect

import numpy as np
import pytest
from class_balancing.evaluation.classifiers import train_classifier
from class_balancing.models import BASELINE, METHODS
from class_balancing.models.classifier_methods import ClassifierMethod, ClassWeights, EffectiveNumbers, Unbalanced
from sklearn.base import clone

LABELS = np.array([0] * 60 + [1] * 30 + [2] * 10)
NAMES = [name for name, method in METHODS.items() if not method.makes_images]


def test_they_are_all_that_make_no_images_and_one_is_the_baseline():
    assert all(issubclass(METHODS[name].load(), ClassifierMethod) for name in NAMES)
    assert METHODS[BASELINE].load() is Unbalanced


@pytest.mark.parametrize("name", NAMES)
def test_each_gives_arguments_of_the_training_and_keeps_its_parameters(name):
    method = METHODS[name].load()()
    assert isinstance(method, ClassifierMethod)
    assert type(method).__doc__
    assert method.classifier_arguments(LABELS).keys() <= inspect.signature(train_classifier).parameters.keys()
    assert clone(method).get_params() == method.get_params()


def test_the_baseline_changes_nothing():
    assert Unbalanced().classifier_arguments(LABELS) == {}
    assert Unbalanced().get_params() == {}


def test_balanced_weights_give_every_class_as_much_and_an_image_one_on_average():
    assert ClassWeights().get_params() == {"class_weight": "balanced"}
    (weights,) = ClassWeights().classifier_arguments(LABELS).values()
    assert weights == pytest.approx({0: 100 / 180, 1: 100 / 90, 2: 100 / 30})
    assert all(type(label) is int and type(weight) is float for label, weight in weights.items()), "as Keras wants them"
    of_images = np.array([weights[label] for label in LABELS.tolist()])
    assert of_images.mean() == pytest.approx(1.0)
    assert [of_images[label == LABELS].sum() for label in range(3)] == pytest.approx([100 / 3] * 3)


def test_weights_may_be_given():
    arguments = ClassWeights(class_weight={0: 1.0, 1: 2.0, 2: 7.0}).classifier_arguments(LABELS)
    assert arguments == {"class_weight": {0: 1.0, 1: 2.0, 2: 7.0}}


def test_effective_numbers_have_the_papers_weights_and_sum_to_the_number_of_classes():
    labels = np.repeat([0, 1, 2], [5000, 500, 50])
    (weights,) = EffectiveNumbers().classifier_arguments(labels).values()
    printed = np.array([2.541e-4, 2.0503e-3, 2.0049e-2])
    np.testing.assert_allclose(list(weights.values()), printed * 3 / printed.sum(), rtol=2e-4)
    assert sum(weights.values()) == pytest.approx(3.0)


def test_one_image_counts_fully_and_with_beta_near_one_weights_are_inverse_counts():
    (weights,) = EffectiveNumbers(beta=0.999999999).classifier_arguments(LABELS).values()
    assert weights[2] / weights[0] == pytest.approx(6.0, rel=1e-4)
    (weights,) = EffectiveNumbers(beta=0.0001).classifier_arguments(LABELS).values()
    assert list(weights.values()) == pytest.approx([1.0] * 3, rel=1e-3)


@pytest.mark.parametrize(
    ("method", "parameter", "value", "what"),
    [
        ("effective_numbers", "beta", 1.0, "between 0 and 1, and neither"),
        ("logit_adjustment", "tau", -1.0, "a number of at least 0"),
        ("balanced_softmax", "tau", np.nan, "a number of at least 0"),
        ("focal_loss", "gamma", -0.5, "a number of at least 0"),
        ("mixup", "alpha", -1.0, "a number above 0"),
        ("cutmix", "alpha", 0.0, "a number above 0"),
        ("remix", "alpha", np.inf, "a number above 0"),
        ("remix", "kappa", 0.5, "a number of at least 1"),
        ("remix", "tau", 2.0, "between 0 and 1"),
        ("rand_augment", "n_changes", 1.5, "a whole number of at least 1"),
        ("rand_augment", "strength", -1.0, "a number of at least 0"),
        ("mixup", "alpha", None, "a number above 0"),
        ("focal_loss", "gamma", "2", "a number of at least 0"),
    ],
)
def test_senseless_parameters_are_refused(method, parameter, value, what):
    with pytest.raises(ValueError, match=f"{parameter} must be {what}, got {value!r}"):
        METHODS[method].new(**{parameter: value}).classifier_arguments(np.array([0, 0, 1]))


@pytest.mark.parametrize("method", ["logit_adjustment", "balanced_softmax", "remix"])
def test_a_class_without_images_has_no_share(method):
    with pytest.raises(ValueError, match="class 1 has no image to learn from"):
        METHODS[method].new().classifier_arguments(np.array([0, 0, 2]))
