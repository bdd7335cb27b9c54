"""Fitted balancers as files."""

import io
import time
import zipfile

import keras
import numpy as np
import pytest
from class_balancing import BAGAN, CVAE, Geometric, RandomOversampling
from small_balancers import balancer


@pytest.fixture(scope="module")
def geometric(few_digits):
    return balancer("geometric").fit(few_digits.images, few_digits.labels)


@pytest.fixture
def saved(geometric, tmp_path):
    path = tmp_path / "geometric.npz"
    geometric.save(path)
    return path


@pytest.mark.parametrize("dtype", [object, str])
def test_labels_of_strings_come_back(few_digits, tmp_path, dtype):
    labels = np.array([f"class {label}" for label in few_digits.labels], dtype)
    strategy = {"class 4": np.int64(15)}
    fitted = RandomOversampling(sampling_strategy=strategy).fit((few_digits.images / 255).astype("float16"), labels)
    fitted.save(tmp_path / "saved")
    loaded = RandomOversampling.load(tmp_path / "saved")
    assert loaded.classes_.dtype == fitted.classes_.dtype
    assert loaded.sampling_strategy_ == {"class 4": 5}
    assert loaded.sampling_strategy == strategy
    made = loaded.sample("class 4", 5)
    assert made.dtype == np.float16
    np.testing.assert_array_equal(made, fitted.sample("class 4", 5))


def test_bytes_hold_no_time(geometric, tmp_path, monkeypatch):
    geometric.save(tmp_path / "first")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    geometric.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    with zipfile.ZipFile(tmp_path / "first") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_a_file_of_another_class_is_refused(saved):
    with pytest.raises(ValueError, match=r"geometric\.npz holds a fitted Geometric, not a BAGAN"):
        BAGAN.load(saved)


def test_a_file_of_another_format_is_refused(saved):
    with np.load(saved) as archive:
        arrays = dict(archive)
    arrays["balancer"] = np.array(arrays["balancer"].item().replace('"format": 1', '"format": 2'))
    np.savez(saved, **arrays)
    with pytest.raises(ValueError, match=r"geometric\.npz has format 2, but this version reads format 1"):
        Geometric.load(saved)


def test_strangers_files_are_refused(saved, tmp_path):
    whole = saved.read_bytes()
    array, pickled = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(3))
    np.savez(pickled, balancer=np.array([{}], object))
    for content in (b"", b"hello", whole[:-100], whole[: len(whole) // 2], array.getvalue(), pickled.getvalue()):
        (tmp_path / "strange").write_bytes(content)
        with pytest.raises(ValueError, match="strange is damaged or not a saved model"):
            Geometric.load(tmp_path / "strange")
    with pytest.raises(FileNotFoundError):
        Geometric.load(tmp_path / "absent")


def test_a_changed_byte_is_noticed_or_changes_nothing(geometric, saved):
    whole, expected = saved.read_bytes(), geometric.sample(4, 5)
    for position in np.random.default_rng(0).integers(len(whole), size=60):
        damaged = bytearray(whole)
        damaged[position] ^= 16
        saved.write_bytes(damaged)
        try:
            loaded = Geometric.load(saved)
        except ValueError:
            continue
        np.testing.assert_array_equal(loaded.sample(4, 5), expected)


def test_functions_are_not_loaded(few_digits, tmp_path):
    fitted = CVAE(n_epochs=0, batch_size=40, latent_size=5).fit(few_digits.images, few_digits.labels)
    fitted.generator_ = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    fitted.save(tmp_path / "lambda.npz")
    with pytest.raises(ValueError, match=r"lambda\.npz is damaged or holds what cannot be loaded safely"):
        CVAE.load(tmp_path / "lambda.npz")


def test_what_has_no_place_in_a_file_is_refused(few_digits, tmp_path):
    with pytest.raises(ValueError, match="this Geometric is not fitted yet"):
        Geometric().save(tmp_path / "saved")
    fitted = Geometric(sampling_strategy=lambda labels: {4: 12}).fit(few_digits.images, few_digits.labels)
    assert fitted.sampling_strategy_ == {4: 2}
    with pytest.raises(ValueError, match="sampling_strategy is a function, which cannot be saved"):
        fitted.save(tmp_path / "saved")
    fitted.sampling_strategy, fitted.state_ = "auto", np.array([{}])
    with pytest.raises(ValueError, match="state_ is a ndarray, which cannot be saved"):
        fitted.save(tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_a_file_that_unpacks_to_more_than_it_is_is_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"is damaged or not a saved model"):
        Geometric.load(saved)
