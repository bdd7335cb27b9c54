import json

import pytest
from class_balancing.experiments.folders.run_file import differing, holds_other_files


def test_what_a_killed_command_leaves_is_its_own(tmp_path):
    for name in (".lock", "run.json.partial", "images-0123456789ab.decoding"):
        (tmp_path / name).touch()
    assert not holds_other_files(tmp_path)
    (tmp_path / "report.md").touch()
    assert holds_other_files(tmp_path)
    (tmp_path / "run.json").touch()
    assert not holds_other_files(tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"seed": 1}, "with --seed 0, not with --seed 1"),
        ({"images": "b"}, "of other images"),
        ({"groups": [0, 1]}, "of other groups (groups.csv)"),
        ({"class_names": ["x", "z"], "images": "b"}, "of other classes"),
        ({"unknown": 1}, "of something else"),
    ],
)
def test_what_differs_is_told(changed, words, tmp_path):
    held = {"seed": 0, "images": "a", "groups": None, "class_names": ["x", "y"]}
    path = tmp_path / "run.json"
    path.write_text(json.dumps(held))
    asked = held | changed
    images = {name: asked.pop(name) for name in ("images", "groups", "class_names")}
    assert differing(path, asked, images) == words
    path.write_text("[1]")
    assert differing(path, asked, images) == "of something else"
