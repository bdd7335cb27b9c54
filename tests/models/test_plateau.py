"""A stage that ends where its loss hardly falls any more."""

import shutil

import pytest
from class_balancing.models.training import callbacks
from fits import assert_same_history, weights_digest
from small_balancers import balancer


def rows(*losses):
    return [{"epoch": number, "L_2": loss, "seconds": 0.1} for number, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("losses", "min_improvement", "is_reached"),
    [
        ([2.0] * 5 + [1.0] * 5, 0.49, False),  # fell by half
        ([2.0] * 5 + [1.0] * 5, 0.51, True),
        ([9.0] * 9 + [2.0] * 5 + [1.0] * 5, 0.49, False),  # what came earlier does not matter
        ([1.0] * 5 + [2.0] * 5, 0.01, True),  # rose
        ([1.0] * 9, 0.01, False),  # too few to tell
        ([1.0] * 99, 0.0, False),  # not asked for
    ],
)
def test_the_last_five_epochs_are_compared_with_the_five_before(losses, min_improvement, is_reached):
    assert callbacks.at_plateau(rows(*losses), min_improvement) == is_reached


@pytest.fixture
def fitted(few_digits):
    """Function that fits BAGAN's autoencoder with these arguments, for at most 14 epochs."""

    def fit(**changes):
        arguments = {"n_autoencoder_epochs": 14, "n_epochs": 0} | changes
        return balancer("bagan", **arguments).fit(few_digits.images, few_digits.labels)

    return fit


def test_an_autoencoder_at_its_plateau_is_trained_no_further(fitted, tmp_path, monkeypatch):
    stopped = fitted(autoencoder_min_improvement=1.0, folder=tmp_path)
    assert stopped.history_["epoch"].tolist() == list(range(1, 11))
    assert weights_digest(stopped) == weights_digest(fitted(n_autoencoder_epochs=10))
    monkeypatch.setattr(callbacks.Checkpoints, "on_epoch_end", lambda *_: pytest.fail("trained again"))
    again = fitted(autoencoder_min_improvement=1.0, folder=tmp_path)
    assert weights_digest(again) == weights_digest(stopped)
    assert_same_history(again.history_, stopped.history_)


@pytest.mark.parametrize("kept", [0, 40])
def test_without_its_history_a_plateau_is_not_passed_unseen(kept, fitted, tmp_path):
    """The autoencoder would go on, beside a generator that started from it as it was."""
    stopped = fitted(autoencoder_min_improvement=1.0, folder=tmp_path)
    history = tmp_path / "autoencoder" / "history.csv"
    history.write_bytes(history.read_bytes()[:kept])
    with pytest.raises(ValueError, match="no longer holds all 10 epochs, so nothing tells whether training has ended"):
        fitted(autoencoder_min_improvement=1.0, folder=tmp_path)
    shutil.rmtree(tmp_path / "autoencoder")
    assert weights_digest(fitted(autoencoder_min_improvement=1.0, folder=tmp_path)) == weights_digest(stopped)


def test_an_autoencoder_that_still_learns_is_trained_to_the_end(fitted):
    assert len(fitted(autoencoder_min_improvement=0.001).history_) == 14


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_of_0_to_1_is_refused(share, fitted):
    with pytest.raises(ValueError, match="autoencoder_min_improvement must lie between 0 and 1"):
        fitted(autoencoder_min_improvement=share)
