import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models.spatial_transformers import pixel_centres
from class_balancing.models.velocity_fields import CPABTransformer, vertex_basis, vertices
from scipy.linalg import expm

# cells -> numbers of parameters: zero boundary, free, zero boundary and volume, free and volume
DIMENSIONS = {
    (1, 1): (2, 10, 0, 7),
    (2, 2): (14, 20, 3, 10),
    (3, 3): (34, 34, 8, 11),
    (4, 4): (62, 58, 15, 15),
    (5, 5): (98, 90, 24, 19),
    (2, 3): (22, 24, 5, 10),
}
CENTRE_OF_ONE_CELL = {
    (0.25, 0.5): (0.6321206, 0.5),
    (0.5, 0.5): (0.8160603, 0.5),
    (0.9, 0.2): (0.963212, 0.2),
    (0.1, 0.7): (0.271828, 0.7),
    (0.3, 0.4): (0.676517, 0.4),
}
MIDDLE_OF_FOUR_CELLS = {
    (0.4, 0.45): (0.632059, 0.604706),
    (0.55, 0.6): (0.682745, 0.688497),
    (0.3, 0.3): (0.403097, 0.368731),
    (0.5, 0.5): (0.689636, 0.626424),
}


@pytest.fixture
def eagerly():
    """Compiling hundreds of steps takes longer than taking them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def theta_of(transformer, velocities):
    """theta (1, n_parameters) of the field with these velocities (n_vertices, 2)."""
    theta = np.linalg.lstsq(transformer.vertex_basis, velocities.reshape(-1), rcond=None)[0]
    np.testing.assert_allclose(transformer.vertex_basis @ theta, velocities.reshape(-1), atol=1e-9)
    return np.float32(theta[None])


def drawn(transformer, deviation, n, seed=0):
    covariance = transformer.prior_covariance(vertex_deviation=deviation)
    return np.float32(np.random.default_rng(seed).multivariate_normal(np.zeros(len(covariance)), covariance, n))


@pytest.mark.parametrize("n_cells", DIMENSIONS)
def test_numbers_of_parameters(n_cells):
    options = ((True, False), (False, False), (True, True), (False, True))
    found = tuple(vertex_basis(n_cells, *both).shape[1] for both in options)
    assert found == DIMENSIONS[n_cells]


@pytest.mark.parametrize(
    ("n_cells", "velocity", "points"),
    [((1, 1), (0.5, 0.0), CENTRE_OF_ONE_CELL), ((2, 2), (0.3, 0.2), MIDDLE_OF_FOUR_CELLS)],
)
def test_reference_points(n_cells, velocity, points, eagerly):
    transformer = CPABTransformer(n_cells, n_steps=128)
    velocities = np.zeros((len(vertices(n_cells)), 2))
    velocities[(vertices(n_cells) == 0.5).all(axis=1)] = velocity
    moved = transformer.transform(theta_of(transformer, velocities), np.float32([list(points)]))
    np.testing.assert_allclose(moved[0], list(points.values()), atol=1e-5)


def test_affine_fields_give_the_matrix_exponential(eagerly):
    generator = np.array([[0.2, -0.4, 0.1], [0.5, -0.3, -0.2], [0.0, 0.0, 0.0]])
    transformer = CPABTransformer((3, 2), zero_boundary=False, n_steps=128)
    homogeneous = np.c_[vertices((3, 2)), np.ones(len(vertices((3, 2))))]
    theta = theta_of(transformer, homogeneous @ generator[:2].T)
    points = pixel_centres(9, 9)  # some of them leave the square
    moved = transformer.transform(theta, points[None])[0]
    np.testing.assert_allclose(moved, np.c_[points, np.ones(81)] @ expm(generator)[:2].T, atol=1e-5)
    assert np.max(moved) > 1.0


@pytest.mark.parametrize("zero_boundary", [True, False])
def test_fields_are_continuous_beyond_the_square_too(zero_boundary):
    transformer = CPABTransformer((2, 3), zero_boundary)
    theta = drawn(transformer, 0.1, 1)
    points = np.random.default_rng(1).uniform(-0.5, 1.5, (1, 20000, 2)).astype(np.float32)
    if zero_boundary:
        points = np.clip(points, 0.0, 1.0)
    near = points + np.float32(1e-4)
    change = np.linalg.norm(transformer.velocity(theta, near) - transformer.velocity(theta, points), axis=-1)
    assert change.max() < 1e-3


def test_nothing_flows_across_a_zero_boundary():
    transformer = CPABTransformer((3, 3))
    along = np.linspace(0.0, 1.0, 11, dtype=np.float32)
    border = np.stack([np.r_[along, along], np.r_[np.zeros(11), np.ones(11)]], axis=1)[None].astype(np.float32)
    moved = transformer.transform(drawn(transformer, 0.2, 1), border).numpy()
    np.testing.assert_allclose(moved[0, :, 1], border[0, :, 1], atol=1e-6)
    np.testing.assert_allclose(moved[0, [0, 10], 0], [0.0, 1.0], atol=1e-6)
    assert np.abs(moved[0, :, 0] - border[0, :, 0]).max() > 0.01  # along it they slide


def test_the_inverse_is_minus_theta():
    transformer = CPABTransformer((3, 3))
    theta = drawn(transformer, 0.05, 20)
    points = np.repeat(pixel_centres(28, 28)[None], 20, axis=0)
    there = transformer.transform(theta, points)
    back = transformer.transform(-theta, there)
    assert np.linalg.norm(there - points, axis=-1).max() > 3 / 28
    assert np.linalg.norm(back - points, axis=-1).max() < 0.01 / 28


@pytest.mark.parametrize("volume_preserving", [False, True])
def test_strong_deformations_do_not_fold(volume_preserving, eagerly):
    transformer = CPABTransformer((3, 3), volume_preserving=volume_preserving, n_steps=32)
    theta = drawn(transformer, 0.3, 10)
    points = tf.constant(np.random.default_rng(2).uniform(0.02, 0.98, (10, 500, 2)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        moved_x, moved_y = tf.unstack(transformer.transform(theta, points), axis=-1)
    (a, b), (c, d) = (tf.unstack(tape.gradient(moved, points), axis=-1) for moved in (moved_x, moved_y))
    determinants = (a * d - b * c).numpy()
    assert np.linalg.norm(np.stack([moved_x, moved_y], -1) - points, axis=-1).max() > 0.2
    assert determinants.min() > 0.0
    if volume_preserving:
        np.testing.assert_allclose(determinants, 1.0, atol=0.02)


@pytest.mark.slow
def test_gradients_equal_finite_differences():
    transformer = CPABTransformer((2, 2))
    theta = tf.constant(drawn(transformer, 0.1, 1))
    images = np.random.default_rng(3).random((1, 6, 7, 2)).astype(np.float32)
    weights = np.random.default_rng(4).random(images.shape)

    def value(theta):
        return tf.reduce_sum(tf.cast(transformer(images, theta), tf.float64) * weights)

    with tf.GradientTape() as tape:
        tape.watch(theta)
        total = value(theta)
    step = 1e-3
    differences = [
        (value(theta + step * direction) - value(theta - step * direction)) / (2 * step)
        for direction in np.eye(transformer.n_parameters, dtype=np.float32)
    ]
    np.testing.assert_allclose(tape.gradient(total, theta)[0], differences, rtol=0.02, atol=0.05)


@pytest.mark.slow
def test_the_layer_in_a_model_that_is_saved(tmp_path):
    image, theta = keras.Input((8, 10, 3)), keras.Input((14,))
    model = keras.Model([image, theta], CPABTransformer((2, 2), name="deform")(image, theta))
    images, thetas = np.random.default_rng(5).random((2, 8, 10, 3)), drawn(CPABTransformer((2, 2)), 0.1, 2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    deformed = model.predict([images, thetas], verbose=0)
    np.testing.assert_array_equal(again.predict([images, thetas], verbose=0), deformed)
    np.testing.assert_allclose(model.predict([images, 0 * thetas], verbose=0), images, atol=1e-6)
    assert np.abs(deformed - images).max() > 0.1
