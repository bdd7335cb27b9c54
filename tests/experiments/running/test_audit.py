"""Measures of new images end where they can: intervals of few images too."""

import types

import numpy as np
import pytest
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.experiments.running import audit
from class_balancing.experiments.running.cell import Cell

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 12, 12, 3), dtype=np.uint8)
NAMES = ("few", "many")


@pytest.fixture
def certain(monkeypatch):
    """Every classifier takes the brighter half of images for class 1, with certainty."""

    def predict(_, images):
        means = images.mean(axis=(1, 2, 3))
        return (means > np.median(means)).astype(int)

    monkeypatch.setattr(audit.classifiers, "predict", predict)
    monkeypatch.setattr(
        audit.classifiers, "probabilities_and_features", lambda _, images: (np.eye(2)[predict(_, images)], None)
    )


def test_intervals_of_a_class_are_possible(certain):
    first, second, first_too, second_too = np.random.default_rng(0).permutation(4)  # how SSIM pairs them
    images = IMAGES[:4].copy()
    images[first_too], images[second_too] = images[first], 255 - images[second]
    found = audit.of_class(images, images[::-1], 0, None, lambda images: images[:, 0, 0] / 255)
    assert (found["SSIM pairs of originals"]["low"], found["SSIM pairs of originals"]["high"]) == (-1.0, 1.0)
    measured = {name: of_name for name, of_name in found.items() if name in audit.POSSIBLE and "low" in of_name}
    assert measured.keys() >= {"SSIM pairs", "SSIM pairs of originals"}
    for name, (least, most) in audit.POSSIBLE.items():
        if name in measured:
            assert least <= found[name]["low"] <= found[name]["value"] <= found[name]["high"] <= most


def test_intervals_of_features_are_possible_too(certain):
    real, new = (np.random.default_rng(seed).standard_normal((30, 2)) for seed in (0, 1))
    images = np.random.default_rng(2).integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
    given = iter((real, new))
    found = audit.of_class(images[:30], images[30:], 0, None, lambda _: next(given))
    assert (found["coverage"]["high"], found["Fréchet"]["low"]) == (1.0, 0.0)


def test_an_estimate_of_kid_below_zero_keeps_its_interval(certain):
    features = np.random.default_rng(1).standard_normal((8, 3))
    found = audit.of_class(IMAGES, IMAGES, 0, None, lambda images: features)
    assert found["KID"]["low"] < found["KID"]["value"] < 0


@pytest.mark.parametrize("schedule", ["first", "all"])
def test_new_images_of_all_classes_are_judged(schedule, certain, monkeypatch):
    """Batch normalisation that takes its statistics from the first images sees some of each class."""
    learned = []
    monkeypatch.setattr(audit.protocol, "with_validation", lambda new, *_: learned.append(new) or ())
    dataset = ImageDataset("made up", IMAGES, np.repeat([0, 1], 4), NAMES)
    classifier = types.SimpleNamespace(schedules={"first": {"n_statistics_images": 4}, "all": {}})
    runner = types.SimpleNamespace(
        parts=lambda _: types.SimpleNamespace(train=dataset, test=dataset, validation=dataset),
        plan=types.SimpleNamespace(tasks={"task": types.SimpleNamespace(classifier=classifier)}, schedule=schedule),
        classifying=types.SimpleNamespace(trained=lambda *_: (None, None), of_originals=lambda _: None),
    )
    balancer = types.SimpleNamespace(
        sample=lambda label, n, random_state: IMAGES[4 * label :][:n], image_shape_=IMAGES.shape[1:]
    )
    score = audit.of_all(runner, "task", balancer)["Inception score"]
    assert score["value"] == pytest.approx(2.0)
    assert 1.0 <= score["low"] < score["high"] == 2.0
    assert (learned[0].labels.tolist() == sorted(learned[0].labels)) == (schedule == "all")
    of_both = {(image.tobytes(), label) for image, label in zip(learned[0].images, learned[0].labels, strict=True)}
    assert of_both == {(image.tobytes(), label) for image, label in zip(IMAGES, dataset.labels, strict=True)}


def test_of_a_class_without_new_images_nothing_is_measured(certain, monkeypatch):
    """As filters may leave it."""
    dataset = ImageDataset("made up", IMAGES, np.repeat([0, 1], 4), NAMES)
    runner = types.SimpleNamespace(
        parts=lambda _: types.SimpleNamespace(train=dataset),
        plan=types.SimpleNamespace(tasks={"task": types.SimpleNamespace(ssim_range=None)}),
        classifying=types.SimpleNamespace(of_originals=lambda _: None),
    )
    monkeypatch.setattr(audit, "of_all", lambda *_: {})
    monkeypatch.setattr(audit.classifiers, "features", lambda _, images: images[:, 0, 0] / 255)
    found = audit.of_cell(runner, Cell("task", "smote", 0), None, {0: IMAGES[:0], 1: IMAGES})["classes"]
    assert found["few"] == {measure: {"refused": "no image passed the filters"} for measure in audit.OF_CLASSES}
    assert "value" in found["many"]["near copies"]
