"""Figures that compare methods, over one task or many, readable when printed in grey."""

from pathlib import Path

import numpy as np
import pandas as pd

from .figures import LINE_STYLES, MARKERS, plt, save

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


def intervals(verdicts: pd.DataFrame, baseline: str, metric_labels: dict[str, str], path: Path) -> None:
    """Rows of `evaluation.verdict.compare`: each method's difference with its interval, one panel per metric.

    Where the verdict is empty there is none on the metric.
    """
    markers = {"helped": "o", "no evidence": "|", "": "|", "hurt": "X"}
    methods = list(verdicts["method"].unique())
    figure, grid = plt.subplots(
        1, len(metric_labels), figsize=(3.0 * len(metric_labels) + 1.2, 0.28 * len(methods) + 1.2),
        layout="constrained", squeeze=False, sharey=True,
    )  # fmt: skip
    for axes, (metric, label) in zip(grid[0], metric_labels.items(), strict=True):
        axes.axvline(0.0, color="0.6", linewidth=1)
        for row in verdicts[verdicts["metric"] == metric].itertuples():
            shade = "0" if row.verdict in ("helped", "hurt") else "0.55"
            height = methods.index(row.method)
            axes.plot([row.low, row.high], [height, height], color=shade, linewidth=1.5)
            axes.plot(row.difference, height, markers[row.verdict], color=shade)
        axes.set(xlabel=f"difference in {label}", yticks=range(len(methods)), yticklabels=methods)
        axes.locator_params(axis="x", nbins=5)
    grid[0, 0].invert_yaxis()
    judged, *others = metric_labels.values()
    shown = f"; no verdicts on {' and '.join(others)}" if others else ""
    figure.suptitle(f"against {baseline}, by {judged}: ● helped, ✕ hurt, grey: no evidence{shown}", fontsize=10)
    save(figure, path)


def sweep(values: dict[str, dict[float, np.ndarray]], label: str, path: Path) -> None:
    """Mean and standard deviation over seeds of a score against the number of new images, one line per method.

    `values[method][proportion]` holds one value per seed; a proportion of 0 is without new images.
    """
    figure, axes = plt.subplots(figsize=(5.5, 3.5), layout="constrained")
    for index, (method, points) in enumerate(values.items()):
        axes.errorbar(
            list(points), [v.mean() for v in points.values()], [v.std(ddof=1) for v in points.values()],
            linestyle=LINE_STYLES[index % len(LINE_STYLES)], color=str(0.7 * index / max(1, len(values) - 1)),
            marker=".", capsize=2, label=method,
        )  # fmt: skip
    axes.set(xlabel="new images, in multiples of what restores the balance", ylabel=f"{label}, mean ± sd over seeds")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def quality_and_cost(frame: pd.DataFrame, group: str, name: str, columns: tuple[str, ...], path: Path) -> None:
    """A row of panels for each value of the column `group`, a line in it for each `name`: `columns`, and "Minutes".

    The columns are shares from 0 to 1.
    """
    groups = [own for _, own in frame.groupby(group, sort=False)]
    n_columns, n_lines = len(columns) + 1, [len(own) for own in groups]
    figure, grid = plt.subplots(
        len(groups), n_columns, figsize=(2.1 * n_columns + 1.4, 0.2 * sum(n_lines) + 0.8 * len(groups)),
        layout="constrained", squeeze=False, sharex="col", sharey="row", height_ratios=n_lines,
    )  # fmt: skip
    for row, own in zip(grid, groups, strict=True):
        heights = np.arange(len(own))
        for axes, column in zip(row, columns, strict=False):
            axes.plot(own[column], heights, MARKERS[0], color="black", markersize=4)
            axes.set_xlim(-0.03, 1.03)
        row[-1].plot(own["Minutes"].clip(lower=MIN_MINUTES), heights, MARKERS[0], color="black", markersize=4)
        row[0].set_yticks(heights, list(own[name]), fontsize=7)
        row[0].set_ylim(len(own) - 0.5, -0.5)
        row[0].set_title(own[group].iloc[0], fontsize=8, loc="left")
        for axes in row:
            axes.grid(axis="y", color="0.9", linewidth=0.5)
            axes.tick_params(axis="x", labelsize=7)
            axes.set_axisbelow(True)
    for axes, column in zip(grid[-1], (*columns, "minutes of computing"), strict=True):
        axes.set_xlabel(column, fontsize=8)
    _on_whole_decades(grid[-1, -1], frame["Minutes"])
    save(figure, path)


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
    costs.set(xlabel="minutes of computing")
    _on_whole_decades(costs, frame["Minutes"])
    for axes in (gains, costs):
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    gains.legend(fontsize=7, loc="lower right")
    save(figure, path)


def _on_whole_decades(axes, minutes: pd.Series) -> None:
    """A logarithmic axis between powers of ten."""
    exponents = np.log10(minutes.clip(lower=MIN_MINUTES))
    least, most = np.floor(exponents.min()), np.ceil(exponents.max())
    axes.set(xscale="log", xlim=(10.0**least, 10.0 ** max(most, least + 1)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
