"""Encoders and decoders: DeepSMOTE's sizes, mirrored layers, images of any size."""

import keras
import pytest
import tensorflow as tf
from class_balancing.models.networks import autoencoders as networks
from keras import layers

SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (12, 17, 2), (8, 8, 1), (45, 50, 3), (8, 100, 1)]


def shapes_of(model, *kinds):
    return [tuple(layer.output.shape[1:]) for layer in model.layers if isinstance(layer, kinds)]


def test_convolutions_for_digits_are_deepsmotes():
    encoder = networks.convolutional_encoder((28, 28, 1), 300, 64)
    decoder = networks.convolutional_decoder((28, 28, 1), 300, 64)
    assert shapes_of(encoder, layers.Conv2D) == [(14, 14, 64), (7, 7, 128), (4, 4, 256), (2, 2, 512)]
    assert shapes_of(decoder, layers.Reshape, layers.Conv2DTranspose) == [
        (7, 7, 512),
        (7, 7, 256),
        (14, 14, 128),
        (28, 28, 1),
    ]
    kernels = 16 * (64 + 64 * 128 + 128 * 256 + 256 * 512)
    assert encoder.count_params() == kernels + 4 * (128 + 256 + 512) + (2 * 2 * 512 + 1) * 300
    kernels = 16 * (512 * 256 + 256 * 128 + 128)
    assert decoder.count_params() == 301 * 7 * 7 * 512 + kernels + 4 * (256 + 128) + 1
    for model, n in ((encoder, 3), (decoder, 2)):
        assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers) == n
    assert [type(layer).__name__ for layer in encoder.layers[1:3]] == ["Conv2D", "LeakyReLU"]
    assert encoder.layers[2].negative_slope == pytest.approx(0.2)
    assert encoder.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_networks_fit_images_of_any_size(shape):
    images = tf.zeros((2, *shape))
    for encoder, decoder in (
        (networks.dense_encoder(shape, 5, (9, 7)), networks.dense_decoder(shape, 5, (9, 7), "tanh")),
        (networks.convolutional_encoder(shape, 5, 2), networks.convolutional_decoder(shape, 5, 2)),
    ):
        assert encoder(images).shape == (2, 5)
        assert decoder(encoder(images)).shape == images.shape


def test_larger_images_get_further_halvings_and_doublings():
    found = {}
    for side in (8, 28, 48, 64, 128):
        encoder = networks.convolutional_encoder((side, side, 1), 5, 2)
        decoder = networks.convolutional_decoder((side, side, 1), 5, 2)
        convolutions, (first, *_) = shapes_of(encoder, layers.Conv2D), shapes_of(decoder, layers.Reshape)
        transposed = shapes_of(decoder, layers.Conv2DTranspose)
        found[side] = len(convolutions), convolutions[-1][0], first[0], [shape[-1] for shape in transposed]
    assert found == {
        8: (4, 1, 2, [8, 4, 1]),
        28: (4, 2, 7, [8, 4, 1]),
        48: (4, 3, 12, [8, 4, 1]),
        64: (4, 4, 8, [8, 4, 2, 1]),
        128: (5, 4, 8, [8, 4, 2, 1, 1]),
    }


def test_the_dense_decoder_mirrors_its_encoder():
    encoder = networks.dense_encoder((6, 5, 2), 3, (20, 10))
    decoder = networks.dense_decoder((6, 5, 2), 3, (20, 10), "tanh")
    assert shapes_of(encoder, layers.Dense) == [(20,), (10,), (3,)]
    assert shapes_of(decoder, layers.Dense) == [(10,), (20,), (60,)]
    assert decoder.layers[-2].activation is keras.activations.tanh


def test_sides_that_are_too_small_are_refused():
    for build in (networks.convolutional_encoder, networks.convolutional_decoder):
        with pytest.raises(ValueError, match="at least 8 pixels, got 7 x 32"):
            build((7, 32, 1), 5, 2)
