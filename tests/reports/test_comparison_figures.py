import numpy as np
import pandas as pd
from class_balancing.reports import comparison_figures
from PIL import Image

COLUMNS = [("digits, 4", "50 %"), ("digits, 4", "10 %"), ("faces", "")]


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L")).astype(int)


def matrix(path, words):
    frame = pd.DataFrame([words, ["no evidence"] * 3], index=["a", "b"], columns=list("xyz"))
    comparison_figures.verdict_matrix(frame, COLUMNS, "", path)
    return pixels(path)


def test_every_word_looks_another_way_in_grey(tmp_path):
    """Cells of the same place differ by lightness or sign, whichever two words stand there."""
    words = ["helped", "hurt", "no evidence", "too few", "failed", "not run"]
    drawn = [matrix(tmp_path / "matrix.png", [word, "helped", "hurt"]) for word in words]
    for first in range(len(words)):
        for second in range(first):
            assert (np.abs(drawn[first] - drawn[second]) > 60).any(), (words[first], words[second])
    alike = matrix(tmp_path / "matrix.png", ["nothing to add", "helped", "hurt"])
    assert (alike == drawn[-1]).all(), "both are blank"


def test_bars_join_the_groups_of_the_diagram(tmp_path):
    ranks = pd.Series({"a": 1.2, "b": 2.0, "c": 3.6, "d": 3.7})
    with_bars, without = tmp_path / "with.png", tmp_path / "without.png"
    comparison_figures.critical_difference(ranks, 1.0, [["a", "b"], ["c", "d"]], "", with_bars)
    comparison_figures.critical_difference(ranks, 1.0, [], "", without)
    assert (pixels(with_bars) < 50).sum() > (pixels(without) < 50).sum()


def test_gains_and_costs_are_drawn_for_methods_that_cost_nothing_too(tmp_path, monkeypatch):
    frame = pd.DataFrame(
        {
            "Images": ["digits", "photographs", "digits"],
            "Method": ["a", "a", "b"],
            "Minutes": [0.0, 0.2, 3.0],
            "Mean difference": [0.1, -0.1, 0.0],
        }
    )
    places = []
    monkeypatch.setattr(comparison_figures, "save", lambda figure, path: places.extend(figure.axes))
    comparison_figures.gain_and_cost(frame, tmp_path / "cost.png")
    gains, costs = places
    assert [text.get_text() for text in gains.get_yticklabels()] == ["a", "b"]
    drawn = [line.get_xydata().tolist() for line in gains.lines if line.get_label() in ("digits", "photographs")]
    assert drawn == [[[0.1, 0], [0.0, 1]], [[-0.1, 0]]]
    assert [line.get_xydata().tolist() for line in costs.lines] == [[[0.01, 0], [3.0, 1]], [[0.2, 0]]]


def test_quality_is_drawn_a_line_for_each_method(tmp_path, monkeypatch):
    frame = pd.DataFrame(
        {"Of": ["x", "x", "y"], "Method": ["a", "b", "a"], "Minutes": [0, 5, 50], "Share": [0.2, 1, 0]}
    )
    places = []
    monkeypatch.setattr(comparison_figures, "save", lambda figure, path: places.extend(figure.axes))
    comparison_figures.quality_and_cost(frame, "Of", "Method", ("Share",), tmp_path / "quality.png")
    shares, minutes, shares_of_y, _ = places
    assert [axes.get_title(loc="left") for axes in (shares, shares_of_y)] == ["x", "y"]
    assert shares.lines[0].get_xydata().tolist() == [[0.2, 0], [1.0, 1]]
    assert minutes.lines[0].get_xydata().tolist() == [[0.01, 0], [5.0, 1]]
    assert shares_of_y.lines[0].get_xydata().tolist() == [[0.0, 0]]
