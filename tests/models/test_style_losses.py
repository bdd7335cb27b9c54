"""The equations of style transfer, against small examples and each other."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import style_losses

F = np.float32([[1, 2], [3, 4]])  # two channels at two positions


@pytest.fixture
def features():
    """F of the examples as (batch, height, width, channels)."""
    return tf.constant(F.T[None, None])


def drawn(*shape):
    return tf.constant(np.random.default_rng(0).standard_normal(shape), tf.float32)


def test_gram_matrix_and_layer_loss_of_the_small_example(features):
    gram = style_losses.gram_matrix(features)
    np.testing.assert_array_equal(gram, [[[5, 11], [11, 25]]])
    np.testing.assert_allclose(style_losses.layer_style_loss(gram, tf.zeros_like(gram), 2), [13.9375])


def test_a_guide_of_ones_gives_the_plain_gram_matrix():
    features = drawn(3, 4, 5, 6)
    guided = style_losses.guided_gram_matrix(features, tf.ones((3, 4, 5)))
    np.testing.assert_array_equal(guided, style_losses.gram_matrix(features))


def test_a_guide_chooses_positions(features):
    guide = tf.constant([[[np.sqrt(2), 0.0]]], tf.float32)
    np.testing.assert_allclose(style_losses.guided_gram_matrix(features, guide), [[[2, 6], [6, 18]]], rtol=1e-6)


def test_features_where_the_guide_is_nothing_get_no_gradient():
    features, guide = drawn(1, 4, 4, 3), np.zeros((1, 4, 4), np.float32)
    guide[0, :2] = np.sqrt(2)
    with tf.GradientTape() as tape:
        tape.watch(features)
        gram = style_losses.guided_gram_matrix(features, tf.constant(guide))
        loss = style_losses.layer_style_loss(gram, tf.zeros_like(gram), 16)
    gradient = tape.gradient(loss, features).numpy()
    assert not gradient[0, 2:].any()
    assert gradient[0, :2].all()


def test_several_styles_have_the_gradient_of_their_mean_gram_matrix():
    features, targets, weights = drawn(1, 4, 4, 3), drawn(3, 3, 3), np.float32([0.2, 0.3, 0.5])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        gram = style_losses.gram_matrix(features)
        apart = style_losses.style_loss(
            [style_losses.layer_style_loss(gram, target[None], 16) for target in targets], weights
        )
        mean = tf.reduce_sum(weights[:, None, None] * targets, 0, keepdims=True)
        together = style_losses.layer_style_loss(gram, mean, 16)
    gradients = [tape.gradient(loss, features) for loss in (apart, together)]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)
    assert float(apart[0]) > 1.001 * float(together[0]), "the losses differ by a constant"


def test_content_and_total_loss(features):
    content = style_losses.content_loss(features, tf.zeros_like(features))
    np.testing.assert_array_equal(content, [15.0])  # (1 + 4 + 9 + 16) / 2
    np.testing.assert_allclose(style_losses.total_loss(content, 13.9375, 0.1, 2.0), [29.375])


def test_each_image_has_losses_of_its_own():
    both = drawn(2, 4, 4, 3)
    grams, other = style_losses.gram_matrix(both), tf.zeros((2, 3, 3))
    found = style_losses.layer_style_loss(grams, other, 16), style_losses.content_loss(both, 0.0)
    for index in (0, 1):
        one = both[index : index + 1]
        alone = style_losses.layer_style_loss(style_losses.gram_matrix(one), other[:1], 16)
        np.testing.assert_allclose(found[0][index], alone[0], rtol=1e-5)
        np.testing.assert_allclose(found[1][index], style_losses.content_loss(one, 0.0)[0], rtol=1e-5)
