import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing.models import alignment, learned_transformations
from class_balancing.models.affine import Affine
from class_balancing.models.alignment import Alignment
from class_balancing.models.cpab import CPAB
from class_balancing.models.learned_transformations import deformed
from class_balancing.models.spatial_transformers import AffineTransformer
from class_balancing.models.velocity_fields import CPABTransformer
from scipy import ndimage, stats
from sklearn.base import clone
from sklearn.covariance import OAS

FLOWS = CPABTransformer((2, 2))  # shared, since it compiles for each number of pairs and points
N_FLOWS = 20


def blobs(n, side=20, n_channels=1, seed=0):
    """Smooth images, uint8 (n, side, side, n_channels)."""
    noise = np.random.default_rng(seed).standard_normal((n, side, side, n_channels))
    smooth = ndimage.gaussian_filter(noise, (0, 2.5, 2.5, 0))
    return np.uint8(np.clip(128 + 70 * smooth / smooth.std(), 0, 255))


def two_classes(of_first, n_second=3):
    """Images of class "first", then some of class "second"."""
    second = blobs(n_second, of_first.shape[1], of_first.shape[3], seed=9)
    if of_first.shape[1] != of_first.shape[2]:
        second = second[:, :, : of_first.shape[2]]
    return np.concatenate([of_first, second]), np.array(["first"] * len(of_first) + ["second"] * n_second)


def aligned(transformer, images, pairs, **changes):
    parts = list(Alignment(transformer, **changes).parts(images, np.array(pairs)))
    return np.concatenate([part.thetas for part in parts]), parts


def test_large_images_are_measured_and_deformed_a_few_at_a_time_with_the_same_result(monkeypatch):
    transformer, images = AffineTransformer(), blobs(10)
    pairs = np.array([(i, (i + 1) % 10) for i in range(10)])
    thetas, (whole,) = aligned(transformer, images, pairs, n_iterations=2)
    new = deformed(transformer, images, thetas)
    for module in (alignment, learned_transformations):
        monkeypatch.setattr(module, "n_at_once", lambda n_small, image_shape: 4)
    thetas_again, in_parts = aligned(transformer, images, pairs, n_iterations=2)
    assert [len(part.thetas) for part in in_parts] == [4, 4, 2]
    np.testing.assert_allclose(thetas_again, thetas, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([part.after for part in in_parts]), whole.after, rtol=1e-5)
    moves = np.concatenate([part.largest_move for part in in_parts])
    np.testing.assert_allclose(moves, whole.largest_move, rtol=1e-5)
    np.testing.assert_array_equal(deformed(transformer, images, thetas), new)


@pytest.mark.slow
def test_known_affine_deformations_are_found_with_their_covariance():
    scales = np.array([0.15, 0.05, 0.1, 0.05, 0.15, 0.1])
    known = np.float32(np.random.default_rng(1).normal(0.0, scales, (300, 6)))
    images = blobs(300, side=24)
    pairs = np.stack([np.arange(300), np.arange(300, 600)], axis=1)
    both = np.concatenate([images, deformed(AffineTransformer(), images, known)])
    found, parts = aligned(AffineTransformer(), both, pairs, prior_weight=1e-5)
    assert sum(len(part.thetas) for part in parts) == 300
    assert np.median(np.abs(found - known)) < 0.005
    np.testing.assert_allclose(found.std(axis=0), known.std(axis=0), rtol=0.1)


@pytest.mark.slow
def test_known_flows_are_found():
    covariance = FLOWS.prior_covariance()
    known = np.float32(np.random.default_rng(2).multivariate_normal(np.zeros(len(covariance)), covariance, N_FLOWS))
    images = blobs(N_FLOWS)
    both = np.concatenate([images, deformed(FLOWS, images, known)])
    pairs = np.stack([np.arange(N_FLOWS), np.arange(N_FLOWS, 2 * N_FLOWS)], axis=1)
    found, (part,) = aligned(FLOWS, both, pairs, prior_weight=1e-5)
    assert np.median(part.after / part.before) < 0.1
    assert np.median(np.abs(found - known)) < 0.25 * np.median(np.abs(known))


@pytest.mark.parametrize("transformer", [AffineTransformer(), pytest.param(FLOWS, marks=pytest.mark.slow)])
def test_identical_images_need_no_deformation(transformer):
    images = blobs(3)
    pairs = [(0, 0), (1, 1), *[(0, 2)] * (N_FLOWS - 2)]
    found, (part,) = aligned(transformer, images, pairs, n_iterations=10)
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-3)
    np.testing.assert_array_equal(part.before[:2], 0.0)
    assert np.abs(found[2]).max() > 0.01
    assert part.after[2] < part.before[2]


def test_a_strong_prior_keeps_images_where_they_are():
    images = blobs(2)
    weak, strong = (aligned(AffineTransformer(), images, [(0, 1)], prior_weight=w)[0] for w in (1e-4, 1e3))
    assert np.linalg.norm(strong) < 0.1 * np.linalg.norm(weak)


def test_the_prior_pulls_by_its_weight_over_its_variances():
    """The gradient of w / 2 theta' C^-1 theta, which is all there is where images are plain."""
    plain = tf.zeros((2, 12, 12, 1))
    start = np.float32(np.random.default_rng(0).normal(0.0, 0.1, (2, 6)))
    theta = tf.Variable(start)
    optimizer = keras.optimizers.SGD(1.0)
    made = Alignment(AffineTransformer(), prior_weight=0.004)
    made._step(theta, optimizer, (plain, plain), made._points(12, 12, 0))
    variances = np.square([0.2, 0.2, 0.1] * 2)
    np.testing.assert_allclose(theta.numpy(), start - 0.004 * start / variances, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "shape"),
    [
        (Affine(n_iterations=10), (16, 16, 1)),
        (Affine(n_iterations=10), (20, 12, 3)),
        (CPAB(n_iterations=10, n_cells=(2, 2)), (20, 12, 3)),
    ],
)
def test_new_images_are_originals_deformed_by_what_was_drawn(method, shape):
    images = blobs(12, shape[0], shape[2])[:, :, : shape[1]]
    made = clone(method).fit(*two_classes(images))
    new, parents, thetas = (ask("first", 30, 5) for ask in (made.sample, made.parents, made.draw))
    np.testing.assert_array_equal(new, deformed(made.transformer(shape), images[parents], thetas))
    assert set(np.bincount(parents, minlength=12)) == {2, 3}
    assert len(np.unique(new.reshape(30, -1), axis=0)) == 30
    assert not np.array_equal(made.draw("first", 30, 6), thetas)


def test_deformations_are_drawn_from_their_gaussian_but_for_its_rim():
    made = Affine(n_iterations=10).fit(*two_classes(blobs(12)))
    covariance = made.covariances_[0]
    d, n = len(covariance), 4000
    thetas = made.draw("first", n).astype(float)
    lengths = np.einsum("ni,ij,nj->n", thetas, np.linalg.inv(covariance), thetas)
    limit = stats.chi2.ppf(0.95, d)
    assert lengths.max() <= limit * 1.001
    expected = d * stats.chi2.cdf(limit, d + 2) / 0.95  # the mean of a chi-squared number below the limit
    assert lengths.mean() == pytest.approx(expected, abs=3 * np.sqrt(2 * d / n))
    np.testing.assert_allclose(thetas.mean(axis=0), 0.0, atol=4 * np.sqrt(covariance.max() / n))


def test_a_class_with_few_pairs_borrows_from_the_others():
    images = np.concatenate([blobs(60), blobs(2, seed=7)])
    labels = np.repeat([0, 1], [60, 2])
    made = Affine(n_iterations=20).fit(images, labels)
    thetas, (many, few) = made.thetas_, made.covariances_
    assert len(thetas[0]) > 4 * 6 > len(thetas[1])
    own = Affine(n_iterations=20).fit(*two_classes(images[:60], 2)).covariances_[0]
    np.testing.assert_allclose(many, own, rtol=0.05)  # two classes of which one has enough
    pooled = OAS(assume_centered=True).fit(np.concatenate(thetas)).covariance_
    alone = OAS(assume_centered=True).fit(thetas[1]).covariance_
    share = len(thetas[1]) / 24
    np.testing.assert_allclose(few, share * alone + (1 - share) * pooled, rtol=1e-6)


def test_plans_know_that_large_images_take_longer_to_make():
    assert CPAB().sample_seconds(1000, (28, 28, 1)) < 1
    assert 300 < CPAB().sample_seconds(10_000, (512, 512, 3)) < 1000


def test_grids_too_fine_to_learn_are_refused():
    with pytest.raises(ValueError, match="cannot be learned; take a coarser grid"):
        CPAB(n_cells=(8, 8)).fit(blobs(12), np.repeat([0, 1], [8, 4]))
    CPAB(n_cells=(4, 4), n_iterations=5).fit(blobs(12), np.repeat([0, 1], [8, 4]))


def test_classes_of_one_image_each_have_no_pair():
    with pytest.raises(ValueError, match="Affine found no two images of a class"):
        Affine(sampling_strategy={}).fit(blobs(2), [0, 1])


def test_images_that_are_all_alike_teach_no_deformation():
    with pytest.raises(ValueError, match="found no two images of a class that a deformation brings closer"):
        Affine(n_iterations=1).fit(np.full((6, 8, 8, 1), 7, np.uint8), [0, 0, 0, 0, 1, 1])


def test_pairs_that_come_hardly_closer_or_move_far_are_left_out(monkeypatch):
    seen = []

    def parts(self, images, pairs):
        n = len(pairs)
        after = np.where(np.arange(n) % 3 == 0, 0.95, 0.85)
        moves = np.where(np.arange(n) % 3 == 1, 0.6, 0.45)
        seen.extend(map(tuple, pairs[np.arange(n) % 3 == 2]))
        yield alignment.Aligned(np.ones((n, 6), np.float32), np.ones(n), after, moves)

    monkeypatch.setattr(Alignment, "parts", parts)
    made = Affine().fit(*two_classes(blobs(12)))
    kept = [tuple(pair) for pairs in made.pairs_ for pair in pairs]
    assert sorted(kept) == sorted(seen)
    assert [len(thetas) for thetas in made.thetas_] == [len(pairs) for pairs in made.pairs_]


def test_pairs_are_near_neighbours_of_one_class_and_no_more_than_asked_for():
    images = blobs(40)
    labels = np.repeat([0, 1], [30, 10])
    made = Affine(n_iterations=5, n_neighbors=3, max_pairs=50).fit(images, labels)
    for index, pairs in enumerate(made.pairs_):
        assert len(pairs) <= min(50, 3 * (labels == index).sum())
        assert (labels[pairs] == index).all()
        assert (pairs[:, 0] != pairs[:, 1]).all()
        flat = images.reshape(40, -1).astype(float)
        for moving, fixed in pairs:
            distances = np.linalg.norm(flat[labels == index] - flat[moving], axis=1)
            assert (distances < np.linalg.norm(flat[fixed] - flat[moving])).sum() <= 3  # itself and two others


def test_classes_that_get_no_images_share_the_pairs_of_one_class():
    images, labels = np.concatenate([blobs(20, seed=seed) for seed in range(4)]), np.repeat([0, 1, 2, 3], 20)
    made = Affine(n_iterations=20, n_neighbors=3, max_pairs=30, sampling_strategy={2: 25}).fit(images, labels)
    n_pairs = [len(pairs) for pairs in made.pairs_]
    assert n_pairs[2] > 10 >= max(n_pairs[:2] + n_pairs[3:]) > 0


@pytest.mark.parametrize(
    ("images", "arguments", "problem"),
    [
        (blobs(1), {}, "class first has 1 image; CPAB needs 2"),
        (blobs(4)[:, :1], {}, "finer than images 20 pixels wide and 1 high"),
        (blobs(4), {"n_cells": (30, 3)}, "finer than images 20 pixels wide and 20 high"),
        (blobs(4), {"n_cells": (0, 3)}, "n_cells must be two whole numbers of at least 1, got"),
        (blobs(4), {"n_cells": 3}, "n_cells must be two whole numbers of at least 1, got"),
        (blobs(4), {"n_cells": (20, 20)}, "a grid may have 256 cells, got 20 x 20"),
        (blobs(4), {"learning_rate": -1.0}, "learning_rate must be above 0 and at most 1, got -1.0"),
        (blobs(4), {"prior_weight": -1.0}, "prior_weight must be at least 0, got -1.0"),
        (blobs(4), {"max_pairs": 0}, "max_pairs must be a whole number of at least 1, got 0"),
        (blobs(4), {"n_iterations": 2.5}, "n_iterations must be a whole number of at least 1, got 2.5"),
        (blobs(4), {"n_cells": (1, 1), "volume_preserving": True}, "leave nothing that could move"),
    ],
)
def test_what_cannot_be_learned_from_gets_a_sentence(images, arguments, problem):
    second = images[:1].repeat(2, axis=0)
    both, labels = np.concatenate([images, second]), np.array(["first"] * len(images) + ["second"] * 2)
    with pytest.raises(ValueError, match=problem):
        CPAB(sampling_strategy={"first": 9}, **arguments).fit(both, labels)
