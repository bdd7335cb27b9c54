"""A classifier's training that was killed goes on where it was, to the bit."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from class_balancing.evaluation import best_epoch, classifiers
from class_balancing.models.classifier_batches import Remix
from fits import assert_same_weights, network_with_all_states


@pytest.fixture(scope="module")
def parts(digits):
    return digits.take(np.arange(200)), digits.take(np.arange(200, 300))


class Killed(BaseException):
    """Stands for the end of the process."""


class KilledIn(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def trained(parts, **changes):
    arguments = {"n_epochs": 4, "batch_size": 50, "learning_rate": 1e-2, "final_learning_rate": 0.0, "random_state": 3}
    return classifiers.train_classifier(network_with_all_states, *parts, **arguments | changes)


@pytest.mark.parametrize("method", [{}, Remix().classifier_arguments(np.arange(200) % 10)], ids=["plain", "remix"])
def test_killed_in_any_epoch_it_ends_with_the_same_weights(method, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(best_epoch, "LONG_S", 0.0)
    path = tmp_path / "kept.npz"
    straight, history = trained(parts, **method)
    for epoch in (1, 3):
        with pytest.raises(Killed):
            trained(parts, kept=path, callbacks=[KilledIn(epoch)], **method)
        classifiers._compiled.cache_clear()  # as in another process
    epochs = []
    counter = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    continued, history_of_all = trained(parts, kept=path, callbacks=[counter], **method)
    assert epochs == [3]
    assert history_of_all == history
    assert_same_weights(continued, straight)


def test_killed_after_its_last_epoch_it_is_restored_without_training(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(best_epoch, "LONG_S", 0.0)
    first, history = trained(parts, kept=tmp_path / "kept.npz")
    again, history_again = trained(parts, kept=tmp_path / "kept.npz", callbacks=[KilledIn(0)])
    assert history_again == history
    assert_same_weights(again, first)


def test_a_damaged_file_is_set_aside_and_training_begins_anew(parts, tmp_path, capsys):
    path = tmp_path / "kept.npz"
    path.write_bytes(b"half")
    assert len(trained(parts, kept=path)[1]["loss"]) == 4
    assert f"{path} is damaged and was set aside" in capsys.readouterr().err


def test_short_epochs_leave_nothing(parts, tmp_path):
    trained(parts, kept=tmp_path / "kept.npz")
    assert not list(tmp_path.iterdir())


def test_of_equally_good_epochs_the_first_is_kept():
    best = best_epoch.BestEpoch()
    best.set_model(SimpleNamespace(get_weights=lambda: len(best.history["val_accuracy"])))
    for value in (0.5, 0.7, 0.7, 0.6):
        best.on_epoch_end(0, {"val_accuracy": value})
    assert best.weights == 2
