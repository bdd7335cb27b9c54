"""WGAN-GP: its losses, and the order of its updates."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing import WGANGP
from class_balancing.models import wgan_gp
from class_balancing.models.networks import dcgan as networks
from class_balancing.models.training.fit import seeded
from fits import minimised_and_logged

N_CRITIC_STEPS = 3


def linear(weights):
    return lambda images: tf.reduce_sum(images * weights, axis=(1, 2, 3))[:, None]  # (batch, 1)


def test_penalty_of_a_linear_critic_is_the_square_of_its_slope_less_one():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((5, 4, 2)).astype(np.float32)
    weights *= 3 / np.linalg.norm(weights)
    real, generated = (tf.constant(rng.standard_normal((6, 5, 4, 2)), tf.float32) for _ in range(2))
    epsilon = tf.constant(rng.random(6), tf.float32)
    penalty = wgan_gp.gradient_penalty(linear(weights), real, generated, epsilon)
    assert 10 * float(penalty) == pytest.approx(40, rel=1e-5)


def test_penalty_is_taken_between_real_and_generated_images_with_one_epsilon_an_image():
    rng = np.random.default_rng(0)
    real, generated = (rng.standard_normal((6, 5, 4, 2)) for _ in range(2))
    epsilon = rng.random(6)
    # the gradient of half the squared norm is the image itself
    penalty = wgan_gp.gradient_penalty(
        lambda images: tf.reduce_sum(images**2, axis=(1, 2, 3))[:, None] / 2,
        *(tf.constant(values) for values in (real, generated, epsilon)),
    )
    weight = epsilon[:, None, None, None]
    norms = np.linalg.norm((weight * real + (1 - weight) * generated).reshape(6, -1), axis=1)
    assert float(penalty) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-6)


def test_penalty_of_a_flat_critic_is_one_and_its_gradient_finite():
    weights = tf.Variable(tf.zeros((5, 4, 2)))
    images = tf.ones((3, 5, 4, 2))
    with tf.GradientTape() as tape:
        penalty = wgan_gp.gradient_penalty(linear(weights), images, -images, tf.constant([0.1, 0.5, 0.9]))
    assert float(penalty) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(tape.gradient(penalty, weights)).all()


def test_losses_are_differences_of_means():
    real, generated = tf.constant([[3.0], [5.0]]), tf.constant([[1.0], [-2.0]])
    assert float(wgan_gp.critic_loss(real, generated)) == -0.5 - 4
    assert float(wgan_gp.generator_loss(generated)) == 0.5


def one_step(learning_rate=1e-3, critic_learning_rate=1e-3, augmentation_strength=1.0):
    """(model, batch) with small networks, not stepped yet."""
    with seeded(0):
        generator, critic = networks.generator((12, 12, 1), 3, 4, 8), networks.critic((12, 12, 1), 3, 8)
    model = wgan_gp.WGANGPTraining(
        generator,
        critic,
        learning_rate=learning_rate,
        critic_learning_rate=critic_learning_rate,
        n_critic_steps=N_CRITIC_STEPS,
        gradient_penalty_weight=10.0,
        augmentation_strength=augmentation_strength,
    )
    model.build_optimizers()
    rng, n = np.random.default_rng(0), N_CRITIC_STEPS
    batch = {
        "images": tf.constant(rng.uniform(-1, 1, (6, n, 12, 12, 1)), tf.float32),
        "conditions": tf.one_hot(rng.integers(0, 3, (6, n)), 3),
        "latent": tf.constant(rng.standard_normal((6, n + 1, 4)), tf.float32),
        "numbers": tf.constant(rng.random((6, n + 1, 7)), tf.float32),
        "epsilon": tf.constant(rng.random((6, n)), tf.float32),
    }
    return model, batch


def trainable(network):
    return [variable.numpy() for variable in network.trainable_variables]


@pytest.mark.parametrize(("of_generator", "of_critic"), [(1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-3)])
def test_each_optimizer_moves_its_own_network_and_no_other(of_generator, of_critic):
    model, batch = one_step(of_generator, of_critic)
    networks_of = {"generator": (model.generator, of_generator), "critic": (model.critic, of_critic)}
    before = {name: trainable(network) for name, (network, _) in networks_of.items()}
    model.train_step(batch)
    for name, (network, rate) in networks_of.items():
        moved = {(old != new).any() for old, new in zip(before[name], trainable(network), strict=True)}
        assert moved == {rate > 0}, name


def test_a_step_is_several_updates_of_the_critic_and_one_of_the_generator():
    model, batch = one_step()
    for _ in range(2):
        model.train_step(batch)
    taken = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    assert taken == {"critic": 2 * N_CRITIC_STEPS, "generator": 2}


def test_every_update_of_the_critic_has_its_own_images_and_one_draw_for_real_and_generated(monkeypatch):
    calls, epsilons = [], []
    augmented, penalty = wgan_gp.augmented, wgan_gp.gradient_penalty
    monkeypatch.setattr(wgan_gp, "augmented", lambda *values: calls.append(values) or augmented(*values))
    monkeypatch.setattr(wgan_gp, "gradient_penalty", lambda *values: epsilons.append(values[-1]) or penalty(*values))
    model, batch = one_step(augmentation_strength=0.5)
    model.train_step(batch)
    assert len(calls) == 2 * N_CRITIC_STEPS + 1
    for index in range(N_CRITIC_STEPS):
        of_real, of_generated = calls[2 * index : 2 * index + 2]
        np.testing.assert_array_equal(of_real[0], batch["images"][:, index])
        np.testing.assert_array_equal(of_real[1], batch["numbers"][:, index])
        assert of_real[1] is of_generated[1]
        np.testing.assert_array_equal(epsilons[index], batch["epsilon"][:, index])
    np.testing.assert_array_equal(calls[-1][1], batch["numbers"][:, -1])
    assert {strength for *_, strength in calls} == {0.5}


def test_the_critic_is_told_apart_from_its_penalty():
    model, batch = one_step(learning_rate=0.0, critic_learning_rate=0.0, augmentation_strength=0.0)
    logs = {name: float(value) for name, value in model.train_step(batch).items()}
    last = {name: batch[name][:, N_CRITIC_STEPS - 1] for name in batch}
    generated = model.generator([last["conditions"], last["latent"]], training=True)
    values = [model.critic([images, last["conditions"]]) for images in (last["images"], generated)]
    assert logs["L_D"] == pytest.approx(float(np.mean(values[1]) - np.mean(values[0])), abs=1e-5)
    penalty = wgan_gp.gradient_penalty(
        lambda images: model.critic([images, last["conditions"]]), last["images"], generated, last["epsilon"]
    )
    assert logs["L_GP"] == pytest.approx(10 * float(penalty), rel=1e-4)


def test_the_critic_minimises_its_loss_and_the_penalty(monkeypatch):
    model, batch = one_step()
    minimised, logs = minimised_and_logged(model, batch, monkeypatch)
    assert [name for name, _ in minimised] == ["critic"] * N_CRITIC_STEPS + ["generator"]
    assert minimised[-2][1] == pytest.approx(logs["L_D"] + logs["L_GP"], rel=1e-5)
    assert minimised[-1][1] == pytest.approx(logs["L_G"], rel=1e-5)
    assert logs["L_GP"] > 0


def test_batches_hold_the_images_of_all_updates_of_the_critic(digits):
    chosen = np.concatenate([np.flatnonzero(digits.labels == label)[:n] for label, n in ((0, 90), (3, 60), (7, 60))])
    images, labels = digits.images[chosen], digits.labels[chosen]
    made = WGANGP(n_epochs=0, n_filters=4, batch_size=30, n_critic_steps=5).fit(images, labels)
    (stage,) = made._stages(images, np.unique(labels, return_inverse=True)[1])
    assert stage.steps_per_epoch == 210 // 30, "an epoch is counted in updates of the generator"
    (batch,) = stage.batches(0).take(1)
    shapes = {name: tuple(value.shape) for name, value in batch.items()}
    assert shapes == {
        "step": (),
        "images": (30, 5, 28, 28, 1),
        "conditions": (30, 5, 3),
        "latent": (30, 6, 100),
        "numbers": (30, 6, 7),
        "epsilon": (30, 5),
    }
    assert np.sum(batch["conditions"], axis=0).tolist() == [[10, 10, 10]] * 5, (
        "each update has each class equally often"
    )
    pixels = batch["images"].numpy().reshape(150, -1)
    assert len(np.unique(pixels, axis=0)) == 150, "images are drawn anew for each update"


def test_epsilon_is_uniform_one_an_image_and_nothing_else_is_drawn_like_it(digits):
    images, labels = digits.images[:300], digits.labels[:300]
    made = WGANGP(n_epochs=0, n_filters=4, batch_size=100).fit(images, labels)
    (stage,) = made._stages(images, labels)
    batches = list(stage.batches(0).take(8))
    epsilon = np.concatenate([batch["epsilon"] for batch in batches]).ravel()
    numbers = np.concatenate([batch["numbers"] for batch in batches]).ravel()
    assert len(np.unique(epsilon)) > 3990, "of 4000"
    assert 0 <= epsilon.min() < 0.01
    assert 0.99 < epsilon.max() < 1
    assert np.abs(np.histogram(epsilon, 10, (0, 1))[0] - 400).max() < 5 * np.sqrt(400)
    assert not np.intersect1d(epsilon, numbers).size > 20


def test_numbers_of_updates_that_are_none_are_refused(few_digits):
    with pytest.raises(ValueError, match="n_critic_steps must be a whole number of at least 1, got 0"):
        WGANGP(n_epochs=1, n_critic_steps=0).fit(few_digits.images, few_digits.labels)


def test_defaults_are_the_papers():
    model, _ = one_step()
    for optimizer in model.optimizers.values():
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
    values = WGANGP().get_params()
    assert (values["learning_rate"], values["critic_learning_rate"]) == (1e-4, 1e-4)
    assert (values["n_critic_steps"], values["gradient_penalty_weight"], values["batch_size"]) == (5, 10.0, 64)
