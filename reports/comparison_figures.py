"""Figures that compare many methods over many tasks, readable when printed in grey."""

from pathlib import Path

import numpy as np
import pandas as pd

from .figures import MARKERS, plt, save

# words of a cell -> how light it is, what is written on it, and in which shade; other words are left blank
LOOKS = {
    "helped": (0.1, "+", "white"),
    "hurt": (0.6, "−", "black"),
    "no evidence": (0.92, "·", "0.4"),
    "too few": (1.0, "×", "0.5"),
    "failed": (1.0, "!", "0.5"),
}
MIN_MINUTES = 0.01  # on a logarithmic axis
BLANK = (1.0, "", "black")


def verdict_matrix(words: pd.DataFrame, columns: list[tuple[str, str]], title: str, path: Path) -> None:
    """A cell for each method (rows) and task (columns), whose look says its word.

    `columns` (group, text) of each column of `words`; those of a group stand next to each other.
    """
    n_rows, n_columns = words.shape
    looks = [LOOKS.get(word, BLANK) for word in words.to_numpy().flat]
    shades = np.reshape([shade for shade, *_ in looks], words.shape)
    size = 0.19 * n_columns + 2.2, 0.19 * n_rows + 1.9
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.imshow(shades, cmap="gray", vmin=0, vmax=1, aspect="auto")
    for (row, column), (_, text, shade) in zip(np.ndindex(words.shape), looks, strict=True):
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=shade, fontweight="bold")
    axes.set_xticks(range(n_columns), [text for _, text in columns], rotation=90, fontsize=6)
    axes.set_yticks(range(n_rows), list(words.index), fontsize=7)
    axes.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.5)
    axes.tick_params(which="both", length=0)
    groups = [group for group, _ in columns]
    for group in dict.fromkeys(groups):
        first, n = groups.index(group), groups.count(group)
        axes.axvline(first - 0.5, color="black", linewidth=1)
        axes.text(first + (n - 1) / 2, -0.8, group, ha="left", fontsize=7, rotation=45)
    axes.set_title(title, fontsize=9, pad=60)
    save(figure, path)


def critical_difference(ranks: pd.Series, difference: float, groups: list[list[str]], title: str, path: Path) -> None:
    """Demšar's diagram: average `ranks` of methods on an axis, with bars over `groups` that are not told apart."""
    ranks = ranks.sort_values(kind="stable")
    n, half = len(ranks), -(-len(ranks) // 2)
    height_of_bars = 0.5 * (len(groups) + 1)
    figure, axes = plt.subplots(figsize=(8.5, 0.2 * half + 0.12 * len(groups) + 1.3), layout="constrained")
    axes.axhline(0, color="black", linewidth=1)
    for tick in range(1, n + 1):
        axes.plot([tick, tick], [0, 0.35], color="black", linewidth=1)
        if n <= 15 or tick == 1 or tick % 5 == 0:
            axes.text(tick, 0.5, str(tick), ha="center", va="bottom", fontsize=7)
    for place, (name, rank) in enumerate(ranks.items()):
        is_left = place < half
        end, row = (0.5, place) if is_left else (n + 0.5, n - 1 - place)
        depth = -height_of_bars - 0.5 - row
        axes.plot([rank, rank, end], [0, depth, depth], color="0.4", linewidth=0.8)
        text, alignment = (f"{name} {rank:.1f} ", "right") if is_left else (f" {rank:.1f} {name}", "left")
        axes.text(end, depth, text, ha=alignment, va="center", fontsize=7)
    for level, group in enumerate(groups, 1):
        axes.plot([ranks[group[0]] - 0.04, ranks[group[-1]] + 0.04], [-0.5 * level] * 2, color="black", linewidth=2.5)
    axes.plot([1, 1 + difference], [2.6, 2.6], color="black", linewidth=1.5, marker="|")
    axes.text(1 + difference / 2, 2.9, f"critical difference {difference:.2f}", ha="center", va="bottom", fontsize=7)
    axes.set(xlim=(-0.28 * n, 1.32 * n), ylim=(-height_of_bars - half - 0.5, 4.2))
    axes.set_title(title, fontsize=9)
    axes.axis("off")
    save(figure, path)


def gain_and_cost(frame: pd.DataFrame, path: Path) -> None:
    """Rows of methods, the one that gains most above: mean difference on the left, minutes of computing on the right.

    `frame` has the columns Images (a marker for each), Method, Minutes and Mean difference.
    """
    order = frame.groupby("Method", sort=False)["Mean difference"].mean().sort_values(ascending=False, kind="stable")
    places = {method: place for place, method in enumerate(order.index)}
    figure, (gains, costs) = plt.subplots(
        1, 2, figsize=(8.5, 0.2 * len(places) + 1.2), layout="constrained", sharey=True, width_ratios=(3, 2)
    )
    for marker, shade, (kind, rows) in zip(MARKERS, ("0", "0.5"), frame.groupby("Images", sort=False), strict=False):
        heights = rows["Method"].map(places)
        gains.plot(rows["Mean difference"], heights, marker, color=shade, markersize=4, label=kind)
        costs.plot(rows["Minutes"].clip(lower=MIN_MINUTES), heights, marker, color=shade, markersize=4)
    gains.axvline(0, color="0.6", linewidth=1)
    gains.set_yticks(range(len(places)), list(places), fontsize=7)
    gains.set(xlabel="mean difference of balanced accuracy", ylim=(len(places) - 0.5, -0.5))
    gains.locator_params(axis="x", nbins=6)
    costs.set(
        xlabel="minutes of computing", xscale="log", xlim=_whole_decades(frame["Minutes"].clip(lower=MIN_MINUTES))
    )
    costs.xaxis.set_major_formatter("{x:g}")
    costs.xaxis.set_minor_formatter("")
    for axes in (gains, costs):
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    gains.legend(fontsize=7, loc="lower right")
    save(figure, path)


def _whole_decades(values: pd.Series) -> tuple[float, float]:
    """Powers of ten below and above positive values."""
    least, most = np.log10(values.min()), np.log10(values.max())
    return 10.0 ** np.floor(least), 10.0 ** max(np.ceil(most), np.floor(least) + 1)
