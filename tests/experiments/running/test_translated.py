import numpy as np
import pytest
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.experiments.running import translated


class Adds:
    """Translates by adding the label to each pixel, and recovers by subtracting it; class 3 gets no images."""

    source_label_ = 0
    sampling_strategy_ = {1: 10, 2: 20, 3: 0, 5: 10}

    def translate(self, images, label):
        return images + np.uint8(label)

    def recover(self, images, label):
        return images - np.uint8(label)


@pytest.fixture
def sources():
    return np.random.default_rng(0).integers(50, 200, (3, 24, 24, 1), dtype=np.uint8)


def test_the_source_class_is_recovered_equally_often_from_all_classes_that_get_images():
    labels = np.repeat(np.arange(6), [9, 4, 5, 6, 7, 1])
    numbers = np.arange(len(labels))
    images = (8 * numbers + labels).astype(np.uint8)[:, None, None, None]  # recovered: 8 times the image's number
    train = ImageDataset("numbered", images, labels, tuple("abcdef"))
    made = translated.of_source_class(Adds(), train, 11, random_state=0)
    assert (made.shape, made.dtype) == ((11, 1, 1, 1), np.uint8)
    found = made.ravel() // 8
    assert (made.ravel() % 8 == 0).all(), "each with the generator of its own class"
    assert np.bincount(labels[found], minlength=6).tolist() == [0, 4, 4, 0, 0, 3]
    assert len(set(found[:8].tolist())) == 8, "each image once while there are others"
    assert (translated.of_source_class(Adds(), train, 11, random_state=0) == made).all()
    assert (translated.of_source_class(Adds(), train, 11, random_state=1) != made).any()


def test_each_row_shows_one_class_or_what_is_recovered_of_it(sources):
    rows = translated.translations(Adds(), sources, [1, 5])
    assert rows.shape == (5, 3, 24, 24, 1)
    for row, added in zip(rows, (0, 1, 0, 5, 0), strict=True):
        np.testing.assert_array_equal(row, sources + added)


def test_disturbed_images_are_translated_and_recovered_beside_the_undisturbed(sources):
    rows = translated.disturbed_translations(Adds(), sources, [1, 5])
    assert rows.shape == (2 * 2 * len(translated.DISTURBANCES), 3, 24, 24, 1)
    for index, disturb in enumerate(translated.DISTURBANCES.values()):
        for place in range(2):
            disturbed, recovered = rows[4 * index + 2 * place :][:2]
            expected = disturb(sources[place])
            np.testing.assert_array_equal(disturbed, [expected, expected + 1, expected + 5])
            np.testing.assert_array_equal(recovered, [sources[place], expected, expected])


@pytest.mark.parametrize("name", translated.DISTURBANCES)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_disturbances_change_an_image_and_keep_its_form(name, n_channels):
    image = np.full((48, 48, n_channels), 100, np.uint8)
    image[:, :20] = 120
    changed = translated.DISTURBANCES[name](image)
    assert (changed.dtype, changed.shape) == (np.uint8, image.shape)
    share = (changed != image).mean()
    assert share > 0.05
    np.testing.assert_array_equal(changed, translated.DISTURBANCES[name](image))
    if name == "with a watermark":
        assert share < 0.4
        assert changed.max() > 150, "it is white"
        assert (changed[:10] == image[:10]).all(), "it is in the middle"
    if name == "mirrored":
        np.testing.assert_array_equal(changed[:, ::-1], image)
