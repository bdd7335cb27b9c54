"""CVAE's step: what it minimises, by hand."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import losses
from class_balancing.models.cvae import CVAETraining
from class_balancing.models.networks import thesis_mnist
from class_balancing.models.training.fit import seeded
from fits import minimised_and_logged
from small_balancers import balancer

N_CLASSES, LATENT_SIZE = 3, 4
pytestmark = pytest.mark.usefixtures("eagerly")


def networks():
    """(encoder, generator), always with the same weights."""
    with seeded(0):
        encoder = thesis_mnist.cvae_gan_encoder(N_CLASSES, LATENT_SIZE)
        return encoder, thesis_mnist.cvae_gan_generator(N_CLASSES, LATENT_SIZE)


@pytest.mark.parametrize("lambda_1", [0.0, 27.5])
def test_the_loss_is_half_the_squared_distance_and_the_weighted_divergence_of_a_drawn_latent(lambda_1, monkeypatch):
    rng = np.random.default_rng(0)
    batch = {
        "images": tf.constant(rng.uniform(-1, 1, (6, 28, 28, 1)), tf.float32),
        "labels": tf.constant(rng.integers(0, N_CLASSES, 6), tf.int32),
        "noise": tf.constant(rng.standard_normal((6, LATENT_SIZE)), tf.float32),
    }
    encoder, generator = networks()
    labels = batch["labels"][:, None]
    mean, log_variance = encoder([batch["images"], labels], training=True)
    made = generator([labels, mean + tf.exp(log_variance / 2) * batch["noise"]], training=True)
    l_2 = float(losses.half_squared_distance(batch["images"], made))
    l_kl = float(losses.kl_divergence(mean, log_variance))

    model = CVAETraining(*networks(), lambda_1, 1e-3)
    minimised, logs = minimised_and_logged(model, batch, monkeypatch)
    assert minimised == [("both", pytest.approx(lambda_1 * l_kl + l_2, rel=1e-4))]
    assert [logs[name] for name in ("L_KL", "L_2")] == pytest.approx([l_kl, l_2], rel=1e-4)
    assert l_kl > 0


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", ["cvae", "cvae_gan"])
def test_new_images_and_encodings_are_of_the_class_that_is_asked_for(name, few_digits, monkeypatch):
    from class_balancing.models import conditional

    fitted = balancer(name, n_epochs=0).fit(few_digits.images, few_digits.labels)
    fours, seen = few_digits.images[few_digits.labels == 4], []

    def note(network, batches):
        seen.extend(batches)
        return np.zeros((5, 28, 28, 1), np.uint8)

    monkeypatch.setattr(conditional, "predict_images", note)
    monkeypatch.setattr(conditional, "predict", lambda network, batches: [note(network, batches)])
    fitted.sample(4, 5, 7)
    fitted.encode(fours[:5], 4)
    (labels, latents), (images, of_images) = seen
    assert labels.numpy().tolist() == of_images.numpy().tolist() == [[3]] * 5, "the fourth class"
    np.testing.assert_array_equal(latents, np.random.default_rng(7).standard_normal((5, 5), np.float32))
    np.testing.assert_allclose(images, fours[:5] / 127.5 - 1, atol=1e-6)
