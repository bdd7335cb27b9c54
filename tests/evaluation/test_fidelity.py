import numpy as np
import pytest
from class_balancing.evaluation.fidelity import (
    Estimate,
    density_and_coverage,
    frechet_distance,
    inception_score,
    kernel_inception_distance,
    with_interval,
)


def gaussian(n, d, mean=0.0, scale=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, scale, (n, d))


def standardised(n, d, seed=0):
    """Features whose sample mean is exactly 0 and sample covariance exactly the identity."""
    features = gaussian(n, d, seed=seed)
    features -= features.mean(axis=0)
    return np.linalg.qr(features)[0] * np.sqrt(n - 1)


def test_kernel_distance_of_two_by_two_images_by_hand():
    real, generated = np.array([[0.0], [1.0]]), np.array([[2.0], [-1.0]])
    within_real, within_generated = 1.0, (-2 + 1) ** 3
    across = np.mean([1.0, 1.0, (2 + 1) ** 3, (-1 + 1) ** 3])
    expected = within_real + within_generated - 2 * across
    assert kernel_inception_distance(real, generated) == pytest.approx(expected)


def test_kernel_distance_of_equal_distributions_averages_to_zero_also_on_few_images():
    values = [
        kernel_inception_distance(gaussian(12, 4, seed=2 * seed), gaussian(20, 4, seed=2 * seed + 1))
        for seed in range(600)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(600)
    assert min(values) < 0 < max(values)


def test_kernel_distance_of_shifted_gaussians_has_the_closed_form():
    d, shift = 16, 0.5
    # with t = x·y / d: E t = μ·ν/d, Var t = (|μ|² + |ν|² + d)/d², third central moment 6 μ·ν/d³
    within = 1 + 3 / d
    a, variance, third = shift**2, (2 * d * shift**2 + d) / d**2, 6 * shift**2 / d**2
    shifted = 1 + 3 * a + 3 * (a**2 + variance) + a**3 + 3 * a * variance + third
    across = 1 + 3 * (shift**2 * d + d) / d**2
    expected = within + shifted - 2 * across
    values = [
        kernel_inception_distance(gaussian(100, d, seed=2 * s), gaussian(100, d, shift, seed=2 * s + 1))
        for s in range(200)
    ]
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / np.sqrt(200))


def test_frechet_distance_of_known_means_and_covariances():
    real, other = standardised(200, 3, seed=1), standardised(150, 3, seed=2)
    scales, shift = np.array([2.0, 0.5, 1.0]), np.array([1.0, -2.0, 0.0])
    assert frechet_distance(real, other * scales + shift) == pytest.approx(5 + 1 + 0.25)
    assert frechet_distance(real, other) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_where_covariances_do_not_commute():
    a, b = np.array([[2.0, 1.0], [1.0, 2.0]]), np.diag([4.0, 1.0])
    real = standardised(50, 2, seed=1) @ np.linalg.cholesky(a).T
    generated = standardised(60, 2, seed=2) @ np.linalg.cholesky(b).T
    # of 2 x 2 matrices tr (A B)^½ = (tr A B + 2 (det A det B)^½)^½
    expected = np.trace(a) + np.trace(b) - 2 * np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * 4))
    assert frechet_distance(real, generated) == pytest.approx(expected)


def test_a_constant_feature_changes_no_frechet_distance():
    real, generated = gaussian(80, 5, seed=1), gaussian(90, 5, 0.5, 2.0, seed=2)
    dead = [np.hstack([features, np.full((len(features), 2), 7.0)]) for features in (real, generated)]
    assert frechet_distance(*dead) == pytest.approx(frechet_distance(real, generated), rel=1e-6)


@pytest.mark.parametrize("sizes", [(16, 100), (100, 16), (10, 10)])
def test_frechet_distance_of_too_few_images_is_refused_with_the_reason(sizes):
    with pytest.raises(ValueError, match=f"got {min(sizes)} images of 16 features: their covariance is singular"):
        frechet_distance(*(gaussian(n, 16) for n in sizes))


def test_density_and_coverage_of_a_set_against_itself_and_against_a_distant_one():
    real = gaussian(200, 8) + 1e6
    assert density_and_coverage(real, real) == (1.0, 1.0)
    assert density_and_coverage(real, real + 100.0) == (0.0, 0.0)


def test_density_and_coverage_by_hand():
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii 1, 1, 2, 4
    generated = np.array([[0.5], [0.6], [2.5], [20.0]])
    density, coverage = density_and_coverage(real, generated, n_neighbors=1)
    assert density == pytest.approx((2 + 2 + 1 + 0) / 4)
    assert coverage == 0.75


def test_a_forgotten_mode_halves_coverage_and_leaves_density():
    real = np.concatenate([gaussian(300, 4), gaussian(300, 4, mean=100.0, seed=1)])
    density, coverage = density_and_coverage(real, gaussian(600, 4, seed=2))
    assert density == pytest.approx(1.0, abs=0.15)
    assert 0.45 < coverage <= 0.5


def test_coverage_of_equal_distributions_has_its_closed_form():
    n, k = 100, 3
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    values = [
        density_and_coverage(gaussian(n, 5, seed=2 * s), gaussian(n, 5, seed=2 * s + 1), n_neighbors=k)
        for s in range(150)
    ]
    density, coverage = np.mean(values, axis=0)
    assert density == pytest.approx(1.0, abs=0.03)
    assert coverage == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sizes", [(5, 50), (50, 5)])
def test_density_needs_more_images_than_neighbours(sizes):
    with pytest.raises(ValueError, match="at least 6 images"):
        density_and_coverage(*(gaussian(n, 3) for n in sizes))


def test_inception_score_ranges_from_one_to_the_number_of_classes():
    assert inception_score(np.tile([0.7, 0.2, 0.1], (50, 1))) == pytest.approx(1.0)
    assert inception_score(np.tile(np.eye(10), (5, 1))) == pytest.approx(10.0)
    assert inception_score(np.eye(10)[[0] * 30]) == pytest.approx(1.0)
    assert inception_score(np.array([[0.9, 0.1], [0.1, 0.9]])) == pytest.approx(
        np.exp(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5))
    )


@pytest.mark.parametrize("probabilities", [[[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]], [0.5, 0.5], []])
def test_what_is_no_probability_is_refused(probabilities):
    with pytest.raises(ValueError, match="probabilities"):
        inception_score(np.array(probabilities))


@pytest.mark.parametrize("measure", [kernel_inception_distance, frechet_distance, density_and_coverage])
def test_features_that_cannot_be_compared_are_refused(measure):
    with pytest.raises(ValueError, match="one d for both sets"):
        measure(gaussian(20, 3), gaussian(20, 4))
    with pytest.raises(ValueError, match="finite"):
        measure(gaussian(20, 3), np.full((20, 3), np.nan))


MEASURES = [
    (kernel_inception_distance, 60, 4, 0.4, 1.0),
    (frechet_distance, 60, 4, 0.5, 1.3),
    (density_and_coverage, 60, 4, 0.7, 1.0),
]


@pytest.mark.parametrize(("measure", "n", "d", "mean", "scale"), MEASURES)
def test_intervals_hold_the_mean_and_are_as_wide_as_the_spread(measure, n, d, mean, scale):
    rng = np.random.default_rng(0)

    def draw():
        return rng.normal(size=(n, d)), rng.normal(mean, scale, (n, d))

    values = np.array([np.atleast_1d(measure(*draw())) for _ in range(300)])
    found = [with_interval(measure, *draw(), random_state=seed, n_draws=50) for seed in range(40)]
    found = [estimate if isinstance(estimate, tuple) else (estimate,) for estimate in found]
    for index, (expected, spread) in enumerate(zip(values.mean(axis=0), values.std(axis=0), strict=True)):
        estimates = [estimate[index] for estimate in found]
        assert np.mean([e.low <= expected <= e.high for e in estimates]) >= 0.85
        assert 0.8 < np.mean([e.high - e.low for e in estimates]) / (2 * 1.96 * spread) < 1.4


def test_the_same_seed_gives_the_same_interval_around_the_value():
    samples = gaussian(50, 3, seed=1), gaussian(40, 3, 0.5, seed=2)
    estimate = with_interval(kernel_inception_distance, *samples, random_state=0, n_draws=30)
    assert isinstance(estimate, Estimate)
    assert estimate.value == pytest.approx(kernel_inception_distance(*samples))
    assert estimate.low < estimate.value < estimate.high
    assert estimate == with_interval(kernel_inception_distance, *samples, random_state=0, n_draws=30)
    assert estimate != with_interval(kernel_inception_distance, *samples, random_state=1, n_draws=30)
    wider = with_interval(kernel_inception_distance, *samples, random_state=0, n_draws=30, confidence=0.99)
    assert wider.low < estimate.low


def test_an_interval_of_one_sample():
    confident = np.eye(4)[np.random.default_rng(0).integers(0, 4, 400)]
    estimate = with_interval(inception_score, confident, random_state=0, n_draws=50)
    assert 3.9 < estimate.low < estimate.value < 4.0


def test_halves_that_the_measure_refuses_are_named():
    with pytest.raises(ValueError, match=r"measures halves of them: .* got 15 images of 16 features"):
        with_interval(frechet_distance, gaussian(30, 16), gaussian(30, 16, seed=1), random_state=0)
