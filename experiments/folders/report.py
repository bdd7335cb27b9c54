"""From finished classifiers to verdicts, tables, figures and the page of `judge.py`."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ...datasets.files import write_atomically
from ...datasets.folder import LoadedFolder
from ...datasets.near_duplicates import hashes, near_duplicates
from ...evaluation import classifiers, verdict
from ...evaluation.recommendation import recommendation
from ...reports import comparison_figures, sections
from ...reports.sections import Section
from ..running.audit import MAX_IMAGES, OF_ALL, OF_CLASSES
from ..running.cell import minutes_of_seeds
from ..running.filters import in_words
from ..running.runner import Runner
from . import audit, entrants
from .contest import Contest

N_DUPLICATES_SHOWN = 20
MAX_ALIKE = 1_000_000  # pairs whose pixels are compared


def write_all(runner: Runner, contest: Contest, extractor, loaded, options) -> str:
    """Write report.md, results.csv, verdicts.csv, audit.csv, near_duplicates.csv, figures/ and index.html.

    `extractor(images)` gives the features of the audit; None: those of the classifier of the originals. The audit, the
    counts of new images and the filters are those of the first fold. Returns the recommendation in a sentence.
    """
    out, first = runner.plan.out, contest.tasks[0].name
    (out / "figures").mkdir(exist_ok=True)
    for name in ("index.html", "report.md"):  # so that an old one is never beside new tables
        (out / name).unlink(missing_ok=True)
    records = {name: contest.records(name) for name in contest.finished}
    table = contest.verdicts(options.metric)
    others = [contest.verdicts(metric).assign(verdict="") for metric in verdict.METRICS if metric != options.metric]
    minutes = {name: _minutes(found) for name, found in records.items()}
    scores = contest.scores()
    of_metric = scores[scores["metric"] == options.metric].groupby("method")["value"].mean()
    words = "the images as they are" + (f", with {options.joined}" if options.joined else "")
    advice = recommendation(table, minutes, of_metric[contest.baseline], options.metric, words)
    duplicates, are_all = _near_duplicates(runner, contest, loaded)
    extractor = extractor or (lambda images: classifiers.features(runner.classifying.of_originals(first), images))
    failed = {contest.entrants[name].method for name in contest.failed}
    audited = [name for name in entrants.audited(options) if name not in {entrants.images_by(f) for f in failed}]
    measures = audit.table({name: _audited(runner, first, name, extractor) for name in audited})

    frames = {"results": scores, "verdicts": pd.concat([table, *others]), "audit": measures}
    for name, frame in (frames | {"near_duplicates": duplicates}).items():
        write_atomically(out / f"{name}.csv", frame.to_csv(index=False))
    labels = {metric: verdict.METRIC_LABELS[metric] for metric in dict.fromkeys([options.metric, *verdict.METRICS])}
    comparison_figures.intervals(frames["verdicts"], contest.baseline, labels, out / "figures" / "verdicts.png")
    if len(options.proportions) > 1:
        _draw_sweep(contest, out / "figures" / "proportions.png")
    title = f"Does balancing {loaded.dataset.name} help?"
    found = [
        _verdict_section(runner, contest, advice, options),
        _metric_section(table, contest, minutes),
        _score_section(scores, contest, minutes),
        _image_section(records, out, options),
        *([_filter_section(records)] if options.filter else []),
        _audit_section(measures, audit.figures_of(out, audited), options),
        _measure_section(),
        _data_section(
            runner, contest, loaded, duplicates, are_all, [record for found in records.values() for record in found]
        ),
    ]
    write_atomically(out / "report.md", sections.markdown(title, found, out))
    write_atomically(out / "index.html", sections.page(title, found))
    return advice


def _audited(runner: Runner, task: str, method: str, extractor) -> dict:
    print(f"Auditing the images of {method}.", flush=True)
    try:
        return audit.audited(runner, task, method, extractor)
    except (ValueError, RuntimeError) as error:  # such as mode collapse, which few images do not show
        print(f"The images of {method} cannot be audited: {error}", file=sys.stderr)
        return audit.refused(error)


def _minutes(records: list[dict]) -> float:
    others = [record.get("sampling_s", 0.0) + record["classifier_s"] for record in records]
    return minutes_of_seeds([record.get("training_s", 0.0) for record in records], others)


def _near_duplicates(runner: Runner, contest: Contest, loaded: LoadedFolder) -> tuple[pd.DataFrame, bool]:
    """A row for each pair of an image learned from and one tested on in a fold, and whether these are all."""
    rows, are_all, known = [], True, hashes(loaded.dataset.images)
    for task in contest.tasks:
        indices = runner.parts(task.name).indices
        learned = np.concatenate([indices["train"], indices["validation"]])
        found = near_duplicates(
            loaded.dataset.images, learned, indices["test"], max_alike=MAX_ALIKE, known_hashes=known
        )
        are_all = are_all and found.is_complete
        rows += [
            (loaded.paths[first].as_posix(), loaded.paths[second].as_posix(), round(float(distance), 1))
            for (first, second), distance in zip(found.pairs, found.distances, strict=True)
        ]
    return pd.DataFrame(rows, columns=["learned from", "tested on", "distance"]), are_all


def _verdict_section(runner: Runner, contest: Contest, advice: str, options) -> Section:
    smoke = ("Schedule smoke only tests the program: its results mean nothing.",) if options.schedule == "smoke" else ()
    n_folds, task = len(contest.tasks), contest.tasks[0]
    if n_folds == 1:
        design = f"Classifiers were tested on the same {len(contest.true)} images, which nothing had learned from."
    else:
        design = (
            f"In {n_folds} folds each of the {len(contest.true)} images was tested once, by classifiers and methods "
            f"that had learned from the other folds. Classifiers of different folds are not independent, so the "
            f"variance of test images counts {verdict.fold_factor(n_folds):.2f} times (Nadeau and Bengio 2003: "
            "1 + folds / (folds - 1))."
        )
    n_network_folds = options.network_folds or n_folds
    networks = "Networks were trained once in each fold; the spread over seeds is that of new images and classifiers."
    if task.n_trainings > 1:
        networks = f"Networks were trained {task.n_trainings} times in each fold, and verdicts cover that luck."
    if n_network_folds < n_folds:
        networks += (
            f" Methods that train networks were tried on {n_network_folds} of the folds (--network-folds), since each "
            "trains them anew; they are compared on these alone."
        )
    more = f", and more, up to {options.seeds}, while these could decide something"
    text = (
        *smoke,
        advice,
        *(f"{name} failed; see {log}." for name, log in contest.failed.items()),
        f"Each method against {contest.baseline} by {verdict.METRIC_LABELS[options.metric]}; the minority class is "
        f"{task.measured_label}. {design} {networks}",
        f"Every method had {contest.looks[0]} seeds{more if len(contest.looks) > 1 else ''}. If no method differs from "
        f'the baseline, the probability of any verdict but "{verdict.NO_EVIDENCE}" is at most 5 % '
        "(Student's t over seeds and test images, Holm over methods, looks before the last at .5 %); "
        '"could be seen" is the smallest true difference that would be found about four times in five.',
    )
    return Section("Verdict", text, figures=(runner.plan.out / "figures" / "verdicts.png",))


def _metric_section(table: pd.DataFrame, contest: Contest, minutes: dict[str, float]) -> Section:
    rows = [
        (
            row.method,
            row.verdict,
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.smallest_effect:.3f}" if 0 < row.smallest_effect < 1 else "unknown",
            str(contest.seeds[row.method]),
            f"{minutes[row.method]:.1f}",
        )
        for row in table.itertuples()
    ]
    texts = ("difference", "interval", "could be seen", "seeds", "minutes")
    headings = (("method", ""), ("verdict", ""), *((text, "n") for text in texts))
    return Section(f"Verdict on {verdict.METRIC_LABELS[contest.metric]}", (), headings, tuple(rows))


def _score_section(scores: pd.DataFrame, contest: Contest, minutes: dict[str, float]) -> Section:
    found = scores.groupby(["method", "metric"], sort=False)["value"].agg(["mean", "std"])
    n_tested, rows = scores.groupby("method")["n_tested"].first(), []
    for method in minutes:
        texts = [
            f"{found.loc[(method, m), 'mean']:.4f} ± {found.loc[(method, m), 'std']:.4f}" for m in verdict.METRIC_LABELS
        ]
        rows.append((method, *texts, str(n_tested[method]), str(contest.seeds[method]), f"{minutes[method]:.1f}"))
    labels = (*verdict.METRIC_LABELS.values(), "test images", "seeds", "minutes")
    headings = (("method", ""), *((label, "n") for label in labels))
    text = ["Mean ± standard deviation over seeds, on real test images; minutes for one classifier with the method."]
    if n_tested.nunique() > 1:
        text.append("Scores on different test images cannot be compared; the verdicts compare on the same ones.")
    return Section("Scores", tuple(text), headings, tuple(rows))


def _draw_sweep(contest: Contest, path: Path) -> None:
    """Each method and, without new images, the baseline on the images that the method was tried on."""
    values = {}
    for name in contest.finished:
        entrant = contest.entrants[name]
        if entrants.images_by(entrant.method):
            chosen = contest.is_tested(name)
            of_method = values.setdefault(entrant.method, {})
            of_method[0.0] = contest.scores_on(chosen, contest.baseline)[contest.metric]
            of_method[entrant.proportion] = contest.scores_on(chosen, name)[contest.metric]
    comparison_figures.sweep(values, verdict.METRIC_LABELS[contest.metric], path)


def _image_section(records: dict[str, list[dict]], out: Path, options) -> Section:
    rows = []
    for name, found in records.items():
        first = found[0]
        for of_class, n in first.get("n_new", {}).items():
            dropped = [str(first["n_dropped"].get(chosen, {}).get(of_class, "not asked")) for chosen in options.filter]
            rows.append((name, of_class, str(n), *dropped))
    headings = (("method", ""), ("class", ""), ("new images", "n"), *((f"dropped: {f}", "n") for f in options.filter))
    pictures = tuple(path for path in [out / "figures" / "proportions.png"] if len(options.proportions) > 1)
    text = "What classifiers learn from beside the originals, first fold, seed 0. What filters drop is not replaced."
    return Section("New images", (text,), headings, tuple(rows), pictures)


def _filter_section(records: dict[str, list[dict]]) -> Section:
    rows = []
    for name, found in records.items():
        for chosen, of_classes in found[0].get("pass_rates", {}).items():
            rows += [(name, of_class, chosen, *in_words(rate)) for of_class, rate in of_classes.items()]
    headings = (("method", ""), ("class", ""), ("filter", ""), ("new images that passed", "n"), ("real ones", "n"))
    text = (
        "What the filters do to new images, first fold, seed 0, and to real test images of the same class. Each filter "
        "sees only what passed the one before. A filter that passes fewer new images than real ones finds something "
        "wrong with them; one that passes few real images is of no use here."
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
    runner: Runner, contest: Contest, loaded: LoadedFolder, duplicates: pd.DataFrame, are_all: bool, records: list[dict]
) -> Section:
    task = contest.tasks[0]
    parts = runner.parts(task.name)
    counts = [list(part.counts.values()) for part in (parts.train, parts.validation, parts.test)]
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
