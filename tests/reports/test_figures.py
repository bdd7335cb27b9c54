import numpy as np
import pandas as pd
from class_balancing.reports import figures
from PIL import Image


def test_figures_are_pictures_with_content(tmp_path):
    rng = np.random.default_rng(0)
    rows = {
        "original": rng.integers(0, 256, (4, 28, 28, 1), dtype=np.uint8),
        "CVAE": rng.integers(0, 256, (4, 28, 28, 1), dtype=np.uint8),
    }
    history = pd.DataFrame({"epoch": [1, 2], "L_D": [1.0, 0.5], "L_G": [10.0, 5.0], "seconds": [1.0, 1.0]})
    figures.class_distribution(np.array([0, 0, 1]), ("a", "b"), "title", tmp_path / "a.png")
    figures.image_rows(rows, "title", tmp_path / "b.png")
    figures.training_curves({"one": history, "two": history}, "title", tmp_path / "c.png")
    figures.image_columns({"one": rows, "two": {"CVAE": rows["CVAE"]}}, list(rows), tmp_path / "d.png")
    falling = history.assign(L_D=[-3.0, -700.0], L_G=[0.0, np.nan])
    figures.training_curves({"critic": falling}, "title", tmp_path / "f.png")
    matrices = {str(n): np.array([[9, 1], [4, 6]]) for n in range(5)}
    figures.confusion_matrices(matrices, ("a", "b"), "title", tmp_path / "e.png")
    line = pd.DataFrame({"x": [1.0, 100.0], "mean": [20.0, 30.0], "sd": [1.0, np.nan]})
    figures.curves({"JPEG": line, "PCA": line.assign(mean=25.0)}, ("bytes", "PSNR"), "title", tmp_path / "g.png")
    names = {"PCA": line.assign(x=["cat", "dog"])}
    figures.curves(names, ("class", "AUC"), "title", tmp_path / "h.png")
    for name in "abcdefgh":
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        assert min(pixels.shape) > 100
        assert pixels.min() < 100
        assert pixels.max() > 200
    assert not list(tmp_path.glob("*.partial"))


def test_captioned_pictures_of_any_size_are_drawn_equally_high_in_all_their_colours(tmp_path):
    shades = np.zeros((64, 64, 3), np.uint8)
    shades[..., 0], shades[..., 1] = np.mgrid[:64, :64] * 4
    grey = np.full((10, 40, 1), 128, np.uint8)
    figures.captioned_pictures([[("content", shades), ("style", grey)], [("result", shades)]], tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    rows, columns = np.nonzero((pixels == 128).all(axis=2))
    assert abs(np.ptp(columns) / np.ptp(rows) - 4) < 0.2
    assert abs(np.ptp(rows) - 2 * figures.DOTS_PER_INCH) < 5
