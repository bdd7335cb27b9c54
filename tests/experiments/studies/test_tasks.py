"""The study's tasks, and its images where the real datasets are."""

import numpy as np
import pytest
from class_balancing.datasets.image_dataset import DatasetError, ImageDataset
from class_balancing.evaluation import protocol
from class_balancing.evaluation.verdict import MIN_UNITS
from class_balancing.experiments.studies import data
from class_balancing.experiments.studies.tasks import DATASETS, METHODS, PERCENTS, PROTOCOL, STUDIED
from class_balancing.models import METHODS as ALL_METHODS

FOLDERS = {"mnist": "mnist", "cifar10": "cifar-10-batches-py", "vehicles": "vehicles", "fer2013": "fer2013"}
# training images of each class, and the smallest and largest number of test images of a class
SIZES = {
    "digits": (100, 50, 60),
    "mnist": (200, 100, 100),
    "cifar10": (300, 100, 100),
    "vehicles": (300, 150, 400),
    "fer2013": (300, 55, 100),
}


def test_each_dataset_has_two_small_classes_at_five_percentages_and_fer2013_is_also_as_it_is():
    assert tuple(SIZES) == DATASETS
    for dataset, (n, *_) in SIZES.items():
        own = [s for s in STUDIED.values() if s.task.dataset == dataset and s.percent is not None]
        assert len(own) == 1 + 2 * len(PERCENTS)
        assert len({s.task.measured for s in own}) == 2
        for studied in own:
            (small,) = studied.task.measured
            kept = studied.task.kept_per_class
            assert kept[small] == n * studied.percent // 100 == studied.n_small
            assert set(kept[:small] + kept[small + 1 :]) == {n} == {studied.task.n_images_per_class}
    (as_it_is,) = [s for s in STUDIED.values() if s.percent is None]
    assert as_it_is.task.kept_per_class == (499, 54, 512, 901, 603, 396, 620), "an eighth"
    assert as_it_is.task.measured == (1,)
    assert len(STUDIED) == 5 * (1 + 2 * len(PERCENTS)) + 1


def test_deep_smote_is_one_method():
    assert set(ALL_METHODS) - set(METHODS) == {"deep_smote_unpenalised", "deep_smote_permuted"}


@pytest.mark.parametrize("name", DATASETS)
def test_real_images_are_as_many_as_the_tasks_say(name, request):
    folder = request.getfixturevalue("datasets_folder")(FOLDERS[name]) if name in FOLDERS else None
    own = [studied.task for studied in STUDIED.values() if studied.task.dataset == name]
    dataset = own[0].dataset_in(folder)
    assert len(dataset.labels) <= 5200, "they are few"
    _, fewest, most = SIZES[name]
    for task in own:
        parts = protocol.parts(dataset, task, PROTOCOL)
        assert parts.train.images.shape[1:] == task.image_shape
        assert parts.train.class_names == task.class_names
        assert np.bincount(parts.train.labels).tolist() == list(task.kept_per_class)
        assert len(parts.train.labels) == task.n_train_images
        wanted = task.n_images_per_class or max(task.kept_per_class)
        assert parts.missing == {k: wanted - n for k, n in enumerate(task.kept_per_class) if n < wanted}
        assert 0 < len(parts.validation.labels) <= 1000
        tested = np.bincount(parts.test.labels)
        assert MIN_UNITS < fewest <= tested.min() <= tested.max() <= most
        used = np.concatenate(list(parts.indices.values()))
        assert len(set(used)) == len(used), "no image is in two parts"


def test_images_are_the_same_at_every_call():
    assert data.digits().digest == data.digits().digest


def test_a_drawn_part_tests_three_tenths_of_the_images():
    whole = data.digits_files.load()
    some = data.digits()
    assert (some.official_parts == "test").sum() == round(0.3 * len(whole.labels) + 0.5)
    found = {image.tobytes() for image in whole.images}
    assert all(image.tobytes() in found for image in some.images)


def test_a_class_with_too_few_training_images_is_named(monkeypatch):
    few = ImageDataset(
        "mnist",
        np.zeros((250, 28, 28, 1), np.uint8),
        np.repeat([0, 1], [200, 50]).astype(np.int64),
        ("zero", "one"),
        np.repeat(["train"], 250),
    )
    monkeypatch.setattr(data.mnist_files, "load", lambda data_dir: few)
    with pytest.raises(DatasetError, match="mnist: the study needs 200 training images of one, found 50"):
        data.mnist()
