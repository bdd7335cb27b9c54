import json
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from class_balancing.experiments.tables import TASKS, architectures
from class_balancing.experiments.tables.thesis import PRINTED_NETWORKS
from class_balancing.models.networks import Scaled, classifiers, networks_for, thesis_mnist
from class_balancing.reports.architecture import layer_rows

PUBLISHED = json.loads(Path(__file__).with_name("published_tables_b.json").read_text())


def test_all_ten_tables_and_the_networks_of_each_size_of_images_are_listed():
    assert list(PRINTED_NETWORKS) == list(PUBLISHED)
    of_methods = {
        "cvae": ("encoder", "generator"),
        "cvae-gan": ("encoder", "generator", "discriminator", "classifier"),
        "bagan": ("encoder", "decoder", "generator", "discriminator"),
    }
    expected = {f"{method}-{network}" for method, networks in of_methods.items() for network in networks}
    names = [name for name, _, _ in architectures.networks(TASKS.values())]
    assert len(set(names)) == len(names)
    for dataset in ("mnist", "cifar10", "vehicles"):
        assert {f"{dataset}-{name}" for name in expected | {"classifier"}} <= set(names)


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_cell_equals_the_printed_one(table):
    _, path = PRINTED_NETWORKS[table]
    model = pkgutil.resolve_name(path)()
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


def test_the_classifier_of_cvae_gan_for_cifar10_has_the_convolutions_of_table_b_10():
    kinds = ("Conv2D", "LeakyReLU", "BatchNormalization", "MaxPooling2D")

    def trunk(model):
        return [row for row in unnamed(model) if row["type"] in kinds]

    assert trunk(Scaled((32, 32, 3)).cvae_gan_classifier(10)) == trunk(classifiers.cifar10_classifier())
    assert trunk(Scaled((32, 32, 1)).cvae_gan_classifier(10)) != trunk(classifiers.cifar10_classifier())


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


def unnamed(model):
    """Each layer without its name and those before it."""
    return [{key: row[key] for key in ("type", "output_shape", "config", "params")} for row in layer_rows(model)]


@pytest.mark.parametrize(
    ("printed", "shape"), [(classifiers.mnist_classifier, (28, 28, 1)), (classifiers.vehicles_classifier, (64, 64, 3))]
)
def test_the_scaled_classifier_is_the_printed_one_for_its_size(printed, shape):
    assert unnamed(classifiers.scaled_classifier(10, shape)) == unnamed(printed())


@pytest.mark.parametrize("shape", [(8, 8, 1), (24, 40, 2), (128, 104, 3)], ids=str)
def test_the_scaled_classifier_takes_images_of_any_size(shape):
    model = classifiers.scaled_classifier(3, shape)
    probabilities = model(np.zeros((2, *shape), np.float32))
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1.0, rtol=1e-5)
    assert probabilities.shape == (2, 3)


def test_classifiers_are_found_by_name_and_by_path():
    assert classifiers.builder("cifar10_classifier") is classifiers.cifar10_classifier
    path = "class_balancing.models.networks.classifiers:mnist_classifier"
    assert classifiers.builder(path) is classifiers.mnist_classifier
    with pytest.raises(KeyError):
        classifiers.builder("no_classifier")


@pytest.mark.parametrize("dtype", ["float32", "float64"])  # the fused kernel and the sums over replicas
def test_fused_batch_normalization_is_keras_batch_normalization(dtype):
    import keras
    import tensorflow as tf
    from class_balancing.models.layers import BatchNormalization

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
