import sys
import types

import numpy as np
import pytest
from class_balancing.datasets import fer2013
from class_balancing.evaluation import faces
from class_balancing.experiments.running.filters import FILTERS


@pytest.mark.parametrize("shape", [(48, 48, 1), (30, 64, 3), (250, 240, 3), (1, 1, 1)])
def test_plain_images_and_stripes_show_no_face(shape):
    stripes = np.broadcast_to(np.arange(shape[0])[:, None, None] % 8 * 30, shape)
    images = np.stack([np.full(shape, 128), stripes]).astype(np.uint8)
    found = faces.has_face(images)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, [False, False])


def test_no_images_give_no_answers():
    assert faces.has_face(np.empty((0, 48, 48, 1), np.uint8)).shape == (0,)


def test_an_image_has_a_face_where_the_cascade_finds_one(monkeypatch):
    asked = []

    def detect(image, **options):
        asked.append(options)
        return [(0, 0, 9, 9)] if image.mean() > 100 else ()

    monkeypatch.setattr(faces, "cascade", lambda: types.SimpleNamespace(detectMultiScale=detect))
    images = np.stack([np.full((48, 48, 1), grey, np.uint8) for grey in (200, 10, 200)])
    assert faces.has_face(images).tolist() == FILTERS["faces"](images, 0, None, None).tolist() == [True, False, True]
    assert {options["minSize"] for options in asked} == {(64, 64)}, "half of the 128 pixels within the padding"


@pytest.mark.parametrize("shape", [(48, 48, 1), (30, 64, 3), (250, 240, 3)])
def test_images_are_enlarged_until_the_shorter_side_has_192_pixels(shape):
    height, width = faces._prepared(np.zeros(shape, np.uint8)).shape
    assert min(height, width) == max(192, round(1.5 * min(shape[:2])))
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.05)


@pytest.mark.slow
def test_most_real_faces_are_found_grey_or_in_colour_and_upside_down_fewer(datasets_folder):
    dataset = fer2013.load(datasets_folder("fer2013"))
    chosen = np.random.default_rng(0).choice(np.flatnonzero(dataset.official_parts == "test"), 60, replace=False)
    images = dataset.images[chosen]
    found = faces.has_face(images)
    assert found.mean() > 0.75
    np.testing.assert_array_equal(faces.has_face(np.repeat(images[:10], 3, axis=-1)), found[:10])
    assert faces.has_face(images[:, ::-1]).mean() < found.mean() / 2
    far_away = np.full((60, 160, 160, 1), 128, np.uint8)
    far_away[:, 56:104, 56:104] = images
    assert faces.has_face(far_away).mean() < found.mean() / 4, "a face fills less than half of these"


@pytest.mark.parametrize("module", [None, types.ModuleType("cv2")], ids=["absent", "without cascades"])
def test_without_opencvs_cascades_the_extra_is_named(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", module)
    with pytest.raises(ImportError, match=r"opencv-python-headless, at least 4.13 and below 5; .* extra faces"):
        faces.cascade()
