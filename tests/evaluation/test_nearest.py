import tracemalloc

import numpy as np
import pytest
from class_balancing.datasets.stored_images import write
from class_balancing.evaluation.nearest import copy_limit, near_copies, nearest, nearest_other


def noise(n, side=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def brute_force(images, originals):
    differences = images[:, None].astype(np.float64) - originals[None]
    return np.sqrt(np.square(differences).mean(axis=(2, 3, 4)))


def test_nearest_is_what_comparing_all_pairs_finds(digits):
    images, originals = digits.images[:40], digits.images[40:240]
    expected = brute_force(images, originals)
    index, distance = nearest(images, originals)
    assert (index.dtype, index.shape, distance.shape) == (np.int64, (40,), (40,))
    np.testing.assert_array_equal(index, expected.argmin(axis=1))
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-12)


def test_an_exact_copy_is_told_from_one_with_a_single_changed_value():
    original = np.full((1, 64, 64, 3), 255, np.uint8)
    changed = original.copy()
    changed[0, 0, 0, 0] = 254
    index, distance = nearest(original, np.concatenate([changed, original, original]))
    assert (index.tolist(), distance.tolist()) == ([1], [0.0])
    assert nearest(original, changed)[1] == pytest.approx(np.sqrt(1 / (64 * 64 * 3)))


def test_black_and_white_are_255_apart():
    black, white = np.zeros((1, 40, 40, 3), np.uint8), np.full((1, 40, 40, 3), 255, np.uint8)
    assert nearest(black, white)[1].tolist() == [255.0]


def test_chunks_make_no_difference(monkeypatch):
    images, originals = noise(50, seed=1), noise(90, seed=2)
    originals = np.concatenate([originals, originals[:5]])  # equally near ones in different chunks
    images[:5] = originals[:5]
    expected = *nearest(images, originals), *nearest_other(images)
    monkeypatch.setattr("class_balancing.evaluation.nearest.CHUNK_IMAGES", 7)
    monkeypatch.setattr("class_balancing.evaluation.nearest.CHUNK_ORIGINALS", 11)
    monkeypatch.setattr("class_balancing.evaluation.nearest.N_EXACT_VALUES", 13)
    for found, wanted in zip((*nearest(images, originals), *nearest_other(images)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_nearest_other_leaves_each_image_itself_out_but_not_its_twin():
    images = noise(30)
    images[17] = images[4]
    index, distance = nearest_other(images)
    assert (index != np.arange(30)).all()
    assert (index[4], index[17], distance[4], distance[17]) == (17, 4, 0.0, 0.0)
    assert np.flatnonzero(distance == 0).tolist() == [4, 17]


def test_some_images_are_compared_with_all_others(monkeypatch):
    images = noise(60)
    images[17] = images[4]
    chosen = np.array([3, 17, 40])
    for found, expected in zip(nearest_other(images, chosen), nearest_other(images), strict=True):
        np.testing.assert_array_equal(found, expected[chosen])
    monkeypatch.setattr("class_balancing.evaluation.nearest.CHUNK_ORIGINALS", 7)
    assert nearest_other(images, chosen)[1].tolist() == nearest_other(images)[1][chosen].tolist()


def test_of_many_originals_some_decide_how_close_a_copy_lies(monkeypatch):
    originals = noise(400)
    of_all = np.sort(nearest_other(originals)[1])
    assert copy_limit(originals) == of_all[3], "floor(0.01 * 401) = 4"
    monkeypatch.setattr("class_balancing.evaluation.nearest.MAX_ORIGINALS_TRIED", 200)
    assert copy_limit(originals) in of_all[1:20], "the second smallest of 200 distances to all others"


def test_many_originals_need_little_memory():
    originals = noise(15_000, side=32)
    tracemalloc.start()
    nearest(originals[:10], originals)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6 < originals.astype(np.float32).nbytes


def test_copies_are_found_and_new_images_of_the_same_kind_rarely(digits):
    originals, others = digits.images[::2], digits.images[1::2]
    lighter = np.minimum(originals[:50].astype(int) + 3, 255).astype(np.uint8)
    assert near_copies(originals[:50], originals).all()
    assert near_copies(lighter, originals).all()
    assert near_copies(others, originals, copy_limit(originals, 0.01)).mean() < 0.03
    assert 0.1 < near_copies(others, originals, copy_limit(originals, 0.2)).mean() < 0.3


@pytest.mark.parametrize("n_originals", [1, 2, 3, 5])
def test_few_originals_know_exact_copies_only(n_originals):
    originals = noise(n_originals)
    images = np.concatenate([originals, originals ^ 1, noise(20, seed=1)])
    expected = [True] * n_originals + [False] * (n_originals + 20)
    assert near_copies(images, originals).tolist() == expected


def test_99_different_originals_are_enough_to_know_near_copies():
    originals = noise(99)
    assert copy_limit(originals[:98]) == 0
    assert copy_limit(originals) == nearest_other(originals)[1].min() > 0


def test_quantile_0_means_exact_copies_only_and_1_the_most_distant_original(digits):
    originals, changed = digits.images[:300], digits.images[:300] ^ 1
    assert near_copies(originals, originals, copy_limit(originals, 0.0)).all()
    assert not near_copies(changed, originals, copy_limit(originals, 0.0)).any()
    assert near_copies(digits.images[300:400], originals, copy_limit(originals, 1.0)).mean() > 0.95


def test_twins_among_the_originals_hide_no_near_copy():
    originals = noise(200)
    with_twins = np.concatenate([originals, originals[:150]])
    for quantile, expected in ((0.01, False), (0.1, True)):
        assert near_copies(originals[180:] ^ 1, with_twins, copy_limit(with_twins, quantile)).all() == expected
    all_twins = np.concatenate([originals, originals])
    assert near_copies(originals, all_twins).all()
    assert not near_copies(originals ^ 1, all_twins).any()


@pytest.mark.parametrize("quantile", [-0.1, 1.1])
def test_nonsense_is_refused(quantile):
    with pytest.raises(ValueError, match=r"quantile must lie in 0\.\.1"):
        copy_limit(noise(3), quantile)
    with pytest.raises(ValueError, match="no original of shape"):
        nearest(noise(3), noise(0))
    with pytest.raises(ValueError, match="no original of shape"):
        nearest(noise(3), noise(3, side=4))
    with pytest.raises(ValueError, match="at least two images"):
        nearest_other(noise(1))


def test_floating_images_are_refused_by_all_measures_of_pixels():
    from class_balancing.evaluation import classifiers, restoration, ssim

    pixels = noise(8, 12)
    floats = pixels / 255
    for call in (
        lambda: nearest(floats, pixels),
        lambda: nearest(pixels, floats),
        lambda: nearest_other(floats),
        lambda: classifiers.batches_in_order(floats, 10),
        lambda: restoration.psnr(floats, floats),
        lambda: restoration.ssim(pixels, floats),
        lambda: restoration.absolute_error(pixels[0], pixels[0]),
        lambda: ssim.pairwise_ssim(floats, 0),
        lambda: ssim.pairwise_ssim(pixels[..., 0], 0),
        lambda: ssim.ssim_to_originals(pixels, floats, 0),
    ):
        with pytest.raises(ValueError, match=r"images must be uint8 \(n, height, width, channels\), got"):
            call()


def test_large_stored_images_need_little_memory(tmp_path):
    rng = np.random.default_rng(0)
    stored = write(
        tmp_path / "images.npy", (256, 256, 3), (rng.integers(0, 256, (60, 256, 256, 3), np.uint8) for _ in range(15))
    )
    nearest(stored[:2], stored[:2])
    tracemalloc.start()
    index, distance = nearest(stored[:10], stored)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(index, np.arange(10))
    assert not distance.any()
    assert peak < 120e6 < 900 * 256 * 256 * 3
