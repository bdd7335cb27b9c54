"""DCGAN: its networks' sizes, its losses at their equilibrium, and who learns in a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing import DCGAN
from class_balancing.models import dcgan
from class_balancing.models.networks import dcgan as networks
from class_balancing.models.training.fit import seeded

SHAPES = [(28, 28, 1), (32, 32, 3), (48, 48, 1), (64, 64, 3), (12, 17, 2), (8, 8, 1), (45, 50, 3), (8, 100, 1)]


def n_kernel_weights(model):
    """Of convolutions and dense layers, without biases and the embedding of classes."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel") and layer.name != "class_embedding"]
    return sum(int(np.prod(layer.kernel.shape)) for layer in layers)


def test_networks_for_faces_have_the_sources_numbers_of_weights():
    generator = networks.generator((48, 48, 1), 7, 100, 64)
    discriminator = networks.discriminator((48, 48, 1), 7, 64)
    assert n_kernel_weights(generator) == 1_577_984
    assert n_kernel_weights(discriminator) == 665_600
    # beside these: four numbers a channel of batch normalisation, and an embedding of each class
    assert generator.count_params() == 1_577_984 + 4 * (256 + 128 + 64) + 7 * 100
    assert discriminator.count_params() == 665_600 + 4 * (128 + 256) + 7 * 6 * 6 * 256
    reshaped = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Reshape))
    assert reshaped.output.shape == (None, 6, 6, 256)


def test_the_critic_has_biases_instead_of_batch_normalisation():
    critic = networks.critic((48, 48, 1), 7, 64)
    assert n_kernel_weights(critic) == 665_600
    assert critic.count_params() == 665_600 + (64 + 128 + 256) + 7 * 6 * 6 * 256
    assert not [layer for layer in critic.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_networks_fit_images_of_any_size(shape):
    generator, discriminator = networks.generator(shape, 3, 7, 4), networks.discriminator(shape, 3, 4)
    conditions, latent = tf.one_hot([0, 2], 3), tf.zeros((2, 7))
    images = generator([conditions, latent])
    assert images.shape == (2, *shape)
    assert discriminator([images, conditions]).shape == (2, 1)
    assert networks.critic(shape, 3, 4)([images, conditions]).shape == (2, 1)


def test_networks_start_from_four_to_seven_pixels_and_widen_inwards():
    found = {}
    for side in (8, 12, 16, 28, 32, 48, 64, 128):
        generator = networks.generator((side, side, 1), 2, 7, 64)
        shapes = [layer.output.shape[1:] for layer in generator.layers if isinstance(layer, keras.layers.ReLU)]
        found[side] = shapes[0][0], [shape[-1] for shape in shapes]
    assert found == {
        8: (2, [128, 64]),
        12: (3, [128, 64]),
        16: (4, [128, 64]),
        28: (7, [128, 64]),
        32: (4, [256, 128, 64]),
        48: (6, [256, 128, 64]),
        64: (4, [512, 256, 128, 64]),
        128: (4, [512, 512, 256, 128, 64]),
    }


def test_batch_normalisation_everywhere_but_at_the_image():
    generator, discriminator = networks.generator((48, 48, 1), 2, 7, 8), networks.discriminator((48, 48, 1), 2, 8)
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (generator, discriminator)]
    assert [of_one.count("BatchNormalization") for of_one in kinds] == [3, 2]
    assert kinds[0][-3:] == ["ReLU", "Conv2DTranspose", "Activation"]
    assert kinds[1][:3] == ["InputLayer", "Conv2D", "LeakyReLU"]


def test_first_weights_are_seeded_and_normal_with_deviation_0_02():
    models = []
    for seed in (0, 0, 1):
        with seeded(seed):
            models.append(networks.generator((48, 48, 1), 7, 100, 64))
    first, again, other = (
        [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")] for model in models
    )
    for kernel, same, changed in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(kernel, same)
        assert (kernel != changed).any()
    for kernel in first[1:]:  # without the embedding
        assert kernel.std() == pytest.approx(0.02, rel=0.1)
        assert abs(kernel.mean()) < 0.003
    assert len({kernel.ravel()[0] for kernel in first}) == len(first), "no two layers draw the same"


def test_without_a_condition_all_classes_are_one():
    with seeded(0):
        generator, discriminator = networks.generator((16, 16, 1), 3, 7, 8), networks.discriminator((16, 16, 1), 3, 8)
    latent = np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)
    conditions = np.eye(3, dtype=np.float32)
    same = np.repeat(latent[:1], 3, axis=0)
    images = generator([conditions, same]).numpy()
    assert (images[0] != images[1]).any()
    assert (discriminator([images[:1].repeat(3, axis=0), conditions]).numpy()[0] != 0).all()
    unconditional = generator([0 * conditions, same]).numpy()
    np.testing.assert_allclose(unconditional, unconditional[:1].repeat(3, axis=0), atol=1e-6)
    shifted = generator([0 * conditions, same + generator.get_layer("class_embedding").kernel.numpy()])
    np.testing.assert_allclose(shifted, images, atol=1e-5)  # a class is its own part of the space of z


def test_sides_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="at least 8 pixels, got 7 x 32"):
        networks.generator((7, 32, 1), 2, 7, 8)


def test_losses_at_the_equilibrium():
    undecided = tf.zeros((5, 1))
    assert float(dcgan.discriminator_loss(undecided, undecided, 1.0)) == pytest.approx(1.3863, abs=5e-5)
    assert float(dcgan.generator_loss(undecided)) == pytest.approx(0.6931, abs=5e-5)
    probabilities = np.linspace(0.01, 0.99, 99)
    logits = np.log(probabilities / (1 - probabilities))
    losses = [float(dcgan.discriminator_loss(*[tf.fill((2, 1), logit)] * 2, 0.9)) for logit in logits]
    assert min(losses) == pytest.approx(1.3763, abs=5e-5)
    assert probabilities[np.argmin(losses)] == pytest.approx(0.45)


def test_losses_are_finite_and_right_for_a_sure_discriminator():
    sure = tf.constant([[200.0], [100.0]])
    assert float(dcgan.discriminator_loss(sure, -sure, 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(dcgan.generator_loss(-sure)) == pytest.approx(150), "does not saturate"


def one_step(learning_rate=1e-3, discriminator_learning_rate=1e-3, augmentation_strength=1.0):
    """(model, batch) with small networks, not stepped yet."""
    with seeded(0):
        generator, discriminator = networks.generator((12, 12, 1), 3, 4, 8), networks.discriminator((12, 12, 1), 3, 8)
    model = dcgan.DCGANTraining(
        generator,
        discriminator,
        learning_rate=learning_rate,
        discriminator_learning_rate=discriminator_learning_rate,
        real_label=0.9,
        augmentation_strength=augmentation_strength,
    )
    model.build_optimizers()
    rng = np.random.default_rng(0)
    batch = {
        "images": tf.constant(rng.uniform(-1, 1, (6, 1, 12, 12, 1)), tf.float32),
        "conditions": tf.one_hot([[0], [1], [2], [0], [1], [2]], 3),
        "latent": tf.constant(rng.standard_normal((6, 1, 4)), tf.float32),
        "numbers": tf.constant(rng.random((6, 1, 7)), tf.float32),
    }
    return model, batch


def trainable(network):
    return [variable.numpy() for variable in network.trainable_variables]


def moved(before, network):
    """Of each trainable array, whether it changed."""
    return [(old != new).any() for old, new in zip(before, trainable(network), strict=True)]


@pytest.mark.parametrize(("of_generator", "of_discriminator"), [(1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-3)])
def test_each_optimizer_moves_its_own_network_and_no_other(of_generator, of_discriminator):
    model, batch = one_step(of_generator, of_discriminator)
    before = trainable(model.generator), trainable(model.discriminator)
    model.train_step(batch)
    assert set(moved(before[0], model.generator)) == {of_generator > 0}
    assert set(moved(before[1], model.discriminator)) == {of_discriminator > 0}


def test_the_generator_learns_from_the_discriminator_that_has_learned():
    model, batch = one_step()
    conditions, latent, numbers = (batch[name][:, 0] for name in ("conditions", "latent", "numbers"))
    seen = dcgan.augmented(model.generator([conditions, latent], training=True), numbers)
    loss_before = float(dcgan.generator_loss(model.discriminator([seen, conditions], training=True)))
    l_g = float(model.train_step(batch)["L_G"])
    loss_after = float(dcgan.generator_loss(model.discriminator([seen, conditions], training=True)))
    assert l_g == pytest.approx(loss_after, rel=1e-4)
    assert abs(l_g - loss_before) > 100 * abs(l_g - loss_after)


def test_real_and_generated_images_are_changed_by_the_same_draw_in_both_steps(monkeypatch):
    calls = []
    augmented = dcgan.augmented
    monkeypatch.setattr(dcgan, "augmented", lambda *arguments: calls.append(arguments) or augmented(*arguments))
    model, batch = one_step(augmentation_strength=0.5)
    model.train_step(batch)
    assert len(calls) == 3, "D: real, generated; G: generated"
    assert len({id(numbers) for _, numbers, _ in calls}) == 1
    np.testing.assert_array_equal(calls[0][1], batch["numbers"][:, 0])
    assert [strength for *_, strength in calls] == [0.5] * 3
    np.testing.assert_array_equal(calls[0][0], batch["images"][:, 0])
    np.testing.assert_array_equal(calls[1][0], calls[2][0])


def first_batches(images, labels, n, first_step=0, **arguments):
    """The first batches of a DCGAN's only stage."""
    made = DCGAN(n_epochs=0, n_filters=4, **arguments).fit(images, labels)
    (stage,) = made._stages(images, np.unique(labels, return_inverse=True)[1])
    return stage, list(stage.batches(first_step).take(n))


def test_what_is_random_is_a_function_of_seed_and_step(digits):
    images, labels = digits.images[:300], digits.labels[:300]
    _, (first, second) = first_batches(images, labels, 2, batch_size=20)
    _, (again,) = first_batches(images, labels, 1, first_step=1, batch_size=20)
    _, (other,) = first_batches(images, labels, 1, first_step=1, batch_size=20, random_state=1)
    for name in ("images", "latent", "numbers"):
        np.testing.assert_array_equal(second[name], again[name])
        assert (second[name] != first[name]).numpy().any()
        assert (second[name] != other[name]).numpy().any()
    assert first["latent"].shape == (20, 1, 100)
    assert first["numbers"].shape == (20, 1, 7)


def test_every_class_is_drawn_equally_often_with_its_own_images(digits):
    chosen = np.concatenate([np.flatnonzero(digits.labels == label)[:n] for label, n in ((0, 90), (3, 60), (7, 60))])
    images, labels = digits.images[chosen], digits.labels[chosen]
    stage, batches = first_batches(images, labels, 4, batch_size=30)
    assert stage.steps_per_epoch == 210 // 30
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for batch in batches:
        assert np.sum(batch["conditions"], axis=(0, 1)).tolist() == [10, 10, 10]
        pixels = np.rint((batch["images"][:, 0].numpy() + 1) * 127.5).astype(np.uint8)
        found = [known[image.tobytes()] for image in pixels]
        assert found == np.array([0, 3, 7])[np.argmax(batch["conditions"][:, 0], axis=1)].tolist()


def test_the_condition_grows_over_the_steps_of_the_ramp(digits):
    images, labels = digits.images[:300], digits.labels[:300]
    _, batches = first_batches(images, labels, 7, batch_size=20, n_ramp_steps=4)
    weights = [float(np.max(batch["conditions"])) for batch in batches]
    assert weights == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    _, (first,) = first_batches(images, labels, 1, batch_size=20)
    assert np.sum(first["conditions"]) == 20


def test_few_images_of_a_class_are_told_in_one_sentence(few_digits, recwarn):
    DCGAN(n_epochs=0, n_filters=4).fit(few_digits.images, few_digits.labels)
    (warning,) = [str(w.message) for w in recwarn if w.category is UserWarning]
    assert warning == (
        "DCGAN learns from less than 50 images of class 0 (30), 1 (30), 2 (30), 4 (10): images that a GAN makes "
        "from so few have been found to make classifiers worse"
    )


def test_a_class_of_one_image_is_refused(few_digits):
    labels = few_digits.labels.copy()
    labels[labels == 4] = 0
    labels[0] = 4
    with pytest.raises(ValueError, match="class 4 has one image; DCGAN needs at least two"):
        DCGAN(n_epochs=1).fit(few_digits.images, labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_filters": 0}, "n_filters must be a whole number of at least 1, got 0"),
        ({"n_ramp_steps": 0.5}, "n_ramp_steps must be a whole number of at least 0, got 0.5"),
        (
            {"n_ramp_steps": 4, "batch_size": 25},
            "n_ramp_steps must be less than the 4 updates of G that training has, got 4",
        ),
        ({"augmentation_strength": 1.5}, "augmentation_strength must lie between 0 and 1, got 1.5"),
        ({"real_label": 0.0}, "real_label must lie above 0 and at most be 1, got 0.0"),
        ({"latent_size": 0}, "latent_size must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_numbers_are_refused(arguments, message, few_digits):
    with pytest.raises(ValueError, match=message):
        DCGAN(n_epochs=1, **arguments).fit(few_digits.images, few_digits.labels)


def test_the_sources_schedule_has_no_augmentation():
    assert DCGAN().augmentation_strength == 1
    assert [DCGAN.arguments(name, 1000, True).get("augmentation_strength", 1) for name in ("quick", "thesis")] == [1, 0]
    assert DCGAN.arguments("thesis", 28709, True)["real_label"] == 0.9


def test_the_soft_label_reaches_the_loss(monkeypatch):
    asked, loss = [], dcgan.discriminator_loss
    monkeypatch.setattr(dcgan, "discriminator_loss", lambda *given: asked.append(given[2]) or loss(*given))
    model, batch = one_step()
    model.train_step(batch)
    assert asked == [0.9]


def test_new_images_are_of_the_class_that_is_asked_for(few_digits, monkeypatch):
    from class_balancing.models import conditional_gan

    fitted, seen = DCGAN(n_epochs=0, n_filters=4, latent_size=5).fit(few_digits.images, few_digits.labels), []
    monkeypatch.setattr(
        conditional_gan,
        "predict_images",
        lambda network, batches: seen.extend(batches) or np.zeros((5, 28, 28, 1), np.uint8),
    )
    fitted.sample(4, 5, 7)
    ((conditions, latents),) = seen
    np.testing.assert_array_equal(conditions, np.eye(4)[[3] * 5])
    np.testing.assert_array_equal(latents, np.random.default_rng(7).standard_normal((5, 5), np.float32))
