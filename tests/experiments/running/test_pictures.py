import numpy as np
from class_balancing.datasets.pictures import load
from class_balancing.experiments.running import pictures


def test_interpolations_lie_between_two_originals():
    class Balancer:
        """Its latent is the image's mean."""

        def encode(self, images, label):
            return images.mean(axis=(1, 2))

        def decode(self, latent, label):
            return np.broadcast_to(latent[:, None, None], (len(latent), 2, 2, 1)).astype(np.uint8)

    values = np.array([0, 10, 20, 80, 90, 100, 250], np.uint8)
    originals = np.broadcast_to(values[:, None, None, None], (7, 2, 2, 1))
    found = pictures.interpolations(Balancer(), originals, label=1)
    assert found.shape == (3, 11, 2, 2, 1)
    np.testing.assert_array_equal(found[0, :, 0, 0, 0], [0, *np.linspace(0, 80, 9), 80])
    np.testing.assert_array_equal(found[2, [0, -1], 0, 0, 0], [20, 100])


def test_what_filters_kept_stands_below_what_was_made(tmp_path):
    made = {0: np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)}
    pictures.save_filtered(tmp_path / "filtered.png", made, {0: np.array([3, 15])})
    found = load(tmp_path / "filtered.png")[::2, ::2, 0]
    assert found.tolist() == [list(range(12)), [3, 15] + [255] * 10]
