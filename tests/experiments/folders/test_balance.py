"""The balance command: what DST holds, how a run continues, what mistakes get."""

import contextlib
import hashlib
import os
import re
import sys
import time
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
import small_folder
import tensorflow as tf
from class_balancing.datasets import folder
from class_balancing.experiments import command_line
from class_balancing.experiments.command_line import FailedError, UsageError
from class_balancing.experiments.folders import balance, contents, destination
from class_balancing.models import METHODS
from class_balancing.models.balancer import ModeCollapseError
from class_balancing.models.chain import Chain
from class_balancing.models.cvae import CVAE
from class_balancing.models.geometric import Geometric
from class_balancing.models.style_transfer import StyleTransfer
from class_balancing.reports import figures
from forked import Forked
from PIL import Image
from small_folder import called, content

pytestmark = [
    pytest.mark.usefixtures("untraced"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Previews are small, and CVAE takes four steps."""
    monkeypatch.setattr(figures, "DOTS_PER_INCH", 20)
    monkeypatch.setitem(CVAE.schedules["smoke"], "steps", {"n_epochs": 4})


TRANSLATING = ("cyclegan", "weighted_cyclegan", "wasserstein_cyclegan")
GANS = [pytest.param(name, marks=pytest.mark.slow) for name in (*TRANSLATING, "dcgan", "wgan_gp")]


@pytest.mark.parametrize("method", ["geometric", "smote", "cvae", *GANS])
def test_dst_is_balanced_originals_are_the_same_bits_and_all_is_listed(method, source, tmp_path):
    (source / "light" / "inner").mkdir()
    (source / "light" / "00.png").rename(source / "light" / "inner" / "žlutá.png")
    target = tmp_path / "dst"
    assert called(source, target, "--method", method, "--schedule", "smoke", "--seed", 3) == 0
    originals, found = content(source), content(target)
    assert originals.items() <= found.items()
    for name in small_folder.COUNTS:
        assert sum(path.startswith(f"{name}/") for path in found) == 40
    manifest = pd.read_csv(target / "manifest.csv", keep_default_na=False)
    assert set(manifest["file"]) == found.keys() - originals.keys() - {"manifest.csv", "preview.png"}
    assert set(manifest["class"]) == {"light"}
    assert set(manifest["method"]) == {method}
    assert set(manifest["seed"]) == {3}
    assert manifest["model_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(manifest["parent"]) <= (originals.keys() if method in ("geometric", *TRANSLATING) else {""})
    images = [np.asarray(Image.open(target / file)) for file in manifest["file"]]
    assert {image.shape for image in images} == {(12, 12, 3)}
    assert not list(tmp_path.glob("*.partial"))


def test_copies_name_their_parent(source, tmp_path):
    called(source, tmp_path / "dst", "--method", "random_oversampling")
    for row in pd.read_csv(tmp_path / "dst" / "manifest.csv").itertuples():
        new, parent = (np.asarray(Image.open(tmp_path / "dst" / file)) for file in (row.file, row.parent))
        np.testing.assert_array_equal(new, parent)


@pytest.mark.parametrize("given", [(), ("--no-flip",)])
def test_images_are_mirrored_unless_that_is_forbidden(given, source, tmp_path):
    model = tmp_path / "model.npz"
    assert called(source, tmp_path / "dst", "--method", "geometric", "--save-model", model, *given) == 0
    assert Geometric.load(model).horizontal_flip == (not given)


@pytest.mark.parametrize("method", ["random_oversampling+geometric", "smote+geometric"])
def test_a_chain_is_one_method_whose_images_name_their_parents(method, source, tmp_path):
    target, model = tmp_path / "dst", tmp_path / "model.npz"
    assert called(source, target, "--method", method, "--save-model", model) == 0
    manifest = pd.read_csv(target / "manifest.csv", keep_default_na=False)
    assert set(manifest["method"]) == {method}
    assert set(manifest["file"].str.startswith(f"light/{method}-0-")) == {True}
    assert ("" in set(manifest["parent"])) == method.startswith("smote")
    again = Chain.load(model).sample("light", 24)
    np.testing.assert_array_equal(again[3], np.asarray(Image.open(target / manifest["file"][3])))


@pytest.mark.parametrize(("style_from", "prefix"), [("same class", "light/"), ("folder", "brush")])
def test_the_manifest_names_the_styles(style_from, prefix, source, tmp_path, monkeypatch):
    if style_from == "folder":
        style_from = tmp_path / "pictures"
        style_from.mkdir()
        for index in range(3):
            Image.effect_noise((20, 30), 100).save(style_from / f"brush{index}.png")
    monkeypatch.setattr(
        StyleTransfer,
        "schedules",
        {"smoke": {"n_epochs": 1, "n_iterations": 1, "n_styles": 2, "style_from": str(style_from)}},
    )
    called(source, tmp_path / "dst", "--method", "style_transfer", "--schedule", "smoke")
    manifest = pd.read_csv(tmp_path / "dst" / "manifest.csv", keep_default_na=False)
    for row in manifest.itertuples():
        styles = row.styles.split("|")
        assert len(set(styles)) == 2
        assert all(style.startswith(prefix) for style in styles)
        assert row.parent not in styles


def test_links_models_and_other_numbers(source, tmp_path):
    target, model = tmp_path / "dst", tmp_path / "model.npz"
    wanted = ["light=20", "dark=43"]
    called(source, target, "--method", "geometric", "--link", "--sampling-strategy", *wanted, "--save-model", model)
    assert (target / "dark" / "00.png").samefile(source / "dark" / "00.png")
    manifest = pd.read_csv(target / "manifest.csv")
    assert manifest["class"].value_counts().to_dict() == {"light": 4, "dark": 3}
    assert set(manifest["model_sha256"]) == {hashlib.sha256(model.read_bytes()).hexdigest()}
    again = METHODS["geometric"].load().load(model).sample("light", 4)
    first = np.asarray(Image.open(target / "light" / "geometric-0-000001.png"))
    np.testing.assert_array_equal(again[0], first)


def test_unreadable_files_stay_behind_unless_strict(source, tmp_path, capsys):
    (source / "dark" / "00.png").write_bytes(b"no image")
    called(source, tmp_path / "dst", "--method", "geometric")
    printed = capsys.readouterr()
    assert "dark           39         1         40" in printed.out, "the plan is that of a dry run"
    assert printed.err.startswith("1 of 96 files are left out: dark/00.png: not a readable image")
    assert printed.err.count("left out") == 1
    assert not (tmp_path / "dst" / "dark" / "00.png").exists()
    assert pd.read_csv(tmp_path / "dst" / "left_out.csv")["file"].tolist() == ["dark/00.png"]
    assert len(pd.read_csv(tmp_path / "dst" / "manifest.csv")) == 24 + 1, "as many as the largest class, striped, has"
    with pytest.raises(ValueError, match="1 of 96 files are not readable images"):
        called(source, tmp_path / "other", "--method", "geometric", "--strict")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("method", ["geometric", "bagan"])
def test_a_dry_run_writes_nothing(method, source, tmp_path, capsys):
    assert called(source, tmp_path / "dst", "--method", method, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "light          16        24         40" in printed
    assert f"24 new images of 12 x 12 pixels by {method}; about" in printed
    assert os.listdir(tmp_path) == ["src"]


def test_a_dry_run_leaves_out_what_headers_tell_and_what_is_trained(source, tmp_path, capsys):
    (source / "striped" / "00.png").write_bytes(b"no image")
    asked = (source, tmp_path / "dst", "--method", "cvae", "--schedule", "smoke", "--dry-run")
    assert called(*asked) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("1 of 96 files are left out: striped/00.png: not a readable image")
    assert "striped        39         1         40" in printed.out
    assert "images that are damaged further in will be left out too" in printed.out
    before = re.search("; about (.*) on two cores like the reference machine's.", printed.out)[1]
    working = tmp_path / "dst.partial"
    (working / "training").mkdir(parents=True)
    (working / "training" / "epoch-000004-abc.npz").touch()
    claimed = [*map(str, asked), "--image-size", "12x12"]
    destination.claim(working, balance.parse("balance.py", claimed), "digest")
    assert called(*asked, "--image-size", "12") == 0
    after = re.search("; about (.*) on two cores .* where finished epochs are kept.", capsys.readouterr().out)[1]
    assert int(before.removesuffix(" s")) >= int(after.removesuffix(" s")) + 4
    words = "another command, with --image-size 12x12 and with --seed 0, not without --image-size and with --seed 1 "
    with pytest.raises(UsageError, match=f"holds the unfinished work of {words}"):
        called(*asked, "--seed", "1")
    (working / "run.json").write_text('{"seed": 0}')
    with pytest.raises(UsageError, match="holds the unfinished work of another command, of something else "):
        called(*asked)
    with pytest.raises(ValueError, match="1 of 96 files are not readable images"):
        called(*asked, "--strict")


def test_dst_is_replaced_only_by_force_and_only_if_it_was_made_here(source, tmp_path):
    target = tmp_path / "dst"
    called(source, target, "--method", "geometric")
    (target / "mine.txt").write_text("mine")
    before = content(target)
    with pytest.raises(UsageError, match="already exists; choose another DST or give --force"):
        called(source, target, "--method", "geometric", "--seed", 1)
    assert content(target) == before
    called(source, target, "--method", "geometric", "--seed", 1, "--force")
    assert set(pd.read_csv(target / "manifest.csv")["seed"]) == {1}
    assert content(tmp_path / "dst.old") == before
    with pytest.raises(UsageError, match=r"dst\.old is from an earlier --force"):
        called(source, target, "--method", "geometric", "--seed", 2, "--force")
    other = small_folder.write(tmp_path / "other")
    with pytest.raises(UsageError, match="was not made by this program"):
        called(source, other, "--method", "geometric", "--force")
    with pytest.raises(UsageError, match="is inside the other"):
        called(source, source / "dst", "--method", "geometric")
    with pytest.raises(UsageError, match="it was balanced already"):
        called(target, tmp_path / "again", "--method", "geometric")


def test_unfinished_work_of_another_command_is_not_mixed(source, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(balance, "publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            called(source, tmp_path / "dst", "--method", "geometric")
    assert not (tmp_path / "dst").exists()
    with pytest.raises(UsageError, match="holds the unfinished work of another command"):
        called(source, tmp_path / "dst", "--method", "smote")
    assert called(source, tmp_path / "dst", "--method", "geometric") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "magic"], "no method is called 'magic'"),
        (["--method", "geometric+class_weights"], "class_weights makes no images; there are "),
        (["--method", "geometric+geometric"], "names a method twice"),
        (["--method", "geometric+"], "no method is called ''"),
        (
            ["--method", "geometric+smote"],
            "SMOTE does not transform images, so it can only come",
        ),
        (["--method", "class_weights"], "class_weights makes no images"),
        (["--method", "cvae", "--image-size", "4"], "cvae needs images of at least 8 x 8 pixels"),
        (["--method", "cyclegan", "--sampling-strategy", "dark=45"], "translates images of the largest class, dark,"),
        (["--method", "geometric", "--sampling-strategy", "cats=5"], "'cats=5' is not CLASS=COUNT"),
        (["--method", "geometric", "--filter", "luck"], "invalid choice: 'luck'"),
        (["--method", "random_oversampling", "--filter", "duplicates"], "of which --filter duplicates leaves none"),
        (["--method", "geometric", "--filter", "duplicates", "faces"], "install class-balancing with its extra faces"),
        (["--method", "geometric", "--seed", "-1"], "expected a whole number from 0 to 4294967295"),
        (["--method", "geometric", "--image-size", "4x"], "expected a number of pixels or HEIGHTxWIDTH"),
        ([], "the following arguments are required: --method"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message, source, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert message in commands.refusal(capsys, "balance", source, tmp_path / "dst", *arguments)
    assert os.listdir(tmp_path) == ["src"]


@pytest.mark.parametrize("given", [(), ("--dry-run",)])
def test_a_place_that_cannot_be_written_is_told_before_the_plan(given, source, capsys):
    sentence = commands.refusal(capsys, "balance", source, "/proc/dst", "--method", "geometric", *given)
    assert re.search(r"cannot write to /proc/dst\.partial \(.+\); choose another DST$", sentence)


def test_a_gpu_that_is_not_there_is_told_before_the_plan(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    asked = (source, tmp_path / "dst", "--method", "geometric", "--devices", "gpu")
    assert "--devices gpu: TensorFlow finds no GPU" in commands.refusal(capsys, "balance", *asked)
    assert os.listdir(tmp_path) == ["src"]


def test_a_missing_source_is_one_sentence(tmp_path, capsys):
    sentence = commands.refusal(capsys, "balance", tmp_path / "src", tmp_path / "dst", "--method", "geometric")
    assert f"there is no folder {tmp_path / 'src'}" in sentence


@pytest.mark.slow
def test_a_killed_run_continues_and_ends_as_if_nothing_had_been(source, tmp_path):
    def begun(target):
        words = [str(source), str(target), "--method", "cvae", "--schedule", "smoke"]
        return Forked(command_line.call, "balance", "balance.py", words)

    assert begun(tmp_path / "whole").wait() == 0
    target, working = tmp_path / "dst", tmp_path / "dst.partial"
    for stage in (
        "images-*.decoding",
        "run.json",
        "training/training.json",
        "training/epoch-*",
        "dataset/dark",
        "dataset/light/cvae-*",
    ):
        process = begun(target)
        while process.is_running() and not any(working.glob(stage)):
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            process.kill(whole_group=False)
        process.wait()
        if not working.exists():  # it has ended before it could be killed
            break
        assert not target.exists()
    assert target.exists() or begun(target).wait() == 0
    assert content(target) == content(tmp_path / "whole")


def test_originals_named_like_new_images_are_refused_before_training(source, tmp_path):
    (source / "light" / "00.png").rename(source / "light" / "geometric-0-000007.png")
    with pytest.raises(UsageError, match=r"named like the originals light/geometric-0-000007\.png"):
        called(source, tmp_path / "dst", "--method", "geometric")
    with pytest.raises(UsageError, match="must be a file in a folder that exists"):
        called(source, tmp_path / "dst", "--method", "geometric", "--save-model", tmp_path / "no" / "file")


def test_other_files_where_it_would_work_are_left_alone(source, tmp_path):
    (tmp_path / "dst.partial").mkdir()
    (tmp_path / "dst.partial" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is needed to work in, but holds other files"):
        called(source, tmp_path / "dst", "--method", "geometric")
    assert (tmp_path / "dst.partial" / "mine.txt").read_text() == "mine"
    source.rename(tmp_path / "own.partial")
    with pytest.raises(UsageError, match="is inside the other"):
        called(tmp_path / "own.partial", tmp_path / "own", "--method", "geometric")
    assert content(tmp_path / "own.partial")


def test_what_came_into_dst_meanwhile_is_not_overwritten(source, monkeypatch, tmp_path):
    target, write_dataset = tmp_path / "dst", contents.write_dataset

    def slowly(*arguments):
        write_dataset(*arguments)
        target.mkdir()
        (target / "mine.txt").write_text("mine")

    monkeypatch.setattr(contents, "write_dataset", slowly)
    with pytest.raises(UsageError, match="already exists"):
        called(source, target, "--method", "geometric")
    assert os.listdir(target) == ["mine.txt"]
    assert list((tmp_path / "dst.partial" / "dataset" / "light").glob("geometric-*.png"))  # nor is what was made lost


@pytest.mark.parametrize("done", ["nothing", "moved"])
def test_a_command_that_was_killed_while_it_moved_the_dataset_is_continued(done, source, monkeypatch, tmp_path):
    asked = ("--method", "random_oversampling", "--save-model", tmp_path / "model.npz")
    target, move = tmp_path / "dst", destination._move
    changed = (source / "dark" / "00.png").stat().st_mtime_ns

    def killed(working, options):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", lambda *_: pytest.fail("killed"))
            if done == "moved":
                move(working, options)
        pytest.fail("killed")

    with monkeypatch.context() as patched:
        patched.setattr(destination, "_move", killed)
        with pytest.raises(pytest.fail.Exception, match="killed"):
            called(source, target, *asked)
    assert target.exists() == (done == "moved")
    with pytest.raises(UsageError, match=r"of another command, with --save-model \S+/model.npz, not without"):
        called(source, target, *asked[:2])
    os.utime(source / "dark" / "00.png")
    with pytest.raises(UsageError, match="of another command, of other images"):
        called(source, target, *asked)
    os.utime(source / "dark" / "00.png", ns=(changed, changed))
    monkeypatch.setattr(folder, "load", lambda *_, **__: pytest.fail("began again"))
    assert called(source, target, *asked) == 0
    assert len(list((target / "light").iterdir())) == 40
    assert not (tmp_path / "dst.partial").exists()


def test_a_folder_of_the_users_is_no_unfinished_work(source, tmp_path):
    own = tmp_path / "dst.partial" / "publishing"
    own.mkdir(parents=True)
    (own / "book.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        called(source, tmp_path / "dst", "--method", "random_oversampling")
    assert (own / "book.txt").read_text() == "mine"


def test_dst_may_be_a_link_and_linked_originals_become_files(source, tmp_path):
    (source / ".store").mkdir()
    (source / "dark" / "00.png").rename(source / ".store" / "00.png")
    (source / "dark" / "00.png").symlink_to("../.store/00.png")
    (tmp_path / "place").mkdir()
    (tmp_path / "dst").symlink_to(tmp_path / "place")
    called(source, tmp_path / "dst", "--method", "geometric", "--link")
    assert (tmp_path / "dst").is_symlink()
    copied = tmp_path / "place" / "dark" / "00.png"
    assert not copied.is_symlink()
    assert copied.samefile(source / ".store" / "00.png")


def test_a_balanced_folder_and_strange_class_names(tmp_path):
    even = small_folder.write(tmp_path / "even", {"dark": 9, "light": 9})
    with pytest.raises(UsageError, match="need no new images"):
        called(even, tmp_path / "dst", "--method", "geometric")
    strange = small_folder.write(tmp_path / "strange", {"dark": 9, "light": 5})
    (strange / "light").rename(strange / "$5_$10 <b>|\n")
    assert called(strange, tmp_path / "dst", "--method", "geometric") == 0
    assert len(list((tmp_path / "dst" / "$5_$10 <b>|\n").iterdir())) == 9


def test_a_refused_run_leaves_nothing_that_blocks_another(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 12, "light": 9})
    with pytest.raises(UsageError, match="adasyn: no image of class light has a neighbour of another class"):
        called(source, tmp_path / "dst", "--method", "adasyn")
    assert called(source, tmp_path / "dst", "--method", "smote") == 0


def test_a_method_that_collapses_fails_and_keeps_its_training(source, monkeypatch, tmp_path, capsys):
    def collapsed(*_):
        raise ModeCollapseError("all images are alike")

    monkeypatch.setattr(METHODS["smote"].load(), "_sample", collapsed)
    with pytest.raises(FailedError, match="all images are alike"):
        called(source, tmp_path / "dst", "--method", "smote")
    assert (tmp_path / "dst.partial" / "run.json").exists()
    assert commands.call("balance", source, tmp_path / "dst", "--method", "smote") == 1
    assert capsys.readouterr().err == "balance.py: all images are alike\n"


def test_the_next_command_judges_what_was_made(source, monkeypatch, tmp_path, capsys):
    asked = ("--method", "geometric", "--image-size", "10x12", "--no-flip")
    commands.call("balance", source, tmp_path / "dst", *asked)
    assert f"judge.py {source} --methods geometric --image-size 10x12 --no-flip" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["/bin/class-balancing", "balance"])
    called(source, tmp_path / "other", *asked)
    expected = f"/bin/class-balancing judge {source} --methods geometric --image-size 10x12 --no-flip\n"
    assert capsys.readouterr().out.endswith(expected)


@pytest.mark.parametrize(
    ("wanted", "proportions"),
    [
        (["not majority"], []),
        (["light=28"], ["--proportions", "0.5"]),
        (["light=24", "dark=44"], None),
        (["dark=44"], None),
    ],
)
def test_no_other_numbers_are_judged_than_were_made(wanted, proportions, source, tmp_path, capsys):
    called(source, tmp_path / "dst", "--method", "geometric", "--sampling-strategy", *wanted)
    printed = capsys.readouterr().out
    assert printed.count("Next") == (proportions is not None)
    if proportions is not None:
        assert printed.endswith(f"{' '.join([str(source), '--methods', 'geometric', *proportions])}\n")


def test_the_next_command_has_the_filters(source):
    options = balance.parse("balance.py", [str(source), "dst", "--method", "smote", "--filter", "confidence"])
    words = f" {source} --methods smote --proportions 0.5 --filter confidence"
    assert balance.judging_command(options, 0.5).endswith(words)


def test_the_share_of_what_restores_the_balance():
    counts = {"a": 800, "b": 100, "c": 300}
    for additions, share in (((0, 700, 500), 1), ((0, 400, 286), 0.571667), ((0, 400, 300), None), ((10, 9, 9), None)):
        found = balance.share_of_balance(dict(zip("abc", additions, strict=True)), counts)
        assert found == share
    assert balance.share_of_balance({"a": 0, "b": 22}, {"a": 3, "b": 1}) is None, "judge.py takes no more than 10"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (["light=17", "light=18"], "names the class light twice"),
        (["light=99999999999"], r"may take 432\d\d\.\d GB of the disk of .*, of which .* are free"),
    ],
)
def test_wrong_numbers_are_refused_by_the_plan(strategy, message, source, tmp_path):
    with pytest.raises((UsageError, ValueError), match=message):
        called(source, tmp_path / "dst", "--method", "geometric", "--sampling-strategy", *strategy, "--dry-run")


def test_a_run_that_was_stopped_after_it_wrote_the_model_carries_on(source, monkeypatch, tmp_path):
    target, model = tmp_path / "dst", tmp_path / "model.npz"
    arguments = (source, target, "--method", "geometric", "--save-model", model)
    with monkeypatch.context() as patched:
        patched.setattr(destination.os, "sync", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            called(*arguments)
    assert model.exists()
    assert not target.exists()
    assert called(*arguments) == 0
    with pytest.raises(UsageError, match=r"model\.npz already exists"):
        called(source, tmp_path / "other", "--method", "geometric", "--save-model", model)


@pytest.mark.parametrize("file", ["dst/model.npz", "dst", "dst.partial/model.npz", "dst.partial", "dst.old"])
def test_a_model_where_dst_is_made_or_moved_is_refused(file, source, tmp_path):
    target = tmp_path / "dst"
    if "/" in file or file == "dst.old":
        called(source, target, "--method", "geometric")
    if file == "dst.partial/model.npz":
        target.rename(tmp_path / "dst.partial")
        (tmp_path / "dst.partial" / "run.json").touch()
    before = content(tmp_path)
    with pytest.raises(UsageError, match=r"--save-model \S+ lies in \S+; choose another FILE"):
        called(source, target, "--method", "geometric", "--force", "--save-model", tmp_path / file)
    assert content(tmp_path) == before


def test_a_model_among_the_originals_is_refused(source, tmp_path):
    with pytest.raises(UsageError, match=r"--save-model \S+ lies in \S+src; choose another FILE"):
        called(source, tmp_path / "dst", "--method", "geometric", "--save-model", source / "model.npz")


def test_links_to_another_disk_and_the_root_are_refused_at_once(source, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="/ is the root of the file system; choose another DST"):
        called(source, "/", "--method", "geometric")
    monkeypatch.setattr(destination, "_disk", lambda place: place.name)
    with pytest.raises(UsageError, match=r"is on another disk than .*; leave out --link"):
        called(source, tmp_path / "dst", "--method", "geometric", "--link")
    assert not (tmp_path / "dst.partial").exists()
