import json
from pathlib import Path

import numpy as np
import pytest

from experiments.reproduce_architectures import networks
from models.networks import Scaled, networks_for, thesis_mnist
from reports.architecture import layer_rows

PUBLISHED = json.loads(Path(__file__).with_name("published_tables_b.json").read_text())


def test_all_ten_tables_are_built_and_two_scaled_families():
    names = list(networks())
    assert names[:10] == list(PUBLISHED)
    assert len(names) == 10 + 2 * 7


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_cell_equals_the_printed_one(table):
    _, build = networks()[table]
    model = build()
    assert layer_rows(model) == PUBLISHED[table]["rows"]
    assert model.count_params() == PUBLISHED[table]["total_params"]


def test_number_of_classes_and_latent_size_are_parameters():
    generator = thesis_mnist.cvae_gan_generator(n_classes=3, latent_size=7)
    assert [tuple(shape) for shape in generator.input_shape] == [(None, 1), (None, 7)]
    assert thesis_mnist.cvae_gan_classifier(3).output_shape == (None, 3)
    assert thesis_mnist.bagan_discriminator(3).output_shape == (None, 4)
    assert thesis_mnist.bagan_encoder(7).output_shape == (None, 7)


SHAPES = [(32, 32, 3), (64, 64, 3), (48, 48, 1), (8, 8, 1), (24, 40, 2), (104, 128, 3), (28, 28, 3), (45, 50, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scaled_networks_fit_together(shape):
    scaled = networks_for(shape)
    images = np.zeros((2, *shape), np.float32)
    labels, latent = np.array([[0], [2]]), np.zeros((2, 7), np.float32)
    assert scaled.cvae_gan_generator(3, 7)([labels, latent]).shape == (2, *shape)
    assert [part.shape for part in scaled.cvae_gan_encoder(3, 7)([images, labels])] == [(2, 7), (2, 7)]
    assert scaled.cvae_gan_discriminator()(images).shape == (2, 1)
    assert scaled.cvae_gan_classifier(3)(images).shape == (2, 3)
    assert scaled.bagan_generator(7)(latent).shape == (2, *shape)
    assert scaled.bagan_encoder(7)(images).shape == (2, 7)
    assert scaled.bagan_discriminator(3, "sigmoid")(images).shape == (2, 4)


def test_scaled_networks_keep_section_4_2():
    scaled = Scaled((64, 64, 3))
    for model, n_dense in (
        (scaled.cvae_gan_discriminator(), 1),
        (scaled.cvae_gan_classifier(3), 1),
        (scaled.cvae_gan_encoder(3, 7), 2),  # the two heads
    ):
        rows = layer_rows(model)
        dense = [row["name"] for row in rows if row["type"] == "Dense"]
        assert len(dense) == n_dense, "no fully connected hidden layers"
    kinds = [row["type"] for row in layer_rows(scaled.cvae_gan_discriminator())]
    assert kinds.count("Dropout") == kinds.count("Conv2D") > 3


def test_scaled_networks_start_from_8_to_16_pixels_or_half_of_a_side_under_16():
    starts = {8: 4, 12: 6, 15: 8, 16: 8, 31: 16, 32: 8, 63: 16, 64: 8, 48: 12, 104: 13, 127: 16, 128: 8, 136: 9}
    for side, start in starts.items():
        first = next(row for row in layer_rows(Scaled((side, side, 3)).bagan_generator(7)) if row["type"] == "Reshape")
        assert first["output_shape"][:2] == [start, start]


def test_sides_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="at least 8 pixels, got 7 x 32"):
        networks_for((7, 32, 1))


def test_digits_get_the_printed_networks():
    assert networks_for((28, 28, 1)) is thesis_mnist


@pytest.mark.parametrize("dtype", ["float32", "float64"])  # the fused kernel and the sums over replicas
def test_fused_batch_normalization_is_keras_batch_normalization(dtype):
    import keras
    import tensorflow as tf

    from replication.batch_normalization import BatchNormalization

    inputs = tf.constant(np.random.default_rng(0).normal(3.0, 2.0, (32, 5, 5, 4)), dtype)
    results = []
    for layer in (keras.layers.BatchNormalization(dtype=dtype), BatchNormalization(dtype=dtype)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True) ** 3)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_variables])
        results.append([loss, *gradients, layer.moving_mean.numpy(), layer(inputs, training=False)])
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_allclose(plain, fused, rtol=2e-3, atol=2e-3)
    unbiased = np.var(inputs, axis=(0, 1, 2), ddof=1)  # of 800 values a channel, the biased one is 0.00125 smaller
    moved = (layer.moving_variance.numpy() - layer.momentum) / (1 - layer.momentum)
    np.testing.assert_allclose(moved, unbiased, rtol=1e-4)
