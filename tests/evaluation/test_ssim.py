import numpy as np
import pytest
import tensorflow as tf
from class_balancing.datasets.batches import drawn_equally
from class_balancing.evaluation.ssim import SSIM, mean_over_classes, pairwise_ssim, ssim_to_originals


def test_equal_images_have_ssim_one_and_noise_nearly_none(digits):
    same = np.repeat(digits.images[:1], 10, axis=0)
    assert pairwise_ssim(same, 0).mean == pytest.approx(1.0)
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), dtype=np.uint8)
    assert abs(pairwise_ssim(noise, 0).mean) < 0.05


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_values_lie_where_they_are_asked_to_lie(low, digits):
    """SSIM depends on where, not only on how far apart."""
    images = digits.images[:4]
    order = np.random.default_rng(0).permutation(4)
    scaled = images.astype(np.float32) / 255 * (1 - low) + low
    expected = tf.image.ssim(scaled[order[:2]], scaled[order[2:]], max_val=1 - low).numpy().mean()
    assert pairwise_ssim(images, 0, (low, 1.0)).mean == pytest.approx(expected, rel=1e-5)


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


def test_each_image_is_paired_with_an_original_and_these_equally_often(digits):
    originals = digits.images[:2]
    assert ssim_to_originals(np.repeat(originals[:1], 6, axis=0), originals[:1], 0).mean == pytest.approx(1.0)
    half = ssim_to_originals(np.repeat(originals[:1], 6, axis=0), originals, 0)
    cross = pairwise_ssim(np.stack([originals[0], originals[1]] * 2), 1)
    assert half.n_pairs == 6
    one_pair = ssim_to_originals(np.repeat(originals[:1], 2, axis=0), originals[1:], 0).mean
    assert half.mean == pytest.approx((1 + one_pair) / 2), "three pairs each"
    assert cross.mean in (pytest.approx(1.0), pytest.approx(one_pair))
    few = digits.images[:30], digits.images[30:60]
    assert ssim_to_originals(*few, 0) == ssim_to_originals(*few, 0) != ssim_to_originals(*few, 1)
    for refused, message in (((few[0][:1], few[1]), "at least two pairs"), ((few[0], few[1][:0]), "one original")):
        with pytest.raises(ValueError, match=message):
            ssim_to_originals(*refused, 0)


def test_images_are_not_paired_with_what_they_were_made_of(digits):
    """Methods draw their originals from the same seed, so copies would all be paired with themselves."""
    originals = digits.images[:50]
    copies = originals[drawn_equally(50, 50, np.random.default_rng(3))]
    assert ssim_to_originals(copies, originals, 3).mean < 0.4


def test_classes_count_equally_in_the_mean():
    found = mean_over_classes([SSIM(0.2, 0.03, 100), SSIM(0.4, 0.04, 2)])
    assert found == {"value": pytest.approx(0.3), "standard_error": pytest.approx(0.025)}


def test_original_pairs_of_real_mnist_have_the_thesis_ssim(mnist_folder):
    from class_balancing.datasets import mnist

    dataset = mnist.load(mnist_folder)
    fours = dataset.images[dataset.labels == 4]
    assert 0.165 <= pairwise_ssim(fours, 0).mean <= 0.180
