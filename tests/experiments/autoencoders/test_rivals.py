import io

import numpy as np
import pytest
from class_balancing.experiments.autoencoders import rivals
from PIL import Image


@pytest.fixture
def photographs():
    """Smooth colours with some noise, (6, 32, 40, 3)."""
    rows, columns = np.mgrid[:32, :40]
    smooth = np.stack([4 * rows, 3 * columns, 2 * (rows + columns)], axis=-1)
    noise = np.random.default_rng(0).integers(0, 30, (6, 32, 40, 3))
    return (smooth + noise).astype(np.uint8)


def test_principal_components_lose_the_variance_of_the_others():
    images = np.random.default_rng(0).integers(0, 256, (200, 4, 3, 2), dtype=np.uint8)
    variances = np.linalg.eigvalsh(np.cov(images.reshape(200, -1).T.astype(float), bias=True))
    errors = rivals.PCA(images, 10).errors(images)
    assert errors.shape == (200,)
    assert errors.mean() == pytest.approx(variances[:-10].sum() / 24)
    np.testing.assert_array_equal(rivals.PCA(images, 24).reconstruct(images), images)


def test_median_window_is_the_best_of_all(photographs):
    noisy = rivals.with_noise(photographs, 60, random_state=0)
    errors = {
        side: np.square(rivals.median_filtered(noisy, side).astype(float) - photographs).mean()
        for side in rivals.WINDOW_SIDES_PIXELS
    }
    assert rivals.best_median_side(noisy, photographs) == min(errors, key=errors.get)
    assert rivals.best_median_side(photographs, photographs) == 3
    dot = np.zeros((1, 5, 5, 2), np.uint8)
    dot[0, 2, 2] = 255
    assert not rivals.median_filtered(dot, 3).any(), "windows do not reach other channels or images"


def test_noise_has_the_standard_deviation_asked_for():
    noisy = rivals.with_noise(np.full((4, 50, 50, 1), 128, np.uint8), 20, random_state=3)
    assert noisy.std() == pytest.approx(20, rel=0.03)
    assert rivals.with_noise(np.zeros((1, 9, 9, 1), np.uint8), 100, 0).min() == 0


def test_half_resolution_is_the_mean_of_squares_and_comes_back_in_the_old_size(photographs):
    half = rivals.half_resolution(photographs)
    means = photographs.reshape(6, 16, 2, 20, 2, 3).mean(axis=(2, 4))
    assert np.abs(half - means).max() <= 1, "Pillow rounds after each direction"
    assert rivals.enlarged(half, 32, 40).shape == photographs.shape
    odd = rivals.half_resolution(np.full((2, 9, 7, 1), 90, np.uint8))
    assert odd.shape == (2, 5, 4, 1)
    assert (odd == 90).all()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_bytes_of_jpeg_are_those_of_the_file_and_of_its_scan(photographs, n_channels):
    images = photographs[..., :n_channels]
    decoded, n_bytes, n_bytes_of_pixels = rivals.jpeg(images, quality=60)
    assert decoded.shape == images.shape
    headers = set()
    for image, own, size, size_of_pixels in zip(images, decoded, n_bytes, n_bytes_of_pixels, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).save(file, "JPEG", quality=60)
        content = file.getvalue()
        assert size == len(content)
        np.testing.assert_array_equal(own.squeeze(), np.asarray(Image.open(file)))
        assert content.endswith(b"\xff\xd9")
        headers.add(content[: size - size_of_pixels - 2])
    (header,) = headers  # the same for all
    scan = header[header.rindex(b"\xff\xda") :]
    assert len(scan) == 2 + int.from_bytes(scan[2:4], "big")


def test_eight_bits_cover_the_range_of_the_training_codes():
    training = np.array([[0.0, 5.0], [51.0, 5.0]])
    eight_bits = rivals.EightBits(training)
    quantised = eight_bits.quantise(np.array([[0.09, 5.0], [51.0, 5.0], [70.0, 5.0]]))
    assert quantised.dtype == np.uint8
    np.testing.assert_array_equal(quantised[:, 0], [0, 255, 255])
    np.testing.assert_allclose(eight_bits.restore(quantised), [[0, 5], [51, 5], [51, 5]])
