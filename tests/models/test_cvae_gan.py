import keras
import numpy as np
import pytest
import tensorflow as tf

from models import cvae_gan, losses
from models.networks import thesis_mnist
from models.training import seeded

WEIGHTS = (300.0, 1.0, 1e-3, 1e-3)


def networks():
    with seeded(0):
        return [
            thesis_mnist.cvae_gan_encoder(3, 4),
            thesis_mnist.cvae_gan_generator(3, 4),
            thesis_mnist.cvae_gan_discriminator(),
            thesis_mnist.cvae_gan_classifier(3),
        ]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {
        "images": tf.constant(rng.uniform(-1, 1, (6, 28, 28, 1)), tf.float32),
        "labels": tf.constant([0, 1, 2, 0, 1, 0]),
        "noise": tf.constant(rng.standard_normal((6, 4)), tf.float32),
        "prior_latent": tf.constant(rng.standard_normal((6, 4)), tf.float32),
        "prior_labels": tf.constant([1, 1, 0, 1, 0, 1]),
    }


def step(batch, weights=WEIGHTS, learning_rate=1e-3):
    """(networks before, networks after, losses, training model) of one SGD step."""
    parts = networks()
    before = [network.get_weights() for network in parts]
    model = cvae_gan.CVAEGANTraining(*parts, weights=weights, centre_momentum=0.9)
    model.compile(keras.optimizers.SGD(learning_rate))
    model.optimizer.build(model.trainable_variables)
    logs = {name: float(value) for name, value in model.train_step(batch).items()}
    return before, parts, logs, model


def trainable_changed(network, before):
    trainable = {id(variable) for variable in network.trainable_variables}
    return any(
        (np.asarray(variable) != old).any()
        for variable, old in zip(network.weights, before, strict=True)
        if id(variable) in trainable
    )


def test_total_is_equation_3_6(batch):
    logs = step(batch)[2]
    expected = logs["L_D"] + logs["L_C"] + 300 * logs["L_KL"] + logs["L_G"] + 1e-3 * (logs["L_GD"] + logs["L_GC"])
    assert logs["L"] == pytest.approx(expected, rel=1e-5)


def test_every_network_learns(batch):
    before, after, _, _ = step(batch)
    assert [trainable_changed(network, old) for network, old in zip(after, before, strict=True)] == [True] * 4


def test_encoder_and_generator_minimise_only_their_terms(batch):
    before, after, _, _ = step(batch, weights=(0.0, 0.0, 0.0, 0.0))
    assert [trainable_changed(network, old) for network, old in zip(after, before, strict=True)] == [
        False,
        False,
        True,
        True,
    ]
    before, after, _, _ = step(batch, weights=(0.0, 0.0, 1.0, 1.0))
    assert not trainable_changed(after[0], before[0]), "L_GD and L_GC do not reach the encoder"
    assert trainable_changed(after[1], before[1])
    before, after, _, _ = step(batch, weights=(1.0, 0.0, 0.0, 0.0))
    assert trainable_changed(after[0], before[0])
    assert not trainable_changed(after[1], before[1]), "L_KL does not reach the generator"


def test_discriminator_and_classifier_ignore_the_generators_terms(batch):
    _, small, _, _ = step(batch, weights=(0.0, 0.0, 0.0, 0.0))
    _, large, _, _ = step(batch, weights=(1.0, 1e3, 1e3, 1e3))
    for index in (2, 3):
        for a, b in zip(small[index].trainable_variables, large[index].trainable_variables, strict=True):
            np.testing.assert_array_equal(a, b)


def test_feature_centres_move_by_a_tenth_and_only_for_classes_present(batch):
    _, _, logs, model = step(batch)
    assert np.abs(model.real_class_centres).sum(axis=1).min() > 0
    features = cvae_gan._with_features(networks()[2], "flatten_2")(batch["images"], training=True)[1]
    np.testing.assert_allclose(model.real_centre, 0.1 * np.mean(features, axis=0), rtol=1e-4, atol=1e-6)
    generated = np.abs(model.generated_class_centres).sum(axis=1)
    assert generated[2] == 0, "class 2 was not generated"
    assert generated[:2].min() > 0
    centres = (model.real_centre, model.generated_centre)
    assert logs["L_GD"] == pytest.approx(float(losses.mean_feature_loss(*centres)), rel=1e-5)


def test_noise_is_a_function_of_seed_and_step():
    made = cvae_gan.CVAEGAN(latent_size=3, random_state=1)
    made.classes_, made.seed_ = np.arange(4), 1
    first, again, later = (made._noise(tf.constant(step, tf.int64), 500) for step in (0, 0, 1))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
        assert (value != later[name]).numpy().any()
    assert set(first["prior_labels"].numpy()) == {0, 1, 2, 3}
    assert (first["noise"] != first["prior_latent"]).numpy().all()
