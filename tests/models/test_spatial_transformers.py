import numpy as np
import pytest
from class_balancing.models.spatial_transformers import AffineTransformer, pixel_centres, values_at
from scipy import ndimage
from scipy.linalg import expm, logm


def test_pixels_have_their_own_values_and_edges_are_repeated():
    images = np.random.default_rng(0).random((2, 3, 4, 2)).astype(np.float32)
    points = np.repeat(pixel_centres(3, 4)[None], 2, axis=0)
    np.testing.assert_allclose(values_at(images, points), images.reshape(2, 12, 2), atol=1e-6)
    outside = np.float32([[[-1.0, -1.0], [2.0, 0.5], [0.5, 9.0]]] * 2)
    expected = np.stack([images[:, 0, 0], images[:, 1, 3], images[:, 2, 1:3].mean(axis=1)], axis=1)
    np.testing.assert_allclose(values_at(images, outside), expected, atol=1e-6)


def test_values_between_pixels_are_those_of_scipy():
    image = np.random.default_rng(1).random((7, 9)).astype(np.float32)
    points = np.random.default_rng(2).uniform(-0.1, 1.1, (1, 50, 2)).astype(np.float32)
    rows_and_columns = [points[0, :, 1] * 7 - 0.5, points[0, :, 0] * 9 - 0.5]
    expected = ndimage.map_coordinates(image, rows_and_columns, order=1, mode="nearest")
    np.testing.assert_allclose(values_at(image[None, ..., None], points)[0, :, 0], expected, atol=1e-5)


def test_a_rotation_has_the_tangent_of_its_angle():
    angle = np.deg2rad(30.0)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    tangent = logm(rotation).real
    np.testing.assert_allclose(tangent[:2, :2], [[0.0, -0.5236], [0.5236, 0.0]], atol=1e-4)
    assert np.linalg.norm(tangent) == pytest.approx(0.74048, abs=1e-5)
    points = pixel_centres(5, 5)
    moved = AffineTransformer().transform(np.float32(tangent[:2].reshape(1, 6)), points[None])[0]
    np.testing.assert_allclose(moved - 0.5, (points - 0.5) @ rotation[:2, :2].T, atol=1e-6)


def test_rotations_stay_rotations_in_images_that_are_not_square():
    quarter_turn = np.float32([[0.0, -np.pi / 2, 0.0, np.pi / 2, 0.0, 0.0]])
    image = np.zeros((1, 9, 15, 1), np.float32)
    image[0, 4, 4:11] = 1.0  # seven pixels in a row
    turned = np.rint(AffineTransformer(15 / 9)(image, quarter_turn))
    expected = np.zeros_like(image)
    expected[0, 1:8, 7] = 1.0
    np.testing.assert_array_equal(turned, expected)


def test_whole_numbers_are_cast_and_another_theta_is_refused():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 6, 1), dtype=np.uint8)
    np.testing.assert_allclose(AffineTransformer()(images, np.zeros((2, 6), np.float32)), images, atol=1e-3)
    for shape in ((2, 5), (3, 6), (6,)):
        with pytest.raises(ValueError, match=r"theta must have the shape \(n, 6\) for n images"):
            AffineTransformer()(images, np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="aspect must be a positive number, got 0"):
        AffineTransformer(aspect=0)


def test_any_affine_transformation_is_the_matrix_exponential_and_its_inverse_that_of_minus_theta():
    theta = np.float32([[0.3, -0.2, 0.1, 0.4, -0.1, -0.3]])
    matrix = expm(np.r_[theta.reshape(2, 3), np.zeros((1, 3))])
    points = pixel_centres(6, 6)
    moved = AffineTransformer().transform(theta, points[None])
    centred = np.c_[2 * points - 1, np.ones(36)]
    np.testing.assert_allclose(2 * moved[0] - 1, centred @ matrix[:2].T, atol=1e-6)
    np.testing.assert_allclose(AffineTransformer().transform(-theta, moved)[0], points, atol=1e-6)
