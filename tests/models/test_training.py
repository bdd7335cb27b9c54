"""Exact resume, determinism, divergence, damaged checkpoints, several optimizers."""

import hashlib
import io

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from class_balancing.datasets.batches import shuffled_batches
from class_balancing.models.training import callbacks, fit
from class_balancing.models.training.callbacks import TrainingDivergedError
from fits import assert_same_history, weights_digest
from pretrained_gan import AdversarialTraining, PretrainedGAN


@pytest.fixture
def small(few_digits):
    """Function that fits a PretrainedGAN with these arguments; without pretraining, unless they ask for it."""

    def fitted(**changes):
        return PretrainedGAN(**{"n_pretraining_epochs": 0} | changes).fit(few_digits.images, few_digits.labels)

    return fitted


@pytest.fixture
def checkpoints_of_all_epochs(monkeypatch):
    """Otherwise one is written as often as takes five per cent of the time."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def kill(monkeypatch):
    """Function that calls another one until the given epoch of a stage begins, which ends it."""
    on_epoch_begin = callbacks.History.on_epoch_begin

    def run_and_kill(function, stage, epoch_begun):
        def stop(self, epoch, logs=None):
            on_epoch_begin(self, epoch, logs)
            if epoch == epoch_begun and type(self.model).__name__ == stage:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(callbacks.History, "on_epoch_begin", stop)
            with pytest.raises(Killed):
                function()

    return run_and_kill


@pytest.mark.slow
@pytest.mark.usefixtures("checkpoints_of_all_epochs")
def test_a_run_that_was_killed_again_and_again_continues_to_the_same_weights(small, kill, tmp_path):
    for stage, epoch in (
        ("Pretraining", 0),
        ("Pretraining", 1),
        ("AdversarialTraining", 0),
        ("AdversarialTraining", 1),
        ("AdversarialTraining", 3),
    ):
        kill(lambda: small(n_pretraining_epochs=2, folder=tmp_path), stage, epoch)
    resumed, uninterrupted = (small(n_pretraining_epochs=2, folder=folder) for folder in (tmp_path, None))
    assert weights_digest(resumed) == weights_digest(uninterrupted)
    np.testing.assert_array_equal(resumed.sample(4, 5), uninterrupted.sample(4, 5))
    assert_same_history(resumed.history_, uninterrupted.history_)
    found = resumed.history_.groupby("stage")["epoch"].apply(list).to_dict()
    assert found == {"pretraining": [1, 2], "adversarial": [1, 2, 3, 4]}, "no epoch is missing or stands twice"


def test_a_finished_training_is_restored_without_training(small, tmp_path, monkeypatch):
    first = small(n_pretraining_epochs=2, folder=tmp_path)
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("trained again"))
    again = small(n_pretraining_epochs=2, folder=tmp_path)
    assert weights_digest(again) == weights_digest(first)
    assert_same_history(again.history_, first.history_)


def test_more_epochs_continue_where_fewer_ended(small, tmp_path):
    small(n_epochs=2, folder=tmp_path)
    continued, straight = small(n_epochs=4, folder=tmp_path), small(n_epochs=4)
    assert weights_digest(continued) == weights_digest(straight)


@pytest.mark.usefixtures("checkpoints_of_all_epochs")
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(damage, small, tmp_path, capsys):
    first, folder = small(folder=tmp_path), tmp_path / "adversarial"
    newest = max(folder.glob("epoch-*.npz"))
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    again = small(folder=tmp_path)
    assert weights_digest(again) == weights_digest(first)
    assert "damaged and was set aside" in capsys.readouterr().err
    assert len(list(tmp_path.rglob("*.damaged"))) == 1


def test_training_goes_on_without_the_rows_of_a_damaged_history(small, tmp_path, capsys):
    small(n_epochs=2, folder=tmp_path)
    (path,) = tmp_path.rglob("history.csv")
    path.write_bytes(path.read_bytes()[:-3])
    continued, straight = small(n_epochs=4, folder=tmp_path), small(n_epochs=4)
    assert weights_digest(continued) == weights_digest(straight)
    assert continued.history_["epoch"].tolist() == [3, 4]
    assert f"{path} is damaged and was set aside" in capsys.readouterr().err


def test_training_begins_anew_where_nothing_tells_what_its_checkpoints_are_of(small, tmp_path, capsys):
    first = small(n_epochs=2, folder=tmp_path)
    path = tmp_path / "adversarial" / "training.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    again = small(n_epochs=2, folder=tmp_path)
    assert weights_digest(again) == weights_digest(first)
    assert path.read_bytes() == whole
    error = capsys.readouterr().err
    assert error == f"{path} is damaged and was set aside; its checkpoints too, and training begins anew.\n"
    aside = {kept.name for kept in path.parent.glob("*.damaged")}
    assert {"training.json.damaged", "history.csv.damaged"} < aside
    assert sum(name.startswith("epoch-") for name in aside) == 2


def test_checkpoints_are_not_adopted_where_what_they_are_of_is_missing(small, tmp_path, capsys):
    """As where a folder was copied in part."""
    small(n_epochs=2, folder=tmp_path, learning_rate=1e-2)
    (tmp_path / "adversarial" / "training.json").unlink()
    again = small(n_epochs=2, folder=tmp_path)
    assert weights_digest(again) == weights_digest(small(n_epochs=2))
    assert "training.json is missing, so the checkpoints there were set aside" in capsys.readouterr().err
    assert len(list(tmp_path.glob("adversarial/epoch-*.npz.damaged"))) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b'{"method"'])
def test_only_the_chief_sets_a_damaged_fingerprint_aside(content, tmp_path):
    (tmp_path / "training.json").write_bytes(content)
    (tmp_path / "epoch-000002-abc.npz").touch()
    fit._claim(tmp_path, '{"learning_rate": 2}', is_chief=False)
    assert (tmp_path / "training.json").read_bytes() == content
    fit._claim(tmp_path, '{"learning_rate": 2}', is_chief=True)
    expected = {"training.json", "training.json.damaged", "epoch-000002-abc.npz.damaged"}
    assert {path.name for path in tmp_path.iterdir()} == expected
    with pytest.raises(ValueError, match="holds a training run with other arguments or images"):
        fit._claim(tmp_path, '{"learning_rate": 1}', is_chief=True)


def test_a_checkpoint_with_pickled_objects_is_refused(small, tmp_path):
    small(n_epochs=1, folder=tmp_path)
    (path,) = (tmp_path / "adversarial").glob("epoch-*.npz")
    content = io.BytesIO()
    np.savez(content, **{"0": np.array([Killed], dtype=object)})
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path.with_name(f"epoch-000002-{digest}.npz").write_bytes(content.getvalue())
    with pytest.raises(ValueError, match=r"epoch-000002-\w+\.npz is refused: .*allow_pickle=False"):
        small(n_epochs=2, folder=tmp_path)


@pytest.mark.usefixtures("checkpoints_of_all_epochs")
def test_only_two_checkpoints_are_kept_and_nothing_half_written(small, tmp_path):
    small(n_pretraining_epochs=2, n_epochs=4, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"pretraining", "adversarial"}
    names = sorted(path.name.split("-")[1] for path in (tmp_path / "adversarial").glob("*.npz"))
    assert names == ["000003", "000004"]
    for stage in tmp_path.iterdir():
        assert {path.suffix for path in stage.iterdir()} == {".npz", ".csv", ".json", ".txt"}


@pytest.mark.usefixtures("checkpoints_of_all_epochs")
def test_divergence_names_epoch_and_term_and_keeps_the_last_good_checkpoint(small, tmp_path, monkeypatch):
    on_epoch_begin = callbacks.History.on_epoch_begin

    def diverge_in_second_epoch(self, epoch, logs=None):
        on_epoch_begin(self, epoch, logs)
        if epoch == 1 and "generator" in self.model.optimizers:
            self.model.optimizers["generator"].learning_rate = 1e38

    expected = (
        r"PretrainedGAN, pretraining: the loss term L_2 became (nan|inf) in epoch 2, .*rate; "
        r"the last good checkpoint is kept\.$"
    )
    with monkeypatch.context() as patched:
        patched.setattr(callbacks.History, "on_epoch_begin", diverge_in_second_epoch)
        with pytest.raises(TrainingDivergedError, match=expected):
            small(n_pretraining_epochs=3, folder=tmp_path)
    assert [path.name.split("-")[1] for path in tmp_path.rglob("*.npz")] == ["000001"]
    kept, straight = (small(n_pretraining_epochs=1, folder=folder) for folder in (tmp_path, None))
    assert weights_digest(kept) == weights_digest(straight)


@pytest.mark.parametrize("has_folder", [True, False])
def test_divergence_without_a_checkpoint_does_not_speak_of_one(has_folder, small, tmp_path):
    with pytest.raises(TrainingDivergedError, match=r"in epoch 1, step \d+\. Lower the learning rate\.$"):
        small(learning_rate=1e38, folder=tmp_path if has_folder else None)


def test_weights_that_are_not_finite_are_told():
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)], name="classifier")
    model.layers[0].bias.assign([np.nan])
    guard = callbacks.FiniteLosses("classifier")
    guard.set_model(model)
    expected = r"weights classifier/dense\w*/bias are no longer finite after epoch 3\. Lower the learning rate\.$"
    guard.on_epoch_begin(2)
    with pytest.raises(TrainingDivergedError, match=expected):
        guard.on_train_end()


def test_a_folder_of_another_training_is_refused(small, few_digits, tmp_path):
    small(n_epochs=1, folder=tmp_path)
    for changes in ({"learning_rate": 1e-3}, {"random_state": 1}, {"latent_size": 4}):
        with pytest.raises(ValueError, match="other arguments or images"):
            small(folder=tmp_path, **changes)
    with pytest.raises(ValueError, match="other arguments or images"):
        PretrainedGAN(n_pretraining_epochs=0, folder=tmp_path).fit(255 - few_digits.images, few_digits.labels)


@pytest.mark.usefixtures("checkpoints_of_all_epochs")
def test_fewer_epochs_than_kept_are_refused_or_taken_from_their_checkpoint(small, tmp_path):
    small(n_epochs=3, folder=tmp_path)
    two, straight = small(n_epochs=2, folder=tmp_path), small(n_epochs=2)
    assert weights_digest(two) == weights_digest(straight)
    assert two.history_["epoch"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="a training run of more than 1 epochs"):
        small(n_epochs=1, folder=tmp_path)


def test_a_later_stage_of_another_earlier_one_is_refused(small, tmp_path):
    small(n_pretraining_epochs=2, folder=tmp_path)
    with pytest.raises(ValueError, match=r"adversarial holds a training run with other arguments or images"):
        small(folder=tmp_path, n_pretraining_epochs=3)


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
    table = keras.Variable(np.zeros((4, 2), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [0, 0, 2]))
    ((gradient, _),) = fit.dense_gradients(tape, loss, [table.value])
    assert gradient.numpy().tolist() == [[2, 2], [0, 0], [1, 1], [0, 0]]


class TwoOptimizers(fit.TrainingModel):
    """Two networks y = w x, the loss of one the mean of y, of the other minus that, each weighted."""

    def __init__(self, weights=(1.0, 1.0)):
        falling = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5)
        rates = {"falling": falling, "steady": 0.01}
        ones = keras.initializers.Ones()
        self.networks = {
            name: keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer=ones)])
            for name in rates
        }
        optimizers = {name: (keras.optimizers.SGD(rate), [self.networks[name]]) for name, rate in rates.items()}
        super().__init__(("L_falling", "L_steady"), optimizers)
        self.loss_weights = dict(zip(rates, weights, strict=True))

    def train_step(self, batch):
        with tf.GradientTape(persistent=True) as tape:
            outputs = {name: tf.reduce_mean(network(batch["x"])) for name, network in self.networks.items()}
            l_falling = self.loss_weights["falling"] * outputs["falling"]
            l_steady = -self.loss_weights["steady"] * outputs["steady"]
        self.minimise("falling", tape, (l_falling, [self.networks["falling"]]))
        self.minimise("steady", tape, (l_steady, [self.networks["steady"]]))
        return self.recorded(l_falling, l_steady)

    def w(self):
        return {name: float(network.get_weights()[0].item()) for name, network in self.networks.items()}


def of_twos(first_step):
    return tf.data.Dataset.from_tensors({"x": tf.constant([[1.0], [3.0]])}).repeat()


def train_two(**changes):
    model = TwoOptimizers(**changes)
    stage = fit.Stage(model, 1, of_twos)
    history = fit.train(stage, n_epochs=3, random_state=0, description="two", fingerprint="two")
    return model, history


def test_two_optimizers_follow_their_own_rates_and_losses():
    model, history = train_two()
    falling, steady = 1 - 2 * 0.1 * np.array([0, 1, 1 + 0.5, 1 + 0.5 + 0.25]), 1 + 2 * 0.01 * np.arange(4)
    assert model.w() == pytest.approx({"falling": falling[3], "steady": steady[3]})
    np.testing.assert_allclose(history["L_falling"], 2 * falling[:3], rtol=1e-5)
    np.testing.assert_allclose(history["L_steady"], -2 * steady[:3], rtol=1e-5)


@pytest.mark.parametrize(("weights", "moved"), [((1.0, 0.0), "falling"), ((0.0, 1.0), "steady"), ((0.0, 0.0), None)])
def test_an_optimizer_changes_only_its_own_network(weights, moved):
    """The loss of the other one is constant."""
    found = train_two(weights=weights)[0].w()
    assert {name for name, w in found.items() if w != 1.0} == ({moved} if moved else set())


@pytest.mark.usefixtures("checkpoints_of_all_epochs")
def test_two_optimizers_one_with_a_schedule_resume_to_the_bit(few_digits, kill, tmp_path):
    """Weights, the state of both optimizers (averages, steps done) and history, stopped after epoch 2 of 4."""

    def trained(folder):
        with fit.seeded(0):
            networks = PretrainedGAN().networks((28, 28, 1), 4)
            model = AdversarialTraining(networks["generator"](), networks["critic"](), learning_rate=1e-2)
        steps_per_epoch, batches = shuffled_batches(few_digits.images, few_digits.labels, 40, random_state=0)

        def with_latents(first_step):
            return batches(first_step).map(
                lambda batch: batch | {"latent": tf.random.stateless_normal((40, 3), tf.stack([0, batch["step"]]))}
            )

        stage = fit.Stage(model, steps_per_epoch, with_latents)
        history = fit.train(stage, n_epochs=4, random_state=0, description="small", fingerprint="small", folder=folder)
        return model, history

    kill(lambda: trained(tmp_path / "stopped"), "AdversarialTraining", 2)
    assert {path.name[:12] for path in (tmp_path / "stopped").glob("*.npz")} == {"epoch-000001", "epoch-000002"}
    (resumed, found), (straight, expected) = (trained(tmp_path / name) for name in ("stopped", "straight"))
    steps = {name: int(optimizer.iterations) for name, optimizer in straight.optimizers.items()}
    assert steps == {"critic": 8, "generator": 8}
    assert float(straight.optimizers["critic"].learning_rate) == pytest.approx(1e-2 * 0.5 ** (8 / 3))
    assert float(straight.optimizers["generator"].learning_rate) == pytest.approx(1e-3)
    assert len(straight.state()) > len(straight.variables) + 2 * len(steps)
    for one, other in zip(resumed.state(), straight.state(), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    assert_same_history(found, expected)
    for name in ("stopped", "straight"):
        kept = pd.read_csv(tmp_path / name / "history.csv")
        assert_same_history(kept, expected)
        assert kept["epoch"].tolist() == [1, 2, 3, 4]
        assert (kept["L_critic"] < 0).all()
        assert kept["L_critic"].is_monotonic_decreasing
