"""Maps of influence: of linear models they are known, and guides made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import influence
from class_balancing.models.networks import classifiers, fer2013, style
from class_balancing.models.training.fit import seeded
from keras import layers

SHAPE = 8, 10, 3


@pytest.fixture(scope="module")
def linear():
    """A classifier whose logits are linear, and the weights (height, width, channels) of class 1."""
    image = keras.Input(SHAPE)
    with seeded(0):
        classifier = keras.Model(image, layers.Dense(2, "softmax")(layers.Flatten()(image)))
    return classifier, classifier.get_weights()[0][:, 1].reshape(SHAPE)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, *SHAPE), dtype=np.uint8)


ONES = np.ones(3, np.int64)


def test_the_gradient_of_a_linear_model_is_its_weights(linear, images):
    classifier, weights = linear
    found = influence.gradient_map(classifier, images, ONES)
    np.testing.assert_allclose(found, np.broadcast_to(np.abs(weights).max(-1), found.shape), rtol=1e-6)


def test_occlusion_of_a_linear_model_sums_its_weights(linear, images):
    classifier, weights = linear
    falls, rows, columns, window = influence.occlusion_falls(classifier, images, ONES, 3)
    assert (rows, columns, window) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7], 3)
    x = images / 127.5 - 1.0
    terms = weights * (x - x.mean(axis=(1, 2), keepdims=True))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            expected = terms[:, top : top + 3, left : left + 3].sum(axis=(1, 2, 3))
            np.testing.assert_allclose(falls[:, i, j], expected, atol=1e-5)
    found = influence.occlusion_map(classifier, images, ONES, 3)
    np.testing.assert_allclose(found[:, 0, 0], falls[:, 0, 0], rtol=1e-5)  # only one window covers a corner
    np.testing.assert_allclose(found[:, 1, 0], falls[:, :2, 0].mean(axis=1), rtol=1e-4)


def test_windows_are_a_seventh_of_the_image_and_reach_its_borders(linear):
    classifier = keras.Sequential([keras.Input((30, 29, 1)), layers.Flatten(), layers.Dense(2, "softmax")])
    images = np.zeros((1, 30, 29, 1), np.uint8)
    falls, rows, columns, window = influence.occlusion_falls(classifier, images, np.zeros(1, np.int64))
    assert window == 4
    assert rows == list(range(0, 27, 2))
    assert columns == [*range(0, 25, 2), 25]
    assert falls.shape == (1, 14, 14)
    with pytest.raises(ValueError, match="windows must have 1 to 29 pixels, got 30"):
        influence.occlusion_map(classifier, images, np.zeros(1, np.int64), 30)


def test_guided_backpropagation_passes_positive_gradients_back_through_active_units():
    """x -> relu(A x) -> B, whose guided gradient is A' (active * max(B, 0))."""
    image = keras.Input((2, 2, 1))
    with seeded(2):
        hidden = layers.Dense(5, "relu")(layers.Flatten()(image))
        hidden = layers.ReLU()(layers.Dense(4)(hidden))
        network = keras.Model(image, layers.Dense(2, "softmax")(hidden))
    (a, a0), (b, b0), (c, _) = (layer.get_weights() for layer in network.layers if layer.weights)
    x = np.uint8([10, 200, 90, 250]) / 127.5 - 1.0
    first = x @ a + a0
    second = np.maximum(first, 0) @ b + b0
    back = (second > 0) * np.maximum(c[:, 1], 0)
    back = (first > 0) * np.maximum(b @ back, 0)
    assert (b @ ((second > 0) * np.maximum(c[:, 1], 0)) < 0).any(), "something is held back"
    found = influence.guided_backpropagation_map(network, np.uint8([10, 200, 90, 250]).reshape(1, 2, 2, 1), ONES[:1])
    np.testing.assert_allclose(found.ravel(), np.abs(a @ back), rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (classifiers.mnist_classifier, (28, 28, 1)),
        (classifiers.cifar10_classifier, (32, 32, 3)),
        (fer2013.slides_classifier, (48, 48, 1)),
        (lambda: style.style_classifier(5, (16, 16, 1)), (16, 16, 1)),
    ],
)
def test_classifiers_of_this_package_have_logits_and_all_maps(build, shape):
    with seeded(0):
        classifier = build()
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    x = tf.constant(images / 127.5 - 1.0, tf.float32)
    logits = influence.with_logits(classifier)(x, training=False)
    np.testing.assert_allclose(tf.nn.softmax(logits), classifier(x, training=False), atol=1e-5)
    guided = influence.with_guided_rectifiers(classifier)(x, training=False)
    np.testing.assert_allclose(guided, classifier(x, training=False), atol=1e-5)
    for name in ("gradient", "guided backpropagation"):
        found = influence.MAPS[name](classifier, images, np.array([0, 1]))
        assert (found.shape, found.dtype) == (images.shape[:3], np.float32)
        assert found.max() > 0


def test_networks_that_maps_cannot_look_at_are_refused(linear, images):
    image = keras.Input(SHAPE)
    convolved = keras.Model(image, layers.Conv2D(2, 3)(image), name="convolved")
    with pytest.raises(ValueError, match="convolved does not end in a softmax or sigmoid"):
        influence.gradient_map(convolved, images, ONES)
    with pytest.raises(ValueError, match="has no ReLU"):
        influence.guided_backpropagation_map(linear[0], images, ONES)


def test_a_guide_keeps_the_most_influential_quarter_at_any_resolution():
    found = influence.guide(np.arange(64, dtype=np.float32).reshape(1, 8, 8), (4, 4))
    np.testing.assert_allclose(np.square(found).mean(), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(found[0, :3], np.zeros((3, 4)))
    np.testing.assert_array_equal(found[0, 3], np.full(4, 2.0))


def test_a_guide_is_never_empty():
    one = influence.guide(np.arange(4, dtype=np.float32).reshape(1, 2, 2), (1, 1))
    np.testing.assert_array_equal(one, [[[1.0]]])
    alike = influence.guide(np.zeros((2, 4, 4), np.float32), (4, 4))
    np.testing.assert_array_equal(alike, np.ones((2, 4, 4)))


@pytest.mark.parametrize("name", influence.MAPS)
@pytest.mark.parametrize(
    ("images", "indices", "message"),
    [
        (np.zeros((2, *SHAPE)), [0, 1], r"images must be uint8 \(n, 8, 10, 3\), got float64"),
        (np.zeros((2, 9, 10, 3), np.uint8), [0, 1], r"got uint8 \(2, 9, 10, 3\)"),
        (np.zeros((2, *SHAPE), np.uint8), [0], r"class_indices must be 2 whole numbers, got int64 \(1,\)"),
        (np.zeros((2, *SHAPE), np.uint8), [0, 2], r"class_indices must lie in 0..1, got 0 to 2"),
    ],
)
def test_images_and_indices_that_do_not_fit_are_refused(name, images, indices, message, linear):
    with pytest.raises(ValueError, match=message):
        influence.MAPS[name](linear[0], images, np.array(indices))
