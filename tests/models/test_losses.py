import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import losses

RNG = np.random.default_rng(0)


def random(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def test_kl_equals_the_closed_form_of_two_normals():
    mean, log_variance = random(6, 4), random(6, 4)
    samples = mean + np.exp(0.5 * log_variance) * RNG.standard_normal((200_000, 6, 4))
    log_density = -0.5 * ((samples - mean) ** 2 / np.exp(log_variance) + log_variance)
    monte_carlo = (log_density + 0.5 * samples**2).mean()
    assert float(losses.kl_divergence(mean, log_variance)) == pytest.approx(monte_carlo, rel=5e-3)
    assert float(losses.kl_divergence(np.zeros((2, 3)), np.zeros((2, 3)))) == 0.0


def test_half_squared_distance_sums_pixels_and_averages_images():
    a = np.zeros((2, 2, 2, 1), np.float32)
    b = np.ones((2, 2, 2, 1), np.float32)
    b[1] = 3.0
    assert float(losses.half_squared_distance(a, b)) == pytest.approx((0.5 * 4 + 0.5 * 36) / 2)


def test_discriminator_loss_equation_3_1():
    value = losses.discriminator_loss(np.float32([[0.9]]), np.float32([[0.2]]), np.float32([[0.3]]))
    assert float(value) == pytest.approx(-(np.log(0.9) + np.log(0.8) + np.log(0.7)), rel=1e-5)
    assert np.isfinite(float(losses.discriminator_loss(np.float32([[0.0]]), np.float32([[1.0]]), np.float32([[1.0]]))))


def test_reconstruction_loss_is_the_sum_of_three_distances():
    pairs = [random(3, 4, 4, 1), random(3, 4, 4, 1), random(3, 5), random(3, 5), random(3, 2), random(3, 2)]
    expected = sum(0.5 * ((a - b) ** 2).sum() / 3 for a, b in (pairs[0:2], pairs[2:4], pairs[4:6]))
    assert float(losses.reconstruction_loss(*pairs)) == pytest.approx(expected, rel=1e-5)


def test_mean_feature_losses():
    a, b = random(3, 5), random(3, 5)
    assert float(losses.mean_feature_loss(a[0], b[0])) == pytest.approx(0.5 * ((a[0] - b[0]) ** 2).sum(), rel=1e-5)
    assert float(losses.class_mean_feature_loss(a, b)) == pytest.approx(0.5 * ((a - b) ** 2).sum(), rel=1e-5)


def test_classification_loss_normalises_as_keras_does():
    import keras

    probabilities = RNG.uniform(0.05, 0.95, (8, 4)).astype(np.float32)
    labels = RNG.integers(0, 4, 8)
    expected = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert float(losses.classification_loss(labels, probabilities)) == pytest.approx(float(expected), rel=1e-5)


def test_six_terms_are_weighted_as_in_equation_3_6():
    value = losses.cvae_gan_loss(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, lambda_1=10.0, lambda_2=7.0, lambda_3=0.1, lambda_4=0.01)
    assert value == pytest.approx(1 + 2 + 30 + 28 + 0.5 + 0.06)


def test_class_centres_move_only_for_classes_in_the_batch():
    history, features = random(3, 2), random(4, 2)
    centres = losses.class_moving_average(tf.constant(history), tf.constant(features), np.array([0, 0, 2, 0]), 0.9)
    np.testing.assert_allclose(centres[0], 0.9 * history[0] + 0.1 * features[[0, 1, 3]].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(centres[1], history[1])
    np.testing.assert_allclose(centres[2], 0.9 * history[2] + 0.1 * features[2], rtol=1e-5)


def test_centres_have_the_gradient_of_the_batchs_mean_and_none_through_the_history():
    history, features = tf.Variable(random(3, 2)), tf.Variable(random(4, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(losses.class_moving_average(history, features, np.array([0, 0, 2, 0]), 0.9))
    of_history, of_features = tape.gradient(loss, [history, features], unconnected_gradients="zero")
    np.testing.assert_array_equal(of_history, 0.0)
    np.testing.assert_allclose(of_features[2], 1.0, rtol=1e-5)
    np.testing.assert_allclose(of_features[0], 1.0 / 3, rtol=1e-5)
