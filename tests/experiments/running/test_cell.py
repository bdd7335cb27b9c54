import pytest
from class_balancing.experiments.running.cell import Cell, cell_named, in_words, label, minutes_of_seeds
from class_balancing.models import METHODS


@pytest.mark.parametrize(
    ("cell", "name", "treatment"),
    [
        (Cell("mnist-50", "cvae_gan", 2), "mnist-50-cvae_gan-seed2", "cvae_gan"),
        (Cell("folder", "smote", 0, 0.5), "folder-smote-x0.5-seed0", "smote x0.5"),
        (Cell("folder", "smote", 0, 2.0), "folder-smote-x2-seed0", "smote x2"),
    ],
)
def test_a_cell_is_named_by_task_method_proportion_and_seed(cell, name, treatment):
    assert str(cell) == name
    assert cell.treatment == treatment


def test_names_are_read_back():
    for method in (*METHODS, "original", "balanced_original"):
        cell = Cell("digits-60", method, 11)
        assert cell_named(str(cell)) == cell


@pytest.mark.parametrize("name", ["", "mnist-50-bagan", "mnist-50-magic-seed0", "bagan-seed0", "mnist-50-bagan-seed-1"])
def test_other_names_are_no_cells(name):
    with pytest.raises(ValueError, match="no cell is called"):
        cell_named(name)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("original", (False, False, False)),
        ("balanced_original", (False, False, True)),
        ("unbalanced", (False, False, True)),
        ("class_weights", (False, False, True)),
        ("geometric", (True, False, True)),
        ("bagan", (True, True, True)),
        ("bagan+logit_adjustment", (True, True, True)),
        ("mixup+logit_adjustment", (False, False, True)),
    ],
)
def test_a_cell_knows_what_is_done(method, expected):
    cell = Cell("mnist-50", method, 0)
    assert (cell.makes_images, cell.is_trained, cell.has_classifier) == expected


def test_methods_and_references_have_labels():
    assert label("original") == "Original images"
    assert label("cvae_gan") == "CVAE-GAN"


def test_records_are_told_in_words():
    record = {"ssim": {"value": 0.25}, "scores": {"accuracy": 0.5, "f1_minority": 0.125}}
    assert in_words(record) == "SSIM 0.2500, accuracy 0.5000, F1 0.1250"
    scores = record["scores"] | {"balanced_accuracy": 0.375}
    assert in_words({"scores": scores}) == "accuracy 0.5000, balanced accuracy 0.3750, F1 0.1250"


def test_minutes_are_those_of_one_training_and_of_a_usual_seed():
    assert minutes_of_seeds([600.0, 0.0, 0.0], [60.0, 120.0, 6000.0]) == 12.0
