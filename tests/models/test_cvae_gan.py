import functools
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import cvae_gan, losses
from class_balancing.models.networks import thesis_mnist
from class_balancing.models.training.fit import seeded

LAMBDAS = (300.0, 1.0, 1e-3, 1e-3)


def networks():
    with seeded(0):
        return {
            "encoder": thesis_mnist.cvae_gan_encoder(3, 4),
            "generator": thesis_mnist.cvae_gan_generator(3, 4),
            "discriminator": thesis_mnist.cvae_gan_discriminator(),
            "classifier": thesis_mnist.cvae_gan_classifier(3),
        }


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return {
        "images": tf.constant(rng.uniform(-1, 1, (6, 28, 28, 1)), tf.float32),
        "labels": tf.constant([0, 1, 2, 0, 1, 0]),
        "noise": tf.constant(rng.standard_normal((6, 4)), tf.float32),
        "prior_latent": tf.constant(rng.standard_normal((6, 4)), tf.float32),
        "prior_labels": tf.constant([1, 1, 0, 1, 0, 1]),
        "numbers": tf.zeros((6, 7)),
    }


ARGUMENTS = {"centre_momentum": 0.9, "augmentation_strength": 0.0, "learning_rate": 1e-3}


@dataclass
class Step:
    """Losses of one step, and what it left: trainable weights of each network, centres by name."""

    losses: dict
    weights: dict
    moved: set  # names of the networks whose weights changed
    centres: dict


@pytest.fixture(scope="module")
def step(batch):
    """Function of lambda_1 to lambda_4: one Step from the same start; each is made once."""
    parts = networks()
    model = cvae_gan.CVAEGANTraining(*parts.values(), weights=LAMBDAS, **ARGUMENTS)
    model.build_optimizers()
    start = [variable.numpy() for variable in model.state()]

    def weights():
        return {name: [v.numpy() for v in network.trainable_variables] for name, network in parts.items()}

    before = weights()

    @functools.cache
    def made(*lambdas):
        for variable, value in zip(model.state(), start, strict=True):
            variable.assign(value)
        model.loss_weights = dict(zip(model.loss_weights, lambdas, strict=True))
        found = {name: float(value) for name, value in model.train_step(batch).items()}
        after = weights()
        moved = {name for name in parts if any((a != b).any() for a, b in zip(before[name], after[name], strict=True))}
        names = ("real_centre", "generated_centre", "real_class_centres", "generated_class_centres")
        return Step(found, after, moved, {name: getattr(model, name).numpy() for name in names})

    return made


def test_total_is_equation_3_6(step):
    found = step(*LAMBDAS).losses
    expected = found["L_D"] + found["L_C"] + 300 * found["L_KL"] + found["L_G"] + 1e-3 * (found["L_GD"] + found["L_GC"])
    assert found["L"] == pytest.approx(expected, rel=1e-5)


def test_every_network_learns(step):
    assert step(*LAMBDAS).moved == {"encoder", "generator", "discriminator", "classifier"}


@pytest.mark.parametrize(
    ("lambdas", "moved"),
    [
        ((0.0, 0.0, 0.0, 0.0), set()),
        ((0.0, 0.0, 1.0, 1.0), {"generator"}),  # L_GD and L_GC do not reach the encoder
        ((1.0, 0.0, 0.0, 0.0), {"encoder"}),  # L_KL does not reach the generator
    ],
)
def test_encoder_and_generator_minimise_only_their_terms(lambdas, moved, step):
    assert step(*lambdas).moved == {"discriminator", "classifier"} | moved


def test_discriminator_and_classifier_ignore_the_generators_terms(step):
    small, large = step(0.0, 0.0, 0.0, 0.0).weights, step(1.0, 1e3, 1e3, 1e3).weights
    for name in ("discriminator", "classifier"):
        for a, b in zip(small[name], large[name], strict=True):
            np.testing.assert_array_equal(a, b)


def test_feature_centres_move_by_a_tenth_and_only_for_classes_present(batch, step):
    found = step(*LAMBDAS)
    assert np.abs(found.centres["real_class_centres"]).sum(axis=1).min() > 0
    discriminator = cvae_gan._with_features(networks()["discriminator"], "flatten_2")
    features = discriminator(batch["images"], training=True)[1]
    np.testing.assert_allclose(found.centres["real_centre"], 0.1 * np.mean(features, axis=0), rtol=1e-4, atol=1e-6)
    generated = np.abs(found.centres["generated_class_centres"]).sum(axis=1)
    assert generated[2] == 0, "class 2 was not generated"
    assert generated[:2].min() > 0
    expected = losses.mean_feature_loss(found.centres["real_centre"], found.centres["generated_centre"])
    assert found.losses["L_GD"] == pytest.approx(float(expected), rel=1e-5)


def test_losses_are_those_of_the_images_that_they_name(batch):
    """By hand, without dropout: x_f from encodings of x_r, x_p from the prior and its classes."""

    def without_dropout():
        parts = networks()
        for network in parts.values():
            for layer in network.layers:
                if isinstance(layer, keras.layers.Dropout):
                    layer.rate = 0.0
        return parts

    model = cvae_gan.CVAEGANTraining(*without_dropout().values(), weights=LAMBDAS, **ARGUMENTS)
    model.build_optimizers()
    found = model.train_step(batch)
    parts, real, labels, prior_labels = without_dropout(), batch["images"], batch["labels"], batch["prior_labels"]
    judge, namer = (
        cvae_gan._with_features(parts[name], layer)
        for name, layer in (("discriminator", "flatten_2"), ("classifier", "flatten_3"))
    )
    mean, log_variance = parts["encoder"]([real, labels[:, None]], training=True)
    latent = mean + tf.exp(log_variance / 2) * batch["noise"]
    reconstructed = parts["generator"]([labels[:, None], latent], training=True)
    generated = parts["generator"]([prior_labels[:, None], batch["prior_latent"]], training=True)
    judged = [judge(images, training=True) for images in (real, reconstructed, generated)]
    named = [namer(images, training=True) for images in (real, reconstructed)]
    both = [features for (_, features) in (*judged[:2], *named)]
    expected = {
        "L_D": losses.discriminator_loss(*(probability for probability, _ in judged)),
        "L_C": losses.classification_loss(labels, named[0][0]),
        "L_KL": losses.kl_divergence(mean, log_variance),
        "L_G": losses.reconstruction_loss(real, reconstructed, *both),
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-4), name
    np.testing.assert_allclose(model.generated_centre, 0.1 * tf.reduce_mean(judged[2][1], axis=0), rtol=1e-3, atol=1e-6)


def test_noise_is_a_function_of_seed_and_step():
    made = cvae_gan.CVAEGAN(latent_size=3, random_state=1)
    made.classes_, made.seed_ = np.arange(4), 1
    first, again, later = (made._noise(tf.constant(step, tf.int64), 500) for step in (0, 0, 1))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
        assert (value != later[name]).numpy().any()
    assert set(first["prior_labels"].numpy()) == {0, 1, 2, 3}
    assert (first["noise"] != first["prior_latent"]).numpy().all()
