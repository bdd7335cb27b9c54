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


def test_json_has_lists_of_numbers_on_a_line_and_all_else_as_it_is(tmp_path):
    content = {"predicted": [3, -1, 2.5e-7], "words": ["[\n1,  2]", "[1,  2]"], "none": [], "nested": [[1, 2], [3]]}
    files.write_json(tmp_path / "cell.json", content)
    assert files.read_json(tmp_path / "cell.json") == content
    lines = (tmp_path / "cell.json").read_text().splitlines()
    assert lines[1] == ' "predicted": [ 3, -1, 2.5e-07 ],'
    assert len(lines) == 12


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b'{"a": 1'])
def test_damaged_json_is_set_aside_with_a_sentence(content, tmp_path, capsys):
    path = tmp_path / "cell.json"
    path.write_bytes(content)
    assert files.read_json(path) is None
    assert capsys.readouterr().err == f"{path} is damaged and was set aside; it will be made again.\n"
    assert path.with_name("cell.json.damaged").read_bytes() == content
