"""CycleGAN's networks: printed counts, receptive fields, instance normalisation, padding, all sizes of images."""

import keras
import numpy as np
import pytest
from class_balancing.models.networks.cyclegan import ReflectionPadding2D, patch_discriminator, residual_generator
from keras import layers


@pytest.mark.parametrize(
    ("n_channels", "n_filters", "n_blocks", "n_parameters"),
    [(1, 64, 6, 7_825_153), (3, 64, 6, 7_837_699), (3, 64, 9, 11_378_179), (1, 32, 4, 1_368_449)],
)
def test_generators_have_the_authors_numbers_of_parameters(n_channels, n_filters, n_blocks, n_parameters):
    assert residual_generator((48, 48, n_channels), n_filters, n_blocks).count_params() == n_parameters


@pytest.mark.parametrize(
    ("n_channels", "n_filters", "n_layers", "n_parameters", "field"),
    [
        (1, 64, 3, 2_762_689, 70),
        (3, 64, 3, 2_764_737, 70),
        (1, 64, 2, 660_929, 34),
        (1, 64, 1, 134_337, 16),
        (1, 32, 2, 166_625, 34),
    ],
)
def test_discriminators_have_the_authors_parameters_and_receptive_fields(
    n_channels, n_filters, n_layers, n_parameters, field
):
    discriminator = patch_discriminator((48, 48, n_channels), n_filters, n_layers)
    assert discriminator.count_params() == n_parameters
    found = 1
    for layer in reversed([each for each in discriminator.layers if isinstance(each, layers.Conv2D)]):
        found = (found - 1) * layer.strides[0] + layer.kernel_size[0]
    assert found == field


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 11, 3), (28, 28, 1), (31, 64, 1), (33, 35, 2), (45, 50, 1)], ids=str)
def test_images_of_any_size_come_back_in_it(shape):
    images = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype(np.float32)
    made = residual_generator(shape, 4, 1)(images)
    assert made.shape == images.shape
    assert np.abs(made).max() <= 1
    discriminator = patch_discriminator(shape, 4, 3)
    assert min(discriminator(images).shape[1:3]) >= 1
    assert min(discriminator.get_layer("features").output.shape[1:3]) >= 2, "one value would be normalised to zero"


def test_small_sides_are_halved_once():
    for side, n_halvings in ((8, 1), (28, 1), (31, 1), (32, 2), (48, 2), (128, 2)):
        convolutions = [
            each for each in residual_generator((side, side, 1), 4, 1).layers if type(each) is layers.Conv2D
        ]
        assert sum(each.strides == (2, 2) for each in convolutions) == n_halvings


def test_sides_under_8_pixels_are_refused():
    for build in (residual_generator, patch_discriminator):
        with pytest.raises(ValueError, match="at least 8 pixels, got 7 x 32"):
            build((7, 32, 1))


def test_normalisation_is_that_of_each_channel_of_each_image():
    network = patch_discriminator((16, 16, 1), 4, 1)
    normalisation = next(each for each in network.layers if isinstance(each, layers.GroupNormalization))
    assert normalisation.weights == []
    inputs = np.random.default_rng(0).normal(3.0, 2.0, (3, *normalisation.input.shape[1:])).astype(np.float32)
    inputs *= np.arange(1, inputs.shape[-1] + 1)  # channels of different size
    mean, variance = inputs.mean(axis=(1, 2), keepdims=True), inputs.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(normalisation(inputs), (inputs - mean) / np.sqrt(variance + 1e-5), atol=1e-4)


def test_reflection_leaves_out_the_border_itself():
    image = np.arange(12.0).reshape(1, 3, 4, 1)
    padded = ReflectionPadding2D(((1, 0), (2, 1)))(image)
    np.testing.assert_array_equal(padded, np.pad(image, ((0, 0), (1, 0), (2, 1), (0, 0)), mode="reflect"))


def test_networks_start_from_kernels_of_their_own_and_are_rebuilt_from_their_configuration():
    network = residual_generator((9, 11, 3), 8, 2)
    kernels = [each.kernel.numpy() for each in network.layers if isinstance(each, layers.Conv2D)]
    same_shape = [kernel for kernel in kernels if kernel.shape == (3, 3, 16, 16)]
    assert len(same_shape) == 4
    assert (same_shape[0] != same_shape[1]).any()
    assert np.concatenate([kernel.ravel() for kernel in kernels]).std() == pytest.approx(0.02, rel=0.03)
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (2, 9, 11, 3)).astype(np.float32)
    np.testing.assert_array_equal(again(images), network(images))
