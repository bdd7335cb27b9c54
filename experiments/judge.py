"""Judge whether balancing a folder of images helps a classifier: each method against the images as they are."""

import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np

from datasets import folder
from datasets.groups import read_groups
from experiments import devices, folder_methods, folder_options, grid, hyperparameters, locks, plan
from experiments.command_line import EXIT_FAILED, Parser, UsageError, call, positive, writable_folder
from experiments.folder_methods import ALWAYS, BASELINE, WITHOUT_IMAGES

DEFAULT_OUT = "results/judge"
RUN_FILE = "run.json"
SPLIT_RANDOM_STATE = 0
SECONDS_AN_AUDIT = 15
FILTERS = ("confidence", "duplicates")
METHODS = tuple(name for name in grid.METHODS if name not in ALWAYS)
EXTRACTORS = ("classifier", "inception")


def parse(arguments=None):
    parser = Parser("judge.py", description=__doc__)
    folder_options.add_to(parser)
    parser.add_argument(
        "--methods", nargs="*", choices=(*METHODS, *ALWAYS), default=METHODS, metavar="NAME",
        help=f"which of {', '.join(METHODS)}; always in the race: {', '.join(ALWAYS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=positive, default=5, metavar="N",
        help="classifiers a method; 2 or 3 show only large differences (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--proportions", nargs="+", type=proportion, default=[1.0], metavar="X",
        help="how many new images: 1 restores the balance, 0.5 is half of that (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--filter", nargs="+", choices=FILTERS, default=[], metavar="NAME",
        help="drop new images that the classifier of the originals takes for another class (confidence) or that are "
        "near copies of a training image (duplicates)",
    )  # fmt: skip
    parser.add_argument("--minority", metavar="CLASS", help="of which F1 is measured (default: the smallest)")
    parser.add_argument(
        "--extractor", choices=EXTRACTORS, default="classifier",
        help="features that new images are audited by: those of the classifier of the originals, or InceptionV3's "
        "where Keras has its weights, of which the Fréchet distance is always refused: they are more than half of the "
        "at most 1000 images of a class (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where results go (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("argument --seeds: a verdict needs at least 2")
    options.methods = [name for name in METHODS if name in options.methods]
    options.proportions = sorted(set(options.proportions))
    options.filter = [name for name in FILTERS if name in options.filter]
    return options


def proportion(text: str) -> float:
    """argparse type: a number above 0 and at most 10."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        import argparse

        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 10, got {text!r}")
    return value


def main() -> int:
    options = parse()
    folder_options.one_machine()
    listing = folder_options.scanned(options.source)
    shape = options.image_size or folder.image_shape(listing)
    counts = listing.counts
    if len(set(counts.values())) == 1:
        raise UsageError(f"all classes of {options.source} have {counts[listing.class_names[0]]} images: balanced")
    if options.minority is not None and options.minority not in counts:
        raise UsageError(f"--minority: {options.source} has no class {options.minority}")
    learned = {name: int(0.7 * 0.75 * n) for name, n in counts.items()}
    folder_methods.check(options.methods, learned, shape)
    n_lacking = len(counts) * max(counts.values()) - sum(counts.values())
    folder.check_memory(sum(counts.values()) + round(n_lacking * max(options.proportions)), shape)
    paths = tuple(path for found in listing.paths for path in found)
    groups = read_groups(listing.folder, paths)
    out = Path(options.out)
    if out.resolve().is_relative_to(listing.folder.resolve()):
        raise UsageError(f"{out} lies in {options.source}; choose another folder with --out")
    if out.is_dir() and not (out / RUN_FILE).exists() and any(path.name != ".lock" for path in out.iterdir()):
        raise UsageError(f"{out} holds files that judge.py did not write; choose another folder with --out")
    split(np.repeat(np.arange(len(listing.paths)), list(counts.values())), groups, listing.class_names)
    print_plan(options, listing, learned, shape, groups)
    if options.dry_run:
        return 0
    loaded = folder.load(listing, shape, options.strict, verbose=1)
    if groups is not None:
        group_of = dict(zip(paths, groups, strict=True))
        groups = np.array([group_of[path] for path in loaded.paths])
    with locks.held(writable_folder(options.out), wait=False):
        return run(options, loaded, groups, out)


def split(labels: np.ndarray, groups: np.ndarray | None, class_names) -> dict[str, np.ndarray]:
    """Indices of the images of each part; raises UsageError where a class is too small."""
    from experiments.parts import split_indices

    try:
        return split_indices(labels, groups, class_names, SPLIT_RANDOM_STATE)
    except ValueError as error:
        raise UsageError(f"the images cannot be split for testing: {error}") from error


def print_plan(options, listing: folder.Listing, learned: dict[str, int], shape: tuple[int, int], groups) -> None:
    arms = contestants(options)
    n_images = sum(learned.values())
    print(", ".join(f"{n} {name}" for name, n in listing.counts.items()) + f"; {shape[0]} x {shape[1]} pixels")
    n_test = round(hyperparameters.TEST_FRACTION * sum(listing.counts.values()))
    n_validate = sum(listing.counts.values()) - n_test - n_images
    folder_options.print_others(listing)
    if groups is not None:
        print(f"groups.csv names {len(np.unique(groups))} groups, which stay together.")
    print(f"Of these about {n_images} to learn from, {n_validate} to choose epochs by, {n_test} to test.")
    print(f"{len(arms)} contestants with {options.seeds} seeds each, into {options.out}:")
    seconds = 0.0
    for method, of_method in itertools.groupby(arms, key=lambda arm: arm[0]):
        training = 0.0
        if method in METHODS:
            training = folder_methods.training_seconds(method, options.schedule, n_images, shape)
        shares = [f"{share:g}" for _, share in of_method]
        times = "" if shares == ["1"] else f", with {', '.join(shares)} times the new images"
        print(f"  {method:20} training {plan.duration(training)}{times}")
        seconds += training
    classifier = folder_methods.classifier_seconds(options.schedule, n_images, shape)
    print(f"  {'a classifier':20} {plan.duration(classifier)}")
    n_audits = len(options.methods) + 1
    seconds += classifier * (len(arms) * options.seeds + n_audits) + SECONDS_AN_AUDIT * n_audits
    print(
        f"About {plan.duration(seconds)} on two cores like the reference machine's; finished parts are kept.",
        flush=True,
    )


def contestants(options) -> list[tuple[str, float]]:
    """(method, proportion) of each arm of the race."""
    without, making = [], []
    for name in (*ALWAYS, *options.methods):
        if name in WITHOUT_IMAGES:
            without.append((name, 1.0))
        else:
            making += [(name, share) for share in options.proportions]
    return without + making


def run(options, loaded: folder.LoadedFolder, groups: np.ndarray | None, out: Path) -> int:
    from experiments import compile_verdict
    from experiments.parts import parts
    from experiments.race import Arm, Race

    dataset = loaded.dataset
    cut = parts(dataset, groups, split(dataset.labels, groups, dataset.class_names))
    strategy = devices.strategy(options.devices)
    extractor = chosen_extractor(options)
    race = Race(out, cut, options.schedule, options.filter, not options.no_flip, strategy)
    if not race.additions(max(options.proportions)):
        raise UsageError(f"the images of {options.source} to learn from are balanced; there is nothing to add")
    claim(out, options, loaded, groups)
    arms = [Arm(*contestant) for contestant in contestants(options)]
    failed = run_arms(race, arms, options)
    failed_methods = {arm.method for arm in failed}
    audited = [name for name in ("geometric", *options.methods) if name not in failed_methods]
    if Arm(BASELINE) in failed:
        print(f"judge.py: without {BASELINE} there is nothing to compare with.", file=sys.stderr)
        return EXIT_FAILED
    finished = [arm for arm in arms if arm not in failed]
    advice = compile_verdict.write_all(race, finished, failed, audited, extractor, loaded, options)
    print(
        f"\n{advice}\nEverything is on {out / 'index.html'}; the tables are in {out / 'report.md'}, as CSV beside it."
    )
    if failed:
        print(f"{len(failed)} contestants failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    return 0


def run_arms(race, arms, options) -> list:
    """Run every arm with every seed, a line each; returns the arms that failed."""
    from sklearn.metrics import balanced_accuracy_score

    failed, started, n_done, n_new = [], time.perf_counter(), 0, 0
    for arm in arms:
        for seed in range(options.seeds):
            is_new = race.record(arm, seed) is None
            record = race.run(arm, seed)
            n_done += 1
            n_new += is_new
            if record is None:
                failed.append(arm)
                n_done += options.seeds - seed - 1
                break
            score = balanced_accuracy_score(race.parts.test.labels, record["predicted"])
            left = (time.perf_counter() - started) / n_new * (len(arms) * options.seeds - n_done) if n_new else 0.0
            print(
                f"[{n_done}/{len(arms) * options.seeds}] {arm}, seed {seed}: balanced accuracy {score:.4f}"
                + (f" (about {plan.duration(left)} left)" if is_new and left else ""),
                flush=True,
            )
    return failed


def claim(out: Path, options, loaded: folder.LoadedFolder, groups: np.ndarray | None) -> None:
    """Note in OUT what is judged there; raises UsageError where it holds other results."""
    from datasets.files import write_atomically

    shared = ("schedule", "no_flip", "filter", "extractor")
    chosen = {name: getattr(options, name) for name in shared} | {
        "images": loaded.dataset.digest,
        "class_names": loaded.dataset.class_names,
        "groups": None if groups is None else groups.tolist(),
    }
    text, path = json.dumps(chosen), out / RUN_FILE
    if path.exists() and path.read_text() != text:
        raise UsageError(f"{out} holds results of other images or options ({path}); choose another folder with --out")
    write_atomically(path, text)


def chosen_extractor(options):
    """None for the classifier's own features, which the race knows."""
    if options.extractor == "classifier":
        return None
    from evaluation.features import inception_features, inception_weights_path

    path = inception_weights_path()
    if not path.exists():
        raise UsageError(f"--extractor inception: there are no weights in {path}; put them there or leave it out")
    try:
        return inception_features(path)
    except ValueError as error:
        raise UsageError(f"--extractor inception: {error}") from error


if __name__ == "__main__":
    call(main, "judge.py")
