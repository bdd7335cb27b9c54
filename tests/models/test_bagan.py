import keras
import numpy as np
import pytest
from class_balancing.datasets.batches import rotating_labels
from class_balancing.models import bagan
from class_balancing.models.networks import thesis_mnist
from class_balancing.models.training.fit import seeded
from small_balancers import bagan_batch, balancer


def test_the_autoencoders_weights_reach_the_gan():
    with seeded(0):
        encoder, decoder = thesis_mnist.bagan_encoder(4), thesis_mnist.bagan_generator(4)
        generator, discriminator = thesis_mnist.bagan_generator(4), thesis_mnist.bagan_discriminator(3)
    own_head = discriminator.get_layer("dense_1").get_weights()
    bagan.hand_over(encoder, decoder, discriminator, generator)
    latent, image = np.ones((2, 4), np.float32), np.ones((2, 28, 28, 1), np.float32)
    np.testing.assert_array_equal(generator(latent), decoder(latent))
    shared_of_d = keras.Model(discriminator.input, discriminator.get_layer("flatten_1").output)
    shared_of_e = keras.Model(encoder.input, encoder.get_layer("flatten").output)
    np.testing.assert_array_equal(shared_of_d(image), shared_of_e(image))
    for before, after in zip(own_head, discriminator.get_layer("dense_1").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_class_gaussians_are_the_sample_moments():
    rng = np.random.default_rng(0)
    encodings = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3)) + 2.0
    labels = np.arange(500) % 2
    means, factors = bagan.class_gaussians(encodings, labels)
    for index in (0, 1):
        members = encodings[labels == index]
        np.testing.assert_allclose(means[index], members.mean(axis=0))
        np.testing.assert_allclose(factors[index] @ factors[index].T, np.cov(members.T), atol=1e-9)


def test_covariance_of_a_small_class_is_shrunk_to_full_rank():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 50 + [1] * 3)
    _, factors = bagan.class_gaussians(rng.standard_normal((53, 6)), labels)
    assert np.linalg.matrix_rank(factors[1] @ factors[1].T) == 6


@pytest.fixture(scope="module")
def training():
    with seeded(0):
        generator, discriminator = thesis_mnist.bagan_generator(4), thesis_mnist.bagan_discriminator(3)
    optimizers = keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3)
    model = bagan.BAGANTraining(generator, discriminator, *optimizers, 0.0)
    model.build_optimizers()
    return model


@pytest.fixture(scope="module")
def batch():
    return bagan_batch()


def test_discriminator_learns_from_as_many_images_as_the_generator(training, batch, monkeypatch):
    sizes = []
    loss = bagan.losses.classification_loss
    monkeypatch.setattr(
        bagan.losses, "classification_loss", lambda labels, p: sizes.append(labels.numpy().tolist()) or loss(labels, p)
    )
    training.train_step(batch)
    assert sizes == [[0, 1, 2, 0, 1, 2, 3, 3], [0, 1, 2, 0, 1, 2, 0, 1]], "D: reals, then fakes; G: its own labels"


@pytest.mark.parametrize(
    ("weights", "names"),
    [((0.0, 1.0), {"generator"}), ((1.0, 0.0), {"discriminator"}), ((1.0, 1.0), {"generator", "discriminator"})],
)
def test_each_loss_moves_only_its_own_network(weights, names, training, batch, monkeypatch):
    loss, remaining = bagan.losses.classification_loss, list(weights)  # of L_D, then of L_G
    monkeypatch.setattr(bagan.losses, "classification_loss", lambda labels, p: loss(labels, p) * remaining.pop(0))

    def weights_now():
        return {name: getattr(training, name).get_weights() for name in ("generator", "discriminator")}

    before = weights_now()
    training.train_step(batch)
    after = weights_now()
    moved = {name for name in before if any((a != b).any() for a, b in zip(before[name], after[name], strict=True))}
    assert moved == names


def test_generator_meets_the_discriminator_that_has_just_learned(training, batch, monkeypatch):
    after_d, seen_by_g = [], []
    minimise, judged = training.minimise, training.judged

    def watched_minimise(name, *args):
        minimise(name, *args)
        after_d.extend(training.discriminator.get_weights() if name == "discriminator" else [])

    def watched_judged(images, numbers):
        seen_by_g[:] = training.discriminator.get_weights()
        return judged(images, numbers)

    before = training.discriminator.get_weights()
    monkeypatch.setattr(training, "minimise", watched_minimise)
    monkeypatch.setattr(training, "judged", watched_judged)
    training.train_step(batch)
    assert any((a != b).any() for a, b in zip(before, seen_by_g, strict=True))
    for a, b in zip(after_d, seen_by_g, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_adam_of_the_adversarial_stage_has_the_authors_momentum():
    assert balancer("bagan")._new_optimizer().beta_1 == 0.9
    assert balancer("bagan")._new_optimizer(beta_1=bagan.BETA_1).beta_1 == 0.5
    assert not hasattr(balancer("bagan", optimizer="rmsprop")._new_optimizer(beta_1=bagan.BETA_1), "beta_1")


def test_a_class_of_one_image_is_refused(few_digits):
    labels = few_digits.labels.copy()
    labels[labels == 4] = 0
    labels[0] = 4
    with pytest.raises(ValueError, match="class 4 has one image"):
        balancer("bagan").fit(few_digits.images, labels)


def test_the_last_activation_is_one_of_two(few_digits):
    with pytest.raises(ValueError, match="head must be one of softmax, sigmoid, got 'relu'"):
        balancer("bagan", head="relu").fit(few_digits.images, few_digits.labels)


def test_batches_of_one_image_are_refused_and_of_two_are_not(few_digits):
    with pytest.raises(ValueError, match="batch_size must be at least 2, for a real image and a fake one, got 1"):
        balancer("bagan", batch_size=1).fit(few_digits.images, few_digits.labels)
    few = few_digits.take(np.arange(20))
    fitted = balancer("bagan", batch_size=2, n_autoencoder_epochs=0, n_epochs=1).fit(few.images, few.labels)
    assert len(fitted.history_) == 1


def test_latents_are_of_their_classes_gaussians(few_digits, monkeypatch):
    """Those of both networks in training, and those of new images."""
    fitted = balancer("bagan", n_autoencoder_epochs=0, n_epochs=0, latent_size=2, batch_size=40)
    fitted.fit(few_digits.images, few_digits.labels)
    means = 10.0 * np.arange(8).reshape(4, 2)
    factors = np.array([[[1.0, 0.0], [k, 0.1]] for k in range(4)])
    fitted.class_means_, fitted.class_factors_ = means, factors
    indices = np.unique(few_digits.labels, return_inverse=True)[1]
    drawn = {0: ([], []), 1: ([], [])}
    for step, batch in enumerate(fitted._adversarial_stage(few_digits.images, indices).batches(0).take(200)):
        latents, labels = batch["latent"].numpy(), batch["latent_labels"].numpy()
        of_fakes = rotating_labels(step, len(batch["fake_latent"]), 4)
        for which, (values, classes) in enumerate(((latents, labels), (batch["fake_latent"].numpy(), of_fakes))):
            drawn[which][0].append(values)
            drawn[which][1].append(np.asarray(classes))
    made = []
    monkeypatch.setattr(
        bagan, "decoded", lambda _, latent: made.append(latent) or np.zeros((4000, 28, 28, 1), np.uint8)
    )
    fitted._sample(3, 4000, 0)
    found = [(np.concatenate(values), np.concatenate(classes)) for values, classes in drawn.values()]
    for values, classes in (*found, (made[0], np.full(4000, 3))):
        for label in np.unique(classes):
            of_class = values[classes == label]
            scale = 4 / np.sqrt(len(of_class))
            covariance = factors[label] @ factors[label].T
            np.testing.assert_allclose(of_class.mean(axis=0), means[label], atol=scale * np.sqrt(covariance.max()))
            np.testing.assert_allclose(np.cov(of_class.T), covariance, atol=2 * scale * covariance.max())
    assert set(found[0][1]) == set(found[1][1]) == {0, 1, 2, 3}


def test_the_average_of_the_generator_starts_from_the_decoder(few_digits):
    fitted = balancer("bagan", n_autoencoder_epochs=1, n_epochs=0, ema_momentum=0.9)
    fitted.fit(few_digits.images, few_digits.labels)
    for average, weight in zip(fitted.average_generator_.get_weights(), fitted.decoder_.get_weights(), strict=True):
        np.testing.assert_array_equal(average, weight)
