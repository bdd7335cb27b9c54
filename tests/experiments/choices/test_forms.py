"""What tells the forms from what was chosen, in one step."""

import keras
import numpy as np
import pytest
from class_balancing.datasets.batches import rotating_labels
from class_balancing.experiments.choices import forms
from class_balancing.models import bagan
from class_balancing.models.networks import networks_for, thesis_mnist
from class_balancing.models.training.fit import seeded
from small_balancers import bagan_batch


@pytest.fixture(scope="module")
def batch():
    return bagan_batch()


def after_a_step(batch, make, of_discriminator=0.1):
    """Weights of generator and discriminator after one step of a training that `make` makes of both."""
    with seeded(0):
        generator, discriminator = thesis_mnist.bagan_generator(4), thesis_mnist.bagan_discriminator(3)
    model = make(generator, discriminator, keras.optimizers.SGD(0.1), keras.optimizers.SGD(of_discriminator))
    model.build_optimizers()
    model.train_step(batch)
    return [np.concatenate([w.numpy().ravel() for w in n.trainable_weights]) for n in (generator, discriminator)]


def test_at_once_the_generator_meets_the_discriminator_as_it_was(batch):
    generator, discriminator = after_a_step(batch, lambda g, d, o, _: forms.AtOnceTraining(g, d, o, 0.0))
    chosen = after_a_step(batch, lambda *asked: bagan.BAGANTraining(*asked, 0.0))
    unmoved = after_a_step(batch, lambda *asked: bagan.BAGANTraining(*asked, 0.0), of_discriminator=0.0)
    np.testing.assert_allclose(discriminator, chosen[1], atol=1e-6)
    np.testing.assert_allclose(generator, unmoved[0], atol=1e-6)
    assert np.abs(generator - chosen[0]).max() > 1e-5


@pytest.mark.parametrize("form", ["BAGANWithSeenLatents", "FirstBAGAN"])
def test_the_first_latents_are_those_of_the_fakes(form, few_digits):
    made = getattr(forms, form)(n_autoencoder_epochs=0, n_epochs=0, batch_size=20, latent_size=3)
    made.fit(few_digits.images, few_digits.labels)
    stage = made._adversarial_stage(few_digits.images, np.unique(few_digits.labels, return_inverse=True)[1])
    usual = bagan.BAGAN._adversarial_stage(made, few_digits.images, np.arange(len(few_digits.labels)) % 4)
    assert isinstance(stage.model, forms.AtOnceTraining) == (form == "FirstBAGAN")
    seen, unseen = next(iter(stage.batches(3))), next(iter(usual.batches(3)))
    n_fakes = len(seen["fake_latent"])
    np.testing.assert_array_equal(seen["latent"][:n_fakes], seen["fake_latent"])
    np.testing.assert_array_equal(seen["latent_labels"][:n_fakes], rotating_labels(3, n_fakes, 4))
    np.testing.assert_array_equal(seen["latent"][n_fakes:], unseen["latent"][n_fakes:])
    assert not np.allclose(unseen["latent"][:n_fakes], unseen["fake_latent"])


def test_the_classifier_of_blocks_is_table_b3_for_other_sizes():
    blocks = forms.classifier_of_blocks(10, (32, 32, 3))
    kinds = [type(layer).__name__ for layer in blocks.layers]
    printed = [type(layer).__name__ for layer in networks_for((28, 28, 1)).cvae_gan_classifier(10).layers]
    assert kinds.count("MaxPooling2D") == printed.count("MaxPooling2D") == 3
    assert [layer.filters for layer in blocks.layers if isinstance(layer, keras.layers.Conv2D)] == [
        layer.filters for layer in networks_for((28, 28, 1)).cvae_gan_classifier(10).layers
        if isinstance(layer, keras.layers.Conv2D)
    ]  # fmt: skip
    assert blocks.get_layer("flatten_3").output.shape == (None, 128)
    asked = {"n_epochs": 0, "batch_size": 4}
    networks = forms.CVAEGANWithBlocks(**asked).networks((32, 32, 3), 10)
    chosen = forms.CVAEGAN(**asked).networks((32, 32, 3), 10)
    assert networks["classifier"]().count_params() == blocks.count_params() != chosen["classifier"]().count_params()
