"""The command on small pictures: what it writes, what it refuses, how it is stopped, and its memory."""

import os
import signal
import subprocess
import sys

import commands
import keras
import numpy as np
import pytest
from class_balancing import StyleTransfer
from class_balancing.experiments.styles import command
from class_balancing.models import stylisation
from keras import layers
from peak_memory import peak_bytes
from PIL import Image

MAX_GIBIBYTES = 3.0


def pixels(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two small pictures, and files that are none."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(pixels(32, 64, 0)).save(folder / "content.png")
    Image.fromarray(pixels(24, 16, 1)).save(folder / "style.png")
    Image.fromarray(pixels(2, 40, 2)).save(folder / "thin.png")
    Image.new("1", (7100, 7100)).save(folder / "huge.png")
    Image.new("1", (10500, 10500)).save(folder / "bomb.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "other.h5").write_bytes(b"weights of another network")
    (folder / "styles").mkdir()
    return folder


@pytest.fixture(scope="module")
def models(folder):
    """Files of networks: one to use for grey images, others to refuse."""
    image = keras.Input((16, 16, 1))
    features = layers.MaxPooling2D()(layers.Conv2D(2, 3, activation="relu")(image))
    classifier = keras.Model(image, layers.Dense(2, "softmax")(layers.Flatten()(features)), name="classifier")
    flat = layers.Flatten()(image)
    refused = {
        "generator": keras.Model(image, layers.Conv2D(1, 3)(image)),
        "of_numbers": keras.Sequential([keras.Input((4,)), layers.Dense(2)]),
        "of_two": keras.Sequential([keras.Input((16, 16, 2)), layers.Conv2D(1, 3), layers.Flatten()]),
        "dense": keras.Model(image, layers.Dense(2)(flat)),
        "branched": keras.Model(image, layers.Add()([layers.Dense(2)(flat), layers.Dense(2)(flat)])),
        "unbuilt": keras.Sequential([layers.Conv2D(1, 3), layers.Flatten()]),
        "code": keras.Sequential([image, layers.Lambda(lambda x: x), layers.Conv2D(1, 3), layers.Flatten()]),
    }
    of_nans = keras.models.clone_model(classifier)
    of_nans.set_weights([np.full_like(weights, np.nan) for weights in classifier.get_weights()])
    for name, network in (refused | {"classifier": classifier, "of_nans": of_nans}).items():
        network.save(folder / f"{name}.keras")
    (folder / "damaged.keras").write_bytes((folder / "classifier.keras").read_bytes()[:500])
    return folder


def call(folder, *words, content="content.png", styles=("style.png",)) -> int:
    pictures = [folder / content, *(folder / style for style in styles)]
    return commands.call("style", *pictures, "--iterations", "4", *words)


def test_choices_are_those_of_the_library():
    assert (command.STARTS, set(command.OPTIMIZERS)) == (stylisation.STARTS, set(stylisation.OPTIMIZERS))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_gets_the_style_of_others(suffix, folder, tmp_path, capsys):
    out = tmp_path / f"new.{suffix}"
    words = ["--out", out, "--size", "32", "--style-size", "18", "--shares", "3", "1"]
    assert call(folder, *words, styles=("style.png", "content.png")) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new-strip.png", f"new.{suffix}"]
    with Image.open(out) as made, Image.open(folder / "content.png") as content:
        assert (made.mode, made.size, made.format) == ("RGB", (32, 16), {"png": "PNG", "jpg": "JPEG"}[suffix])
        assert (np.asarray(made) != np.asarray(content.resize((32, 16)))).any()
    told = capsys.readouterr()
    assert told.out.startswith(
        f"{folder}/content.png (32 x 16) gets the style of {folder}/style.png (12 x 18), {folder}/content.png "
        "(18 x 9) by features of random filters, in at most 4 iterations of L-BFGS.\nPublished results are VGG19's"
    )
    assert f"{out} is the picture; {tmp_path}/new-strip.png shows how it came about.\nNext: " in told.out
    assert "4/4 [" in told.err


def test_the_same_seed_gives_the_same_picture_and_another_one_another(folder, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert call(folder, "--out", tmp_path / f"{name}.png", "--start", "noise", "--seed", seed) == 0
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_stages_are_pictures_on_the_way(folder):
    options = command.parse("style.py", ["content", "style", "--out", "x.png", "--iterations", "20"])
    contents, stages = command.stylised(
        options, [1.0], [Image.open(folder / name).convert("RGB") for name in ("content.png", "style.png")]
    )
    assert [caption for caption, _ in contents] == ["content", "style"]
    numbers = [int(caption.removeprefix("result, ").split()[0]) for caption, _ in stages]
    assert numbers == sorted(set(numbers))
    assert 4 <= len(stages) - 1 <= 6
    assert stages[-1][0] == f"result, {numbers[-1]} iterations"
    content = contents[0][1].astype(float)
    changes = [np.abs(picture - content).mean() for _, picture in stages]
    assert changes[0] < changes[-1]


def test_a_classifier_of_grey_images_makes_a_grey_picture(models, tmp_path):
    out = tmp_path / "new.png"
    assert call(models, "--out", out, "--network", models / "classifier.keras") == 0
    with Image.open(out) as made:
        assert (made.mode, made.size) == ("L", (64, 32))


def test_a_fitted_style_transfer_is_a_network(folder, tmp_path):
    images = np.stack([pixels(16, 16, seed) for seed in range(4)])
    fitted = StyleTransfer(n_epochs=1, batch_size=4).fit(images, [0, 0, 1, 1])
    fitted.save(tmp_path / "model.npz")
    out = tmp_path / "new.png"
    assert call(folder, "--out", out, "--network", tmp_path / "model.npz", "--optimizer", "adam") == 0
    with Image.open(folder / "content.png") as content, Image.open(folder / "style.png") as style:
        expected = stylisation.transfer(
            np.asarray(content), [np.asarray(style)], fitted.feature_extractor(),
            style_weight=4.0, optimizer="adam", n_iterations=4,
        )  # fmt: skip
    np.testing.assert_array_equal(Image.open(out), expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"content": "none.png"}, "there is no file {folder}/none.png"),
        ({"styles": ["styles"]}, "{folder}/styles is a folder; name a picture"),
        ({"content": "text.jpg"}, "{folder}/text.jpg: not a readable image"),
        ({"styles": ["huge.png"]}, "{folder}/huge.png: refused: 7100 x 7100 are more than 50000000 pixels"),
        ({"styles": ["thin.png"]}, "thin.png is 40 x 2 pixels large here, but sides need at least 8; give"),
        ({"content": "thin.png"}, "{folder}/thin.png is 40 x 2 pixels large here, but sides need at least 8"),
        ({"words": ["--shares", "1", "1"]}, "--shares needs one number for each style, 1 in all, got 2"),
        ({"words": ["--shares", "0"]}, "all --shares are 0; one must be more"),
        ({"words": ["--shares=-1"]}, "argument --shares: expected a number from 0 to 1000000, got '-1'; see"),
        ({"words": ["--style-weight", "nan"]}, "--style-weight: expected a number from 0 to 1000000, got 'nan'"),
        (
            {"words": ["--style-weight", "0", "--content-weight", "0"]},
            "--style-weight and --content-weight are both 0; one must be more",
        ),
        ({"words": ["--size", "513"]}, "argument --size: a side must have from 1 to 512 pixels, got '513'"),
        ({"words": ["--weights", "x.h5"]}, "--weights is VGG19's file; give --network vgg19 too, or leave it out"),
        ({"words": ["--network", "vgg16"]}, "there is no file vgg16; --network is random, vgg19 or a model's file"),
        ({"words": ["--network", "vgg19", "--weights", "none.h5"]}, "--network vgg19: there is no file none.h5; VGG19"),
        ({"words": ["--network", "vgg19", "--weights", "{folder}/other.h5"]}, "publishes it: its MD5 is"),
        ({"words": ["--network", "{folder}/text.jpg"]}, "text.jpg is damaged or not a saved model"),
    ],
)  # fmt: skip
def test_mistakes_are_a_sentence_each(given, message, folder, tmp_path, capsys):
    words = [word.format(folder=folder) for word in given.pop("words", [])]
    assert call(folder, "--out", tmp_path / "new.png", *words, **given) == 2
    error = capsys.readouterr().err.strip()
    assert message.format(folder=folder) in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("generator", "is not a classifier"),
        ("of_numbers", "takes (4,), not pictures with 1 or 3 channels last"),
        ("of_two", "takes (16, 16, 2), not pictures with 1 or 3 channels last"),
        ("dense", "has no convolutions, whose features style transfer needs"),
        ("branched", "is not one layer after another"),
        ("unbuilt", "it holds no model that was built"),
        ("of_nans", "has weights that are not finite"),
        ("code", "the file is damaged or not a model that Keras can load without running code of it"),
        ("damaged", "the file is damaged or not a model that Keras can load without running code of it"),
    ],
)
def test_models_without_the_features_are_a_sentence_each(name, message, models, tmp_path, capsys):
    path = models / f"{name}.keras"
    assert call(models, "--out", tmp_path / "new.png", "--network", path) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"style.py: --network {path}: ")
    assert error.endswith(message)
    assert len(error.splitlines()) == 1


def test_what_must_be_kept_is_not_overwritten(folder, tmp_path, capsys):
    def refused(out, *words):
        return commands.refusal(capsys, "style", folder / "content.png", folder / "style.png", "--out", out, *words)

    assert refused(tmp_path / "new.gif").endswith("new.gif must end in .png, .jpg, .jpeg")
    assert refused(tmp_path / "none" / "new.png").startswith(f"style.py: {tmp_path}/none is no folder that can be")
    (tmp_path / "folder.png").mkdir()
    assert refused(tmp_path / "folder.png").endswith("folder.png is a folder; choose another --out")
    is_read = "is read, so it cannot be written; choose another --out"
    assert refused(folder / "style.png", "--force").endswith(f"style.png {is_read}")
    (tmp_path / "link.png").hardlink_to(folder / "content.png")
    assert refused(tmp_path / "link.png", "--force").endswith(f"link.png {is_read}")
    for name in ("new.png", "new-strip.png"):
        (tmp_path / name).write_text("kept")
        assert refused(tmp_path / "new.png").endswith(f"{name} already exists; choose another --out or give --force")
        assert (tmp_path / name).read_text() == "kept"
        (tmp_path / name).rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(tmp_path / "new.png")
    assert call(folder, "--out", tmp_path / "new.png", "--force") == 0
    with Image.open(tmp_path / "new.png") as made:
        assert made.size == (64, 32)


def test_a_picture_of_a_hundred_megapixels_is_a_sentence_without_a_warning(folder, tmp_path):
    finished = commands.run("style.py", folder / "content.png", folder / "bomb.png", "--out", tmp_path / "new.png")
    assert finished.returncode == 2
    assert finished.stderr == f"style.py: {folder}/bomb.png: refused: 10500 x 10500 are more than 50000000 pixels\n"


def test_the_largest_weights_leave_losses_finite(folder, tmp_path, capsys):
    for optimizer in command.OPTIMIZERS:
        words = ["--style-weight", "1e6", "--content-weight", "1e6", "--start", "noise", "--optimizer", optimizer]
        assert call(folder, "--out", tmp_path / f"{optimizer}.png", *words) == 0
        assert "nan" not in capsys.readouterr().err


def test_an_interrupted_run_leaves_nothing_and_says_so(folder, tmp_path, monkeypatch, capsys):
    def interrupted(*_, callback, **__):
        callback(1, pixels(8, 8, 0), (0.0, 1.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(stylisation, "transfer", interrupted)
    assert call(folder, "--out", tmp_path / "new.png") == 130
    assert "\nstyle.py: stopped; nothing was written. Start again with: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_signal_interrupts_a_run(folder, tmp_path):
    script = str(commands.ROOT / "experiments" / "style.py")
    words = [folder / "content.png", folder / "style.png", "--out", tmp_path / "new.png", "--iterations", "100000"]
    process = subprocess.Popen(
        [sys.executable, script, *words, "--optimizer", "adam"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    seen = b""
    while b"style " not in seen:  # the bar with a loss
        seen += process.stderr.read1(1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"style.py: stopped; nothing was written. Start again with: " in error
    assert b"Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4 to learn the memory of a process")
def test_the_largest_pictures_take_less_than_three_gibibytes(tmp_path):
    """With a network as large as VGG19."""
    names = [str(tmp_path / f"{seed}.png") for seed in range(4)]
    for seed, name in enumerate(names):
        Image.fromarray(pixels(512, 512, seed)).save(name)
    network = str(tmp_path / "large.keras")
    keras.applications.VGG19(weights=None, classes=2, input_shape=(32, 32, 3)).save(network)
    words = [*names, "--out", tmp_path / "new.png", "--size", "512", "--iterations", "2", "--network", network]
    assert peak_bytes(commands.ROOT / "experiments" / "style.py", *words) < MAX_GIBIBYTES * 2**30
