"""Changes of a classifier's batches: what is mixed how, and what stays as it is."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import classifier_batches
from class_balancing.models.classifier_batches import (
    LARGEST,
    CutMix,
    Mixup,
    RandAugment,
    Remix,
    remixed_shares,
    slightly_changed,
)

COUNTS = np.array([90, 9, 1])
N = 300


@pytest.fixture(scope="module")
def batch():
    """Plain images whose value says which class they are: 0, .5 and 1."""
    labels = np.random.default_rng(0).integers(0, 3, N)
    images = np.broadcast_to((labels / 2.0)[:, None, None, None], (N, 8, 10, 1)).astype(np.float32)
    return {"images": tf.constant(images), "labels": tf.one_hot(labels, 3), "step": tf.constant(3, tf.int64)}


def changed(method, batch, step=3, random_state=7):
    change = method.classifier_arguments(np.repeat([0, 1, 2], COUNTS))["change"](random_state)
    images, labels = change(batch | {"step": tf.constant(step, tf.int64)})
    return images.numpy(), labels.numpy()


@pytest.mark.parametrize(
    "method", [Mixup(), Remix(), CutMix(), RandAugment()], ids=lambda method: type(method).__name__
)
def test_changes_follow_from_seed_and_step(method, batch):
    one, same, later, other = (changed(method, batch, *asked) for asked in ((3,), (3,), (4,), (3, 8)))
    np.testing.assert_array_equal(one[0], same[0])
    np.testing.assert_array_equal(one[1], same[1])
    assert (one[0] != later[0]).any()
    assert (one[0] != other[0]).any()
    np.testing.assert_allclose(one[1].sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("method", [Mixup, Remix])
@pytest.mark.parametrize("alpha", [0.2, 5.0])
def test_shares_are_of_the_beta_distribution(method, alpha):
    """Of white images mixed with black ones, by its variance 1 / (4 (2 alpha + 1))."""
    n = 40_000
    images = np.zeros((n, 1, 1, 1), np.float32)
    images[::2] = 1.0
    batch = {"images": tf.constant(images), "labels": tf.one_hot(np.zeros(n, int), 3)}
    made = changed(method(alpha=alpha), batch)[0][:, 0, 0, 0]
    # half of the pairs are of equal images, which stay 0 or 1
    mixed = made[(made > 0.0) & (made < 1.0)]
    second_moment = 0.25 + 1 / (4 * (2 * alpha + 1))
    # values of mixed pairs that round to 0 or 1 are missing among `mixed`, but not here
    assert (made**2).mean() == pytest.approx((0.5 + second_moment) / 2, rel=0.02)
    assert mixed.mean() == pytest.approx(0.5, abs=0.01)


def test_mixups_labels_have_the_shares_of_its_images(batch):
    images, labels = changed(Mixup(alpha=1.0), batch)
    np.testing.assert_allclose(images[:, 0, 0, 0], labels @ [0.0, 0.5, 1.0], atol=1e-5)
    assert ((labels > 0.01).sum(axis=1) == 2).any()


def test_cutmixs_labels_have_the_shares_of_its_pixels(batch):
    images, labels = changed(CutMix(), batch)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), labels @ [0.0, 0.5, 1.0], atol=1e-5)
    assert set(np.unique(images)) == {0.0, 0.5, 1.0}
    assert ((labels > 0.01).sum(axis=1) == 2).any()


@pytest.mark.parametrize(
    ("share", "ratio", "expected"),
    [
        (0.4, 10.0, 0.0),  # mostly of the rare class
        (0.6, 10.0, 0.6),
        (0.6, 0.1, 1.0),
        (0.4, 0.1, 0.4),
        (0.4, 1.0, 0.4),  # equal classes are mixed as in mixup
        (0.4, 2.9, 0.4),
    ],
)
def test_remix_gives_a_pair_to_its_rarer_class_where_that_is_rare_enough(share, ratio, expected):
    found = remixed_shares(tf.constant([share]), tf.constant([ratio]), 3.0, 0.5)
    assert float(found[0]) == pytest.approx(expected)


def test_remixs_images_are_mixed_as_ever_and_its_labels_lean_to_rare_classes(batch):
    images, labels = changed(Remix(), batch)
    assert labels[:, 2].mean() > batch["labels"].numpy()[:, 2].mean() + 0.05
    assert images.min() >= 0.0
    assert images.max() <= 1.0


def test_no_change_leaves_images_as_they_are_and_each_change_does_something():
    images = tf.random.stateless_uniform((1, 9, 12, 3), (0, 0), -1.0, 1.0)
    np.testing.assert_allclose(slightly_changed(images, tf.zeros((1, 8))), images, atol=1e-5)
    for index in range(len(LARGEST)):
        made = slightly_changed(images, tf.one_hot([index], 8))
        assert made.shape == images.shape
        assert np.abs(made - images).max() > 0.05
        assert np.abs(made).max() <= 1.0


def test_an_image_is_shifted_by_a_tenth_and_turned_about_its_centre():
    image = np.full((1, 11, 21, 1), -1.0, np.float32)
    image[0, 5, 10] = 1.0  # the centre stays where it is when the image is turned or sheared
    for name in ("rotation", "shear_x", "shear_y"):
        made = slightly_changed(tf.constant(image), tf.one_hot([list(LARGEST).index(name)], 8)).numpy()
        assert made[0, 5, 10, 0] == pytest.approx(1.0, abs=1e-4)
    image = np.broadcast_to(np.arange(20, dtype=np.float32)[None, None, :, None] / 20, (1, 10, 20, 1))
    made = slightly_changed(tf.constant(image), tf.one_hot([list(LARGEST).index("shift_x")], 8)).numpy()
    np.testing.assert_allclose(made[0, 0, :5, 0], image[0, 0, 2:7, 0], atol=1e-5)


def test_rand_augment_keeps_labels_and_changes_each_image_in_its_own_way(batch):
    images = tf.random.stateless_uniform((N, 8, 10, 3), (0, 0), -1.0, 1.0)
    made, labels = changed(RandAugment(), batch | {"images": images})
    np.testing.assert_array_equal(labels, batch["labels"])
    same = RandAugment(strength=0.0)
    np.testing.assert_allclose(changed(same, batch | {"images": images})[0], images, atol=1e-5)
    assert (np.abs(made - images.numpy()).max(axis=(1, 2, 3)) > 0.01).mean() > 0.9


def test_as_many_changes_as_asked_and_as_strong(batch, monkeypatch):
    kept = []
    monkeypatch.setattr(
        classifier_batches, "slightly_changed", lambda images, amounts: kept.append(amounts.numpy()) or images
    )
    for n_changes, strength in ((1, 0.5), (3, 1.0)):
        changed(RandAugment(n_changes=n_changes, strength=strength), batch)
        assert (kept[-1] != 0).sum(axis=1).max() == n_changes
        largest = np.abs(kept[-1][(kept[-1] != 0).sum(axis=1) == n_changes]).max()
        assert 0.9 * strength < largest <= strength
