import numpy as np


def test_real_digits_like_mnist(digits):
    assert digits.images.shape == (1797, 28, 28, 1)
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.images.max() == 255
    assert not digits.images[:, :4].any(), "the margin is black"
    assert not digits.images[:, :, -4:].any()


def test_enlarged_images_keep_their_brightness(digits):
    from sklearn.datasets import load_digits

    inner = digits.images[:, 4:-4, 4:-4, 0].mean(axis=(1, 2))
    original = load_digits().images.mean(axis=(1, 2)) * 255 / 16
    assert np.corrcoef(inner, original)[0, 1] > 0.99
    assert abs(inner.mean() - original.mean()) < 5
