"""Differentiable augmentation: what it does to images, and to gradients."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import augmentation
from class_balancing.models.augmentation import N_NUMBERS, augmented

SHAPE = (20, 16, 24, 3)


@pytest.fixture
def images():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, SHAPE), tf.float32)


@pytest.fixture
def numbers():
    return tf.constant(np.random.default_rng(1).uniform(0, 1, (SHAPE[0], N_NUMBERS)), tf.float32)


def per_image(*values):
    return tf.constant(values, tf.float32)


def test_at_strength_zero_images_stay_as_they_are(images, numbers):
    np.testing.assert_array_equal(augmented(images, numbers, 0.0), images)


def test_at_full_strength_every_image_changes_and_keeps_its_shape(images, numbers):
    changed = augmented(images, numbers)
    assert changed.shape == SHAPE
    assert changed.dtype == tf.float32
    assert (np.abs(changed - images).mean(axis=(1, 2, 3)) > 0.05).all()


def test_middle_numbers_change_nothing_but_cut_out(images):
    changed = augmented(images, tf.fill((SHAPE[0], N_NUMBERS), 0.5)).numpy()
    assert (changed[:, 4:12, 6:18] == 0).all(), "half of both sides, around the middle"
    changed[:, 4:12, 6:18] = images[:, 4:12, 6:18]
    np.testing.assert_allclose(changed, images, atol=1e-6)


def test_the_same_numbers_do_the_same_to_real_and_generated_images(images, numbers):
    other = -images[::-1]
    weight = 0.3
    mixed = augmented(weight * images + (1 - weight) * other, numbers)
    expected = weight * augmented(images, numbers) + (1 - weight) * augmented(other, numbers)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)  # the same affine function of both
    cut = [(augmented(each, numbers).numpy() == 0).all(axis=-1) for each in (images, other)]
    np.testing.assert_array_equal(*cut)
    for start in range(0, SHAPE[0], 4):  # and of images by themselves
        part = slice(start, start + 4)
        alone = augmented(images[part], numbers[part])
        np.testing.assert_allclose(alone, augmented(images, numbers)[part], atol=1e-6)


def test_gradients_reach_the_pixels_that_are_seen(images, numbers):
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(augmented(images, numbers) ** 2)
    gradients = tape.gradient(total, images).numpy()
    assert np.isfinite(gradients).all()
    share = (gradients != 0).mean(axis=(1, 2, 3))
    assert (share > 0.5).all(), "contrast spreads them over the whole image"
    with tf.GradientTape() as tape:
        tape.watch(images)
        moved = augmentation.translated(images, tf.fill((SHAPE[0],), 2), tf.fill((SHAPE[0],), -3))
        total = tf.reduce_sum(moved * images)
    expected = augmentation.translated(images, tf.fill((SHAPE[0],), -2), tf.fill((SHAPE[0],), 3)) + moved
    np.testing.assert_allclose(tape.gradient(total, images), expected, atol=1e-6)


def test_gradients_of_second_order_flow(images, numbers):
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            total = tf.reduce_sum(augmented(images, numbers) ** 3)
        gradients = inner.gradient(total, images)
    assert np.abs(outer.gradient(gradients, images)).max() > 0


@pytest.mark.parametrize("n_channels", [1, 3])
def test_saturation_leaves_grey_images_alone(n_channels):
    grey = tf.repeat(tf.random.stateless_uniform((5, 8, 8, 1), (0, 0), -1, 1), n_channels, axis=-1)
    np.testing.assert_allclose(augmentation.saturated(grey, per_image(0, 0.5, 1, 1.5, 2)), grey, atol=1e-6)


def test_brightness_saturation_and_contrast_are_their_formulas(images):
    first = images[:2]
    np.testing.assert_allclose(augmentation.brightened(first, per_image(0.5, -0.2))[1], first[1] - 0.2, atol=1e-6)
    without_colour = augmentation.saturated(first, per_image(0, 1))
    np.testing.assert_allclose(without_colour[0], np.repeat(np.mean(first[0], -1)[..., None], 3, -1), atol=1e-6)
    np.testing.assert_allclose(without_colour[1], first[1], atol=1e-6)
    flat = augmentation.contrasted(first, per_image(0, 1.5)).numpy()
    np.testing.assert_allclose(flat[0], np.mean(first[0]), atol=1e-6)
    assert flat[1].mean() == pytest.approx(np.mean(first[1]), abs=1e-5)
    assert flat[1].std() == pytest.approx(1.5 * np.std(first[1]), rel=1e-4)


def test_the_paper_s_ranges_at_the_ends_of_the_numbers():
    one_pixel = np.zeros((2, 48, 48, 1), np.float32)
    one_pixel[:, 24, 24] = 1
    ends = np.full((2, N_NUMBERS), 0.5, np.float32)
    ends[:, 3] = ends[:, 4] = 0, 0.999999
    ends[:, 5:] = 0  # cut out in a corner
    changed = augmented(tf.constant(one_pixel), tf.constant(ends)).numpy()
    found = [np.argwhere(image[..., 0] == image.max()).tolist() for image in changed]
    assert found == [[[18, 18]], [[30, 30]]], "12.5 % of 48 pixels are 6"
    black = tf.zeros((2, 8, 8, 1))
    brightest = np.full((2, N_NUMBERS), 0.5, np.float32)
    brightest[:, 0] = 0, 1
    changed = augmented(black, tf.constant(brightest)).numpy()
    assert [changed[0].min(), changed[1].max()] == [-0.5, 0.5]


@pytest.mark.parametrize(("strength", "factors"), [(1.0, ((0, 2), (0.5, 1.5))), (0.5, ((0.5, 1.5), (0.75, 1.25)))])
def test_saturation_and_contrast_reach_their_ranges_which_shrink_with_strength(strength, factors, images):
    pair = tf.repeat(images[:1], 2, axis=0)
    for place, changed_by, ends in zip((1, 2), (augmentation.saturated, augmentation.contrasted), factors, strict=True):
        numbers = np.full((2, N_NUMBERS), 0.5, np.float32)
        numbers[:, 5:] = 0  # cut out in a corner
        numbers[:, place] = 0, 1
        changed = augmented(pair, tf.constant(numbers), strength).numpy()
        expected = changed_by(pair, per_image(*ends)).numpy()
        np.testing.assert_allclose(changed[:, 6:, 8:], expected[:, 6:, 8:], atol=1e-6)
        cut = (changed == 0).all(axis=-1)
        assert cut.sum(axis=(1, 2)).tolist() == [round(4 * strength) * round(6 * strength)] * 2


def test_shifts_are_uniform_whole_pixels():
    numbers = tf.constant(np.random.default_rng(0).random(13000), tf.float32)
    values, counts = np.unique(augmentation._shift(numbers, 0.125, 48), return_counts=True)
    assert values.tolist() == list(range(-6, 7))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


def test_what_is_cut_out_at_a_border_is_smaller():
    ones = tf.ones((3, 10, 10, 1))
    centre = tf.constant([5, 0, 9]), tf.constant([5, 0, 9])
    kept = augmentation.cut_out(ones, centre, (4, 6)).numpy().sum(axis=(1, 2, 3))
    assert kept.tolist() == [100 - 4 * 6, 100 - 2 * 3, 100 - 3 * 4]
