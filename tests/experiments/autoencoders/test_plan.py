from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from class_balancing.experiments.autoencoders import compression, data, denoising, one_class, results, settings
from class_balancing.experiments.autoencoders.plan import USES, Plan
from class_balancing.experiments.autoencoders.results import COLUMNS


@pytest.fixture
def plan(tmp_path):
    return Plan(tmp_path, ("digits", "mnist"), "quick")


def test_what_trains_or_draws_is_measured_with_three_seeds(plan):
    n_seeds = Counter((p.dataset, p.use, p.asked.method, p.asked.setting) for p in plan.pieces())
    assert n_seeds["digits", "reconstruction", "pca", 32] == 1
    assert n_seeds["digits", "reconstruction", "dense_absolute", 32] == 3
    assert n_seeds["mnist", "features", "pixels", 100] == 3, "its labels are drawn"
    assert n_seeds["mnist", "features", "pixels", 0] == 1
    assert len({plan.record(piece) for piece in plan.pieces()}) == len(plan.pieces())


def test_uses_share_the_network_of_the_same_code(plan):
    shared = Counter(tuple(sorted(piece.use for piece in group)) for group in plan.groups())
    assert shared["compression", "features", "features", "reconstruction"] == 2 * 2 * 3  # datasets, networks, seeds
    for group in plan.groups():
        assert len({(piece.dataset, piece.seed, piece.asked.network) for piece in group}) == 1


def test_a_changed_setting_measures_anew_only_what_depends_on_it(plan, monkeypatch):
    before = {str(piece): (plan.record(piece), plan.training_folder(piece)) for piece in plan.pieces()}
    changed = replace(settings.SETTINGS["quick"], n_filters=16)
    monkeypatch.setitem(settings.SETTINGS, "quick", changed)
    for piece in plan.pieces():
        is_same = before[str(piece)] == (plan.record(piece), plan.training_folder(piece))
        assert is_same != piece.asked.method.startswith("convolutional")


def test_what_is_finished_costs_nothing(plan):
    (plan.out / "runs").mkdir()
    pieces = plan.pieces()
    seconds = plan.remaining_seconds(pieces)
    (group,) = [group for group in plan.groups() if str(group[0]) == "mnist-denoising-convolutional-25-seed1"]
    plan.record(group[0]).touch()
    assert plan.remaining_seconds(pieces) == pytest.approx(seconds - plan.training_seconds(group[0]) - 1.2)
    for piece in pieces:
        plan.record(piece).touch()
    assert plan.remaining_seconds(pieces) == 0


def test_parts_are_the_official_ones_or_drawn(few_digits):
    source = replace(data.DATASETS["mnist"], n_official_test=30)
    parts = data.parts_of(source, few_digits, None, None)
    assert (parts.test.images == few_digits.images[-30:]).all()
    assert len(parts.train.images) == len(few_digits.images) - 30
    parts = data.parts_of(data.DATASETS["digits"], few_digits, 20, 10)
    assert (len(parts.train.images), len(parts.test.images)) == (20, 10)
    whole = data.parts_of(data.DATASETS["digits"], few_digits, None, None)
    assert len(whole.test.images) == pytest.approx(0.3 * len(few_digits.images), abs=1)


def frame(rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def test_gains_are_differences_to_the_method_in_the_same_setting():
    measured = frame(
        [
            ("MNIST", "denoising", "noisy", "noise 25", 0, "psnr", 20.0),
            ("MNIST", "denoising", "median", "noise 25", 0, "psnr", 23.0),
            ("MNIST", "denoising", "dense", "noise 25", 0, "psnr", 25.0),
            ("MNIST", "denoising", "dense", "noise 25", 1, "psnr", 26.0),
            ("MNIST", "denoising", "dense", "noise 25", 0, "ssim", 0.9),
            ("MNIST", "denoising", "noisy", "noise 50", 0, "psnr", 10.0),
        ]
    )
    made = denoising.further(measured).set_index(["metric", "method", "seed"])["value"].to_dict()
    assert made == {
        ("gain_over_noisy", "median", 0): 3.0,
        ("gain_over_noisy", "dense", 0): 5.0,
        ("gain_over_noisy", "dense", 1): 6.0,
        ("gain_over_median", "noisy", 0): -3.0,
        ("gain_over_median", "dense", 0): 2.0,
        ("gain_over_median", "dense", 1): 3.0,
    }


def test_jpeg_beside_a_code_has_no_more_bytes():
    values = {
        ("pca", "8 numbers"): (8.0, 18.0),
        ("pca", "64 numbers"): (64.0, 30.0),
        ("jpeg", "quality 1"): (40.0, 21.0),
        ("jpeg", "quality 5"): (64.0, 25.0),
        ("jpeg", "quality 9"): (65.0, 29.0),
    }
    rows = [
        ("MNIST", "compression", method, setting, 0, metric, value)
        for (method, setting), both in values.items()
        for metric, value in zip(("n_bytes", "psnr"), both, strict=True)
    ]
    made = compression.further(frame(rows))
    assert made[["setting", "metric", "value"]].to_numpy().tolist() == [["64 numbers", "psnr_of_jpeg", 25.0]]


def test_the_mean_over_classes_is_that_of_each_seed():
    rows = [("MNIST", "one_class", "dense", name, seed, "auc", value) for name, seed, value in
            (("0", 0, 0.9), ("1", 0, 0.7), ("0", 1, 1.0), ("1", 1, 0.9))]  # fmt: skip
    made = one_class.further(frame(rows))
    assert made["setting"].unique().tolist() == ["mean"]
    assert made.set_index("seed")["value"].to_dict() == pytest.approx({0: 0.8, 1: 0.95})


def test_best_are_all_that_look_best_among_several():
    rows = [
        ("MNIST", "reconstruction", "pca", "32 numbers", 0, "psnr", 20.001),
        ("MNIST", "reconstruction", "dense_squared", "32 numbers", 0, "psnr", 19.0),
        ("MNIST", "reconstruction", "dense_squared", "32 numbers", 1, "psnr", 21.004),
        ("MNIST", "reconstruction", "mean_image", "32 numbers", 0, "psnr", 9.0),
        ("MNIST", "reconstruction", "pca", "32 numbers", 0, "squared_error", 5.0),
        ("MNIST", "reconstruction", "mean_image", "32 numbers", 0, "squared_error", 6.0),
        ("MNIST", "compression", "jpeg", "quality 5", 0, "psnr", 30.0),
    ]
    summary = results.summarise(frame(rows)).set_index(["method", "metric"])
    assert summary["is_best"].to_dict() == {
        ("pca", "psnr"): True,  # both are shown as 20.00
        ("dense_squared", "psnr"): True,
        ("mean_image", "psnr"): False,
        ("pca", "squared_error"): True,
        ("mean_image", "squared_error"): False,
        ("jpeg", "psnr"): False,  # alone in its setting
    }
    assert summary.loc[("dense_squared", "psnr"), "sd"] == pytest.approx(2.004 / 2**0.5)


def test_values_are_numbers_also_where_a_use_was_not_measured(plan):
    (piece,) = [piece for piece in plan.pieces() if str(piece) == "mnist-compression-pca-8-seed0"]
    frame = results.collect({piece: {"values": {"n_bytes": 8.0, "psnr": 15.0}}})
    assert frame["value"].dtype == float
    assert frame["dataset"].tolist() == ["MNIST", "MNIST"]


def test_every_use_names_its_settings_and_columns(plan):
    for piece in plan.pieces():
        assert USES[piece.use].setting_name(piece)
    assert [len(use.METRICS) for use in USES.values()] == [4, 4, 3, 5, 1, 1]
