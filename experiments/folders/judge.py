"""Judge whether balancing a folder of images helps a classifier: each method against the images as they are."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from ...datasets import folder
from ...datasets.decoding import remove_others
from ...datasets.groups import read_groups
from ...datasets.stored_images import n_bytes
from ...models import BASELINE, METHODS, in_order, named
from ..command_line import EXIT_FAILED, Parser, UsageError, check_writable, method_name, positive
from ..running import devices, locks
from ..running.filters import FILTERS, HELP, check_packages
from ..running.plan import Plan
from . import options as folder_options
from .entrants import ALWAYS, CHOICES, SHORTLIST, entrants, images_by, rivals, trains_networks
from .judge_plan import print_plan
from .run_file import RUN_FILE, differing, holds_other_files
from .task import PROTOCOL, check, check_memory, default_folds, judged_tasks, split

DEFAULT_OUT = "results/judge"
EXTRACTORS = ("classifier", "inception")
METRICS = ("balanced_accuracy", "f1_minority", "accuracy")
ALL = "all"
MIN_SEEDS = 2  # in folds; in a single one 3


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    folder_options.add_to(parser)
    parser.add_argument(
        "--methods", nargs="*", type=rival, default=SHORTLIST, metavar="NAME",
        help=f"which of {', '.join(CHOICES)}, or {ALL} of these, or several joined as first+second: the second "
        f"transforms the first's images, or is another way to train the classifier; always compared: "
        f"{', '.join(ALWAYS)} (default: {', '.join(SHORTLIST)})",
    )  # fmt: skip
    parser.add_argument(
        "--with", dest="joined", type=way, metavar="NAME",
        help="a way to train the classifier, such as logit_adjustment, that is the baseline and is joined to every "
        "method: does a method add to it?",
    )  # fmt: skip
    parser.add_argument(
        "--metric", choices=METRICS, default=METRICS[0],
        help="what verdicts are on; the others are only shown (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=positive, metavar="N",
        help="in how many folds every image is a test image once; 1: 30 %% are (default: 5 where the smallest class "
        "has fewer than 200 images, else 1)",
    )  # fmt: skip
    parser.add_argument(
        "--network-folds", type=positive, metavar="N",
        help="folds on which methods that train networks are tried, since each trains them anew (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--trainings", type=positive, default=1, metavar="N",
        help="how often networks are trained in a fold, so that verdicts cover that luck too: 1, or 2 (without folds "
        "3) up to the number of seeds (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=positive, default=5, metavar="N",
        help="classifiers per method and fold, at most: a method gets more than the first few only while they "
        "can decide something (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--proportions", nargs="+", type=proportion, default=[1.0], metavar="X",
        help="how many new images: 1 restores the balance, 0.5 is half of that (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--filter", nargs="+", choices=FILTERS, default=[], metavar="NAME",
        help=f"{HELP}; others are dropped and not replaced",
    )  # fmt: skip
    parser.add_argument("--minority", metavar="CLASS", help="the class whose F1 is measured (default: the smallest)")
    parser.add_argument(
        "--extractor", choices=EXTRACTORS, default="classifier",
        help="features for the audit of new images: those of the classifier of the originals, or InceptionV3's "
        "if Keras has its weights; with these the Fréchet distance is always refused, as they are more than half of "
        "the at most 1000 images of a class (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="classifiers side by side (default: 1)")
    parser.add_out(DEFAULT_OUT)
    options = parser.parse_args(arguments)
    if options.seeds < MIN_SEEDS:
        parser.error(f"argument --seeds: a verdict needs at least {MIN_SEEDS}")
    if options.trainings != 1 and not MIN_SEEDS <= options.trainings <= options.seeds:
        parser.error(f"argument --trainings: expected 1, or {MIN_SEEDS} up to the number of seeds, {options.seeds}")
    options.are_chosen = options.methods is not SHORTLIST and ALL not in options.methods
    asked = CHOICES if ALL in options.methods else options.methods
    options.methods = [name for name in in_order(asked) if name not in ALWAYS]
    options.proportions = sorted(set(options.proportions))
    options.filter = list(dict.fromkeys(options.filter))
    return options


def rival(text: str) -> str:
    """argparse type: "all" or what `method_name` takes."""
    return text if text == ALL else method_name(text)


def way(text: str) -> str:
    """argparse type: a way to train the classifier."""
    name = method_name(text)
    if named(name).makes_images or name == BASELINE:
        ways = ", ".join(name for name, method in METHODS.items() if method.family == "classifier")
        raise argparse.ArgumentTypeError(f"{name} is no way to train the classifier; there are {ways}")
    return name


def proportion(text: str) -> float:
    """argparse type: a number above 0 and at most MAX_PROPORTION."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= folder_options.MAX_PROPORTION:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0 and at most {folder_options.MAX_PROPORTION}, got {text!r}"
        )
    return value


def main(options) -> int:
    from ...evaluation.verdict import min_seeds

    folder_options.one_machine()
    check_packages(options.filter)
    listing = folder_options.scanned(options.source)
    groups = read_groups(listing.folder, listing.all_paths)
    listing, groups = folder_options.looked_at(listing, groups, options.strict)
    shape = options.image_size or listing.shape
    counts = listing.counts
    if len(set(counts.values())) == 1:
        raise UsageError(f"all classes of {options.source} have {counts[listing.class_names[0]]} images: balanced")
    if options.minority is not None and options.minority not in counts:
        raise UsageError(f"--minority: {options.source} has no class {options.minority}")
    out = Path(options.out)
    if out.resolve().is_relative_to(listing.folder.resolve()):
        raise UsageError(f"{out} lies in {options.source}; choose another folder with --out")
    if holds_other_files(out):
        raise UsageError(f"{out} holds files that judge did not write; choose another folder with --out")
    check_writable(out)
    labels = np.repeat(np.arange(len(listing.paths)), list(counts.values()))
    options.rivals = rivals(options)
    options.folds = options.folds or default_folds(labels, groups)
    if options.network_folds and options.network_folds > options.folds:
        raise UsageError(f"--network-folds {options.network_folds}: there are {options.folds} folds")
    plan = planned(options, listing.class_names, labels, groups, (*shape, 3))
    splits = [split(task, labels, groups) for task in plan.tasks.values()]
    learned = np.min([np.bincount(labels[s["train"]], minlength=len(counts)) for s in splits], axis=0).tolist()
    learned = dict(zip(listing.class_names, learned, strict=True))
    small = [name for name, n in learned.items() if n < max(learned.values())]
    check_proportions(options, learned)
    if not options.are_chosen:
        leave_out(options, learned, small, shape)
    of_networks = {"--network-folds": options.network_folds, "--trainings": options.trainings > 1}
    given = " and ".join(name for name, is_given in of_networks.items() if is_given)
    if given and not any(map(trains_networks, options.rivals)):
        raise UsageError(f"{given}: no method that trains networks takes part; name one or leave the option out")
    n_folds = options.network_folds or options.folds
    if 1 < options.trainings < min_seeds(n_folds):
        raise UsageError(
            f"--trainings {options.trainings}: with one fold a verdict needs at least {min_seeds(n_folds)}"
        )
    options.first_look = max(min_seeds(n_folds), options.trainings)
    if options.seeds < options.first_look:
        where = "without folds" if options.folds == 1 else f"with --network-folds {n_folds}"
        raise UsageError(f"--seeds {options.seeds}: a verdict needs at least {options.first_look} {where}")
    making = [name for name in map(images_by, options.rivals) if name]
    check(making, options.schedule, learned, shape)
    check_memory(making, options.schedule, learned, small, shape)
    check_claim(out, options, class_names=listing.class_names, image_size=shape)
    n_new = round(sum(max(learned.values()) - n for n in learned.values()) * max(options.proportions))
    needed = folder.n_bytes_decoded(listing, shape) + n_bytes(options.jobs * n_new, (*shape, 3))
    folder.check_disk(out, needed)
    check_extractor(options)
    devices.check(options.devices)
    if options.dry_run:
        print_plan(plan, options, listing, splits[0], groups)
        folder_options.print_unseen()
        return 0
    with locks.held(out, wait=False):
        print_plan(plan, options, listing, splits[0], groups)
        loaded = folder.load(listing, shape, out, options.strict, verbose=1)
        groups, dataset = folder_options.groups_of(loaded.paths, listing.all_paths, groups), loaded.dataset
        plan = planned(options, dataset.class_names, dataset.labels, groups, dataset.images.shape[1:])
        return run(plan, options, loaded, groups)


def check_proportions(options, learned: dict[str, int]) -> None:
    """Raise UsageError if one of them adds no image to those that are learned from."""
    lacking = [max(learned.values()) - n for n in learned.values()]
    if not any(lacking):
        raise UsageError(f"the images of {options.source} to learn from are balanced; there is nothing to add")
    for share in options.proportions:
        if not any(round(share * n) for n in lacking):
            raise UsageError(f"--proportions {share:g} adds no image, since a class lacks {max(lacking)} at most")


def leave_out(options, learned: dict[str, int], small: list[str], shape: tuple[int, int]) -> None:
    """Leave out the methods that nobody named and for which there are too few images, too small or too large ones."""
    for name in [name for name in options.methods if images_by(name)]:
        try:
            check([images_by(name)], options.schedule, learned, shape)
            check_memory([images_by(name)], options.schedule, learned, small, shape)
        except UsageError as error:
            print(f"Left out: {error}.", file=sys.stderr)
            options.methods.remove(name)
            options.rivals = [rival for rival in options.rivals if images_by(rival) != images_by(name)]


def planned(options, class_names, labels: np.ndarray, groups, image_shape: tuple[int, ...]) -> Plan:
    asked = class_names, labels, groups, image_shape, options.minority, not options.no_flip
    tasks = judged_tasks(*asked, options.folds, options.trainings, options.network_folds)
    by_name = {task.name: task for task in tasks}
    return Plan(Path(options.out), by_name, options.schedule, PROTOCOL, tuple(options.filter))


def run(plan: Plan, options, loaded: folder.LoadedFolder, groups: np.ndarray | None) -> int:
    from functools import partial

    from ...evaluation import racing
    from ..running import workers
    from ..running.runner import Runner
    from . import report
    from .contest import Contest

    runner = Runner(plan, {"folder": loaded.dataset}, groups, devices.strategy(options.devices), verbose=0)
    extractor = chosen_extractor(options)
    tasks = list(plan.tasks.values())
    check_proportions(options, runner.parts(tasks[0].name).train.counts)
    claim(plan.out, options, loaded, groups)
    run_all = partial(workers.run_all, runner, n_jobs=options.jobs, chosen_devices=options.devices)
    looks = racing.looks(options.seeds, options.first_look)
    contest = Contest(runner, tasks, entrants(plan, options), options.metric, looks, run_all)
    contest.run()
    advice = report.write_all(runner, contest, extractor, loaded, options)
    out = plan.out
    warning = "Schedule smoke only tests the program; this means nothing: " if plan.schedule == "smoke" else ""
    print(f"\n{warning}{advice}")
    print(f"Open {out / 'index.html'} in a browser; its tables are in {out / 'report.md'}, as CSV beside it.")
    if contest.failed:
        n_methods = f"{len(contest.failed)} of {len(contest.entrants)} methods"
        print(f"{n_methods} failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    return 0


def check_claim(out: Path, options, **images) -> None:
    """Raise UsageError if OUT holds results of other options or, of what is given about them, of other images."""
    path = out / RUN_FILE
    if path.exists() and (words := differing(path, _chosen(options), images)):
        raise UsageError(f"{out} holds results {words} ({path}); choose another folder with --out")


def claim(out: Path, options, loaded: folder.LoadedFolder, groups: np.ndarray | None) -> None:
    """Note in OUT what is judged there; raises UsageError if it holds other results."""
    from ...datasets.files import write_atomically

    images = {
        "images": loaded.dataset.digest,
        "image_size": loaded.dataset.images.shape[1:3],
        "class_names": loaded.dataset.class_names,
        "groups": None if groups is None else groups.tolist(),
    }
    check_claim(out, options, **images)
    write_atomically(out / RUN_FILE, json.dumps(_chosen(options) | images))
    remove_others(out, loaded.dataset.images)


def _chosen(options) -> dict:
    return {name: getattr(options, name) for name in ("schedule", "no_flip", "filter", "extractor", "minority")}


def check_extractor(options) -> None:
    """Raise UsageError if the extractor's weights are not there."""
    if options.extractor == "inception":
        from ...evaluation.features import inception_weights_path

        path = inception_weights_path()
        if not path.exists():
            raise UsageError(f"--extractor inception: there are no weights in {path}; put them there or leave it out")


def chosen_extractor(options):
    """None for the features of the classifier of the originals, which the report finds itself."""
    if options.extractor == "classifier":
        return None
    from ...evaluation.features import inception_features, inception_weights_path

    try:
        return inception_features(inception_weights_path())
    except ValueError as error:
        raise UsageError(f"--extractor inception: {error}") from error
