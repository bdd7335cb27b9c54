"""What the folder's README shows runs, and finds what it looks for."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).resolve().parents[2] / "evaluation" / "README.md"


@pytest.mark.slow
def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    names = {"__name__": "readme"}
    exec(compile(example, README, "exec"), names)
    assert names["train"].counts["4"] == 15
    assert {label: predictions.shape for label, predictions in names["found"].items()} == {
        "as they are": (3, 600),
        "geometric": (3, 600),
        "balanced softmax": (3, 600),
    }
    assert all((predictions == names["test"].labels).mean() > 0.8 for predictions in names["found"].values())
    assert np.bincount(names["labels"])[4] == 100
    printed = capsys.readouterr().out
    assert "SSIM(mean=" in printed
    assert re.search(r"balanced softmax +f1_minority", printed)
