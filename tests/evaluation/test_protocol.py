import numpy as np
import pytest

from datasets.image_dataset import ImageDataset
from evaluation import protocol

N = 2000


@pytest.fixture(scope="module")
def numbered():
    """A dataset in which every image holds its own number, so that it can be followed anywhere."""
    numbers = np.arange(N)
    images = np.zeros((N, 4, 4, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers // 256, numbers % 256
    return ImageDataset("numbered", images, (numbers % 5).astype(np.int64), tuple("abcde"))


def numbers_of(images):
    return set((images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 1, 0]).tolist())


def folds_of(numbered, name, dropped=50):
    return protocol.prepare(
        numbered,
        minority=4,
        dropped_percent=dropped,
        protocol=name,
        test_fraction=0.3,
        validation_fraction=0.25,
        random_state=0,
    )


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
@pytest.mark.parametrize("dropped", [0, 50, 75])
def test_parts_share_no_image(numbered, name, dropped):
    folds = folds_of(numbered, name, dropped)
    parts = [numbers_of(folds.train.images), numbers_of(folds.test.images)]
    parts += [numbers_of(folds.validation.images)] if folds.validation else []
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert len(folds.test.labels) == N * 0.3
    np.testing.assert_array_equal(np.bincount(folds.test.labels), N * 0.3 / 5)


@pytest.mark.parametrize("name", protocol.PROTOCOLS)
def test_the_missing_images_restore_the_balance(numbered, name):
    folds = folds_of(numbered, name, 75)
    counts = np.bincount(folds.train.labels)
    assert counts[4] + folds.n_missing == pytest.approx(counts[0], abs=2)


def test_test_images_are_the_same_for_all_variants(numbered):
    tests = [folds_of(numbered, name, dropped).test for name in protocol.PROTOCOLS for dropped in (0, 50, 75)]
    for other in tests[1:]:
        np.testing.assert_array_equal(other.images, tests[0].images)


def test_thesis_cuts_validation_after_balancing_clean_before(numbered):
    new = np.full((100, 4, 4, 1), 255, np.uint8)  # stands for no original
    for name, synthetic_in_validation in (("thesis", 25), ("clean", 0)):
        folds = folds_of(numbered, name)
        train, validation = protocol.with_new_images(folds, new, minority=4, validation_fraction=0.25, random_state=0)
        n_synthetic = (validation.images == 255).all(axis=(1, 2, 3)).sum()
        assert n_synthetic == pytest.approx(synthetic_in_validation, abs=12)
        assert (n_synthetic == 0) == (name == "clean")
        real = numbers_of(np.concatenate([train.images, validation.images])) - {65535}
        assert not real & numbers_of(folds.test.images)


def test_unknown_protocol_is_refused(numbered):
    with pytest.raises(ValueError, match="protocol must be one of thesis, clean"):
        folds_of(numbered, "dirty")
