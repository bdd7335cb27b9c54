"""New images that pass filters: made until there are enough, or a sentence says why there cannot be."""

import re

import commands
import numpy as np
import pandas as pd
import pytest
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.evaluation import classifiers
from class_balancing.experiments.folders import balance, refill
from class_balancing.experiments.running import filters, rounds
from class_balancing.experiments.running.plan import Plan
from class_balancing.reports import figures
from PIL import Image
from small_folder import called, content

pytestmark = [
    pytest.mark.usefixtures("untraced"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]


@pytest.fixture(autouse=True)
def small_previews(monkeypatch):
    monkeypatch.setattr(figures, "DOTS_PER_INCH", 20)


@pytest.fixture
def filter_of(monkeypatch):
    """Function of a function: the filter confidence passes images for which it is true, and needs no classifier."""
    monkeypatch.setattr(filters, "NEED_CLASSIFIER", set())

    def replace(passed):
        monkeypatch.setitem(filters.FILTERS, "confidence", lambda images, *_: passed(images))

    return replace


def is_even(images):
    return images[:, 0, 0, 0] % 2 == 0


def test_images_are_made_until_enough_pass_the_filters(source, filter_of, monkeypatch, tmp_path, capsys):
    filter_of(is_even)
    asked = ("--method", "random_oversampling", "--filter", "confidence", "--sampling-strategy", "light=150", "dark=41")
    assert called(source, tmp_path / "whole", *asked) == 0
    printed = capsys.readouterr().out
    assert "All pass confidence; " in printed
    manifest = pd.read_csv(tmp_path / "whole" / "manifest.csv")
    assert manifest["class"].value_counts().to_dict() == {"light": 134, "dark": 1}
    for row in manifest.itertuples():
        new, parent = (np.asarray(Image.open(tmp_path / "whole" / file)) for file in (row.file, row.parent))
        np.testing.assert_array_equal(new, parent)
        assert is_even(new[None])
    assert len(set(manifest["parent"])) > 3
    for name, n_in_a_round, n_real in (("light", 134, 4), ("dark", 100, 10)):
        rate = rf"{name}: confidence passed (\d+) of (\d+) .* of the new images and (\d+) of {n_real} \("
        passed, made, passed_real = map(int, re.search(rate, printed).groups())
        assert 0 < passed < made
        assert made % n_in_a_round == 0
        assert 0 <= passed_real <= n_real

    with monkeypatch.context() as patched:
        patched.setattr(balance, "publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            called(source, tmp_path / "dst", *asked)
    assert called(source, tmp_path / "dst", *asked) == 0
    assert content(tmp_path / "dst") == content(tmp_path / "whole"), "an interrupted run ends with the same bytes"


def test_large_images_are_made_in_smaller_rounds(source, filter_of, monkeypatch, tmp_path):
    filter_of(lambda images: [len(images) <= 7] * len(images))
    monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", 7 * 12 * 12 * 3)
    assert called(source, tmp_path / "dst", "--method", "random_oversampling", "--filter", "confidence") == 0


@pytest.mark.parametrize(
    ("passed", "n_made", "sentence"),
    [
        (lambda images: np.zeros(len(images), bool), 1000, r"passed 0 of 1000 \(0 %\) of the new images of light and"),
        (
            lambda images: np.arange(len(images)) < 1,
            1000,
            r"passed 10 of 1000 \(1 %\) of the new images of light and 1",
        ),
    ],
    ids=["none", "too few"],
)
def test_filters_that_pass_too_few_are_a_sentence(passed, n_made, sentence, source, filter_of, tmp_path, capsys):
    seen = []
    filter_of(lambda images: seen.append(len(images)) or passed(images))
    arguments = (source, tmp_path / "dst", "--method", "geometric", "--filter", "confidence", "duplicates")
    assert commands.call("balance", *arguments) == 1
    error = capsys.readouterr().err
    assert re.search(rf"balance.py: confidence and duplicates {sentence}.* of real ones, but 24 are wanted; ", error)
    assert sum(seen) == n_made + 4, "new images and real ones"
    assert not (tmp_path / "dst").exists()
    assert called(*arguments[:4], "--filter", "duplicates") == 0, "another filter continues"


def test_a_classifier_that_learned_from_other_groups_is_not_used(monkeypatch, tmp_path):
    dataset = ImageDataset("folder", np.zeros((80, 12, 12, 3), np.uint8), np.repeat([0, 1], 40), ("dark", "light"))
    places = []
    monkeypatch.setattr(refill, "Plan", lambda out, *facts: places.append(out) or Plan(out, *facts))
    for groups in (None, np.arange(80) // 2, np.arange(80) // 4, np.arange(80) // 2):
        refill.chain(("duplicates",), dataset, groups, "smoke", tmp_path)
    assert places[0] == tmp_path
    assert places[1] == places[3]
    assert len(set(places)) == 3


def test_the_classifier_of_the_originals_filters_and_has_not_seen_the_real_ones(
    source, quick_classifiers, monkeypatch, tmp_path
):
    known, predicted = [], []
    train, predict = classifiers.train_classifier, classifiers.predict

    def trained(build, learned, validation, **named):
        known.extend(image.tobytes() for part in (learned, validation) for image in part.images)
        return train(build, learned, validation, **named)

    monkeypatch.setattr(classifiers, "train_classifier", trained)
    monkeypatch.setattr(
        classifiers, "predict", lambda model, images: predicted.append(images) or predict(model, images)
    )
    assert called(source, tmp_path / "dst", "--method", "smote", "--schedule", "smoke", "--filter", "confidence") == 0
    assert len(pd.read_csv(tmp_path / "dst" / "manifest.csv")) == 24
    assert len(known) == len(set(known)) == 72
    *_, real = predicted
    assert len(real) == 4
    assert not set(known) & {image.tobytes() for image in real}
