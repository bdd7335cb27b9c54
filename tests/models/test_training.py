"""Exact resume, determinism, divergence, damaged checkpoints."""

import hashlib
import io

import keras
import numpy as np
import pytest

from datasets.batches import shuffled_batches
from models import callbacks, training
from models.callbacks import TrainingDivergedError
from tests.models.small import TRAINED, balancer


def weights_digest(fitted):
    networks = [value for _, value in sorted(vars(fitted).items()) if isinstance(value, keras.Model)]
    arrays = [array for network in networks for array in network.get_weights()]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("name", TRAINED)
def test_a_run_that_was_stopped_continues_to_the_same_weights(name, few_digits, tmp_path, monkeypatch):
    uninterrupted = balancer(name).fit(few_digits.images, few_digits.labels)
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)  # after every epoch
    on_epoch_begin = callbacks.EpochSeeds.on_epoch_begin
    for stopped_stage, stopped_epoch in ((None, 0), (None, 1), ("BAGANTraining", 0), ("BAGANTraining", 1)):
        if stopped_stage and name != "bagan":
            continue

        def stop(self, epoch, logs=None, stage=stopped_stage, stopped_epoch=stopped_epoch):
            on_epoch_begin(self, epoch, logs)
            if epoch == stopped_epoch and stage in (None, type(self.model).__name__):
                raise Killed

        monkeypatch.setattr(callbacks.EpochSeeds, "on_epoch_begin", stop)
        with pytest.raises(Killed):
            balancer(name, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    monkeypatch.setattr(callbacks.EpochSeeds, "on_epoch_begin", on_epoch_begin)
    resumed = balancer(name, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert weights_digest(resumed) == weights_digest(uninterrupted)
    np.testing.assert_array_equal(resumed.sample(4, 5), uninterrupted.sample(4, 5))
    losses = resumed.history_.drop(columns="seconds")
    assert losses["epoch"].tolist() == [1, 2], "no epoch is missing or stands twice"
    np.testing.assert_array_equal(losses, uninterrupted.history_.drop(columns="seconds"))


def test_a_finished_training_is_restored_without_training(few_digits, tmp_path, monkeypatch):
    first = balancer("cvae", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("trained again"))
    again = balancer("cvae", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert weights_digest(again) == weights_digest(first)


def test_more_epochs_continue_where_fewer_ended(few_digits, tmp_path):
    balancer("cvae", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    continued = balancer("cvae", n_epochs=2, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    straight = balancer("cvae", n_epochs=2).fit(few_digits.images, few_digits.labels)
    assert weights_digest(continued) == weights_digest(straight)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(damage, few_digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    first = balancer("cvae", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    newest = max(tmp_path.glob("epoch-*.npz"))
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    again = balancer("cvae", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert weights_digest(again) == weights_digest(first)
    assert "damaged and was set aside" in capsys.readouterr().err
    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_a_checkpoint_with_pickled_objects_is_refused(few_digits, tmp_path):
    balancer("cvae", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    (path,) = tmp_path.glob("epoch-*.npz")
    content = io.BytesIO()
    np.savez(content, **{"0": np.array([Killed], dtype=object)})
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path.with_name(f"epoch-000002-{digest}.npz").write_bytes(content.getvalue())
    with pytest.raises(ValueError, match=r"epoch-000002-\w+\.npz is refused: .*allow_pickle=False"):
        balancer("cvae", n_epochs=2, folder=tmp_path).fit(few_digits.images, few_digits.labels)


def test_only_two_checkpoints_are_kept_and_nothing_half_written(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    balancer("cvae", n_epochs=4, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    names = sorted(path.name.split("-")[1] for path in tmp_path.glob("*.npz"))
    assert names == ["000003", "000004"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz", ".csv", ".json"}


def test_divergence_names_epoch_and_term_and_keeps_the_last_good_checkpoint(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    on_epoch_begin = callbacks.EpochSeeds.on_epoch_begin

    def diverge_in_second_epoch(self, epoch, logs=None):
        on_epoch_begin(self, epoch, logs)
        if epoch == 1:
            self.model.optimizer.learning_rate = 1e30

    monkeypatch.setattr(callbacks.EpochSeeds, "on_epoch_begin", diverge_in_second_epoch)
    expected = r"cvae: the loss term L\w* became (nan|inf) in epoch 2, .*rate; the last good checkpoint is kept\.$"
    with pytest.raises(TrainingDivergedError, match=expected):
        balancer("cvae", n_epochs=3, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert [path.name.split("-")[1] for path in tmp_path.glob("*.npz")] == ["000001"]
    monkeypatch.setattr(callbacks.EpochSeeds, "on_epoch_begin", on_epoch_begin)
    kept = balancer("cvae", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    straight = balancer("cvae", n_epochs=1).fit(few_digits.images, few_digits.labels)
    assert weights_digest(kept) == weights_digest(straight)


@pytest.mark.parametrize("has_folder", [True, False])
def test_divergence_without_a_checkpoint_does_not_speak_of_one(has_folder, few_digits, tmp_path):
    made = balancer("cvae", n_epochs=1, learning_rate=1e30, folder=tmp_path if has_folder else None)
    with pytest.raises(TrainingDivergedError, match=r"in epoch 1, step \d+\. Lower the learning rate\.$"):
        made.fit(few_digits.images, few_digits.labels)


def test_weights_that_are_not_finite_are_told():
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)], name="classifier")
    model.layers[0].bias.assign([np.nan])
    guard = callbacks.FiniteLosses("classifier")
    guard.set_model(model)
    expected = r"weights classifier/dense\w*/bias are no longer finite after epoch 3\. Lower the learning rate\.$"
    with pytest.raises(TrainingDivergedError, match=expected):
        guard.on_epoch_end(2)


@pytest.mark.parametrize("changes", [{"learning_rate": 1e-2}, {"random_state": 1}])
def test_a_folder_of_another_training_is_refused(changes, few_digits, tmp_path):
    balancer("cvae", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="other arguments or images"):
        balancer("cvae", folder=tmp_path, **changes).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="other arguments or images"):
        balancer("cvae", folder=tmp_path).fit(255 - few_digits.images, few_digits.labels)


def test_fewer_epochs_than_kept_are_refused_or_taken_from_their_checkpoint(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    balancer("cvae", n_epochs=3, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    two = balancer("cvae", n_epochs=2, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert weights_digest(two) == weights_digest(balancer("cvae").fit(few_digits.images, few_digits.labels))
    assert two.history_["epoch"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="a training of more than 1 epochs"):
        balancer("cvae", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)


def test_bagan_refuses_an_adversarial_stage_of_another_autoencoder(few_digits, tmp_path):
    balancer("bagan", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="other arguments or images"):
        balancer("bagan", folder=tmp_path, n_autoencoder_epochs=7).fit(few_digits.images, few_digits.labels)


def test_every_epoch_holds_every_image_once_in_its_own_order():
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    steps_per_epoch, batches = shuffled_batches(images, np.arange(20), 5, random_state=3)
    assert steps_per_epoch == 4
    labels = np.concatenate([batch["labels"] for batch in batches(0).take(8)])
    epochs = labels[:20].tolist(), labels[20:].tolist()
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(20))
    assert epochs[0] != epochs[1]
    from_step_six = np.concatenate([batch["labels"] for batch in batches(6).take(2)])
    np.testing.assert_array_equal(from_step_six, labels[30:])


def test_an_embeddings_gradient_counts_repeated_rows():
    import tensorflow as tf

    table = keras.Variable(np.zeros((4, 2), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [0, 0, 2]))
    ((gradient, _),) = training.dense_gradients(tape, loss, [table.value])
    assert gradient.numpy().tolist() == [[2, 2], [0, 0], [1, 1], [0, 0]]
