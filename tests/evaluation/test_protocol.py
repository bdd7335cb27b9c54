from dataclasses import replace

import numpy as np
import pytest
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.datasets.tasks import Classifier, Task
from class_balancing.evaluation import protocol

N = 2000
TASK = Task(
    name="numbered-50",
    dataset="numbered",
    label="numbers",
    load="not used",
    image_shape=(4, 4, 1),
    class_names=tuple("abcde"),
    n_train_images=1400,
    measured=(4,),
    measured_label="class e",
    classifier=Classifier("not used", {}, 1.0),
    methods=(),
    tables=(),
    dropped_percent=50,
)
AS_IT_IS = replace(TASK, dropped_percent=None)
OFFICIAL = replace(AS_IT_IS, official_split=True)


def dataset_of(labels, official_parts=None):
    """Every image holds its own number, so that it can be followed anywhere."""
    numbers = np.arange(len(labels))
    images = np.zeros((len(labels), 4, 4, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers // 256, numbers % 256
    return ImageDataset("numbered", images, labels.astype(np.int64), TASK.class_names, official_parts)


@pytest.fixture(scope="module")
def numbered():
    return dataset_of(np.arange(N) % 5)


@pytest.fixture(scope="module")
def imbalanced():
    """600, 300, 100, 50 and 600 images; of six in a row one validates and one tests."""
    labels = np.repeat(np.arange(5), (600, 300, 100, 50, 600))
    return dataset_of(labels, np.array(["train", "train", "validation", "train", "test", "train"])[np.arange(1650) % 6])


def numbers_of(images):
    return set((images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 1, 0]).tolist())


def images_of(found):
    """Of each part that there is, its images' numbers."""
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    return {name: numbers_of(part.images) for name, part in parts.items() if part}


def dropping(percent):
    return replace(TASK, dropped_percent=percent)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
@pytest.mark.parametrize("dropped", [0, 50, 75])
def test_parts_share_no_image(numbered, name, dropped):
    found = protocol.parts(numbered, dropping(dropped), name)
    numbers = images_of(found)
    assert set(numbers) == {"train", "test"} | ({"validation"} if name == "clean" else set())
    assert sum(map(len, numbers.values())) == len(set.union(*numbers.values()))
    assert {part: set(indices.tolist()) for part, indices in found.indices.items()} == numbers
    assert all((np.diff(indices) > 0).all() for indices in found.indices.values())
    assert len(found.test.labels) == N * 0.3
    np.testing.assert_array_equal(np.bincount(found.test.labels), N * 0.3 / 5)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_the_missing_images_restore_the_balance(numbered, name):
    found = protocol.parts(numbered, dropping(75), name)
    counts = np.bincount(found.train.labels)
    assert set(found.missing) == {4}
    assert counts[4] + found.missing[4] == pytest.approx(counts[0], abs=2)
    assert found.additions(1.0) == found.missing
    assert found.additions(0.5) == {4: round(found.missing[4] / 2)}
    assert found.additions(0.0) == {}


def test_nothing_is_missing_where_nothing_is_dropped(numbered):
    assert protocol.parts(numbered, dropping(0), "thesis").missing == {}


def test_test_images_are_the_same_for_all_tasks(numbered):
    tests = [protocol.parts(numbered, dropping(n), name).test for name in protocol.PROTOCOLS for n in (0, 50, 75)]
    for other in tests[1:]:
        np.testing.assert_array_equal(other.images, tests[0].images)


def test_thesis_cuts_validation_after_balancing_clean_before(numbered):
    new = np.full((100, 4, 4, 1), 255, np.uint8)  # stands for no original
    for name, synthetic_in_validation in (("thesis", 25), ("clean", 0)):
        found = protocol.parts(numbered, TASK, name)
        train, validation = protocol.with_new_images(found, new, np.full(100, 4), TASK)
        is_new = [(part.images == 255).all(axis=(1, 2, 3)) for part in (train, validation)]
        n_synthetic = is_new[1].sum()
        assert n_synthetic == pytest.approx(synthetic_in_validation, abs=12)
        assert (n_synthetic == 0) == (name == "clean")
        assert is_new[0].sum() + n_synthetic == 100
        assert all((part.labels[new] == 4).all() for part, new in zip((train, validation), is_new, strict=True))
        real = numbers_of(np.concatenate([train.images, validation.images])) - {65535}
        assert not real & numbers_of(found.test.images)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_of_several_measured_classes_each_loses_its_share(numbered, name):
    complete = np.bincount(protocol.parts(numbered, dropping(0), name).train.labels)
    found = protocol.parts(numbered, replace(TASK, measured=(1, 4), dropped_percent=75), name)
    counts = np.bincount(found.train.labels)
    assert set(found.missing) == {1, 4}
    for label in (0, 2, 3):
        assert counts[label] == pytest.approx(complete[label], abs=1)
    for label in (1, 4):
        assert counts[label] == pytest.approx(complete[label] / 4, abs=1)
        assert counts[label] + found.missing[label] == pytest.approx(complete[label], abs=2)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_the_imbalance_that_a_dataset_came_with_is_kept(imbalanced, name):
    """Every class but the largest, whichever are measured, is to get as many training images as that one has."""
    found = protocol.parts(imbalanced, replace(AS_IT_IS, measured=(2,)), name)
    counts = np.bincount(found.train.labels)
    shares = counts / np.bincount(imbalanced.labels)
    np.testing.assert_allclose(shares, 0.7 if name == "thesis" else 0.7 * 0.75, atol=0.02)
    largest = counts.max()
    assert found.missing == {label: largest - counts[label] for label in range(5) if counts[label] < largest}
    assert {1, 2, 3} <= set(found.missing)
    assert all(type(n) is int for pair in found.missing.items() for n in pair), "they stand in records"


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_an_official_split_is_taken_as_it_is(imbalanced, name):
    """Its validation part validates under both protocols, and no new image reaches it."""
    indices, missing = protocol.part_indices(imbalanced.labels, OFFICIAL, name, official=imbalanced.official_parts)
    assert list(indices) == ["train", "validation", "test"]
    for part, positions in indices.items():
        np.testing.assert_array_equal(positions, np.flatnonzero(imbalanced.official_parts == part))
    found = protocol.parts(imbalanced, OFFICIAL, name)
    assert images_of(found) == {part: set(positions.tolist()) for part, positions in indices.items()}
    counts = np.bincount(found.train.labels)
    assert missing == {label: counts.max() - n for label, n in enumerate(counts) if n < counts.max()}
    assert found.missing == missing
    new = np.full((100, 4, 4, 1), 255, np.uint8)
    train, validation = protocol.with_new_images(found, new, np.full(100, 3), OFFICIAL)
    assert validation is found.validation
    np.testing.assert_array_equal(np.bincount(train.labels) - counts, [0, 0, 0, 100, 0])


def test_from_an_official_training_part_classes_are_dropped_and_all_of_it_is_missing(imbalanced):
    found = protocol.parts(imbalanced, replace(OFFICIAL, dropped_percent=50), "clean")
    n = int(((imbalanced.official_parts == "train") & (imbalanced.labels == 4)).sum())
    assert found.missing == {4: round(n / 2)}
    assert set(found.indices["train"]) < set(np.flatnonzero(imbalanced.official_parts == "train"))
    assert (found.train.labels == 4).sum() == n - round(n / 2)


def test_every_class_can_be_filled_up_beyond_the_largest(imbalanced):
    _, missing = protocol.part_indices(
        imbalanced.labels, replace(OFFICIAL, n_images_per_class=450), "clean", official=imbalanced.official_parts
    )
    counts = np.bincount(imbalanced.labels[imbalanced.official_parts == "train"])
    assert counts.max() < 450
    assert missing == {label: 450 - n for label, n in enumerate(counts)}
    _, missing = protocol.part_indices(
        imbalanced.labels, replace(OFFICIAL, n_images_per_class=100), "clean", official=imbalanced.official_parts
    )
    assert missing == {label: 100 - n for label, n in enumerate(counts) if n < 100}, "no class loses images"


def test_an_official_split_of_a_dataset_without_one_is_refused(numbered):
    with pytest.raises(ValueError, match="numbered names no official parts, but task numbered-50 asks for them"):
        protocol.parts(numbered, OFFICIAL, "thesis")


def test_few_real_images_are_drawn_equally_often(imbalanced):
    found = protocol.parts(imbalanced, OFFICIAL, "thesis")
    few = protocol.with_few_real_images(found, [1, 3], 100, 0)
    assert few.validation is found.validation
    assert np.bincount(few.train.labels).tolist() == [0, 100, 0, 100]
    counts = np.bincount(found.train.labels)
    assert counts[1] > 100 > 3 * counts[3], "of class 3 some are drawn a fourth time"
    numbers = few.train.images[:, 0, 0, 0].astype(int) * 256 + few.train.images[:, 0, 1, 0]
    assert len(set(numbers[:100].tolist())) == 100
    times = np.unique(numbers[100:], return_counts=True)[1]
    assert (len(times), set(times.tolist())) == (counts[3], {3, 4})
    other = protocol.with_few_real_images(found, [1, 3], 100, 1)
    assert (other.train.images != few.train.images).any()


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_without_an_official_validation_part_it_is_cut_off_training_images(imbalanced, name):
    parts = np.where(imbalanced.official_parts == "validation", "train", imbalanced.official_parts)
    found = protocol.parts(replace(imbalanced, official_parts=parts), OFFICIAL, name)
    np.testing.assert_array_equal(found.indices["test"], np.flatnonzero(parts == "test"))
    if name == "thesis":
        assert list(found.indices) == ["train", "test"]
        assert found.validation is None
        np.testing.assert_array_equal(found.indices["train"], np.flatnonzero(parts == "train"))
    else:
        both = np.sort(np.concatenate([found.indices["train"], found.indices["validation"]]))
        np.testing.assert_array_equal(both, np.flatnonzero(parts == "train"))
        np.testing.assert_allclose(
            np.bincount(found.validation.labels) / np.bincount(imbalanced.labels[both]), 0.25, atol=0.02
        )


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_groups_stay_together(imbalanced, name):
    groups = np.arange(len(imbalanced.labels)) // 5  # five in a row
    found = protocol.parts(imbalanced, AS_IT_IS, name, groups)
    of_parts = {part: set(groups[indices].tolist()) for part, indices in found.indices.items()}
    assert set(of_parts) == {"train", "test"} | ({"validation"} if name == "clean" else set())
    assert sum(map(len, of_parts.values())) == len(set.union(*of_parts.values())) == len(set(groups.tolist()))
    np.testing.assert_array_equal(found.test_groups, groups[found.indices["test"]])
    for part in found.indices:
        assert set(imbalanced.labels[found.indices[part]]) == {0, 1, 2, 3, 4}
    assert protocol.parts(imbalanced, AS_IT_IS, name).test_groups is None


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_over_all_folds_every_group_is_tested_once_and_as_a_whole(imbalanced, name):
    groups = np.arange(len(imbalanced.labels)) // 5
    tested = []
    for which in range(5):
        found = protocol.parts(imbalanced, replace(AS_IT_IS, fold=(which, 5)), name, groups)
        of_parts = {part: set(groups[indices].tolist()) for part, indices in found.indices.items()}
        assert sum(map(len, of_parts.values())) == len(set.union(*of_parts.values()))
        assert set(found.test.labels) == {0, 1, 2, 3, 4}
        np.testing.assert_array_equal(found.test_groups, groups[found.indices["test"]])
        tested.append(found.indices["test"])
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(len(groups)))


def test_unknown_protocol_is_refused(numbered):
    with pytest.raises(ValueError, match="protocol must be one of thesis, clean"):
        protocol.parts(numbered, TASK, "dirty")


FEW = replace(OFFICIAL, kept_per_class=(20, 20, 20, 10, 5), is_redrawn=True, n_images_per_class=40)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_few_training_images_are_kept_and_some_others_validate(imbalanced, name, monkeypatch):
    monkeypatch.setattr(protocol, "N_VALIDATION_IMAGES", 50)
    found = protocol.parts(imbalanced, FEW, name)
    numbers = images_of(found)
    assert sum(map(len, numbers.values())) == len(set.union(*numbers.values()))
    np.testing.assert_array_equal(np.bincount(found.train.labels), FEW.kept_per_class)
    assert found.missing == {0: 20, 1: 20, 2: 20, 3: 30, 4: 35}
    assert len(found.validation.labels) == 50
    assert set(imbalanced.official_parts[np.r_[found.indices["train"], found.indices["validation"]]]) == {"train"}
    train, validation = protocol.with_new_images(found, found.train.images[:3], found.train.labels[:3], FEW)
    assert len(train.labels) == sum(FEW.kept_per_class) + 3
    assert validation is found.validation


def test_each_draw_keeps_other_images_and_tests_on_the_same(imbalanced):
    first, again, other = (protocol.parts(imbalanced, FEW, "thesis", draw=draw) for draw in (1, 1, 2))
    np.testing.assert_array_equal(first.indices["train"], again.indices["train"])
    assert len(np.intersect1d(first.indices["train"], other.indices["train"])) < 30
    np.testing.assert_array_equal(first.indices["test"], other.indices["test"])


def test_more_images_than_a_class_has_cannot_be_kept(imbalanced):
    asked = replace(FEW, kept_per_class=(20, 20, 20, 34, 5))
    with pytest.raises(ValueError, match="d has 33 training images, but 34 are asked for"):
        protocol.parts(imbalanced, asked, "thesis")
