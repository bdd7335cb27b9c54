"""Tables F.5 to F.11, of FER2013 alone: its images, and what records say beyond scores."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ...datasets.fer2013 import CLASS_NAMES, OFFICIAL_COUNTS, SLIDES_COUNTS
from ...evaluation import mcnemar, scores
from ...models import BASELINE
from ...reports.plain_tables import PlainTable
from ..running.cell import Cell, label
from . import fer2013, pass_rates
from .fer2013_images import facts

SMALL = "fer2013-small"
NOISE_GANS = ("dcgan", "wgan_gp")
PS_ARE_MANY = (
    "Of so many tests one in twenty has p below .05 by chance; p are as they are, not corrected for their number."
)
COUNTED = ("Baseline right", "Method right", "Only baseline", "Only method")
SLIDES_CHAIN = "neutral"  # faces are made from noise, found and, if they are neutral, kept
SLIDES_FILTERS = ["faces", "confidence"]


def tables(runner, records: dict[Cell, dict]) -> list[PlainTable]:
    """Those for which there are images or records; images that are not loaded are as an earlier command found them."""
    names = [task.name for task in fer2013.TASKS]
    own = {cell: record for cell, record in records.items() if cell.task in names}
    found, known = [], facts(runner.plan.out, runner.datasets.get("fer2013"))
    if known:
        predicted = {cell: np.array(record["predicted"]) for cell, record in own.items() if "predicted" in record}
        found += [class_distribution(known), discordant_images(known, predicted), repeated_images(known)]
        found += [scores_without_repeated(known, predicted), discordant_by_emotion(known, predicted)]
    found += [tested_on_new(own), rates_of_faces(own)]
    return [table for table in found if len(table.frame)]


def class_distribution(known: dict) -> PlainTable:
    frame = pd.DataFrame(known["class_distribution"])
    printed, of_angry = sum(SLIDES_COUNTS), int(frame["all"][0])
    misprint = (
        f"The slides' {SLIDES_COUNTS[0]} for angry is a misprint for 4953: with it their numbers add up to "
        f"{printed}, but the dataset has 35887 images; {of_angry} are found here."
    )
    frame.columns = [name.capitalize() for name in frame.columns]
    return PlainTable("F.5", "Images of FER2013 of each emotion, ours by part and the slides'.", frame, (misprint,))


def discordant_images(known: dict, predicted: dict[Cell, np.ndarray]) -> PlainTable:
    """Each method against the baseline with the same seed, and what is printed."""
    true, rows = np.array(known["test_labels"]), []
    n_before, n_after = (sum(hits) for hits in fer2013.PRINTED_HITS.values())
    rows.append(["slides, as printed", "synthetic data", None, n_before, n_after, None, None, None])
    for task in fer2013.TASKS:
        for cell, of_method in predicted.items():
            baseline = predicted.get(Cell(task.baseline_task or task.name, BASELINE, cell.seed))
            if cell.task == task.name and cell.method != BASELINE and baseline is not None:
                rows.append([task.label, label(cell.method), cell.seed, *_counted(true, baseline, of_method)])
    frame = pd.DataFrame(rows, columns=["Classifier", "Method", "Seed", *COUNTED, "p"])
    n_exact, n_normal = mcnemar.most_discordant(n_after - n_before)
    return PlainTable(
        "F.6",
        "Test images that only one of two classifiers gets right, the baseline's or a method's; p of McNemar's exact "
        "test, two-sided.",
        frame.astype(dict.fromkeys(["Seed", *COUNTED], "Int64") | {"p": float}),
        (
            "A method's classifier is compared with the baseline's of the same seed, which starts with the same "
            "weights. Seeds are tested one by one; their p are not pooled, since all seeds have the same test images.",
            f"The printed difference is {n_after - n_before} images. It is significant at 5 % only if at most {n_exact}"
            f" of the {sum(OFFICIAL_COUNTS['test'])} official test images are discordant ({n_normal} by the normal "
            "approximation), which the slides do not say.",
            PS_ARE_MANY,
        ),
    )


def _counted(true: np.ndarray, baseline: np.ndarray, of_method: np.ndarray) -> list:
    """Of predictions (n,): COUNTED and McNemar's p."""
    counts = mcnemar.discordant(true, baseline, of_method)
    return [*(int((found == true).sum()) for found in (baseline, of_method)), *counts, mcnemar.p_value(*counts)]


def discordant_by_emotion(known: dict, predicted: dict[Cell, np.ndarray]) -> PlainTable:
    """The slides' classifier with synthetic images against the one without, for each emotion, and what is printed."""
    true, rows = np.array(known["test_labels"]), []
    for index, (before, after) in enumerate(zip(*fer2013.PRINTED_HITS.values(), strict=True)):
        rows.append([None, CLASS_NAMES[index], int((true == index).sum()), before, after, None, None, None])
    for cell, of_method in predicted.items():
        baseline = predicted.get(replace(cell, method=BASELINE))
        if cell.task == fer2013.TASKS[0].name and cell.method == fer2013.TRANSLATED and baseline is not None:
            for index, name in enumerate(CLASS_NAMES):
                own = true == index
                counted = _counted(true[own], baseline[own], of_method[own])
                rows.append([cell.seed, name, int(own.sum()), *counted])
    frame = pd.DataFrame(rows, columns=["Seed", "Emotion", "Images", *COUNTED, "p"])
    return PlainTable(
        "F.11",
        "Table F.6 for each emotion: the slides' classifier without and with synthetic images.",
        frame.astype(dict.fromkeys(["Seed", "Images", *COUNTED], "Int64") | {"p": float}),
        ("Without a seed: as printed.", PS_ARE_MANY),
    )


def repeated_images(known: dict) -> PlainTable:
    frame = pd.DataFrame(known["repeated"])
    frame.columns = ["Part", "Repeated in", "Images", "Equal", "Equal or nearly", "Another label"]
    return PlainTable(
        "F.7",
        "Images of a part of FER2013 that stand in another part too.",
        frame,
        (
            "Equal in every pixel; nearly: by perceptual hash and a small difference of pixels. Another label: of one "
            "of their equal or near images.",
            f"{known['n_equal']} of all images equal an earlier one of any part.",
        ),
    )


def scores_without_repeated(known: dict, predicted: dict[Cell, np.ndarray]) -> PlainTable:
    """Means over seeds of the scores on all test images, without equal, and without equal or near ones."""
    true, rows = np.array(known["test_labels"]), []
    left_out = {"": [], " without equal": known["equal"], " without near": known["resemble"]}
    kept = {name: ~np.isin(np.arange(len(true)), positions) for name, positions in left_out.items()}
    for cell, of_cell in predicted.items():
        row = {"task": cell.task, "method": cell.method}
        for name, chosen in kept.items():
            measured = scores.scores(true[chosen], of_cell[chosen], fer2013.MEASURED, len(CLASS_NAMES))
            row |= {f"Accuracy{name}": measured["accuracy"], f"Balanced{name}": measured["balanced_accuracy"]}
        rows.append(row)
    frame = pd.DataFrame(rows)
    if len(frame):
        by_method = frame.groupby(["task", "method"], sort=False)
        means = by_method.mean().reset_index()
        means.insert(2, "Seeds", by_method.size().to_numpy())
        labels = {task.name: task.label for task in fer2013.TASKS}
        means.insert(0, "Classifier", means.pop("task").map(labels))
        means.insert(1, "Method", means.pop("method").map(label))
        names = [f"{score}{name}" for score in ("Accuracy", "Balanced") for name in kept]
        frame = means[["Classifier", "Method", "Seeds", *names]]
    n_left = [int(chosen.sum()) for chosen in kept.values()]
    return PlainTable(
        "F.8",
        "Accuracy and balanced accuracy with and without test images that repeat a training or validation image.",
        frame,
        (
            f"All {n_left[0]} test images; {n_left[1]} without those that equal a training or validation image; "
            f"{n_left[2]} without those that are nearly one, too. Means over seeds.",
        ),
    )


def tested_on_new(records: dict[Cell, dict]) -> PlainTable:
    """Shares of new images that the classifier of the originals takes for their class, beside real test images."""
    rows, by_method = [], {}
    baseline = records.get(Cell(SMALL, BASELINE, 0), {}).get("scores")
    if baseline:
        rows.append(("real test images", 1, dict(zip(CLASS_NAMES, baseline["recalls"], strict=True))))
    is_unfiltered = not any(record.get("configuration", {}).get("filters") for record in records.values())
    for cell, record in records.items():
        if "tested_on_new" in record:
            by_method.setdefault(cell.method, []).append(record["tested_on_new"])
    for method, of_seeds in by_method.items():
        sums = pd.concat([pd.DataFrame(of_seed).T for of_seed in of_seeds]).groupby(level=0).sum()
        shares = sums["n_right"] / sums["n_new"].where(sums["n_new"] > 0)
        rows.append((label(method), len(of_seeds), shares.to_dict()))
    frame = pd.DataFrame(
        {"Images": name, "Seeds": n_seeds, "Mean of classes": float(pd.Series(shares).mean())}
        | {emotion.capitalize(): shares.get(emotion, np.nan) for emotion in CLASS_NAMES}
        for name, n_seeds, shares in rows
    )
    return PlainTable(
        "F.9",
        "Trained on real images, tested on new ones: share that the small classifier takes for their class.",
        frame if by_method else frame.iloc[:0],
        (
            "One classifier of the original images judges all, that of the baseline's first seed; new images of all "
            f"seeds together{', as they are made' if is_unfiltered else ', of those that passed the filters'}. A class "
            f"without a share is one that the method does not make. {fer2013.RECOVERED_NEUTRAL}",
            "Copies, turned or interpolated originals are like images that this classifier has learned from, so that "
            "more of them may be taken for their class than of real test images.",
            "The other way round, trained on new images and tested on real ones, is Table F.4.",
        ),
    )


def rates_of_faces(records: dict[Cell, dict]) -> PlainTable:
    """Shares of new faces that pass each filter, of the task with the small classifier.

    The other tasks have the same images, or other judges.
    """
    counted = pass_rates.counts({cell: record for cell, record in records.items() if cell.task == SMALL})
    if counted.empty:
        return PlainTable("F.10", "", counted)
    return PlainTable(
        "F.10",
        "New images that pass each filter, beside real ones of their class.",
        pass_rates.shares(counted).rename(columns={"Class": "Emotion"}),
        (pass_rates.NOTE, *_slides_chain(counted)),
    )


def _slides_chain(counts: pd.DataFrame) -> list[str]:
    """How many of the faces that a GAN makes from noise the slides' chain keeps."""
    found = []
    for method in NOISE_GANS:
        own = counts[(counts["method"] == method) & (counts["class"] == SLIDES_CHAIN)]
        if own["filter"].tolist() == SLIDES_FILTERS:
            first, last = own.iloc[0], own.iloc[-1]
            found.append(
                f"The slides' chain, faces made from noise, found and kept if they are {SLIDES_CHAIN}: of "
                f"{label(method)}'s {first['n_new']} images {last['n_new_passed']} are left, of {first['n_real']:.0f} "
                f"real ones {last['n_real_passed']:.0f}."
            )
    return found
