"""The whole command on few digits, with a stand-in for networks except where they are what is tested."""

import json
import os
import shutil
from dataclasses import replace

import commands
import numpy as np
import pandas as pd
import pytest
from class_balancing.experiments.autoencoders import denoising, enhancement, plan, settings, write
from class_balancing.experiments.autoencoders.plan import USES, Plan
from class_balancing.experiments.command_line import EXIT_FAILED
from class_balancing.experiments.running import locks
from class_balancing.models import autoencoder
from class_balancing.models.training.callbacks import TrainingDivergedError
from class_balancing.reports import figures

TINY = replace(
    settings.SETTINGS["smoke"],
    n_train_images=100,
    n_test_images=60,
    n_steps={"dense": 2, "convolutional": 2},
    n_one_class_steps=2,
    n_filters=1,
    code_size=4,
    restoration_code_size=6,
    one_class_code_size=2,
    code_sizes=(4, 100),
    jpeg_qualities=(5, 90),
    numbers_of_labels=(30, 0),
)


class EveryOtherValue:
    """Stands for an autoencoder: a code is some of an image's values, from left to right."""

    def __init__(self, code_size, distance, folder, random_state, **_):
        self.code_size, self.distance, self.folder = code_size, distance, folder

    def fit(self, images, targets=None):
        self.folder.mkdir()
        self.image_shape = images.shape[1:]
        self.positions = np.linspace(0, images[0].size - 1, self.code_size).astype(int)
        return self

    def encode(self, images):
        return images.reshape(len(images), -1)[:, self.positions].astype(np.float32)

    def decode(self, codes):
        made = np.zeros((len(codes), int(np.prod(self.image_shape))), np.uint8)
        made[:, self.positions] = codes
        return made.reshape(-1, *self.image_shape)

    def reconstruct(self, images):
        return self.decode(self.encode(images))

    def errors(self, images):
        return np.abs(images.astype(float) - self.reconstruct(images)).mean(axis=(1, 2, 3))


@pytest.fixture(scope="module")
def tiny():
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(settings.SETTINGS, "smoke", TINY)
        patched.setattr(figures, "DOTS_PER_INCH", 20)
        yield


@pytest.fixture(scope="module")
def stand_in():
    from class_balancing.experiments.autoencoders import runner

    with pytest.MonkeyPatch.context() as patched:
        for name in ("DenseAutoencoder", "ConvolutionalAutoencoder"):
            patched.setattr(runner, name, EveryOtherValue)
        yield


def call(out, *arguments):
    return commands.call("autoencoder", "--datasets", "digits", "--schedule", "smoke", "--out", out, *arguments)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny, stand_in):
    out = tmp_path_factory.mktemp("finished")
    assert call(out) == 0
    return out


def records(out):
    return {path.name: path.read_bytes() for path in (out / "runs").glob("*.json")}


def test_every_measurement_is_in_the_csv_file(finished):
    frame = pd.read_csv(finished / "results.csv")
    assert set(frame["use"]) == {
        *("reconstruction", "denoising", "enhancement", "compression", "features", "one_class"),
    }
    assert frame["value"].notna().all()
    n_values = sum(len(json.loads(content)["values"]) for content in records(finished).values())
    # gains over the noisy image and the median of 4 others each, over bicubic of 3, means over classes of 3 methods,
    # and JPEG beside the three codes of 100 bytes
    assert len(frame) == n_values + 2 * 4 + 3 + 3 + 3
    assert len(records(finished)) == len(Plan(finished, ("digits",), "smoke").pieces())


def test_tables_mark_the_best_and_count_them(finished):
    assert {path.name for path in (finished / "tables").iterdir()} == {
        f"H.{number}{ending}" for number in range(1, 7) for ending in (".md", ".tex", ".csv")
    }
    table = pd.read_csv(finished / "tables" / "H.1.csv").set_index("Method")
    assert table["PSNR, dB"].str.endswith(" *").tolist() == [False, True, False, False, False, False]
    assert table.loc["PCA", "Squared error"].endswith(" *"), "the smallest error is the best"
    text = (finished / "tables" / "H.1.md").read_text()
    assert "A network is best in 0 of 4 comparisons, a classic method in 4: digits, 4 numbers, PSNR (PCA);" in text
    text = (finished / "tables" / "H.4.md").read_text()
    assert "JPEG has a quality within the bytes of 3 of 6 codes, and a higher PSNR than 2." in text
    assert pd.read_csv(finished / "tables" / "H.6.csv").columns.tolist() == ["Dataset", "Method", "0", "1", "mean"]


def test_figures_and_page_are_there(finished):
    names = {path.stem for path in (finished / "figures").iterdir()}
    assert names == {
        "between-digits",
        "compression-digits",
        "compression-digits-images",
        "denoising-digits-noise-50",
        "enhancement-digits-half-resolution",
        "one_class-digits",
        "reconstruction-digits-4-numbers",
    }
    html = (finished / "index.html").read_text()
    assert html.count("<img") == len(names)
    assert html.count("Table H.") == 6


def test_nothing_is_left_of_networks_that_no_piece_needs(finished):
    assert not [path for path in (finished / "runs").iterdir() if path.is_dir()]


def test_what_is_finished_is_not_measured_again(finished, tmp_path, monkeypatch, capsys):
    out = shutil.copytree(finished, tmp_path / "out")
    before, table = records(out), (out / "tables" / "H.2.md").read_text()
    (lost,) = (out / "runs").glob("digits-denoising-dense-50-seed0-*.json")
    lost.unlink()
    measured = []
    whole = denoising.measure
    monkeypatch.setattr(denoising, "measure", lambda piece, *rest: measured.append(piece) or whole(piece, *rest))
    assert call(out) == 0
    assert [str(piece) for piece in measured] == ["digits-denoising-dense-50-seed0"]
    after = records(out)
    assert {name for name in before if after[name] != before[name]} == {lost.name}
    assert json.loads(after[lost.name])["values"] == json.loads(before[lost.name])["values"]
    assert (out / "tables" / "H.2.md").read_text() == table
    capsys.readouterr()
    assert call(out) == 0
    assert "About 0 s to go" in capsys.readouterr().out
    assert len(measured) == 1


def test_damaged_results_are_measured_again_and_unfinished_datasets_are_not_shown(finished, tmp_path, monkeypatch):
    out = shutil.copytree(finished, tmp_path / "out")
    before = records(out)
    (damaged,) = (out / "runs").glob("digits-denoising-dense-50-seed0-*.json")
    damaged.write_text("{")
    run = json.loads((out / "run.json").read_text())
    run["datasets"] |= {"mnist": run["datasets"]["digits"]}
    (out / "run.json").write_text(json.dumps(run))
    shown = []
    monkeypatch.setattr(write, "write_all", lambda plan: shown.append(plan.datasets))
    assert call(out) == 0
    assert json.loads(damaged.read_text())["values"] == json.loads(before[damaged.name])["values"]
    assert shown == [("digits",)]


def test_a_stopped_run_keeps_what_is_finished(tmp_path, tiny, stand_in, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(denoising, "measure", stop)
    assert call(tmp_path / "out") == 130
    assert "Continue with: " in capsys.readouterr().err
    kept = records(tmp_path / "out")
    assert len(kept) == 2 + 4 + 2 + 4  # of reconstruction and what shares its networks
    assert not (tmp_path / "out" / "index.html").exists()


def test_a_network_that_diverges_stops_no_other(tmp_path, tiny, stand_in, monkeypatch, capsys):
    measure = denoising.measure

    def diverge(piece, parts, trained, settings):
        if trained:
            raise TrainingDivergedError("loss is nan in epoch 1")
        return measure(piece, parts, trained, settings)

    monkeypatch.setattr(denoising, "measure", diverge)
    assert call(tmp_path / "out") == EXIT_FAILED
    assert "loss is nan in epoch 1" in capsys.readouterr().err
    kept = {json.loads(path.read_text())["configuration"]["use"] for path in (tmp_path / "out").glob("runs/*.json")}
    assert kept == set(USES)
    measured = pd.read_csv(tmp_path / "out" / "results.csv")
    of_denoising = measured.loc[measured["use"] == "denoising", "method"]
    assert set(of_denoising) & {"median"}, "what trains nothing is shown"
    text = (tmp_path / "out" / "tables" / "H.2.md").read_text()
    assert "- Not finished: digits by " in text
    assert "Not finished" not in (tmp_path / "out" / "tables" / "H.1.md").read_text()
    assert (tmp_path / "out" / "index.html").exists()


def test_networks_are_trained_and_continued(tmp_path, tiny, monkeypatch):
    """With real ones: stopped between training and measurement, the command takes the network from its folder."""
    from class_balancing.experiments.autoencoders import runner

    for name in ("DenseAutoencoder", "ConvolutionalAutoencoder"):
        monkeypatch.setattr(runner, name, getattr(autoencoder, name))
    monkeypatch.setattr(plan, "USES", {"enhancement": enhancement})
    whole = enhancement.measure

    def stop(piece, parts, trained, settings):
        if trained:
            raise KeyboardInterrupt
        return whole(piece, parts, trained, settings)

    monkeypatch.setattr(enhancement, "measure", stop)
    assert call(tmp_path / "out") == 130
    (history,) = (tmp_path / "out" / "runs").glob("digits-dense-training-*/history.csv")
    before = history.read_bytes()
    seen = []

    def look(piece, parts, trained, settings):
        if piece.asked.method == "dense":
            seen.append(history.read_bytes())
        return whole(piece, parts, trained, settings)

    monkeypatch.setattr(enhancement, "measure", look)
    assert call(tmp_path / "out") == 0
    assert seen == [before], "nothing was trained again"
    frame = pd.read_csv(tmp_path / "out" / "results.csv")
    assert set(frame["method"]) == {"bicubic", "pca", "dense", "convolutional"}


def test_a_dry_run_writes_nothing(tmp_path, tiny, capsys):
    assert call(tmp_path / "out", "--dry-run") == 0
    assert "compression" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--datasets", "imagenet"), "argument --datasets: invalid choice: 'imagenet'"),
        (("--schedule", "slow"), "argument --schedule: invalid choice: 'slow'"),
        (("--datasets", "mnist", "--data-dir", "/nowhere"), "no MNIST file found in /nowhere"),
        (("--datasets", "mnist", "--data-dir", "/nowhere", "--dry-run"), "no MNIST file found in /nowhere"),
        (("--datasets", "digits", "--out", os.devnull), f"cannot write to {os.devnull}"),
    ],
)
def test_mistakes_are_one_sentence(capsys, tmp_path, arguments, message):
    assert message in commands.refusal(capsys, "autoencoder", "--out", tmp_path / "out", *arguments)


def test_a_folder_with_anything_else_is_refused(capsys, tmp_path):
    def refusal(*arguments):
        return commands.refusal(capsys, "autoencoder", "--datasets", "digits", "--out", tmp_path, *arguments)

    (tmp_path / "tables").mkdir()
    assert "holds tables, which this program did not write; choose another folder with --out" in refusal()
    run = tmp_path / "run.json"
    run.write_text('{"command": "autoencoder", "schedule": "quick", "datasets": {"digits": "0"}}')
    assert "holds results with --schedule quick, not with --schedule smoke;" in refusal("--schedule", "smoke")
    assert "holds results of other digits images" in refusal()
    for held in ('{"schedule": "quick", "protocol": "thesis"}', '{"schedule": "quick", "command": "study"}'):
        run.write_text(held)
        assert "was not written by this program" in refusal()
    run.write_text("{")
    assert "is damaged; move it away or choose another folder with --out" in refusal()


def test_a_folder_in_use_is_refused(capsys, tmp_path):
    with locks.held(tmp_path, wait=False):
        assert "is in use by another run" in commands.refusal(
            capsys, "autoencoder", "--datasets", "digits", "--out", tmp_path
        )
