"""Archives that are read again, whole or damaged."""

import numpy as np
import pytest
from class_balancing.datasets import files


def test_an_archive_comes_back(tmp_path):
    path = tmp_path / "arrays.npz"
    assert files.read_archive(path) is None
    files.write_archive(path, {"first": np.arange(3), "a b": np.zeros((2, 2), np.uint8)})
    found = files.read_archive(path)
    assert list(found) == ["first", "a b"]
    np.testing.assert_array_equal(found["first"], np.arange(3))


@pytest.mark.parametrize("n_bytes_kept", [0, 3, 60, -30])
def test_a_damaged_archive_is_set_aside_with_a_sentence(n_bytes_kept, tmp_path, capsys):
    path = tmp_path / "arrays.npz"
    files.write_archive(path, {"first": np.arange(300)})
    content = path.read_bytes()[:n_bytes_kept]
    path.write_bytes(content)
    assert files.read_archive(path) is None
    assert capsys.readouterr().err == f"{path} is damaged and was set aside; what it holds is left out.\n"
    assert path.with_name("arrays.npz.damaged").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b'{"a": 1'])
def test_damaged_json_is_set_aside_with_a_sentence(content, tmp_path, capsys):
    path = tmp_path / "cell.json"
    path.write_bytes(content)
    assert files.read_json(path) is None
    assert capsys.readouterr().err == f"{path} is damaged and was set aside; it will be made again.\n"
    assert path.with_name("cell.json.damaged").read_bytes() == content
