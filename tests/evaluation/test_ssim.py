import numpy as np
import pytest
from class_balancing.evaluation.ssim import pairwise_ssim


def test_equal_images_have_ssim_one_and_noise_nearly_none(digits):
    same = np.repeat(digits.images[:1], 10, axis=0)
    assert pairwise_ssim(same, 0).mean == pytest.approx(1.0)
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), dtype=np.uint8)
    assert abs(pairwise_ssim(noise, 0).mean) < 0.05


def test_each_image_stands_in_at_most_one_pair_and_seeds_pair_anew(digits):
    measured = pairwise_ssim(digits.images[:101], 0)
    assert measured.n_pairs == 50
    assert pairwise_ssim(digits.images[:101], 0) == measured
    assert pairwise_ssim(digits.images[:101], 1).mean != measured.mean


def test_standard_error_is_the_spread_over_pairings(digits):
    measured = [pairwise_ssim(digits.images[:400], seed) for seed in range(30)]
    spread = np.std([m.mean for m in measured])
    assert 0.5 < spread / np.mean([m.standard_error for m in measured]) < 1.5


@pytest.mark.parametrize(
    ("shape", "message"), [((3, 28, 28, 1), "at least two pairs"), ((8, 10, 28, 1), "at least 11 pixels")]
)
def test_too_few_or_too_small_images_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        pairwise_ssim(np.zeros(shape, np.uint8), 0)


def test_original_pairs_of_real_mnist_have_the_thesis_ssim(mnist_folder):
    from class_balancing.datasets import mnist

    dataset = mnist.load(mnist_folder)
    fours = dataset.images[dataset.labels == 4]
    assert 0.165 <= pairwise_ssim(fours, 0).mean <= 0.180
