import numpy as np
import pytest
import tensorflow as tf
from class_balancing.evaluation import restoration


@pytest.fixture
def pair():
    """Two images, the first off by 5 everywhere, the second by 10 in a quarter of its pixels."""
    originals = np.full((2, 12, 12, 1), 100, np.uint8)
    images = originals.copy()
    images[0] += 5
    images[1, :6, :6] -= 10
    return images, originals


def test_psnr_and_errors_of_known_differences(pair):
    np.testing.assert_allclose(restoration.squared_error(*pair), [25, 25])
    np.testing.assert_allclose(restoration.absolute_error(*pair), [5, 2.5])
    np.testing.assert_allclose(restoration.psnr(*pair), 20 * np.log10(255 / 5))


def test_psnr_of_equal_images_is_that_of_one_value_off_by_one(pair):
    images, _ = pair
    one_off = images.copy()
    one_off[:, 0, 0] += 1
    np.testing.assert_allclose(restoration.psnr(images, images), restoration.psnr(one_off, images))


def test_ssim_is_tensorflows_also_over_several_batches(pair, monkeypatch):
    monkeypatch.setattr(restoration, "BATCH_SIZE", 1)
    measured = restoration.ssim(*pair)
    np.testing.assert_allclose(measured, tf.image.ssim(*map(tf.constant, pair), max_val=255), rtol=1e-5)
    assert measured[1] < measured[0] < 1


def test_what_cannot_be_compared_is_refused(pair):
    images, originals = pair
    with pytest.raises(ValueError, match="must have the same shape"):
        restoration.psnr(images, originals[:1])
    with pytest.raises(ValueError, match="SSIM needs sides of at least 11 pixels"):
        restoration.ssim(images[:, :8], originals[:, :8])
