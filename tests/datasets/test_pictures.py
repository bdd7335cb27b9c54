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


@pytest.mark.parametrize("n_bytes_kept", [0, 4, 40, 80])
def test_a_damaged_picture_is_set_aside_with_a_sentence(n_bytes_kept, tmp_path, capsys):
    path = tmp_path / "rows.png"
    pictures.save(path, np.random.default_rng(0).integers(0, 256, (2, 3, 40, 50, 3), np.uint8))
    content = path.read_bytes()[:n_bytes_kept]
    path.write_bytes(content)
    assert pictures.load_rows(path, 40, 50) is None
    assert capsys.readouterr().err == f"{path} is damaged and was set aside; figures are drawn without it.\n"
    assert path.with_name("rows.png.damaged").read_bytes() == content
    assert pictures.load(path) is None
    assert capsys.readouterr().err == "", "there is no such file any more"
