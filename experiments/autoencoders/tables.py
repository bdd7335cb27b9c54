"""From the summary to the tables of all uses."""

import pandas as pd

from ...reports.plain_tables import PlainTable
from .data import DATASETS
from .piece import LABELS
from .plan import USES, Plan
from .settings import NETWORKS

BEST = " *"


def tables(plan: Plan, summary: pd.DataFrame) -> list[PlainTable]:
    """A table for each use that has been measured; numbers are its places in the list of uses."""
    found = []
    for number, (name, use) in enumerate(USES.items(), 1):
        own = summary[summary["use"] == name]
        if len(own):
            notes = (
                *_comparison(own, use), *_against_jpeg(own), *use.NOTES, *_of_seeds(plan, own), *_unfinished(plan, name)
            )  # fmt: skip
            found.append(PlainTable(f"H.{number}", use.CAPTION, _frame(own, use), notes))
    return found


def _frame(own: pd.DataFrame, use) -> pd.DataFrame:
    """Rows are datasets, settings and methods; a use with a single metric has its settings as columns."""
    metrics = {metric.name: metric for metric in use.METRICS}
    texts = [_text(row, metrics[row.metric]) for row in own.itertuples()]
    own = own.assign(text=texts, method=[LABELS[method] for method in own["method"]])
    index, columns = ["dataset", "setting", "method"], "metric"
    if len(metrics) == 1:
        index, columns = ["dataset", "method"], "setting"
    measured = dict.fromkeys(own[columns])
    order = measured if columns == "setting" else [name for name in metrics if name in measured]
    wide = own.pivot(index=index, columns=columns, values="text")[list(order)]
    wide = wide.reindex(pd.MultiIndex.from_frame(own[index].drop_duplicates())).reset_index()
    headings = {name: metric.heading for name, metric in metrics.items()} if columns == "metric" else {}
    return wide.rename(columns={name: name.capitalize() for name in index} | headings).rename_axis(columns=None)


def _text(row, metric) -> str:
    text = f"{row.mean:.{metric.n_decimals}f}"
    if pd.notna(row.sd):
        text += f" ± {row.sd:.{metric.n_decimals}f}"
    return text + BEST * row.is_best


def _comparison(own: pd.DataFrame, use) -> list[str]:
    """In words, how often the best is a classic method and how often a network."""
    best = own[own["is_best"]]
    if best.empty:
        return []
    headings = {metric.name: metric.heading.removesuffix(", dB") for metric in use.METRICS}
    n_compared, of_networks, of_classic = 0, 0, []
    for (dataset, setting, metric), rows in best.groupby(["dataset", "setting", "metric"], sort=False):
        n_compared += 1
        classic = [LABELS[method] for method in rows["method"] if not method.startswith(NETWORKS)]
        of_networks += len(classic) < len(rows)
        if classic:
            of_classic.append(f"{dataset}, {setting}, {headings[metric]} ({', '.join(classic)})")
    words = f"* best of its column in its setting. A network is best in {of_networks} of {n_compared} comparisons"
    are_equal = " (equal ones both count)" if of_networks + len(of_classic) > n_compared else ""
    which = f": {'; '.join(of_classic)}" if of_classic else ""
    return [f"{words}, a classic method in {len(of_classic)}{are_equal}{which}."]


def _against_jpeg(own: pd.DataFrame) -> list[str]:
    """In words, how often JPEG within as many bytes is better than a code."""
    means = own.pivot(index=["dataset", "method", "setting"], columns="metric", values="mean")
    if "psnr_of_jpeg" not in means:
        return []
    both = means.dropna(subset=["psnr_of_jpeg"])
    n_better = int((both["psnr_of_jpeg"] > both["psnr"]).sum())
    n_codes = int(means["n_bytes_with_header"].isna().sum())
    return [
        f"JPEG has a quality within the bytes of {len(both)} of {n_codes} codes, and a higher PSNR than {n_better}."
    ]


def _unfinished(plan: Plan, use: str) -> list[str]:
    """In words, what of a use is not measured, of which this table says nothing or less."""
    pieces = [piece for piece in plan.pieces() if piece.use == use and not plan.is_finished(piece)]
    names = dict.fromkeys(f"{DATASETS[piece.dataset].label} by {LABELS[piece.asked.method]}" for piece in pieces)
    return [f"Not finished: {', '.join(names)}."] if names else []


def _of_seeds(plan: Plan, own: pd.DataFrame) -> list[str]:
    settings = plan.settings
    seeds = f"mean ± standard deviation over {settings.n_seeds} seeds where networks train or labels are drawn"
    n_images = f"; {settings.n_train_images} training images at most" if settings.n_train_images else ""
    return [f"Schedule {plan.schedule}{n_images}; {seeds if settings.n_seeds > 1 else 'one seed'}."]
