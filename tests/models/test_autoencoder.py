"""Autoencoders: what theory says of linear ones, what the slides use them for, and how they continue and are saved."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing import ConvolutionalAutoencoder, DenseAutoencoder
from class_balancing.models.training import callbacks
from fits import assert_same_history, weights_digest
from sklearn.decomposition import PCA

SIDE_PIXELS = 6
N_PIXELS = SIDE_PIXELS**2
LINEAR = {"hidden_sizes": (), "output": "linear", "distance": "squared"}
SMALL = (DenseAutoencoder(hidden_sizes=(20,), code_size=5), ConvolutionalAutoencoder(n_filters=4, code_size=5))


def small(made, **changes):
    return type(made)(**made.get_params() | {"n_epochs": 2, "batch_size": 40} | changes)


@pytest.fixture(scope="module")
def gaussian():
    """300 images around grey with few large and many small principal components, (300, 6, 6, 1)."""
    rng = np.random.default_rng(0)
    directions, _ = np.linalg.qr(rng.standard_normal((N_PIXELS, N_PIXELS)))
    deviations = np.concatenate([[90, 70, 50, 40], np.full(N_PIXELS - 4, 5.0)])
    values = 128 + (rng.standard_normal((300, N_PIXELS)) * deviations) @ directions.T
    return np.clip(np.rint(values), 0, 255).astype(np.uint8).reshape(300, SIDE_PIXELS, SIDE_PIXELS, 1)


def of_each_epoch(n_steps, **arguments):
    """Arguments of so many steps, each on all 300 images."""
    return LINEAR | {"n_epochs": n_steps, "batch_size": 300} | arguments


def test_a_linear_autoencoder_loses_what_pca_discards(gaussian):
    made = DenseAutoencoder(**of_each_epoch(800, code_size=3, learning_rate=1e-2)).fit(gaussian)
    discarded = PCA().fit(gaussian.reshape(300, -1)).explained_variance_[3:].sum() * 299 / 300
    assert made.errors(gaussian).mean() * N_PIXELS == pytest.approx(discarded, rel=0.01)


@pytest.mark.slow
def test_a_linear_denoiser_reaches_wieners_error(gaussian):
    """The error expected of its weights, over all noise; no linear map has a smaller one than Wiener's."""
    noise = 20.0
    arguments = of_each_epoch(1500, code_size=N_PIXELS, noise=noise, learning_rate=2e-3)
    made = DenseAutoencoder(**arguments).fit(gaussian)
    (encoder_weights, encoder_bias), (decoder_weights, decoder_bias) = (
        network.get_weights() for network in (made.encoder_, made.decoder_)
    )
    weights, bias = encoder_weights @ decoder_weights, encoder_bias @ decoder_weights + decoder_bias
    images = gaussian.reshape(300, -1) / 127.5 - 1
    covariance = np.cov(images.T, bias=True)
    variance = (noise / 127.5) ** 2
    expected = (np.square(images @ weights + bias - images)).sum(axis=1).mean() + variance * np.square(weights).sum()
    wiener = np.trace(covariance - covariance @ np.linalg.solve(covariance + variance * np.eye(N_PIXELS), covariance))
    assert expected == pytest.approx(wiener, rel=0.03)
    assert expected > wiener
    assert wiener < 0.5 * N_PIXELS * variance, "much less than the noise"


@pytest.mark.parametrize("made", SMALL, ids=lambda made: type(made).__name__)
def test_codes_images_and_errors_belong_together(made, few_digits):
    fitted = small(made).fit(few_digits.images)
    codes = fitted.encode(few_digits.images)
    assert (codes.dtype, codes.shape) == (np.float32, (100, 5))
    reconstructed = fitted.reconstruct(few_digits.images)
    assert (reconstructed.dtype, reconstructed.shape) == (np.uint8, few_digits.images.shape)
    np.testing.assert_array_equal(reconstructed, fitted.decode(codes))
    differences = few_digits.images.astype(float) - reconstructed
    np.testing.assert_allclose(fitted.errors(few_digits.images), np.abs(differences).mean(axis=(1, 2, 3)))
    fitted.distance = "squared"
    np.testing.assert_allclose(fitted.errors(few_digits.images), np.square(differences).mean(axis=(1, 2, 3)))
    np.testing.assert_array_equal(fitted.encode((few_digits.images / 255).astype(np.float32)), codes)


def test_the_loss_is_the_mean_distance_of_a_step(few_digits):
    """Of all images in one step before which nothing was learned."""
    for distance, of_differences in (("absolute", np.abs), ("squared", np.square)):
        fitted = small(SMALL[0], distance=distance, n_epochs=0).fit(few_digits.images)
        images = few_digits.images / np.float32(127.5) - 1
        made = fitted.decoder_.predict(fitted.encoder_.predict(images, verbose=0), verbose=0)
        (loss,) = small(SMALL[0], distance=distance, n_epochs=1, batch_size=100).fit(few_digits.images).history_["L"]
        assert loss == pytest.approx(of_differences(images - made).mean(), rel=1e-5)


def test_noise_is_another_at_every_step_and_the_targets_have_none(few_digits):
    fitted = small(SMALL[0], n_epochs=0, noise=30.0).fit(few_digits.images)
    targets = few_digits.images[::-1]

    def batches(first_step, n):
        (stage,) = fitted._stages(few_digits.images, targets)
        return list(stage.batches(first_step).take(n))

    first, second, third = batches(0, 3)
    (again,) = batches(2, 1)
    np.testing.assert_array_equal(third["images"], again["images"])
    index_of = {image.tobytes(): index for index, image in enumerate(targets)}
    noises = []
    for batch in (first, second):
        chosen = [index_of[image.tobytes()] for image in np.rint((batch["targets"].numpy() + 1) * 127.5).astype("u1")]
        clean = few_digits.images[chosen] / 127.5 - 1
        assert np.abs(batch["images"]).max() <= 1
        noises.append((batch["images"].numpy() - clean)[np.abs(clean) < 0.3])
        assert noises[-1].std() == pytest.approx(30 / 127.5, rel=0.1)
    assert len(noises[0]) > 100
    assert abs(noises[0].mean()) < 0.03
    assert (noises[0][:100] != noises[1][:100]).all()


def test_enhancement_beats_its_input(digits):
    """Digits with a quarter of their contrast, on images that were not trained with."""
    good = digits.images[:1000]
    poor = (96 + good // 4).astype(np.uint8)
    made = ConvolutionalAutoencoder(n_epochs=3, n_filters=4, learning_rate=3e-3).fit(poor[:800], good[:800])
    before, after = (
        np.abs(images.astype(float) - good[800:]).mean() for images in (poor[800:], made.reconstruct(poor[800:]))
    )
    assert after < 0.5 * before


def test_another_class_has_larger_errors(digits):
    ones, others = digits.images[digits.labels == 1], digits.images[digits.labels == 0]
    made = DenseAutoencoder(n_epochs=60, code_size=4, hidden_sizes=(64,), learning_rate=3e-3).fit(ones[:120])
    unseen, strange = made.errors(ones[120:]), made.errors(others)
    assert (unseen[:, None] < strange).mean() > 0.95, "the area under the ROC curve"


def test_what_a_killed_run_leaves_on_disk_continues_to_the_same_weights(few_digits, tmp_path, monkeypatch):
    made = SMALL[0]
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    folders = tmp_path / "straight", tmp_path / "killed"
    fits = [small(made, noise=10.0, folder=folder).fit(few_digits.images) for folder in folders]
    max(folders[1].glob("epoch-*.npz")).unlink()
    resumed = small(made, noise=10.0, folder=folders[1]).fit(few_digits.images)
    assert weights_digest(resumed) == weights_digest(fits[0])
    assert_same_history(resumed.history_, fits[0].history_)
    with pytest.raises(ValueError, match="holds a training run with other arguments or images"):
        small(made, noise=10.0, folder=folders[1]).fit(few_digits.images, few_digits.images[::-1])
    other = small(made, noise=10.0, random_state=1).fit(few_digits.images)
    assert weights_digest(other) != weights_digest(resumed)


@pytest.mark.parametrize("made", SMALL, ids=lambda made: type(made).__name__)
def test_a_saved_one_comes_back(made, few_digits, tmp_path):
    fitted = small(made, n_epochs=1, random_state=np.int64(7), folder=tmp_path / "kept").fit(few_digits.images)
    fitted.save(tmp_path / "saved.npz")
    loaded = type(made).load(tmp_path / "saved.npz")
    np.testing.assert_array_equal(loaded.reconstruct(few_digits.images), fitted.reconstruct(few_digits.images))
    assert loaded.get_params() == fitted.get_params() | {
        "folder": str(tmp_path / "kept"),
        "random_state": 7,
    }
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "saved.npz").read_bytes()
    other = {DenseAutoencoder, ConvolutionalAutoencoder} - {type(made)}
    with pytest.raises(ValueError, match="holds a fitted"):
        other.pop().load(tmp_path / "saved.npz")


@pytest.mark.slow
def test_plain_images_are_learned_and_give_no_errors():
    images = np.full((20, 8, 9, 3), 200, np.uint8)
    made = DenseAutoencoder(n_epochs=300, batch_size=20, code_size=2, hidden_sizes=(), learning_rate=1e-2).fit(images)
    assert made.errors(images).max() < 5


def test_images_of_one_pixels_height():
    images = np.random.default_rng(0).integers(0, 256, (10, 1, 9, 3), dtype=np.uint8)
    assert small(SMALL[0]).fit(images).reconstruct(images).shape == images.shape
    with pytest.raises(ValueError, match="images must have sides of at least 8 pixels, got 1 x 9"):
        small(SMALL[1]).fit(images)


IMAGES = np.zeros((4, 8, 8, 1), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "data", "message"),
    [
        ({"code_size": 0}, [IMAGES], "code_size must be a whole number of at least 1, got 0"),
        ({"n_epochs": -1}, [IMAGES], "n_epochs must be a whole number of at least 0, got -1"),
        ({"distance": "cosine"}, [IMAGES], "distance must be one of absolute, squared, got 'cosine'"),
        ({"noise": -1.0}, [IMAGES], "noise must be a number of at least 0, got -1.0"),
        ({"noise": float("inf")}, [IMAGES], "noise must be a number of at least 0, got inf"),
        ({"hidden_sizes": (5, 0)}, [IMAGES], r"hidden_sizes must be whole numbers of at least 1, got \(5, 0\)"),
        ({"output": "relu"}, [IMAGES], "output must be one of tanh, linear, got 'relu'"),
        ({}, [IMAGES[:0]], "there are no images"),
        ({}, [IMAGES[0]], "images must be uint8 in 0..255 or floating numbers"),
        ({}, [IMAGES, IMAGES[:3]], r"targets must have the shape of the images, \(4, 8, 8, 1\), got \(3, 8, 8, 1\)"),
    ],
)
def test_impossible_arguments_and_images_are_refused(arguments, data, message):
    with pytest.raises(ValueError, match=message):
        DenseAutoencoder(**arguments).fit(*data)


def test_after_a_fit_that_was_refused_nothing_looks_fitted(tmp_path, few_digits):
    made = small(SMALL[0], folder=tmp_path / "codes").fit(few_digits.images)
    with pytest.raises(ValueError, match="holds a training run with other arguments or images"):
        made.fit(few_digits.images[::-1])
    with pytest.raises(ValueError, match="is not fitted yet"):
        made.errors(few_digits.images)


def test_what_does_not_fit_is_refused(tmp_path):
    made = DenseAutoencoder(n_epochs=0, code_size=3)
    for use in (made.encode, made.decode, made.reconstruct, made.errors):
        with pytest.raises(ValueError, match="this DenseAutoencoder is not fitted yet; call fit first"):
            use(IMAGES)
    with pytest.raises(ValueError, match="is not fitted yet"):
        made.save(tmp_path / "saved.npz")
    made.fit(IMAGES)
    with pytest.raises(ValueError, match=r"images must have the fitted shape \(8, 8, 1\), got \(8, 9, 1\)"):
        made.encode(np.zeros((4, 8, 9, 1), np.uint8))
    with pytest.raises(ValueError, match=r"codes must have the shape \(n, 3\) with n at least 1, got \(2, 4\)"):
        made.decode(np.zeros((2, 4)))


def test_each_step_moves_both_networks(few_digits):
    before = small(SMALL[1], n_epochs=0).fit(few_digits.images)
    after = small(SMALL[1], n_epochs=1).fit(few_digits.images)
    for network in ("encoder_", "decoder_"):
        weights = (getattr(fitted, network).trainable_variables for fitted in (before, after))
        for old, new in zip(*weights, strict=True):
            assert tf.reduce_any(old.value != new.value), new.path
