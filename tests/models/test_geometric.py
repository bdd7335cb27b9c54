import numpy as np
import pytest
from class_balancing.models.geometric import Geometric

STILL = {"rotation_degrees": 0.0, "shift_fraction": 0.0}


def resample(images, n=40, **arguments):
    labels = np.array([0] * len(images) + [1, 1])
    both = np.concatenate([images, np.zeros((2, *images.shape[1:]), np.uint8)])
    return Geometric(**arguments).fit(both, labels).sample(0, n)


@pytest.fixture
def image():
    """One image with a bright corner, (1, 12, 10, 3)."""
    made = np.full((1, 12, 10, 3), 50, np.uint8)
    made[0, :4, :3] = [200, 100, 150]
    return made


def test_nothing_changes_where_nothing_is_asked(image):
    np.testing.assert_array_equal(resample(image, 3, **STILL), np.repeat(image, 3, axis=0))


def test_flips_turn_half_of_the_images(image):
    made = resample(image, 100, horizontal_flip=True, **STILL)
    flipped = (made == image[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 30 < flipped.sum() < 70
    np.testing.assert_array_equal(made[~flipped], np.repeat(image, (~flipped).sum(), axis=0))
    made = resample(image, 100, vertical_flip=True, **STILL)
    assert 30 < (made == image[:, ::-1]).all(axis=(1, 2, 3)).sum() < 70


@pytest.mark.parametrize(
    ("fill_mode", "allowed"),
    [("constant", {7, 50, 90}), ("nearest", {50, 90}), ("reflect", {50, 90}), ("wrap", {50, 90})],
)
def test_fill_modes_bring_in_what_they_say(fill_mode, allowed):
    stripes = np.full((1, 20, 20, 1), 50, np.uint8)
    stripes[:, :, 10:] = 90
    made = resample(stripes, 60, rotation_degrees=0.0, shift_fraction=0.4, fill_mode=fill_mode, fill_value=7)
    exact = np.isin(made, list(allowed))
    assert exact.mean() > 0.85, "all but interpolated borders"
    assert ((made == 7).any()) == (fill_mode == "constant")


def test_rotation_keeps_the_centre_and_stays_within_its_range():
    image = np.zeros((1, 21, 21, 1), np.uint8)
    image[0, 10, 10:] = 255  # a hand that points right
    made = resample(image, 200, rotation_degrees=30.0, shift_fraction=0.0).astype(float)[..., 0]
    assert (made[:, 10, 10] > 200).all()
    rows, columns = np.mgrid[:21, :21] - 10
    angles = np.rad2deg(np.arctan2((made * rows).sum(axis=(1, 2)), (made * columns).sum(axis=(1, 2))))
    assert np.abs(angles).max() < 32
    assert angles.min() < -20
    assert angles.max() > 20


def test_brightness_colour_and_noise():
    grey = np.full((1, 16, 16, 3), 100, np.uint8)
    brighter = resample(grey, 200, brightness=0.2, **STILL)
    assert (np.ptp(brighter, axis=(1, 2, 3)) == 0).all()
    assert brighter.min() >= 80
    assert brighter.max() <= 120
    assert np.ptp(brighter[:, 0, 0, 0].astype(int)) > 30
    tinted = resample(grey, 50, colour=0.2, **STILL)
    assert (np.ptp(tinted, axis=3) > 0).any()
    assert (np.ptp(tinted, axis=(1, 2)) == 0).all()
    noisy = resample(grey, 50, noise=5.0, **STILL)
    assert noisy.astype(float).std() == pytest.approx(5.0, rel=0.05)
    assert noisy.mean() == pytest.approx(100.0, abs=0.5)


def test_originals_are_used_equally_often():
    images = np.arange(10, 15, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((5, 12, 12, 1), np.uint8)
    made = resample(images, 12, **STILL)
    assert sorted(np.bincount(made[:, 0, 0, 0])[10:].tolist()) == [2, 2, 2, 3, 3]


def test_negative_ranges_are_refused(image):
    with pytest.raises(ValueError, match="rotation_degrees must not be negative"):
        resample(image, rotation_degrees=-5.0)


def test_unknown_fill_mode_is_refused(image):
    with pytest.raises(ValueError, match="fill_mode must be one of constant, nearest, reflect, wrap"):
        resample(image, fill_mode="mirror")
