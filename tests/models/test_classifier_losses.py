"""Losses and corrections for classes of unequal size, at values that can be worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.evaluation import classifiers
from class_balancing.models import classifier_losses
from class_balancing.models.classifier_losses import BalancedSoftmax, FocalLoss, LogitAdjustment

LABELS = np.array([0] * 90 + [1] * 10)
EQUAL = np.full((1, 2), 0.5, np.float32)
SECOND = np.array([[0.0, 1.0]], np.float32)


def test_equal_logits_are_adjusted_towards_the_rare_class():
    (adjust,) = LogitAdjustment().classifier_arguments(LABELS).values()
    np.testing.assert_allclose(adjust(EQUAL), [[0.1, 0.9]], rtol=1e-5)
    (adjust,) = LogitAdjustment(tau=0.0).classifier_arguments(LABELS).values()
    np.testing.assert_allclose(adjust(EQUAL), EQUAL, rtol=1e-6)


def test_where_classes_are_equal_nothing_is_adjusted():
    (adjust,) = LogitAdjustment().classifier_arguments(np.array([0, 1, 1, 0])).values()
    probabilities = np.array([[0.3, 0.7], [1.0, 0.0]], np.float32)
    np.testing.assert_allclose(adjust(probabilities), probabilities, atol=1e-6)


def test_the_rare_class_costs_minus_the_log_of_its_share_at_equal_logits():
    (loss,) = BalancedSoftmax().classifier_arguments(LABELS).values()
    assert float(loss(SECOND, EQUAL)[0]) == pytest.approx(2.3026, abs=1e-4)
    assert float(loss(1.0 - SECOND, EQUAL)[0]) == pytest.approx(-np.log(0.9), abs=1e-4)
    (loss,) = BalancedSoftmax(tau=0.0).classifier_arguments(LABELS).values()
    assert float(loss(SECOND, EQUAL)[0]) == pytest.approx(np.log(2), abs=1e-5)


def test_logits_are_known_up_to_a_constant_only_and_nothing_else_is_needed():
    logits = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    shares = np.array([0.7, 0.2, 0.1], np.float32)
    found = classifier_losses.adjusted(keras.ops.softmax(logits), shares, 1.0)
    np.testing.assert_allclose(found, keras.ops.softmax(logits + np.log(shares) + 7.0), rtol=1e-4)


@pytest.mark.parametrize(("gamma", "expected"), [(2.0, 0.25 * np.log(2)), (0.0, np.log(2))])
def test_focal_loss_weighs_by_what_is_left_to_learn(gamma, expected):
    (loss,) = FocalLoss(gamma=gamma).classifier_arguments(LABELS).values()
    assert float(loss(SECOND, EQUAL)[0]) == pytest.approx(expected, rel=1e-5)


def test_mixed_labels_want_a_mixed_answer():
    """Of labels .7 and .3 the sum over both classes is least near .58, and a certain answer costs more."""
    labels = np.array([[0.7, 0.3]], np.float32)
    shares = np.linspace(0.05, 0.95, 91, dtype=np.float32)
    costs = classifier_losses.focal_loss(labels, np.stack([shares, 1 - shares], axis=1), 2.0)
    assert shares[np.argmin(costs)] == pytest.approx(0.58, abs=0.011)


@pytest.mark.parametrize("method", [BalancedSoftmax(), FocalLoss()], ids=lambda method: type(method).__name__)
def test_what_is_wrong_with_certainty_still_learns(method):
    (loss,) = method.classifier_arguments(LABELS).values()
    logits = tf.constant([[25.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(SECOND, keras.ops.softmax(logits))
    np.testing.assert_allclose(tape.gradient(value, logits), [[1.0, -1.0]], atol=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_what_is_right_with_certainty_has_finite_gradients(gamma):
    logits = tf.Variable([[200.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = classifier_losses.focal_loss(tf.constant([[1.0, 0.0]]), tf.nn.softmax(logits), gamma)
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, logits)).all()


def test_an_impossible_class_has_a_finite_loss():
    certain = np.array([[1.0, 0.0]], np.float32)
    for method in (BalancedSoftmax(), FocalLoss()):
        (loss,) = method.classifier_arguments(LABELS).values()
        assert np.isfinite(loss(SECOND, certain)).all()


@pytest.mark.parametrize("method", [LogitAdjustment(), BalancedSoftmax()], ids=lambda method: type(method).__name__)
def test_a_classifier_that_sees_only_the_prior_calls_everything_the_rare_class_or_either(method):
    """Images without content: the plain classifier always says class 0, an adjusted one finds both as likely."""
    images = np.full((100, 8, 8, 1), 100, np.uint8)
    data = ImageDataset("same", images, LABELS, ("many", "few"))

    def build(n_classes, image_shape):
        image = keras.Input(image_shape)
        return keras.Model(image, keras.layers.Dense(n_classes, "softmax")(keras.layers.Flatten()(image)))

    def shares(**arguments):
        training = {"n_epochs": 1, "steps_per_epoch": 100, "batch_size": 100, "learning_rate": 0.05, "random_state": 0}
        model, _ = classifiers.train_classifier(build, data, data, **training, **arguments)
        return model.predict(images[:1].astype(np.float32) / 127.5 - 1, verbose=0)[0]

    assert shares()[0] > 0.8
    np.testing.assert_allclose(shares(**method.classifier_arguments(LABELS)), [0.5, 0.5], atol=0.12)


@pytest.mark.parametrize(
    ("method", "other"), [(BalancedSoftmax(), BalancedSoftmax(tau=2.0)), (FocalLoss(), FocalLoss(gamma=3.0))]
)
def test_what_is_trained_alike_has_one_loss_by_which_classifiers_share_what_was_traced(method, other):
    assert method.classifier_arguments(LABELS) == method.classifier_arguments(LABELS.copy())
    assert method.classifier_arguments(LABELS) != other.classifier_arguments(LABELS)


def test_other_shares_have_another_loss():
    assert BalancedSoftmax().classifier_arguments(LABELS) != BalancedSoftmax().classifier_arguments(1 - LABELS)
