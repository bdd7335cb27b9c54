import numpy as np
import pytest

from evaluation import classifiers


@pytest.fixture(scope="module")
def parts(digits):
    chosen = digits.take(np.arange(900))
    return chosen.take(np.arange(600)), chosen.take(np.arange(600, 900))


def train(parts, **changes):
    arguments = {"n_epochs": 4, "batch_size": 32, "learning_rate": 1e-3, "random_state": 0} | changes
    return classifiers.train_classifier(classifiers.mnist_classifier, *parts, **arguments)


def test_it_learns_and_repeats_to_the_bit(parts):
    model, history = train(parts)
    again, _ = train(parts)
    assert (classifiers.predict(model, parts[1].images) == parts[1].labels).mean() > 0.8
    for first, second in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert len(history["val_accuracy"]) == 4
    other, _ = train(parts, random_state=1)
    assert any((a != b).any() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_the_best_epoch_is_restored(parts):
    model, history = train(parts, n_epochs=6, learning_rate=2e-2)
    accuracy = (classifiers.predict(model, parts[1].images) == parts[1].labels).mean()
    assert accuracy == pytest.approx(max(history["val_accuracy"]), abs=1e-6)
