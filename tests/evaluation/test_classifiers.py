import keras
import numpy as np
import pytest
from class_balancing.evaluation import classifiers
from class_balancing.models.classifier_batches import CutMix, Mixup, RandAugment, Remix
from class_balancing.models.classifier_methods import Unbalanced
from class_balancing.models.networks.classifiers import mnist_classifier
from fits import assert_same_weights, network_with_all_states
from sklearn.metrics import balanced_accuracy_score


@pytest.fixture(scope="module")
def parts(digits):
    chosen = digits.take(np.arange(900))
    return chosen.take(np.arange(600)), chosen.take(np.arange(600, 900))


def train(parts, build=mnist_classifier, **changes):
    arguments = {"n_epochs": 4, "batch_size": 32, "learning_rate": 1e-3, "random_state": 0} | changes
    return classifiers.train_classifier(build, *parts, **arguments)


def small(n_classes, image_shape):
    """For tests that any network would do for."""
    softmax = keras.layers.Dense(n_classes, "softmax")
    return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), softmax])


@pytest.fixture(scope="module")
def trained(parts):
    return train(parts)


def test_it_learns(parts, trained):
    model, history = trained
    assert (classifiers.predict(model, parts[1].images) == parts[1].labels).mean() > 0.8
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(history["val_accuracy"]) == 4


def test_of_no_images_nothing_is_predicted(trained, parts):
    assert classifiers.predict(trained[0], parts[0].images[:0]).tolist() == []


CHANGES = [Mixup(), Remix(), CutMix(), RandAugment()]


@pytest.mark.parametrize(("build", "method"), [(mnist_classifier, Unbalanced()), *((small, made) for made in CHANGES)])
def test_it_repeats_to_the_bit(build, method, parts):
    arguments = method.classifier_arguments(parts[0].labels)
    assert_same_weights(*(train(parts, build, n_epochs=1, **arguments)[0] for _ in range(2)))


def test_it_does_not_matter_what_was_trained_before(parts):
    arguments = {"n_epochs": 2, "final_learning_rate": 0.0, "n_statistics_images": 50}
    alone, history = train(parts, network_with_all_states, random_state=1, **arguments)
    other, _ = train(parts, network_with_all_states, random_state=2, **arguments)
    kept = other.get_weights()

    class Ends(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(parts, network_with_all_states, random_state=3, callbacks=[Ends()], **arguments)
    again, history_again = train(parts, network_with_all_states, random_state=1, **arguments)
    assert history == history_again
    assert_same_weights(again, alone)
    for found, expected in zip(other.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(found, expected)
    classifiers._compiled.cache_clear()
    afresh, _ = train(parts, network_with_all_states, random_state=1, **arguments)
    assert_same_weights(afresh, alone)


def test_another_random_state_gives_other_weights(parts):
    one, other = (train(parts, small, n_epochs=1, random_state=seed)[0].get_weights() for seed in (0, 1))
    assert any((found != expected).any() for found, expected in zip(one, other, strict=True))


def test_an_epoch_may_be_longer_or_shorter_than_a_pass(parts):
    steps = []
    counter = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    train(parts, small, n_epochs=2, steps_per_epoch=25, callbacks=[counter])
    assert steps == [*range(25)] * 2, "a pass is 18 steps"


def test_the_best_epoch_is_restored(parts):
    class Forgets(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == 2:
                self.model.set_weights([0 * array for array in self.model.get_weights()])

    model, history = train(parts, small, n_epochs=3, callbacks=[Forgets()])
    accuracy = (classifiers.predict(model, parts[1].images) == parts[1].labels).mean()
    assert accuracy == pytest.approx(max(history["val_accuracy"]), abs=1e-6)
    assert np.argmax(history["val_accuracy"]) == 1, "the last epoch is worse"


@pytest.mark.parametrize("method", [Unbalanced(), Mixup()])
def test_validation_may_count_all_classes_alike_and_changes_no_training(parts, method):
    train_images, validation = parts
    few = validation.take(np.flatnonzero((validation.labels != 0) | (np.arange(len(validation.labels)) % 5 == 0)))
    arguments = {"n_epochs": 1} | method.classifier_arguments(train_images.labels)
    plain, history = train((train_images, few), small, **arguments)
    model, balanced = train((train_images, few), small, validation_metric="balanced_accuracy", **arguments)
    assert_same_weights(plain, model)
    predicted = classifiers.predict(model, few.images)
    expected = balanced_accuracy_score(few.labels, predicted)
    assert balanced["val_accuracy"][0] == pytest.approx(expected, abs=1e-5)
    assert history["val_accuracy"][0] == pytest.approx((predicted == few.labels).mean(), abs=1e-5)
    assert abs(balanced["val_accuracy"][0] - history["val_accuracy"][0]) > 1e-3


@pytest.mark.parametrize("final", [0.0, 5e-4])
def test_the_learning_rate_falls_along_half_a_cosine(final, parts):
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    train(parts, small, n_epochs=2, learning_rate=2e-3, final_learning_rate=final, callbacks=[Rates()])
    n = len(rates)
    assert n == 2 * (600 // 32)
    expected = final + (2e-3 - final) / 2 * (1 + np.cos(np.pi * np.arange(1, n + 1) / n))
    np.testing.assert_allclose(rates, expected, atol=1e-6)


def test_class_weights_draw_predictions_to_the_weighted_class(parts, trained):
    weighted, _ = train(parts, class_weight={label: 100.0 if label == 5 else 1.0 for label in range(10)})
    n_fives = [(classifiers.predict(model, parts[1].images) == 5).sum() for model in (trained[0], weighted)]
    assert n_fives[1] > n_fives[0] + 10


def test_a_mixed_image_has_the_weights_of_its_classes(parts):
    def change(random_state):
        labels = np.float32([0.6, 0.4] + 8 * [0.0])
        return lambda batch: (0.0 * batch["images"], 0.0 * batch["labels"] + labels)

    still = {"build": small, "n_epochs": 1, "learning_rate": 1e-12, "change": change}
    weights = {0: 1.0, 1: 5.0} | dict.fromkeys(range(2, 10), 7.0)
    plain, weighted = (train(parts, **still, **more)[1]["loss"][0] for more in ({}, {"class_weight": weights}))
    assert weighted / plain == pytest.approx(0.6 * 1.0 + 0.4 * 5.0, rel=1e-4)


def test_a_batch_larger_than_the_data_is_cut(parts):
    _, history = train(parts, small, n_epochs=1, batch_size=10_000)
    assert len(history["loss"]) == 1


def test_statistics_without_dropout_are_those_of_the_images(parts, monkeypatch):
    from class_balancing.datasets.pixels import to_network
    from class_balancing.models.layers import BatchNormalization, Dropout

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
    train(parts, small, n_epochs=2, n_statistics_images=50)
    assert taken == [50, 50]


def test_the_dropout_factor_multiplies_every_rate_and_changes_the_training(parts):
    import keras
    from class_balancing.models.layers import Dropout

    def build(n_classes, image_shape):
        image = keras.Input(image_shape)
        x = Dropout(0.5, name="first")(keras.layers.Flatten()(image))
        x = Dropout(0.4, name="second")(keras.layers.Dense(8, "relu")(x))
        return keras.Model(image, keras.layers.Dense(n_classes, "softmax")(x))

    weights = {}
    for factor in (1.0, 0.4, 0.0):
        arguments = {"n_epochs": 1, "batch_size": 100, "learning_rate": 1e-2, "random_state": 0}
        model, _ = classifiers.train_classifier(build, *parts, dropout_factor=factor, **arguments)
        rates = [model.get_layer(name).rate for name in ("first", "second")]
        assert rates == pytest.approx([0.5 * factor, 0.4 * factor])
        weights[factor] = np.concatenate([value.ravel() for value in model.get_weights()])
    assert len({value.tobytes() for value in weights.values()}) == 3


def test_features_are_the_inputs_of_the_last_dense_layer_whatever_its_name(parts):
    import keras

    image = keras.Input((28, 28, 1))
    x = keras.layers.Dense(9, "relu", name="dense_3")(keras.layers.Flatten()(image))
    x = keras.layers.Dense(4, "relu", name="features")(x)
    model = keras.Model(image, keras.layers.Dense(10, "softmax", name="dense_9")(x))
    images = parts[1].images[:20]
    probabilities, features = classifiers.probabilities_and_features(model, images)
    assert (probabilities.shape, features.shape) == ((20, 10), (20, 4))
    kernel, bias = model.get_layer("dense_9").get_weights()
    np.testing.assert_allclose(keras.ops.softmax(features @ kernel + bias), probabilities, atol=1e-5)


def test_networks_without_named_inputs_are_corrected_and_have_features_too(parts):
    import keras
    from class_balancing.models.classifier_losses import LogitAdjustment
    from class_balancing.models.classifier_methods import class_shares

    def sequential(n_classes, image_shape):
        flat = [keras.layers.Flatten(), keras.layers.Dense(5, "relu"), keras.layers.Dense(n_classes, "softmax")]
        return keras.Sequential([keras.Input(image_shape), *flat])

    ways = LogitAdjustment().classifier_arguments(parts[0].labels)
    arguments = {"n_epochs": 1, "batch_size": 32, "learning_rate": 1e-3, "random_state": 0}
    model, _ = classifiers.train_classifier(sequential, *parts, **arguments, **ways)
    plain, _ = classifiers.train_classifier(sequential, *parts, **arguments)
    images = parts[1].images[:20]
    probabilities, features = classifiers.probabilities_and_features(plain, images)
    assert features.shape == (20, 5)
    expected = probabilities / class_shares(parts[0].labels)
    adjusted = model.predict(classifiers.batches_in_order(images, 20), verbose=0)
    np.testing.assert_allclose(adjusted, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)
