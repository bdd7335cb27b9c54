import numpy as np
import pytest
from class_balancing.datasets import pictures


@pytest.mark.parametrize("n_channels", [1, 3])
def test_images_lie_side_by_side(n_channels, tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, n_channels), dtype=np.uint8)
    pictures.save(tmp_path / "rows.png", rows)
    found = pictures.load(tmp_path / "rows.png")
    assert found.shape == (2 * 4, 3 * 5, n_channels)
    np.testing.assert_array_equal(found[4:, 5:10], rows[1, 1])
    np.testing.assert_array_equal(pictures.load_rows(tmp_path / "rows.png", 4, 5), rows)
