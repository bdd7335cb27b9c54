"""From verdicts to what to do, in words."""

import pandas as pd

from .verdict import HELPED, METRIC_LABELS


def recommendation(
    table: pd.DataFrame, minutes: dict[str, float], baseline_score: float, metric: str, baseline_words: str
) -> str:
    """The method to use, or none, and why, in a sentence, from a table of `verdict.compare` by `metric`.

    The choice is the one that costs the fewest minutes among those that helped and whose interval reaches the largest
    difference found. `baseline_score` is the baseline's metric, which limits what can be gained, and `baseline_words`
    say what the baseline trains on.
    """
    of_method = table.set_index("method")
    metric = METRIC_LABELS[metric]
    helped = of_method[of_method["verdict"] == HELPED]
    if not helped.empty:
        near_the_best = helped[helped["high"] >= helped["difference"].max()]
        chosen = min(near_the_best.index, key=lambda method: minutes[method])
        row = helped.loc[chosen]
        return (
            f"Use {chosen}: {metric} {row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}) for "
            f"{minutes[chosen]:.1f} minutes of computing."
        )
    advice = f"No method was shown to help; until one is, train on {baseline_words}."
    if table.empty:
        return f"{advice} None was left to be compared."
    effects = table["smallest_effect"]
    if not (effects > 0).any():
        return f"{advice} All classifiers gave the same answers on these test images."
    smallest = effects[effects > 0].median()
    if smallest > 1 - baseline_score:
        return (
            f"{advice} But these test images and seeds could hardly have shown it: {metric} is {baseline_score:.3f} "
            "already, and the possible gain is smaller than what can be seen (median over methods)."
        )
    return (
        f"{advice} An improvement of {metric} by less than {smallest:.3f} could hardly have been seen (median over "
        "methods); more test images or seeds show smaller ones."
    )
