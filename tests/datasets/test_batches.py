import time

import numpy as np
import pytest
import tensorflow as tf
from class_balancing.datasets.batches import (
    batches_in_order,
    class_balanced_batches,
    prompt,
    rotating_labels,
    shuffled_batches,
)

IMAGES = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)


def test_batches_in_order_hold_every_image_once():
    batches = list(batches_in_order(IMAGES, 4, np.arange(10)))
    assert [images.shape for images, _ in batches] == [(4, 2, 2, 1), (4, 2, 2, 1), (2, 2, 2, 1)]
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), np.arange(10))
    values = np.concatenate([images for images, _ in batches])[:, 0, 0, 0]
    np.testing.assert_allclose(values, np.arange(10) / 127.5 - 1, atol=1e-6)
    (only,) = next(iter(batches_in_order(IMAGES, 10)))
    assert only.shape == (10, 2, 2, 1)


def test_closing_an_iterator_does_not_wait():
    n_steps, batches = shuffled_batches(IMAGES, np.arange(10), 5, 0)
    assert n_steps == 2
    waits = []
    for _ in range(3):
        iterator = iter(prompt(batches(0)))
        started = time.perf_counter()
        while time.perf_counter() - started < 0.7:  # the tuner's turns are at .63 s and 1.27 s
            next(iterator)
        started = time.perf_counter()
        del iterator
        waits.append(time.perf_counter() - started)
    assert min(waits) < 0.2


def test_batches_hold_every_class_equally_and_every_image_once_a_pass():
    labels = np.array([0] * 25 + [1] * 10 + [2] * 5)[np.random.default_rng(0).permutation(40)]
    images = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    _, batches = class_balanced_batches(images, labels, 10, random_state=7)
    drawn = {0: [], 1: [], 2: []}
    for batch in batches(0).take(9):
        numbers = np.rint((batch["images"].numpy().ravel() + 1) * 127.5).astype(int)
        np.testing.assert_array_equal(labels[numbers], batch["labels"])
        for number, label in zip(numbers, batch["labels"].numpy(), strict=True):
            drawn[label].append(number)
    assert [len(drawn[label]) for label in drawn] == [30, 30, 30]
    for label, size in ((0, 25), (1, 10), (2, 5)):
        assert len(set(drawn[label][:size])) == size
    assert drawn[2][:5] != drawn[2][5:10], "each pass has its own order"


def orders(n, n_passes, random_state=0, first_pass=0):
    """(n_passes, n): the order of the first class's images in each pass."""
    images = np.arange(2 * n, dtype=np.uint16).astype(np.uint8).reshape(-1, 1, 1, 1)
    _, batches = class_balanced_batches(images, np.repeat([0, 1], n), 2 * n, random_state)
    passes = [batch["images"].numpy()[::2].ravel() for batch in batches(first_pass).take(n_passes)]
    return np.rint((np.array(passes) + 1) * 127.5).astype(int)


def test_the_first_class_of_the_first_state_is_shuffled_like_any_other():
    drawn = orders(100, 60)
    assert np.mean(drawn[1:] == drawn[:-1]) < 0.02, "one of 100 images stays in its place by chance"
    assert np.mean(np.diff(drawn, axis=1) == 1) < 0.02, "nor do neighbours in the folder stay neighbours"
    assert np.mean(orders(2, 60)[:, 0]) == pytest.approx(0.5, abs=0.2)


def test_orders_do_not_come_back_after_256_passes_or_states():
    first = orders(100, 3)
    for later in (orders(100, 3, first_pass=256), orders(100, 3, random_state=256)):
        assert np.mean(first == later) < 0.05
    batches = [shuffled_batches(IMAGES, np.arange(10), 10, state)[1] for state in (0, 256)]
    drawn = [tuple(next(iter(batches[which](epoch)))["labels"].numpy()) for which, epoch in ((0, 0), (0, 256), (1, 0))]
    assert len(set(drawn)) == 3


def test_rotating_labels_count_exactly():
    labels = np.concatenate([rotating_labels(tf.constant(step, tf.int64), 7, 10) for step in range(10)])
    assert np.bincount(labels).tolist() == [7] * 10
