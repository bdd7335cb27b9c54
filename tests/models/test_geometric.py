import hashlib
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from class_balancing import models
from class_balancing.models.geometric import FILL_MODES, Geometric
from scipy import ndimage

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


def test_draws_are_those_of_the_committed_records():
    """The hash is from before shear, zoom and channel shift; two batches of 1000."""
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2), dtype=np.uint8)
    changes = {"brightness": 0.2, "colour": 0.1, "noise": 3.0, "horizontal_flip": True, "vertical_flip": True}
    made = Geometric(random_state=7, fill_mode="reflect", **changes).fit(images, [0, 0, 0, 1, 1]).sample(0, 1010)
    assert hashlib.sha256(made).hexdigest() == "32742acbe9b6431b1f26b22bd3c7c46e64addc84c4fcbb2939e58cc7bd7f9833"


def test_shear_tilts_columns_and_keeps_rows_level():
    row, column = np.zeros((2, 1, 31, 31, 1), np.uint8)
    row[:, 15], column[:, :, 15] = 255, 255
    made = resample(column, 200, shear_degrees=30.0, **STILL).astype(float)[..., 0]
    centres = (made * np.arange(31)).sum(axis=2) / made.sum(axis=2)  # (n, 31), of each row
    slopes = np.polyfit(np.arange(31), centres.T, 1)[0]
    limit = np.tan(np.deg2rad(30))
    assert -limit < slopes.min() < -0.8 * limit
    assert 0.8 * limit < slopes.max() < limit
    np.testing.assert_allclose(centres[:, 15], 15, atol=0.01)
    level = resample(row, 50, shear_degrees=30.0, **STILL)
    assert (level.argmax(axis=1) == 15).all()


def test_zoom_enlarges_and_shrinks_height_and_width():
    square = np.zeros((1, 40, 40, 1), np.uint8)
    square[:, 15:25, 15:25] = 255
    made = resample(square, 300, zoom_fraction=0.5, **STILL).astype(float)[..., 0]
    heights, widths = made[:, :, 20].sum(axis=1) / 255, made[:, 20].sum(axis=1) / 255
    for sides in (heights, widths):
        assert 10 / 1.5 - 0.5 < sides.min() < 7.2
        assert 19 < sides.max() < 10 / 0.5 + 0.5
    assert np.abs(np.corrcoef(heights, widths)[0, 1]) < 0.2
    rows = (made * np.arange(40)[:, None]).sum(axis=(1, 2)) / made.sum(axis=(1, 2))
    np.testing.assert_allclose(rows, 19.5, atol=0.01)


def test_images_are_zoomed_then_sheared_then_rotated():
    """With numbers of one value each, what output pixels are looked up at is rotation @ shear @ zoom."""

    class Given:
        def __init__(self, *values):
            self.values = iter(values)

        def uniform(self, low, high, size):
            return np.broadcast_to(next(self.values), size)

        def random(self, size):
            return np.ones(size)

    angle, shear, zoom_x, zoom_y = 20.0, 15.0, 0.3, -0.2
    geometric = Geometric(shear_degrees=30.0, zoom_fraction=0.5)
    maps = geometric._affine(Given(angle, 0.0, 0.0), Given(shear, [[zoom_x], [zoom_y]]), 1, 11, 11)
    a, s = np.deg2rad([angle, shear])
    rotation = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    expected = np.array(rotation) @ [[1, -np.sin(s)], [0, np.cos(s)]] @ np.diag([1 + zoom_x, 1 + zoom_y])
    found = maps[0, [0, 1, 3, 4]].reshape(2, 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found @ [5, 5] + maps[0, [2, 5]], 5, atol=1e-5)  # the centre stays


def test_channel_shift_moves_a_whole_channel_by_one_value():
    image = np.random.default_rng(0).integers(50, 200, (1, 8, 8, 3), dtype=np.uint8)
    shifts = resample(image, 300, channel_shift=40.0, **STILL).astype(int) - image
    assert (np.ptp(shifts, axis=(1, 2)) == 0).all()
    of_channels = shifts[:, 0, 0]  # (n, 3)
    assert -40 <= of_channels.min() < -35
    assert 35 < of_channels.max() <= 40
    assert np.abs(np.corrcoef(of_channels.T) - np.eye(3)).max() < 0.2
    assert resample(image, 300, channel_shift=200.0, **STILL).max() == 255


def test_shift_may_differ_between_height_and_width():
    stripes = np.tile(np.arange(0, 240, 20, dtype=np.uint8)[:, None], (1, 12))[None, ..., None]
    down = {"rotation_degrees": 0.0, "shift_fraction": (0.3, 0.0), "fill_mode": "nearest"}
    assert (resample(stripes, 50, **down) != stripes).any()
    upright = stripes.swapaxes(1, 2)
    np.testing.assert_array_equal(resample(upright, 50, **down), np.repeat(upright, 50, axis=0))


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_fill_modes_are_those_of_scipy(fill_mode):
    n, height, width = 20, 13, 9
    images = np.random.default_rng(1).integers(0, 256, (n, height, width, 1), dtype=np.uint8)
    made = Geometric(
        rotation_degrees=40, shift_fraction=0.3, shear_degrees=20, zoom_fraction=0.4, fill_mode=fill_mode, fill_value=30
    )
    rng = np.random.default_rng(2)
    maps = made._affine(rng, *rng.spawn(1), n, height, width).astype(np.float64)
    moved = made._moved(images, np.random.default_rng(2))
    mode = {"constant": "grid-constant", "wrap": "grid-wrap"}.get(fill_mode, fill_mode)
    rows, columns = np.mgrid[:height, :width]
    n_outside = 0
    for image, ours, (a, b, x, c, d, y, _, _) in zip(images, moved, maps, strict=True):
        # scipy counts rows first
        expected = ndimage.affine_transform(
            image[..., 0].astype(float), [[d, c], [b, a]], (y, x), order=1, mode=mode, cval=30
        )
        same = np.abs(ours[..., 0] - expected) <= 1
        if fill_mode == "wrap":  # TensorFlow does not interpolate across the seam, and errs beyond a side less a pixel
            coordinates = (d * rows + c * columns + y, b * rows + a * columns + x)
            for along, side in zip(coordinates, (height, width), strict=True):
                same |= (along % side > side - 1) | (along <= 1 - side) | (along >= 2 * (side - 1))
        assert same.all()
        n_outside += ((d * rows + c * columns + y < -1) | (b * rows + a * columns + x < -1)).sum()
    assert n_outside > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rotation_degrees": -5.0}, "rotation_degrees must be at least 0 and less than inf, got -5.0"),
        ({"shift_fraction": (0.1, -0.1)}, r"shift_fraction must be at least 0 and less than inf, got \(0.1, -0.1\)"),
        ({"shift_fraction": (0.1, 0.1, 0.1)}, r"shift_fraction must be a number or a pair \(height, width\)"),
        ({"shear_degrees": 90}, "shear_degrees must be at least 0 and less than 90, got 90"),
        ({"zoom_fraction": 1.0}, "zoom_fraction must be at least 0 and less than 1, got 1.0"),
        ({"channel_shift": float("nan")}, "channel_shift must be at least 0 and less than inf, got nan"),
        ({"fill_value": 256}, "fill_value must lie in 0..255, got 256"),
    ],
)
def test_arguments_out_of_range_are_refused(image, arguments, message):
    with pytest.raises(ValueError, match=message):
        resample(image, **arguments)


def test_the_table_of_image_data_generators_arguments_names_all_of_ours():
    text = Path(models.__file__).with_name("geometric.md").read_text()
    ours = {name for row in re.findall(r"^\| `[a-z][^|]+\| ([^|]+)", text, re.M) for name in re.findall(r"`(\w+)", row)}
    without_counterpart = {"colour", "noise", "sampling_strategy", "random_state"}
    assert ours == {field.name for field in fields(Geometric)} - without_counterpart


def test_unknown_fill_mode_is_refused(image):
    with pytest.raises(ValueError, match="fill_mode must be one of constant, nearest, reflect, wrap"):
        resample(image, fill_mode="mirror")
