"""Judge whether balancing a folder of images helps a classifier: each method against the images as they are."""

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from ...datasets import folder
from ...datasets.decoding import remove_others
from ...datasets.groups import read_groups
from ...datasets.stored_images import n_bytes
from ...models import BASELINE, METHODS, in_order, named
from ..command_line import EXIT_FAILED, FailedError, Parser, UsageError, method_name, positive, writable_folder
from ..running import devices, locks
from ..running.cell import Cell
from ..running.filters import FILTERS, HELP, check_packages
from ..running.plan import Plan, duration
from . import options as folder_options
from .run_file import RUN_FILE, holds, holds_other_files
from .task import PROTOCOL, check, check_memory, folder_task, split

DEFAULT_OUT = "results/judge"
SECONDS_AN_AUDIT = 15
EXTRACTORS = ("classifier", "inception")
ALWAYS = (BASELINE, "class_weights", "mixup", "random_oversampling", "geometric")  # they cost next to nothing
CHOICES = tuple(name for name in METHODS if name not in ALWAYS)


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    folder_options.add_to(parser)
    parser.add_argument(
        "--methods", nargs="*", type=method_name, default=CHOICES, metavar="NAME",
        help=f"which of {', '.join(CHOICES)}, or chains as first+second, where the second transforms the first's "
        f"images; always compared: {', '.join(ALWAYS)} (default: all but chains)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=positive, default=5, metavar="N",
        help="classifiers per method; 2 or 3 show only large differences (default: 5)",
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
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where results go (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("argument --seeds: a verdict needs at least 2")
    options.methods = [name for name in in_order(options.methods) if name not in ALWAYS]
    options.proportions = sorted(set(options.proportions))
    options.filter = list(dict.fromkeys(options.filter))
    return options


def proportion(text: str) -> float:
    """argparse type: a number above 0 and at most 10."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 10, got {text!r}")
    return value


def main(options) -> int:
    folder_options.one_machine()
    check_packages(options.filter)
    listing = folder_options.scanned(options.source)
    shape = options.image_size or folder.image_shape(listing)
    counts = listing.counts
    if len(set(counts.values())) == 1:
        raise UsageError(f"all classes of {options.source} have {counts[listing.class_names[0]]} images: balanced")
    if options.minority is not None and options.minority not in counts:
        raise UsageError(f"--minority: {options.source} has no class {options.minority}")
    paths = tuple(path for found in listing.paths for path in found)
    groups = read_groups(listing.folder, paths)
    out = Path(options.out)
    if out.resolve().is_relative_to(listing.folder.resolve()):
        raise UsageError(f"{out} lies in {options.source}; choose another folder with --out")
    if holds_other_files(out):
        raise UsageError(f"{out} holds files that judge did not write; choose another folder with --out")
    labels = np.repeat(np.arange(len(listing.paths)), list(counts.values()))
    plan = planned(options, listing.class_names, labels, groups, (*shape, 3))
    indices = split(plan.tasks["folder"], labels, groups)
    learned = np.bincount(labels[indices["train"]], minlength=len(counts)).tolist()
    learned = dict(zip(listing.class_names, learned, strict=True))
    making = [name for name in options.methods if named(name).makes_images]
    check(making, options.schedule, learned, shape)
    small = [name for name, n in learned.items() if n < max(learned.values())]
    check_memory(making, options.schedule, learned, small, shape)
    check_claim(out, options, class_names=listing.class_names)
    n_new = round(sum(max(learned.values()) - n for n in learned.values()) * max(options.proportions))
    needed = folder.n_bytes_decoded(listing, shape) + n_bytes(options.jobs * n_new, (*shape, 3))
    folder.check_disk(out, needed)
    print_plan(plan, options, listing, indices, groups)
    if options.dry_run:
        return 0
    with locks.held(writable_folder(options.out), wait=False):
        loaded = folder.load(listing, shape, out, options.strict, verbose=1)
        groups, dataset = folder_options.groups_of(loaded.paths, paths, groups), loaded.dataset
        plan = planned(options, dataset.class_names, dataset.labels, groups, dataset.images.shape[1:])
        return run(plan, options, loaded, groups)


def planned(options, class_names, labels: np.ndarray, groups, image_shape: tuple[int, ...]) -> Plan:
    task = folder_task(class_names, labels, groups, image_shape, options.minority, not options.no_flip)
    return Plan(Path(options.out), {task.name: task}, options.schedule, PROTOCOL, tuple(options.filter))


def asked_cells(options) -> list[Cell]:
    """One for each method, proportion and seed; first the methods without images, which have no proportions."""
    methods = in_order([*ALWAYS, *options.methods])
    without = [(name, 1.0) for name in methods if not named(name).makes_images]
    making = [(name, share) for name in methods if named(name).makes_images for share in options.proportions]
    return [Cell("folder", name, seed, share) for name, share in without + making for seed in range(options.seeds)]


def print_plan(plan: Plan, options, listing: folder.Listing, indices: dict[str, np.ndarray], groups) -> None:
    cells, shape = asked_cells(options), plan.tasks["folder"].image_shape
    print(", ".join(f"{n} {name}" for name, n in listing.counts.items()) + f"; {shape[0]} x {shape[1]} pixels")
    folder_options.print_others(listing)
    if groups is not None:
        print(f"groups.csv names {len(np.unique(groups))} groups, which stay together.")
    n_train, n_validation, n_test = (len(indices[name]) for name in ("train", "validation", "test"))
    print(f"About {n_train} of these to learn from, {n_validation} to choose epochs by, {n_test} to test.")
    print(f"{len(cells) // options.seeds} comparisons with {options.seeds} seeds each, into {options.out}:")
    width = max(len(cell.method) for cell in cells)
    for method, of_method in itertools.groupby(cells, key=lambda cell: cell.method):
        of_method = list(of_method)
        n_finished = sum(map(plan.is_finished, of_method))
        shares = [f"{share:g}" for share in dict.fromkeys(cell.proportion for cell in of_method)]
        times = "" if shares == ["1"] else f", with {', '.join(shares)} times the new images"
        done = f", {n_finished} of {len(of_method)} finished" if n_finished else ""
        print(f"  {method:{width}} training {duration(plan.training_seconds(of_method[0]))}{times}{done}")
    print(f"  {'a classifier':{width}} {duration(plan.measuring_seconds(cells[0]))}")
    n_audits = len(options.methods) + 1
    audits = (plan.measuring_seconds(cells[0]) + SECONDS_AN_AUDIT) * n_audits
    seconds = plan.remaining_seconds(cells) + (audits if not all(map(plan.is_finished, cells)) else 0)
    print(
        f"About {duration(seconds)} on two cores like the reference machine's; finished parts are kept.",
        flush=True,
    )


def run(plan: Plan, options, loaded: folder.LoadedFolder, groups: np.ndarray | None) -> int:
    from ..running import workers
    from ..running.runner import Runner
    from . import report

    extractor = chosen_extractor(options)
    runner = Runner(plan, {"folder": loaded.dataset}, groups, devices.strategy(options.devices), verbose=0)
    if not runner.parts("folder").additions(max(options.proportions)):
        raise UsageError(f"the images of {options.source} to learn from are balanced; there is nothing to add")
    claim(plan.out, options, loaded, groups)
    cells = asked_cells(options)
    failed = workers.run_all(runner, cells, options.jobs, options.devices)
    failed_treatments = {cell.treatment: log for cell, log in failed.items()}
    if BASELINE in failed_treatments:
        raise FailedError(f"without {BASELINE} there is nothing to compare with; see {failed_treatments[BASELINE]}")
    finished = [cell for cell in cells if cell.treatment not in failed_treatments]
    failed_methods = {cell.method for cell in failed}
    audited = [name for name in in_order(["geometric", *options.methods]) if name not in failed_methods]
    advice = report.write_all(runner, finished, failed_treatments, audited, extractor, loaded, options)
    out = plan.out
    print(
        f"\n{advice}\nOpen {out / 'index.html'} in a browser; its tables are in {out / 'report.md'}, as CSV beside it."
    )
    if failed:
        print(f"{len(failed)} of {len(cells)} cells failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    return 0


def check_claim(out: Path, options, **images) -> None:
    """Raise UsageError if OUT holds results of other options or, of what is given about them, of other images."""
    path = out / RUN_FILE
    if path.exists() and not holds(path, _chosen(options) | images):
        raise UsageError(f"{out} holds results of other images or options ({path}); choose another folder with --out")


def claim(out: Path, options, loaded: folder.LoadedFolder, groups: np.ndarray | None) -> None:
    """Note in OUT what is judged there; raises UsageError if it holds other results."""
    from ...datasets.files import write_atomically

    images = {
        "images": loaded.dataset.digest,
        "class_names": loaded.dataset.class_names,
        "groups": None if groups is None else groups.tolist(),
    }
    check_claim(out, options, **images)
    write_atomically(out / RUN_FILE, json.dumps(_chosen(options) | images))
    remove_others(out, loaded.dataset.images)


def _chosen(options) -> dict:
    return {name: getattr(options, name) for name in ("schedule", "no_flip", "filter", "extractor")}


def chosen_extractor(options):
    """None for the features of the classifier of the originals, which the report finds itself."""
    if options.extractor == "classifier":
        return None
    from ...evaluation.features import inception_features, inception_weights_path

    path = inception_weights_path()
    if not path.exists():
        raise UsageError(f"--extractor inception: there are no weights in {path}; put them there or leave it out")
    try:
        return inception_features(path)
    except ValueError as error:
        raise UsageError(f"--extractor inception: {error}") from error
