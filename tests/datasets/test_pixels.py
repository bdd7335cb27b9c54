import numpy as np
import pytest
from class_balancing.datasets.pixels import n_at_once, to_network, to_pixels


def test_pixels_survive_the_way_to_the_network_and_back():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    scaled = np.asarray(to_network(values))
    assert (scaled.dtype, scaled.min(), scaled.max()) == (np.float32, -1.0, 1.0)
    np.testing.assert_array_equal(to_pixels(scaled), values)
    assert to_pixels([-3.0, 3.0]).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("image_shape", "n"),
    [((28, 28, 1), 250), ((64, 64, 3), 250), ((64, 128, 3), 125), ((256, 256, 3), 15), ((2000, 2000, 3), 1)],
)
def test_as_many_images_are_in_memory_as_have_the_pixels_of_small_ones(image_shape, n):
    assert n_at_once(250, image_shape) == n
