import numpy as np
from class_balancing.experiments.running import deformations
from class_balancing.models.affine import Affine
from class_balancing.models.learned_transformations import deformed
from class_balancing.models.spatial_transformers import AffineTransformer


def test_the_pair_that_came_closest_and_typical_deformations_are_kept(digits, tmp_path):
    few = np.flatnonzero(digits.labels < 2)[:30]
    images, labels = digits.images[few], digits.labels[few]
    balancer = Affine(n_iterations=20, max_pairs=40).fit(images, labels)
    deformations.save(tmp_path / "found.npz", balancer)
    with np.load(tmp_path / "found.npz") as archive:
        found = dict(archive)
    assert found["labels"].tolist() == [0, 1]
    assert found["axes"].shape == (2, 3, 5, 28, 28, 1)
    for index in found["labels"]:
        image, target, made = (found[name][index].astype(float) for name in ("image", "target", "deformed"))
        gains = np.square(made - target).sum() / np.square(image - target).sum()
        pairs = balancer.pairs_[index]
        others = deformed(AffineTransformer(), images[pairs[:, 0]], balancer.thetas_[index]).astype(float)
        moving = images[pairs[:, 0]].astype(float)
        errors, before = (np.square(of - images[pairs[:, 1]]).sum((1, 2, 3)) for of in (others, moving))
        np.testing.assert_allclose(gains, (errors / before).min())
        np.testing.assert_array_equal(found["axes"][index, :, 2], [found["image"][index]] * 3)
    assert found["field"].shape == (2, 10, 10, 2)
    assert np.abs(found["field"]).max() > 0.01
