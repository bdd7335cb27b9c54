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


def test_the_learning_rate_falls_along_half_a_cosine(parts):
    import keras

    rates = []

    class Rates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    train(parts, n_epochs=2, learning_rate=2e-3, final_learning_rate=0.0, callbacks=[Rates()])
    n = len(rates)
    assert n == 2 * (600 // 32)
    expected = 1e-3 * (1 + np.cos(np.pi * np.arange(1, n + 1) / n))
    np.testing.assert_allclose(rates, expected, atol=1e-6)


def test_class_weights_draw_predictions_to_the_weighted_class(parts):
    n_fives = []
    for weight in (1.0, 100.0):
        class_weight = {label: weight if label == 5 else 1.0 for label in range(10)}
        model, _ = train(parts, n_epochs=2, class_weight=class_weight)
        n_fives.append((classifiers.predict(model, parts[1].images) == 5).sum())
    assert n_fives[1] > n_fives[0] + 10


def test_a_batch_larger_than_the_data_is_cut(parts):
    _, history = train(parts, n_epochs=1, batch_size=10_000)
    assert len(history["loss"]) == 1


def test_statistics_without_dropout_are_those_of_the_images(parts, monkeypatch):
    import keras

    from datasets.pixels import to_network
    from replication.batch_normalization import BatchNormalization
    from replication.dropout import Dropout

    model = keras.Sequential([keras.Input((28, 28, 1)), Dropout(0.5), BatchNormalization()])
    images = parts[0].images
    monkeypatch.setattr(classifiers, "PREDICTION_BATCH_SIZE", 200)  # three batches
    callback = classifiers.StatisticsWithoutDropout(images)
    callback.set_model(model)
    callback.on_test_begin()
    values = np.asarray(to_network(images))
    np.testing.assert_allclose(model.layers[-1].moving_mean, [values.mean()], atol=1e-4)
    np.testing.assert_allclose(model.layers[-1].moving_variance, [values.var()], atol=1e-2)
    assert (model.layers[0].rate, model.layers[-1].momentum) == (0.5, 0.99)
    assert (np.asarray(model.layers[0](values, training=True)) == 0).mean() > 0.4, "training goes on with dropout"


def test_statistics_are_taken_before_each_validation(parts, monkeypatch):
    taken = []
    monkeypatch.setattr(
        classifiers.StatisticsWithoutDropout, "on_test_begin", lambda self, logs=None: taken.append(len(self.images))
    )
    train(parts, n_epochs=2, n_statistics_images=50)
    assert taken == [50, 50]
