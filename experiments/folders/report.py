"""From finished classifiers to verdicts, tables, figures and the page of `judge.py`."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.files import write_atomically
from ...datasets.folder import LoadedFolder
from ...datasets.near_duplicates import near_duplicates
from ...evaluation import classifiers, verdict
from ...models import BASELINE
from ...reports import figures, sections
from ...reports.sections import Section
from ..running.audit import MAX_IMAGES, OF_ALL, OF_CLASSES
from ..running.cell import Cell
from ..running.filters import in_words
from ..running.runner import Runner
from . import audit

BOOTSTRAP_RANDOM_STATE = 0
N_DUPLICATES_SHOWN = 20
MAX_ALIKE = 1_000_000  # pairs whose pixels are compared


def write_all(
    runner: Runner, cells: list[Cell], failed: dict[str, Path], audited: list[str], extractor, loaded, options
) -> str:
    """Write report.md, results.csv, verdicts.csv, audit.csv, near_duplicates.csv, figures/ and index.html.

    `failed`: method with its proportion -> log. `extractor(images)` gives the features of the audit; None: those of the
    classifier of the originals. Returns the recommendation in a sentence.
    """
    out, parts, (minority,) = runner.plan.out, runner.parts("folder"), runner.plan.tasks["folder"].measured
    (out / "figures").mkdir(exist_ok=True)
    for name in ("index.html", "report.md"):  # so that an old one is never beside new tables
        (out / name).unlink(missing_ok=True)
    names = parts.train.class_names
    records = {}
    for cell in cells:
        records.setdefault(cell.treatment, []).append(runner.cached(cell))
    predicted = {name: np.array([record["predicted"] for record in found]) for name, found in records.items()}
    table = verdict.compare(parts.test.labels, predicted, BASELINE, minority, BOOTSTRAP_RANDOM_STATE, parts.test_groups)
    minutes = {name: _minutes(found) for name, found in records.items()}
    scores = _scores(parts.test.labels, predicted, minority)
    f1 = scores[scores["metric"] == "f1_minority"].groupby("method")["value"].mean()
    advice = verdict.recommendation(table, minutes, f1[BASELINE])
    duplicates, are_all = _near_duplicates(parts, loaded)
    extractor = extractor or (lambda images: classifiers.features(runner.original_classifier("folder"), images))
    measures = audit.table({name: _audited(runner, name, extractor) for name in audited})

    frames = {"results": scores, "verdicts": table, "audit": measures, "near_duplicates": duplicates}
    for name, frame in frames.items():
        write_atomically(out / f"{name}.csv", frame.to_csv(index=False))
    figures.intervals(table, verdict.METRIC_LABELS, out / "figures" / "verdicts.png")
    if len(options.proportions) > 1:
        _draw_sweep(scores, cells, out / "figures" / "proportions.png")
    title = f"Does balancing {loaded.dataset.name} help?"
    found = [
        _verdict_section(runner, advice, names[minority], failed, options),
        *(_metric_section(table, metric, label, minutes) for metric, label in verdict.METRIC_LABELS.items()),
        _score_section(scores, minutes),
        _image_section(records, out, options),
        *([_filter_section(records)] if options.filter else []),
        _audit_section(measures, audit.figures_of(out, audited), options),
        _measure_section(),
        _data_section(
            runner, loaded, duplicates, are_all, [record for of_seeds in records.values() for record in of_seeds]
        ),
    ]
    write_atomically(out / "report.md", sections.markdown(title, found, out))
    write_atomically(out / "index.html", sections.page(title, found))
    return advice


def _audited(runner: Runner, method: str, extractor) -> dict:
    print(f"Auditing the images of {method}.", flush=True)
    try:
        return audit.audited(runner, method, extractor)
    except (ValueError, RuntimeError) as error:  # such as mode collapse, which few images do not show
        print(f"The images of {method} cannot be audited: {error}", file=sys.stderr)
        return audit.refused(error)


def _minutes(records: list[dict]) -> float:
    """What one classifier costs with the method: its training once, new images and the classifier on average."""
    each = np.mean([record.get("sampling_s", 0.0) + record["classifier_s"] for record in records])
    return float(max(record.get("training_s", 0.0) for record in records) + each) / 60


def _scores(true: np.ndarray, predicted: dict[str, np.ndarray], minority: int) -> pd.DataFrame:
    """A row for each method, seed and metric."""
    order, rows = np.argsort(true, kind="stable"), []
    for name, labels in predicted.items():
        values = verdict.metric_values(true[order], labels[:, order], np.ones((1, len(true))), minority)
        for metric, (of_seeds,) in values.items():
            rows += [{"method": name, "seed": s, "metric": metric, "value": v} for s, v in enumerate(of_seeds)]
    return pd.DataFrame(rows)


def _near_duplicates(parts, loaded: LoadedFolder) -> tuple[pd.DataFrame, bool]:
    """A row for each pair of an image that is learned from and one that is tested on, and whether these are all."""
    learned = np.concatenate([parts.indices["train"], parts.indices["validation"]])
    found = near_duplicates(loaded.dataset.images, learned, parts.indices["test"], max_alike=MAX_ALIKE)
    rows = [
        (loaded.paths[first].as_posix(), loaded.paths[second].as_posix(), round(float(distance), 1))
        for (first, second), distance in zip(found.pairs, found.distances, strict=True)
    ]
    return pd.DataFrame(rows, columns=["learned from", "tested on", "distance"]), found.is_complete


def _verdict_section(runner, advice, minority_name, failed, options) -> Section:
    smoke = ("Schedule smoke only tests the program: its results mean nothing.",) if options.schedule == "smoke" else ()
    text = (
        *smoke,
        advice,
        *(f"{name} failed; see {log}." for name, log in failed.items()),
        f"Each method against {BASELINE} (the images as they are), by {options.seeds} classifiers each on the same "
        f"{len(runner.parts('folder').test.labels)} test images; the minority class is {minority_name}.",
        "All intervals of the verdicts together hold with 95 % confidence (Student's t over seeds, bootstrap over test "
        'images, Bonferroni over all of them); "could be seen" is the smallest true difference that would be called '
        "helped about three times in four. Networks were trained once; the spread over seeds is that of new images and "
        "classifiers.",
    )
    return Section("Verdict", text, figures=(runner.plan.out / "figures" / "verdicts.png",))


def _metric_section(table: pd.DataFrame, metric: str, label: str, minutes: dict[str, float]) -> Section:
    rows = [
        (
            row.method,
            row.verdict,
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.smallest_effect:.3f}" if 0 < row.smallest_effect < 1 else "unknown",
            f"{minutes[row.method]:.1f}",
        )
        for row in table[table["metric"] == metric].itertuples()
    ]
    texts = ("difference", "interval", "could be seen", "minutes")
    headings = (("method", ""), ("verdict", ""), *((text, "n") for text in texts))
    return Section(f"Verdict on {label}", (), headings, tuple(rows))


def _score_section(scores: pd.DataFrame, minutes: dict[str, float]) -> Section:
    found = scores.groupby(["method", "metric"], sort=False)["value"].agg(["mean", "std"])
    rows = []
    for method in minutes:
        texts = [
            f"{found.loc[(method, m), 'mean']:.4f} ± {found.loc[(method, m), 'std']:.4f}" for m in verdict.METRIC_LABELS
        ]
        rows.append((method, *texts, f"{minutes[method]:.1f}"))
    headings = (("method", ""), *((label, "n") for label in verdict.METRIC_LABELS.values()), ("minutes", "n"))
    text = ("Mean ± standard deviation over seeds, on real test images; minutes for one classifier with the method.",)
    return Section("Scores", text, headings, tuple(rows))


def _draw_sweep(scores: pd.DataFrame, cells: list[Cell], path: Path) -> None:
    f1 = scores[scores["metric"] == "f1_minority"].groupby("method")["value"].agg(np.array)
    values = {}
    for cell in cells:
        if cell.makes_images:
            values.setdefault(cell.method, {})[cell.proportion] = f1[cell.treatment]
    figures.sweep(values, f1[BASELINE], verdict.METRIC_LABELS["f1_minority"], path)


def _image_section(records: dict[str, list[dict]], out: Path, options) -> Section:
    rows = []
    for name, found in records.items():
        first = found[0]
        for of_class, n in first.get("n_new", {}).items():
            dropped = [str(first["n_dropped"].get(chosen, {}).get(of_class, "not asked")) for chosen in options.filter]
            rows.append((name, of_class, str(n), *dropped))
    headings = (("method", ""), ("class", ""), ("new images", "n"), *((f"dropped: {f}", "n") for f in options.filter))
    pictures = tuple(path for path in [out / "figures" / "proportions.png"] if len(options.proportions) > 1)
    text = "What classifiers learn from beside the originals, seed 0. What filters drop is not replaced."
    return Section("New images", (text,), headings, tuple(rows), pictures)


def _filter_section(records: dict[str, list[dict]]) -> Section:
    rows = []
    for name, found in records.items():
        for chosen, of_classes in found[0].get("pass_rates", {}).items():
            rows += [(name, of_class, chosen, *in_words(rate)) for of_class, rate in of_classes.items()]
    headings = (("method", ""), ("class", ""), ("filter", ""), ("new images that passed", "n"), ("real ones", "n"))
    text = (
        "What the filters do to new images, seed 0, and to real test images of the same class. Each filter sees only "
        "what passed the one before. A filter that passes fewer new images than real ones finds something wrong with "
        "them; one that passes few real images is of no use here."
    )
    return Section("Filters", (text,), headings, tuple(rows))


def _audit_section(measures: pd.DataFrame, pictures, options) -> Section:
    rows = [
        (
            row["method"],
            row["class"],
            row["measure"],
            "refused" if isinstance(row["refused"], str) else f"{row['value']:.4f}",
            "" if np.isnan(row["low"]) else f"{row['low']:.4f} to {row['high']:.4f}",
        )
        for row in measures.to_dict("records")
    ]
    text = [
        f"Features: {options.extractor}. Each interval holds with 95 % confidence; "
        "those of a coverage near 1 hold with less if images are few. Features of the classifier "
        "were learned from the training images, with which new images are compared: compare methods with each other, "
        f"not with an ideal. At most {MAX_IMAGES} new images of each class were measured, as many as it has or, "
        "if that is more, lacks; without filters.",
        *(
            f"Refused for {', '.join(rows['method'].unique())}: {reason}."
            for reason, rows in measures.groupby("refused", sort=False)
        ),
    ]
    headings = (("method", ""), ("class", ""), ("measure", ""), ("value", "n"), ("interval", "n"))
    return Section("Audit of the new images", tuple(text), headings, tuple(rows), tuple(pictures))


def _measure_section() -> Section:
    rows = tuple((OF_CLASSES | OF_ALL).items())
    return Section("What the audit measures", (), (("measure", ""), ("meaning", "")), rows)


def _data_section(
    runner: Runner, loaded: LoadedFolder, duplicates: pd.DataFrame, are_all: bool, records: list[dict]
) -> Section:
    parts, task = runner.parts("folder"), runner.plan.tasks["folder"]
    counts = [np.bincount(part.labels) for part in (parts.train, parts.validation, parts.test)]
    rows = [(name, *(str(count[label]) for count in counts)) for label, name in enumerate(parts.train.class_names)]
    apart = "kept together as groups.csv says" if parts.test_groups is not None else "split one by one"
    text = [f"Images were {apart}. Networks and classifiers saw no test image, and no new image is in any real part."]
    if loaded.unreadable:
        text.append(
            f"{len(loaded.unreadable)} files were left out: " + "; ".join(f"{p}: {r}" for p, r in loaded.unreadable)
        )
    if len(duplicates):
        shown = ", ".join(
            f"{row[0]} and {row[1]}" for row in duplicates.head(N_DUPLICATES_SHOWN).itertuples(index=False)
        )
        text.append(
            f"{duplicates['tested on'].nunique()} test images have a near duplicate among those learned from, which "
            "makes scores too high; see near_duplicates.csv, and list such images in SRC/groups.csv to keep them "
            f"together: {shown}."
        )
    else:
        text.append("No near duplicate of a test image was found among those learned from.")
    if not are_all:
        text.append(f"More than {MAX_ALIKE} pairs look alike, so not all near duplicates were sought.")
    versions = {f"{name} {v}" for record in records for name, v in record["environment"]["packages"].items()}
    text.append(
        f"Written by python {shlex.join(sys.argv)}; classifier: "
        f"{', '.join(f'{name} {value}' for name, value in task.classifier.schedules[runner.plan.schedule].items())}; "
        f"{', '.join(sorted(versions))}."
    )
    headings = (("class", ""), ("to learn from", "n"), ("to validate", "n"), ("to test", "n"))
    return Section("The data", tuple(text), headings, tuple(rows))
