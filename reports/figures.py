"""Figures as PNG files, readable when printed in grey."""

import io
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image

from ..datasets.files import write_atomically
from . import fonts

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.text import Text

DOTS_PER_INCH = 120
LINE_STYLES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "x")


def class_distribution(labels: np.ndarray, class_names, title: str, path: Path) -> None:
    """Fig. 5.4: number of images of each class, written on its bar."""
    counts = np.bincount(labels, minlength=len(class_names))
    figure, axes = plt.subplots(figsize=(6, 0.26 * len(class_names) + 1.1), layout="constrained")
    axes.bar_label(axes.barh(class_names, counts, color="0.45"), fontsize=8, padding=2)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set(xlabel="images", ylabel="class", title=title)
    save(figure, path)


def image_rows(
    rows: dict[str, np.ndarray], title: str, path: Path, image_inches: float = 0.5, label_inches: float = 1.2
) -> None:
    """Fig. 6.1: labelled rows of uint8 images (n, height, width, channels), one below the other, pixels as they are.

    An image of several in a row is `image_inches` wide, and the labels are `label_inches`.
    """
    n_columns = max(len(images) for images in rows.values())
    aspects = [images.shape[1] / (images.shape[2] * len(images)) for images in rows.values()]  # of each strip
    width = image_inches * n_columns if n_columns > 1 else 6.0
    figure, grid = plt.subplots(
        len(rows), 1, figsize=(width + label_inches, sum(width * aspect + 0.12 for aspect in aspects) + 0.4),
        height_ratios=aspects, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axes, (label, images) in zip(grid[:, 0], rows.items(), strict=True):
        strip = np.concatenate(list(images), axis=1)  # (height, width * n, channels)
        axes.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_ylabel(label, rotation=0, ha="right", va="center", parse_math=False)
        axes.set(xticks=[], yticks=[])
    figure.suptitle(title, fontsize=10, parse_math=False)
    save(figure, path)


def captioned_pictures(rows: list[list[tuple[str, np.ndarray]]], path: Path) -> None:
    """Rows of (caption, uint8 picture (height, width, channels) of any size), all drawn equally high."""
    height, gap, caption_height = 2.0, 0.08, 0.25  # inches
    widths = [[height * picture.shape[1] / picture.shape[0] for _, picture in row] for row in rows]
    whole = max(sum(row) + gap * len(row) for row in widths), len(rows) * (height + caption_height)
    figure = plt.figure(figsize=whole)
    for number, (row, row_widths) in enumerate(zip(rows, widths, strict=True)):
        left, bottom = 0.0, whole[1] - (number + 1) * (height + caption_height)
        for (caption, picture), width in zip(row, row_widths, strict=True):
            place = np.divide([left, bottom, width, height], [*whole, *whole])
            axes = figure.add_axes(place, xticks=[], yticks=[])
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect="auto")
            axes.set_title(caption, fontsize=8, pad=3)
            left += width + gap
    _write(_drawn(figure), path)  # photographs need all colours


def image_columns(columns: dict[str, dict[str, np.ndarray]], labels: list[str], path: Path) -> None:
    """Fig. 6.1: for each dataset a column of strips of uint8 images, for each label a row."""
    figure, grid = plt.subplots(
        len(labels), len(columns), figsize=(2.1 * len(columns) + 1.2, 0.55 * len(labels) + 0.4),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for axes, (row, column) in zip(grid.flat, np.ndindex(grid.shape), strict=True):
        images = list(columns.values())[column].get(labels[row])
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if images is not None:
            axes.imshow(np.concatenate(list(images), axis=1), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        if row == 0:
            axes.set_title(list(columns)[column], fontsize=10)
        if column == 0:
            axes.set_ylabel(labels[row], rotation=0, ha="right", va="center")
    save(figure, path)


def deformations(class_names, images, targets, deformed, fields, title: str, path: Path) -> None:
    """The poster's figure: for each class a row of image, target, deformed image and field.

    Images are uint8 (n, height, width, channels), fields (n, rows, columns, 2) in fractions of a side, x and y.
    """
    columns = {"image": images, "target": targets, "deformed": deformed, "field": fields}
    figure, grid = plt.subplots(
        len(images), 4, figsize=(4.6, 1.02 * len(images) + 0.5), layout="constrained", squeeze=False
    )
    for row, name in enumerate(class_names):
        for axes, (column, values) in zip(grid[row], columns.items(), strict=True):
            axes.set(xticks=[], yticks=[])
            if row == 0:
                axes.set_title(column, fontsize=9)
            if column != "field":
                axes.imshow(values[row], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                continue
            n_rows, n_columns = values.shape[1:3]
            y, x = np.meshgrid(
                (np.arange(n_rows) + 0.5) / n_rows, (np.arange(n_columns) + 0.5) / n_columns, indexing="ij"
            )
            axes.quiver(x, y, *np.moveaxis(values[row], -1, 0), angles="xy", scale_units="xy", scale=1, width=0.012)
            axes.set(xlim=(0, 1), ylim=(1, 0), box_aspect=images.shape[1] / images.shape[2])
        grid[row, 0].set_ylabel(name, rotation=0, ha="right", va="center", parse_math=False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    save(figure, path)


def confusion_matrices(matrices: dict[str, np.ndarray], class_names, title: str, path: Path) -> None:
    """One panel for each matrix of counts (rows: true class), in per cent of the true class; darker is more."""
    n_columns = min(4, len(matrices))
    n_rows = -(-len(matrices) // n_columns)
    figure, grid = plt.subplots(
        n_rows, n_columns, figsize=(2.9 * n_columns + 0.6, 2.9 * n_rows + 0.4),
        layout="constrained", squeeze=False, sharex=True, sharey=True,
    )  # fmt: skip
    for axes in grid.flat[len(matrices) :]:
        axes.remove()
    for axes in grid.flat[max(0, len(matrices) - n_columns) : len(matrices)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    positions = range(len(class_names))
    for axes, (label, counts) in zip(grid.flat, matrices.items(), strict=False):
        percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(percent, cmap="Greys", vmin=0, vmax=100)
        for row, column in np.argwhere(percent >= 0.5):
            value = percent[row, column]
            shade = "white" if value > 50 else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=6, color=shade)
        axes.set_xticks(positions, class_names, rotation=90, fontsize=7)
        axes.set_yticks(positions, class_names, fontsize=7)
        axes.set_title(label, fontsize=9)
    figure.supxlabel("predicted class", fontsize=9)
    figure.supylabel("true class", fontsize=9)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def training_curves(histories: dict[str, pd.DataFrame], title: str, path: Path) -> None:
    """Each loss over the epochs; one panel per stage of training, with its name above.

    The axis is logarithmic; if a loss is not always above zero, such as a critic's, it is linear around zero and
    logarithmic beyond.
    """
    figure, grid = plt.subplots(
        1, len(histories), figsize=(5.5 * len(histories), 3.5), layout="constrained", squeeze=False
    )
    for axes, (stage, history) in zip(grid[0], histories.items(), strict=True):
        losses = [name for name in history.columns if name not in ("epoch", "seconds")]
        for index, name in enumerate(losses):
            shade = 0.7 * index / max(1, len(losses) - 1)
            axes.plot(
                history["epoch"],
                history[name],
                LINE_STYLES[index % len(LINE_STYLES)],
                color=str(shade),
                marker="." if len(history) < 30 else None,
                label=name,
            )
        values = history[losses].to_numpy(float)
        axes.set(xlabel="epoch", ylabel="mean loss", title=stage)
        if np.nanmin(values) > 0:
            axes.set_yscale("log")
        else:
            axes.set_yscale("symlog", linthresh=max(np.nanmedian(np.abs(values)) / 10, 1e-6))
            axes.axhline(0.0, color="0.8", linewidth=1, zorder=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def curves(lines: dict[str, pd.DataFrame], labels: tuple[str, str], title: str, path: Path) -> None:
    """One line for each frame, whose columns are x, mean and sd (NaN: none), against x on a logarithmic axis.

    Where x are names, there are points only. `labels` are those of the axes.
    """
    figure, axes = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
    for index, (name, line) in enumerate(lines.items()):
        is_number = pd.api.types.is_numeric_dtype(line["x"])
        axes.errorbar(
            line["x"].tolist(), line["mean"], line["sd"].fillna(0.0),
            linestyle=LINE_STYLES[index % len(LINE_STYLES)] if is_number else "",
            color=str(0.7 * index / max(1, len(lines) - 1)), marker=MARKERS[index % len(MARKERS)],
            markersize=4, capsize=2, label=name,
        )  # fmt: skip
        if is_number:
            axes.set_xscale("log")
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def save(figure, path: Path) -> None:
    """With at most 256 colours, which takes a third of the space."""
    _write(_drawn(figure).quantize(256, dither=Image.Dither.NONE), path)


def _drawn(figure) -> Image.Image:
    drawn = _saved(figure)
    texts = figure.findobj(Text)  # labels of axes are written when they are drawn
    if characters := fonts.missing(text.get_text() for text in texts):
        for text in texts:
            text.set_fontfamily([*text.get_fontfamily(), *fonts.families(characters)])
        drawn = _saved(figure)
    plt.close(figure)
    return drawn


def _saved(figure) -> Image.Image:
    drawn = io.BytesIO()
    with warnings.catch_warnings():  # `fonts` finds others or says so once
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(drawn, dpi=DOTS_PER_INCH, format="png", bbox_inches="tight")
    with Image.open(drawn) as image:
        return image.convert("RGB")


def _write(image: Image.Image, path: Path) -> None:
    picture = io.BytesIO()
    image.save(picture, "PNG", optimize=True)
    write_atomically(path, picture.getvalue())
