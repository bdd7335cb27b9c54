"""What networks of the uses learn from, and the numbers that the uses measure."""

import numpy as np
import pytest
from class_balancing.datasets.split import split
from class_balancing.experiments.autoencoders import denoising, enhancement, one_class, rivals
from class_balancing.experiments.autoencoders.piece import Asked, Network, Parts, Piece, closeness
from class_balancing.experiments.autoencoders.plan import Plan
from class_balancing.experiments.autoencoders.runner import Runner, _training_images
from class_balancing.experiments.autoencoders.settings import SETTINGS
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope="module")
def parts(digits):
    train, test = split(digits.labels, 0.3, 0)
    return Parts(digits.take(train), digits.take(test))


def measured(use, method, setting, parts, autoencoder=None):
    return use.measure(Piece("digits", use.NAME, Asked(method, setting), 0), parts, autoencoder, SETTINGS["smoke"])


def test_networks_learn_from_what_is_asked_for(parts):
    images = parts.train.images
    seen, targets = _training_images(Network("dense", 4), parts)
    assert seen is images
    assert targets is None
    seen, targets = _training_images(Network("dense", 4, label=1), parts)
    np.testing.assert_array_equal(seen, images[parts.train.labels == 1])
    assert targets is None
    seen, targets = _training_images(Network("dense", 4, enlarges=True), parts)
    assert targets is images
    np.testing.assert_array_equal(seen, rivals.enlarged(rivals.half_resolution(images), *images.shape[1:3]))


def test_a_network_has_the_arguments_of_its_piece(tmp_path):
    plan = Plan(tmp_path, ("digits",), "quick")
    runner, pieces = Runner(plan, {}), {str(piece): piece for piece in plan.pieces()}
    made = runner._untrained(pieces["digits-denoising-dense-25-seed1"], 6400, tmp_path / "training")
    assert type(made).__name__ == "DenseAutoencoder"
    assert (made.code_size, made.noise, made.distance, made.random_state) == (128, 25.0, "squared", 1)
    assert made.n_epochs == 25, "2500 steps of 64 of 6400 images"
    made = runner._untrained(pieces["digits-reconstruction-convolutional_absolute-32-seed2"], 6400, tmp_path / "other")
    assert type(made).__name__ == "ConvolutionalAutoencoder"
    assert (made.code_size, made.noise, made.distance, made.random_state) == (32, 0.0, "absolute", 2)
    assert (made.n_epochs, made.n_filters) == (10, 8)


def test_what_is_restored_is_compared_with_the_originals(parts):
    images = parts.test.images
    pca = rivals.PCA(parts.train.images, SETTINGS["smoke"].restoration_code_size)
    noisy = rivals.with_noise(images, 50, denoising.TEST_NOISE_RANDOM_STATE)
    assert measured(denoising, "noisy", 50, parts).values == closeness(noisy, images)
    found = measured(denoising, "pca", 50, parts)
    assert found.values == closeness(pca.reconstruct(noisy), images)
    np.testing.assert_array_equal(found.shown["noisy"], noisy[parts.shown])
    bicubic = rivals.enlarged(rivals.half_resolution(images), *images.shape[1:3])
    assert measured(enhancement, "bicubic", enhancement.HALF, parts).values == closeness(bicubic, images)
    found = measured(enhancement, "pca", enhancement.HALF, parts)
    assert found.values == closeness(pca.reconstruct(bicubic), images)
    np.testing.assert_array_equal(found.shown["original"], images[parts.shown])


def test_images_of_a_class_are_nearer_to_it_than_others(parts):
    for method in ("class_mean", "pca"):
        assert measured(one_class, method, 0, parts).values["auc"] > 0.95
    distances = np.square(parts.test.images - parts.train.images[parts.train.labels == 3].mean(axis=0))
    expected = roc_auc_score(parts.test.labels != 3, distances.mean(axis=(1, 2, 3)))
    assert measured(one_class, "class_mean", 3, parts).values["auc"] == pytest.approx(expected)
