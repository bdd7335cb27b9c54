import json
from pathlib import Path

import numpy as np
import pytest

from experiments.reproduce_architectures import networks
from models.networks import thesis_mnist
from reports.architecture import layer_rows

PUBLISHED = json.loads(Path(__file__).with_name("published_tables_b.json").read_text())


def test_all_ten_tables_are_built():
    assert list(networks()) == list(PUBLISHED)


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


def test_fused_batch_normalization_is_keras_batch_normalization():
    import keras
    import tensorflow as tf

    from models.networks.batch_normalization import BatchNormalization

    inputs = tf.constant(np.random.default_rng(0).normal(3.0, 2.0, (32, 5, 5, 4)), tf.float32)
    results = []
    for layer in (keras.layers.BatchNormalization(), BatchNormalization()):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True) ** 3)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_variables])
        results.append([loss, *gradients, layer.moving_mean.numpy(), layer(inputs, training=False)])
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_allclose(plain, fused, rtol=2e-3, atol=2e-3)
