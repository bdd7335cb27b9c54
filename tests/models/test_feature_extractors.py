"""Which layers style transfer looks at, and VGG19 with a weight file of random numbers that stands for the real one."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing import StyleTransfer
from class_balancing.datasets.download import digest
from class_balancing.models.feature_extractors import VGG19_STYLE, after_each_block, of_vgg19
from class_balancing.models.networks import classifiers, style
from class_balancing.models.training.fit import seeded
from keras import layers


def random_images(*shape):
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, shape), tf.float32)


@pytest.mark.parametrize(
    ("network", "sides", "min_side_pixels"),
    [
        (style.style_classifier(3, (8, 8, 1)), [8, 4], 8),
        (style.style_classifier(3, (28, 28, 1)), [28, 14, 7], 8),
        (style.style_classifier(3, (32, 48, 3)), [32, 16, 8], 8),
        (style.random_filters((64, 64, 2)), [64, 32, 16, 8], 8),
        (style.random_filters((128, 128, 1)), [128, 64, 32, 16, 8], 16),
        (classifiers.scaled_classifier(3, (32, 32, 3)), [16, 8, 4], 8),
        (classifiers.cifar10_classifier(), [16, 8, 4, 2, 1], 8),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_features_are_those_after_each_block(network, sides, min_side_pixels):
    extractor = after_each_block(network)
    features = extractor.network(random_images(1, *network.input_shape[1:]))
    assert [features[layer].shape[1] for layer in extractor.style_layers] == sides
    assert extractor.content_layers == extractor.style_layers[:-1]
    assert extractor.n_channels == network.input_shape[-1]
    assert extractor.min_side_pixels == min_side_pixels
    smallest = extractor.network(random_images(1, min_side_pixels, min_side_pixels, extractor.n_channels))
    assert min(features.shape[1] for features in smallest.values()) > 0


def test_features_are_the_networks_own_and_of_images_of_any_size():
    network = style.style_classifier(3, (16, 16, 1))
    extractor = after_each_block(network)
    images = random_images(2, 16, 16, 1)
    last = extractor.style_layers[-1]
    own = keras.Model(network.inputs, network.get_layer(last).output)
    np.testing.assert_array_equal(extractor.network(images)[last], own(images))
    assert extractor.network(random_images(1, 40, 20, 1))[last].shape == (1, 20, 10, 64)


def test_a_network_of_images_of_any_size_has_the_same_blocks_as_one_of_a_fixed_size():
    for shape in ((24, 24, 1), (None, None, 1)):
        network = keras.Sequential([keras.Input(shape), layers.Conv2D(2, 7), layers.MaxPooling2D()])
        extractor = after_each_block(network)
        assert extractor.style_layers == (network.layers[0].name, network.layers[1].name)
        assert extractor.min_side_pixels == 8


def test_networks_without_blocks_are_refused():
    image = keras.Input((8, 8, 1))
    dense = keras.Model(image, layers.Dense(2)(layers.Flatten()(image)), name="dense")
    with pytest.raises(ValueError, match="dense has no convolutions"):
        after_each_block(dense)
    branched = keras.Model(image, layers.Add()([layers.Conv2D(1, 1)(image), image]), name="branched")
    with pytest.raises(ValueError, match="branched is not one layer after another"):
        after_each_block(branched)
    fixed = keras.Model(image, layers.Conv2D(1, 1)(layers.Reshape((4, 4, 4))(image)), name="fixed")
    with pytest.raises(ValueError, match="fixed does not take images of other sizes than its own"):
        after_each_block(fixed)
    with pytest.raises(ValueError, match="images must have sides of at least 8 pixels, got 7 x 20"):
        style.random_filters((7, 20, 1))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Keras' network with random weights, and the file that holds them."""
    with seeded(0):
        network = keras.applications.VGG19(include_top=False, weights=None)
    path = tmp_path_factory.mktemp("keras") / "models" / style.VGG19_FILE
    path.parent.mkdir()
    with h5py.File(path, "w") as file:  # as Keras 2 wrote it
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group, names = file.create_group(layer.name), []
            for kind, values in zip("Wb", layer.get_weights(), strict=False):
                names.append(f"{layer.name}_{kind}_1:0".encode())
                group[names[-1].decode()] = values
            group.attrs["weight_names"] = names
    return network, path


@pytest.fixture
def weights(published, monkeypatch):
    """The file, whose hash is taken for the published one."""
    monkeypatch.setattr(style, "VGG19_MD5", digest(published[1], "md5"))
    return published[1]


def test_vgg19_has_the_published_features(published, weights):
    extractor = of_vgg19(style.vgg19((32, 40, 3), weights))
    assert (extractor.min_side_pixels, extractor.content_layers) == (32, ("block4_conv2",))
    layers_looked_at = [*VGG19_STYLE, *extractor.content_layers]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3))
    prepared = keras.applications.vgg19.preprocess_input(pixels.astype(np.float32))
    expected = keras.Model(published[0].inputs, [published[0].get_layer(name).output for name in layers_looked_at])
    found = extractor.network(tf.constant(pixels / 127.5 - 1.0, tf.float32))
    assert found.keys() == set(layers_looked_at)
    for name, features in zip(layers_looked_at, expected(prepared), strict=True):
        np.testing.assert_allclose(found[name], features, rtol=1e-3, atol=1e-3 * np.abs(features).max())


def test_grey_images_are_grey_to_vgg19_and_its_file_is_found_in_keras_cache(weights, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(weights.parents[1]))
    images = random_images(1, 32, 32, 1)
    of_grey, of_colours = style.vgg19((32, 32, 1)), style.vgg19((32, 32, 3))
    expected = of_colours(tf.repeat(images, 3, -1)).numpy()
    np.testing.assert_allclose(of_grey(images), expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_style_transfer_works_with_vgg19s_features_and_keeps_them(weights, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    made = StyleTransfer(network="vgg19", vgg19_weights=weights, n_iterations=1)
    found = made.fit(images, np.array([0, 0, 0, 0, 1, 1, 1])).sample(1, 2)
    assert (found != images[made.parents(1, 2)]).any()
    assert made._stylisation().extractor.content_layers == ("block4_conv2",)
    made.save(tmp_path / "made.npz")
    np.testing.assert_array_equal(StyleTransfer.load(tmp_path / "made.npz").sample(1, 2), found)


def test_vgg19_is_refused_without_its_file_and_for_other_images(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=f"there is no file {tmp_path}/models/vgg19_weights.*; VGG19 needs"):
        style.vgg19((32, 32, 3))
    other = tmp_path / "other.h5"
    other.write_bytes(b"weights of another network")
    with pytest.raises(ValueError, match=r"other.h5 is not vgg19_weights.* publishes it: its MD5 is [0-9a-f]{32}$"):
        style.vgg19((32, 32, 3), other)
    with pytest.raises(ValueError, match="VGG19 takes images with sides of at least 32 pixels, got 31 x 64"):
        style.vgg19((31, 64, 3), other)
    with pytest.raises(ValueError, match="VGG19 takes images of one or three channels, these have 2"):
        style.vgg19((32, 32, 2), other)


def test_a_sequential_classifier_from_a_file_is_one_layer_after_another(tmp_path):
    made = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    made.save(tmp_path / "made.keras")
    images = random_images(2, 16, 16, 3)
    expected, found = (after_each_block(model) for model in (made, keras.saving.load_model(tmp_path / "made.keras")))
    assert len(found.style_layers) == 2
    for one, other in zip(expected.network(images).values(), found.network(images).values(), strict=True):
        np.testing.assert_array_equal(one, other)
