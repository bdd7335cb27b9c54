"""Tables of FER2013 alone, from made-up records and images."""

from types import SimpleNamespace

import numpy as np
import pytest
from class_balancing.datasets.fer2013 import CLASS_NAMES
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.tables import fer2013_images
from class_balancing.experiments.tables import fer2013_tables as of_fer2013

N_TEST = 14
TRUE = np.arange(N_TEST) % 7


@pytest.fixture(scope="module")
def faces():
    """Of 14 test images the first equals a training image, the second a validation image but for its brightness."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (42, 6, 6), dtype=np.uint8)
    images = np.kron(coarse, np.ones((1, 8, 8), np.uint8))[..., None]
    images[28] = images[0]
    images[29] = images[15] + 2
    parts = np.repeat(["train", "validation", "test"], 14)
    return ImageDataset("fer2013", images, np.tile(TRUE, 3), CLASS_NAMES, parts)


@pytest.fixture
def made(tmp_path, faces):
    """Function of records: the tables by name, the dataset being loaded or not."""

    def tables(records, is_loaded=True):
        loaded = {"fer2013": faces} if is_loaded else {}
        runner = SimpleNamespace(plan=SimpleNamespace(out=tmp_path), datasets=loaded)
        return {table.name: table for table in of_fer2013.tables(runner, records)}

    return tables


def predicting(wrong) -> dict:
    """A record of a classifier that is wrong about the test images at these positions."""
    predicted = TRUE.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 7
    return {"predicted": predicted.tolist()}


def test_facts_of_the_images_are_found_once(made, faces, tmp_path, monkeypatch):
    first = made({})
    assert list(first) == ["F.5", "F.6", "F.7", "F.11"], "no record, no scores"
    known = fer2013_images.facts(tmp_path, faces)
    assert (known["test_labels"], known["equal"], known["resemble"]) == (TRUE.tolist(), [0], [0, 1])
    assert known["n_equal"] == 1
    monkeypatch.setattr(fer2013_images, "repeated_across_parts", lambda _: pytest.fail("found again"))
    again = made({}, is_loaded=False)
    assert list(again) == list(first)
    for name, table in first.items():
        assert again[name].frame.equals(table.frame)


def test_without_images_and_facts_there_are_only_tables_of_records(made):
    assert made({}, is_loaded=False) == {}


def test_other_images_give_other_facts(made, faces, tmp_path):
    made({})
    other = ImageDataset("fer2013", faces.images[::-1], faces.labels, CLASS_NAMES, faces.official_parts)
    assert fer2013_images.facts(tmp_path, other)["digest"] == other.digest != faces.digest


def test_other_parts_of_the_same_images_give_other_facts(made, faces, tmp_path):
    made({})
    parts = faces.official_parts.copy()
    parts[28:35], parts[:7] = "train", "test"
    other = ImageDataset("fer2013", faces.images, faces.labels, CLASS_NAMES, parts)
    parts[-1] = "train"
    assert len(fer2013_images.facts(tmp_path, other)["test_labels"]) == 13
    assert len(fer2013_images.facts(tmp_path, faces)["test_labels"]) == 14


def test_the_misprint_is_told(made):
    table = made({})["F.5"]
    assert table.frame.columns.tolist() == ["Emotion", "Train", "Validation", "Test", "All", "Slides", "Difference"]
    assert table.frame["Slides"][0] == 4593
    assert "a misprint for 4953" in table.notes[0]
    assert "35527" in table.notes[0]


def test_the_numbers_of_repeated_images_are_those_of_each_pair_of_parts(made):
    table = made({})["F.7"]
    assert table.frame[["Part", "Repeated in", "Equal", "Equal or nearly"]].values.tolist() == [
        ["validation", "train", 0, 0],
        ["test", "train", 1, 1],
        ["test", "validation", 0, 1],
    ]


def test_methods_are_tested_against_the_baseline_of_their_seed(made):
    records = {
        Cell("fer2013", "unbalanced", 0): predicting([0, 1, 2, 3, 4, 5, 6]),
        Cell("fer2013", "unbalanced", 1): predicting([0]),
        Cell("fer2013", "cyclegan", 0): predicting([7]),
        Cell("fer2013", "cyclegan", 1): predicting([0]),
        Cell("fer2013-small", "smote", 0): predicting([0]),  # without a baseline
        Cell("fer2013-small", "unbalanced", 1): predicting([0, 1]),
        Cell("fer2013-synthetic", "smote", 1): predicting([0, 2, 3]),
    }
    frame = made(records)["F.6"].frame
    printed = frame.iloc[0]
    assert (printed["Baseline right"], printed["Method right"]) == (2336, 2378)
    assert printed[["Seed", "Only baseline", "p"]].isna().all()
    assert frame.iloc[1:].values.tolist() == [
        ["FER2013", "CycleGAN", 0, 7, 13, 1, 7, pytest.approx(2 * 9 / 256)],
        ["FER2013", "CycleGAN", 1, 13, 13, 0, 0, 1.0],
        ["FER2013, new images alone", "SMOTE", 1, 12, 11, 2, 1, 1.0],
    ]


def test_synthetic_images_are_compared_for_each_emotion(made):
    records = {
        Cell("fer2013", "unbalanced", 0): predicting([0, 1, 7]),
        Cell("fer2013", "cyclegan", 0): predicting([1, 2]),
        Cell("fer2013", "cyclegan", 1): predicting([]),  # without a baseline
        Cell("fer2013-small", "unbalanced", 0): predicting([]),
        Cell("fer2013-small", "cyclegan", 0): predicting([]),
    }
    frame = made(records)["F.11"].frame
    assert len(frame) == 14
    printed = frame[frame["Seed"].isna()]
    assert printed[["Baseline right", "Method right"]].sum().tolist() == [2336, 2378]
    assert printed["Emotion"].tolist() == list(CLASS_NAMES)
    assert frame.iloc[7:10].values.tolist() == [
        [0, "angry", 2, 0, 2, 0, 2, 0.5],
        [0, "disgust", 2, 1, 1, 0, 0, 1.0],
        [0, "fear", 2, 2, 1, 1, 0, 1.0],
    ]


def test_the_printed_difference_is_significant_only_below_a_number_of_discordant_images(made):
    note = made({})["F.6"].notes[1]
    assert note.startswith(
        "The printed difference is 42 images. It is significant at 5 % only if at most 438 of the 3589"
    )
    assert "(458 by the normal approximation)" in note


def test_scores_without_repeated_test_images(made):
    records = {
        Cell("fer2013-small", "unbalanced", 0): predicting([0, 1, 2]),
        Cell("fer2013-small", "smote", 0): predicting([]),
        Cell("fer2013-small", "smote", 1): predicting([0, 1]),
    }
    table = made(records)["F.8"]
    rows = table.frame.set_index("Method")
    accuracies = ["Accuracy", "Accuracy without equal", "Accuracy without near"]
    assert rows.loc["Unbalanced original", accuracies].tolist() == pytest.approx([11 / 14, 11 / 13, 11 / 12])
    assert rows.loc["SMOTE", accuracies].tolist() == pytest.approx([13 / 14, 12.5 / 13, 1.0])
    balanced = ["Balanced", "Balanced without equal", "Balanced without near"]
    # the first three emotions have one hit of two each, then the first two lose the image that was wrong
    assert rows.loc["Unbalanced original", balanced].tolist() == pytest.approx([5.5 / 7, 6 / 7, 6.5 / 7])
    assert rows["Seeds"].tolist() == [1, 2]
    assert "All 14 test images; 13 without" in table.notes[0]
    assert "12 without those that are nearly" in table.notes[0]


def test_new_images_are_judged_beside_real_ones(made):
    def tested(*n_right):
        counts = dict(zip(CLASS_NAMES, n_right, strict=False))
        return {"tested_on_new": {name: {"n_new": 4, "n_right": n} for name, n in counts.items()}}

    recalls = [0.5, 0.25, 0.5, 0.75, 0.5, 0.75, 0.25]
    records = {
        Cell("fer2013-small", "unbalanced", 0): {"scores": {"recalls": recalls}},
        Cell("fer2013-synthetic", "cyclegan", 0): tested(4, 3, 2, 1, 0, 4),
        Cell("fer2013-synthetic", "cyclegan", 1): tested(2, 3, 2, 1, 0, 4),
    }
    frame = made(records, is_loaded=False)["F.9"].frame
    assert frame["Images"].tolist() == ["real test images", "CycleGAN"]
    assert frame.iloc[0, 2:].tolist() == [0.5, *recalls]
    assert frame.iloc[1, 3:9].tolist() == [0.75, 0.75, 0.5, 0.25, 0.0, 1.0]
    assert np.isnan(frame["Neutral"][1]), "it makes none of them"
    assert frame["Mean of classes"][1] == pytest.approx(3.25 / 6)


def test_new_images_that_passed_filters_are_called_so_and_none_is_no_share(made):
    of_class = {"n_new": 4, "n_right": 1}
    record = {
        "configuration": {"filters": ["faces"]},
        "tested_on_new": {"happy": of_class, "sad": {"n_new": 0, "n_right": 0}},
    }
    table = made({Cell("fer2013-synthetic", "dcgan", 0): record}, is_loaded=False)["F.9"]
    row = table.frame.iloc[-1]
    assert (row["Happy"], row["Mean of classes"]) == (0.25, 0.25)
    assert np.isnan(row["Sad"])
    assert "of those that passed the filters" in table.notes[0]


def test_shares_that_pass_filters_stand_beside_those_of_real_images(made):
    def passed(n_new, n_new_passed, n_real, n_real_passed):
        return {"n_new": n_new, "n_new_passed": n_new_passed, "n_real": n_real, "n_real_passed": n_real_passed}

    rates = {"faces": {"neutral": passed(10, 6, 20, 18)}, "confidence": {"neutral": passed(6, 3, 18, 9)}}
    records = {Cell("fer2013-small", "dcgan", seed): {"pass_rates": rates} for seed in range(2)}
    records[Cell("fer2013", "dcgan", 0)] = {"pass_rates": rates}  # with another classifier, of the same images
    records[Cell("fer2013-small", "smote", 0)] = {"pass_rates": {"faces": {"fear": passed(0, 0, 4, 1)}}}
    table = made(records, is_loaded=False)["F.10"]
    assert table.frame.iloc[:2].values.tolist() == [
        ["DCGAN", "faces", "neutral", 20, 12, 0.6, 0.9],
        ["DCGAN", "confidence", "neutral", 12, 6, 0.5, 0.5],
    ]
    assert np.isnan(table.frame["Share of new"][2])
    assert table.notes[1].endswith("of DCGAN's 20 images 6 are left, of 20 real ones 9.")
