"""More images than memory holds: decoded once, even by a command that is killed, and new ones written in rounds."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from class_balancing import RandomOversampling
from class_balancing.datasets import decoding, folder
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.folders import balance, refill
from class_balancing.experiments.running import rounds
from class_balancing.reports import figures
from PIL import Image
from small_folder import called, content


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(figures, "DOTS_PER_INCH", 20)


@pytest.fixture
def decoded_at_once(monkeypatch):
    """Ten images are decoded at a time; a list of how many were asked for, which `dies_after` so many times."""
    decode_all = folder.decode_all

    class Calls(list):
        dies_after = None

    calls = Calls()

    def noted(photographs, resize):
        photographs = list(photographs)
        calls.append(len(photographs))
        if len(calls) == calls.dies_after:
            raise KeyboardInterrupt
        return decode_all(photographs, resize)

    monkeypatch.setattr(decoding, "N_IMAGES_AT_ONCE", 10)
    monkeypatch.setattr(folder, "decode_all", noted)
    return calls


def test_balance_killed_while_it_decodes_carries_on(source, decoded_at_once, tmp_path):
    assert called(source, tmp_path / "whole", "--method", "geometric") == 0
    decoded_at_once.clear()
    decoded_at_once.dies_after = 4
    with pytest.raises(KeyboardInterrupt):
        called(source, tmp_path / "dst", "--method", "geometric")
    assert decoded_at_once == [10] * 4
    decoded_at_once.dies_after = None
    assert called(source, tmp_path / "dst", "--method", "geometric") == 0
    assert decoded_at_once == [10] * (4 + 6) + [6], "thirty images had been decoded"
    assert content(tmp_path / "dst") == content(tmp_path / "whole")
    assert not (tmp_path / "dst.partial").exists()


def test_changed_originals_are_decoded_again(source, decoded_at_once, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(balance, "run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            called(source, tmp_path / "dst", "--method", "random_oversampling")
    Image.new("RGB", (12, 12), (1, 2, 3)).save(source / "light" / "15.png")
    decoded_at_once.clear()
    assert called(source, tmp_path / "dst", "--method", "random_oversampling") == 0
    assert sum(decoded_at_once) == 96
    copies = [np.asarray(Image.open(path))[0, 0].tolist() for path in (tmp_path / "dst" / "light").glob("random*")]
    assert [1, 2, 3] in copies


def test_the_work_of_another_command_is_known_before_anything_is_decoded(source, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(balance, "publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            called(source, tmp_path / "dst", "--method", "geometric")
    monkeypatch.setattr(folder, "load", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(UsageError, match="holds the unfinished work of another command"):
        called(source, tmp_path / "dst", "--method", "smote")


def test_new_images_of_several_rounds_are_written_and_listed(source, monkeypatch, tmp_path):
    method, wanted = "random_oversampling+geometric", ("--sampling-strategy", "light=35", "dark=48")
    manifests = {}
    for name, n_in_a_round in (("one", 19), ("several", 8)):
        monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", n_in_a_round * 12 * 12 * 3)
        called(source, tmp_path / name, "--method", method, *wanted)
        manifests[name] = pd.read_csv(tmp_path / name / "manifest.csv")
    one, several = manifests.values()
    assert one.drop(columns="parent").equals(several.drop(columns="parent")), "the same names, numbers and model"
    assert several["class"].value_counts().to_dict() == {"light": 19, "dark": 8}
    assert one["parent"].tolist()[:8] == several["parent"].tolist()[:8], "a class of one round is as without rounds"
    assert one["parent"].tolist()[8:] != several["parent"].tolist()[8:]
    hashes = [content(tmp_path / "several")[file] for file in several["file"]]
    assert len(set(hashes)) == len(hashes), "no round is made again"


def test_copies_of_all_rounds_name_their_parents(source, monkeypatch, tmp_path):
    monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", 5 * 12 * 12 * 3)
    called(source, tmp_path / "dst", "--method", "random_oversampling")
    for row in pd.read_csv(tmp_path / "dst" / "manifest.csv").itertuples():
        new, parent = (np.asarray(Image.open(tmp_path / "dst" / file)) for file in (row.file, row.parent))
        np.testing.assert_array_equal(new, parent)


def test_twenty_times_the_new_images_take_no_more_memory(monkeypatch):
    monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", 100_000)
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    balancer = RandomOversampling().fit(images, np.repeat(["many", "few"], [30, 10]))
    peaks = []
    for n in (100, 2000):
        tracemalloc.start()
        made = sum(len(made.images) for made in refill.sample(balancer, "few", n, 0, None, images))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert made == n
    assert peaks[1] < 1.2 * peaks[0] < 0.2 * 2000 * images[0].nbytes


def test_what_the_disk_does_not_hold_is_refused_before_hours_of_work(source, monkeypatch, tmp_path):
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: type("usage", (), {"total": 20_000, "free": 10_000}))
    with pytest.raises(ValueError, match=r"this may take 0\.0 GB of the disk of .*, of which 0\.0 GB are free; make"):
        called(source, tmp_path / "dst", "--method", "geometric")
    assert not (tmp_path / "dst.partial").exists()
    (tmp_path / "dst.partial").mkdir()
    (tmp_path / "dst.partial" / "images-0123456789ab.decoding").touch()
    assert called(source, tmp_path / "dst", "--method", "geometric") == 0, "what was begun is not refused"
