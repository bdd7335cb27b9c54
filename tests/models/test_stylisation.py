"""Pixels on their way to a content and a style."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import stylisation
from class_balancing.models.feature_extractors import after_each_block
from class_balancing.models.networks import style
from class_balancing.models.stylisation import Stylisation, started, transfer
from class_balancing.models.training.fit import seeded


@pytest.fixture(scope="module")
def made():
    with seeded(0):
        return Stylisation(after_each_block(style.random_filters((8, 8, 1))))


def smooth(n, height=8, width=8, seed=0):
    """Images (n, height, width, 1) that are not only noise."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.uniform(-1, 1, (n, height, width, 1)), axis=2)
    return tf.constant(np.tanh(values), tf.float32)


ONE = np.ones((3, 1))


def test_the_content_image_has_no_content_loss_and_a_style_loss_of_one(made):
    contents = smooth(3)
    of_content, of_style = made.losses(contents, made.wanted(contents, [smooth(3, seed=1)], ONE))
    np.testing.assert_allclose(of_content, 0.0, atol=1e-6)
    np.testing.assert_allclose(of_style, 1.0, rtol=1e-4)


def test_features_without_places_have_a_content_loss_of_one(made, monkeypatch):
    contents = smooth(3)
    target = made.wanted(contents, [smooth(3, seed=1)], ONE)
    for layer, features in target.content.items():
        mean = tf.reduce_mean(features, (1, 2), keepdims=True)
        lost = stylisation.style_losses.content_loss(tf.broadcast_to(mean, features.shape), features)
        np.testing.assert_allclose(lost / target.content_units[layer], 1.0, rtol=1e-4)


def test_one_style_repeated_is_that_style(made):
    contents, one = smooth(3), smooth(3, seed=1)
    once = made.wanted(contents, [one], ONE)
    repeated = made.wanted(contents, [one, one], np.tile([0.3, 0.7], (3, 1)))
    for layer, gram in once.grams.items():
        np.testing.assert_allclose(repeated.grams[layer], gram, rtol=1e-5)


def test_the_size_of_a_style_does_not_weigh(made):
    """Gram matrices are scaled to the content's number of positions."""
    contents, large = smooth(1), tf.tile(smooth(1, seed=1), (1, 8, 8, 1))
    grams = [made.wanted(contents, [images], ONE[:1]).grams for images in (large, large[:, :32, :16])]
    for layer in grams[0]:
        assert np.trace(grams[0][layer][0]) == pytest.approx(np.trace(grams[1][layer][0]), rel=0.2)


def test_maps_of_influence_guide_the_style(made):
    contents, one = smooth(3), smooth(3, seed=1)
    grams = made.wanted(contents, [one], ONE).grams
    everywhere = made.wanted(contents, [one], ONE, [np.ones((3, 8, 8), np.float32)]).grams
    left = np.zeros((3, 8, 8), np.float32)
    left[:, :, :2] = 1.0
    guided = made.wanted(contents, [one], ONE, [left]).grams
    first, *_ = made.extractor.style_layers
    features = made.extractor.network(one)[first][:, :, :2]
    np.testing.assert_allclose(everywhere[first], grams[first], rtol=1e-5)
    np.testing.assert_allclose(guided[first], 4 * stylisation.style_losses.gram_matrix(features), rtol=1e-4)


@pytest.mark.parametrize("start", stylisation.STARTS)
def test_the_loss_falls_from_every_start(made, start):
    contents = smooth(3)
    target = made.wanted(contents, [smooth(3, seed=1)], ONE)
    first = started(contents, start, np.random.default_rng(0))
    assert (np.abs(first - contents).max() > 0) == (start != "content")
    last = made.by_adam(first, target, (1.0, 1.0), 20, 0.02)
    totals = [np.add(*made.losses(images, target)) for images in (first, last)]
    assert (totals[1] < totals[0]).all()
    assert np.abs(last).max() <= 1.0


def test_images_do_not_touch_each_other_and_adam_is_kerass(made):
    import keras

    contents, styles = smooth(3), smooth(3, seed=1)
    found = made.by_adam(contents, made.wanted(contents, [styles], ONE), (1.0, 2.0), 5, 0.02)
    target = made.wanted(contents[1:2], [styles[1:2]], ONE[:1])
    image, optimizer = tf.Variable(contents[1:2]), keras.optimizers.Adam(0.04)
    for iteration in range(5):
        optimizer.learning_rate = 0.02 * (1 + np.cos(np.pi * iteration / 5))
        with tf.GradientTape() as tape:
            of_content, of_style = made.losses(image, target)
            loss = tf.reduce_sum(of_content + 2.0 * of_style)
        optimizer.apply([tape.gradient(loss, image)], [image])
        image.assign(tf.clip_by_value(image, -1.0, 1.0))
    np.testing.assert_allclose(found[1], image[0], atol=1e-3)


def test_images_that_are_their_own_style_stay_as_they_are(made):
    plain = tf.zeros((1, 8, 8, 1))
    for images in (smooth(1), plain):
        target = made.wanted(images, [images], ONE[:1])
        np.testing.assert_allclose(made.by_adam(images, target, (1.0, 1.0), 3, 0.02), images, atol=1e-3)


def picture(height, width, seed):
    return np.uint8(np.rint((smooth(1, height, width, seed).numpy()[0] + 1) * 127.5))


@pytest.mark.parametrize("optimizer", stylisation.OPTIMIZERS)
def test_a_picture_gets_the_style_of_others_of_any_size(optimizer, made):
    content, styles, seen = picture(12, 10, 0), [picture(8, 16, 1), picture(20, 9, 2)], []
    given = {"shares": (3, 1), "n_iterations": 8, "optimizer": optimizer}
    found = transfer(content, styles, made.extractor, **given, callback=lambda *now: seen.append(now))
    assert [n_done for n_done, *_ in seen] == list(range(1, len(seen) + 1))
    assert len(seen) == 8
    np.testing.assert_array_equal(seen[-1][1], found)
    assert (found.dtype, found.shape) == (np.uint8, (12, 10, 1))
    tensors = [tf.constant(image[None] / 127.5 - 1, tf.float32) for image in (content, *styles, found, seen[-2][1])]
    target = made.wanted(tensors[0], tensors[1:3], np.array([[0.75, 0.25]]))
    assert np.add(*made.losses(tensors[3], target)) < 0.9
    told_of = tensors[3] if optimizer == "lbfgs" else tensors[4]
    np.testing.assert_allclose(seen[-1][2], np.ravel(made.losses(told_of, target)), rtol=0.05)  # of rounded pixels
    np.testing.assert_array_equal(found, transfer(content, styles, made.extractor, **given))


@pytest.mark.parametrize("optimizer", stylisation.OPTIMIZERS)
def test_without_a_style_weight_a_picture_stays_and_without_a_content_weight_it_does_not(optimizer, made):
    content, style_picture = picture(12, 10, 0), picture(8, 16, 1)
    given = {"n_iterations": 5, "optimizer": optimizer}
    stays = transfer(content, [style_picture], made.extractor, style_weight=0.0, **given)
    np.testing.assert_allclose(stays.astype(int), content, atol=1)
    changed = transfer(content, [style_picture], made.extractor, content_weight=0.0, **given)
    assert np.abs(changed.astype(int) - content).mean() > 3
    both = transfer(content, [style_picture], made.extractor, **given)
    assert (both != changed).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"content": np.zeros((7, 9, 1), np.uint8)}, "sides of at least 8 pixels, got 7 x 9"),
        (
            {"content": np.zeros((9, 9, 3), np.uint8)},
            r"must be uint8 \(height, width, 1\) .*, got uint8 \(9, 9, 3",
        ),
        ({"styles": [np.zeros((9, 9, 1))]}, "got float64"),
        ({"styles": []}, "there must be a style or more"),
        ({"shares": [1, 1]}, "each with a share"),
        ({"shares": [-1]}, "not negative"),
        ({"shares": [0]}, "each with a share"),
        ({"start": "grey"}, "start must be one of content, noise, both, got 'grey'"),
        ({"optimizer": "sgd"}, "optimizer must be one of adam, lbfgs, got 'sgd'"),
    ],
)
def test_impossible_transfers_are_refused(made, arguments, message):
    grey = np.zeros((9, 9, 1), np.uint8)
    with pytest.raises(ValueError, match=message):
        transfer(**{"content": grey, "styles": [grey], "extractor": made.extractor} | arguments)
