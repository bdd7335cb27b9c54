"""Balance a folder of images: copy its originals and add as many new images as each small class lacks."""

import argparse
import shlex
import shutil
from pathlib import Path

import numpy as np

from ...datasets import folder
from ...datasets.decoding import remove_others
from ...datasets.groups import read_groups
from ...datasets.image_dataset import ImageDataset
from ...datasets.stored_images import n_bytes
from ...models import JOINED, METHODS, named
from ..command_line import FailedError, Parser, UsageError, method_name, seed, words_of
from ..running import devices, locks
from ..running.filters import FILTERS, HELP, check_packages, in_words
from ..running.plan import duration
from . import options as folder_options
from .destination import (
    PREVIEW,
    check_claim,
    check_destination,
    claim,
    continue_publishing,
    new_name,
    publish,
    working_folder,
)
from .run_file import RUN_FILE
from .task import balancer as new_balancer
from .task import check, check_memory, filtering_task

CHOICES = tuple(name for name, method in METHODS.items() if method.makes_images)


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    folder_options.add_to(parser)
    parser.add_argument("destination", metavar="DST", help="folder to make; it must not exist")
    parser.add_argument(
        "--method", required=True, type=maker, metavar="NAME",
        help=f"one of {', '.join(CHOICES)}, or a chain as first+second: the second transforms the first's images",
    )  # fmt: skip
    parser.add_argument(
        "--sampling-strategy", nargs="+", default=["auto"], metavar="WORD",
        help=f"{', '.join(folder_options.STRATEGIES)}, for two classes their ratio, or CLASS=COUNT ... as the wanted "
        "numbers of images (default: auto, as many as the largest class has)",
    )  # fmt: skip
    parser.add_argument(
        "--filter", nargs="+", choices=FILTERS, default=[], metavar="NAME",
        help=f"{HELP}; as many are made as it takes, up to 20 times the wanted number",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all randomness (default: 0)")
    parser.add_argument("--link", action="store_true", help="link the originals instead of copying them")
    parser.add_argument("--save-model", metavar="FILE", help="keep what the method learned, for its class's load")
    parser.add_argument(
        "--force", action="store_true", help="replace FILE, and a DST that balance.py made, which is kept as DST.old"
    )
    options = parser.parse_args(arguments)
    options.filter = list(dict.fromkeys(options.filter))
    return options


def maker(text: str) -> str:
    """argparse type: a method that makes images, or a chain of such."""
    method = named(method_name(text))
    if method.classifier_methods:
        ways = ", ".join(way.name for way in method.classifier_methods)
        raise argparse.ArgumentTypeError(f"{ways} makes no images; there are {', '.join(CHOICES)}")
    return method.name


def main(options) -> int:
    folder_options.one_machine()
    check_packages(options.filter)
    if "duplicates" in options.filter and named(options.method).load().makes_copies:
        raise UsageError(f"{options.method} makes copies, of which --filter duplicates leaves none; leave it out")
    listing = folder_options.scanned(options.source)
    groups = read_groups(listing.folder, listing.all_paths) if options.filter else None
    listing, groups = folder_options.looked_at(listing, groups, options.strict)
    shape = options.image_size or listing.shape
    paths, working = listing.all_paths, working_folder(options)
    files = folder.identity(listing, shape)
    if not options.dry_run and continue_publishing(working, options, files):
        print(f"{options.destination} is complete; a command that was killed had only to move it to its place.")
        return 0
    check_destination(options)
    strategy = folder_options.sampling_strategy(options.sampling_strategy, listing.class_names)
    additions = folder_options.additions(strategy, listing.counts)
    if not any(additions.values()):
        raise UsageError(f"the classes of {options.source} need no new images; give another --sampling-strategy")
    check([options.method], options.schedule, {name: listing.counts[name] for name, n in additions.items() if n}, shape)
    check_source(options, listing.counts, additions)
    small = [name for name, n in additions.items() if n]
    check_memory([options.method], options.schedule, listing.counts, small, shape)
    if options.filter:
        labels = np.repeat(np.arange(len(listing.paths)), list(listing.counts.values()))
        filtering_task(listing.class_names, labels, groups, (*shape, 3))
    if taken := [str(path) for path in paths if path.name.startswith(new_name(options))]:
        raise UsageError(f"new images would be named like the originals {folder.listed(taken, ', ')}; rename these")
    check_claim(working, options)
    folder.check_disk(working, n_bytes_needed(options, listing, sum(additions.values()), shape))
    devices.check(options.devices)
    if options.dry_run:
        print_plan(options, listing, additions, shape)
        folder_options.print_unseen()
        return 0
    with locks.held(working, wait=False):
        print_plan(options, listing, additions, shape)
        is_new = not (working / RUN_FILE).exists()
        loaded = folder.load(listing, shape, working, options.strict, verbose=1)
        try:
            rates = run(options, loaded, folder_options.groups_of(loaded.paths, paths, groups), strategy, working)
        except UsageError:
            if is_new and not (working / "training").exists():  # nothing was learned
                shutil.rmtree(working)
            raise
        publish(working, options, files)
    print_result(options, loaded.dataset, strategy, rates)
    return 0


def check_source(options, counts: dict[str, int], additions: dict[str, int]) -> None:
    """Raise UsageError if images are to be added to the class that the method translates from, the largest."""
    largest = max(counts, key=counts.get)
    made = new_balancer(options.method, options.schedule, sum(counts.values()), False, folder=None)
    if made.source_classes and additions[largest]:
        raise UsageError(
            f"{options.method} translates images of the largest class, {largest}, into others, so it can add none to "
            "it; leave it out of --sampling-strategy"
        )


def n_bytes_needed(options, listing: folder.Listing, n_new: int, shape: tuple[int, int]) -> int:
    """Of the disk, at most: decoded images, again in the model of each link of a chain, copies, and new images."""
    n_models = 1 + options.method.count(JOINED)
    copied = 0 if options.link else folder.n_bytes_of_files(listing)
    return (1 + n_models) * folder.n_bytes_decoded(listing, shape) + copied + n_bytes(n_new, (*shape, 3))


def print_plan(options, listing: folder.Listing, additions: dict[str, int], shape: tuple[int, int]) -> None:
    width = max(len("class"), *(len(name) for name in listing.counts))
    print(f"{'class':{width}}  {'have':>8}  {'new':>8}  {'will have':>9}")
    for name, count in listing.counts.items():
        print(f"{name:{width}}  {count:8}  {additions[name]:8}  {count + additions[name]:9}")
    folder_options.print_others(listing)
    n_images = sum(listing.counts.values())
    kept = working_folder(options) / "training"
    balancer = new_balancer(options.method, options.schedule, n_images, not options.no_flip, folder=kept)
    n_small_classes, n_new = sum(n > 0 for n in additions.values()), sum(additions.values())
    seconds = balancer.fit_seconds(n_images, shape, len(listing.counts), n_small_classes)
    seconds += balancer.sample_seconds(n_new, shape) + n_images / 500 + n_new / 500
    finished = ", where finished epochs are kept" if kept.exists() else ""
    print(
        f"{n_new} new images of {shape[0]} x {shape[1]} pixels by {options.method}; about "
        f"{duration(seconds)} on two cores like the reference machine's{finished}.",
        flush=True,
    )
    if options.filter:
        print(f"All pass {' and '.join(options.filter)}; the fewer do, the longer it takes.", flush=True)


def run(options, loaded: folder.LoadedFolder, groups, strategy, working: Path) -> dict[str, dict]:
    """Learn, and write the whole dataset into the working folder; what passed filters, by the filter and the class."""
    dataset = loaded.dataset
    counts = dataset.counts
    additions = folder_options.additions(strategy, counts)
    strategy_of_devices = devices.strategy(options.devices)
    claim(working, options, dataset.digest)
    remove_others(working, dataset.images)
    balancer = new_balancer(
        options.method,
        options.schedule,
        len(dataset.labels),
        not options.no_flip,
        folder=working / "training",
        sampling_strategy={name: counts[name] + n for name, n in additions.items() if n},
        random_state=options.seed,
    )
    from ...models.balancer import ModeCollapseError, collapse_tolerated
    from ...models.training.callbacks import TrainingDivergedError
    from . import contents
    from .refill import chain

    try:
        with named(options.method).fit_scope(strategy_of_devices):
            balancer.fit(dataset.images, np.array(dataset.class_names)[dataset.labels])
        filters = chain(tuple(options.filter), dataset, groups, options.schedule, working) if options.filter else None
        with collapse_tolerated(options.schedule == "smoke"):  # which only tries every path
            return contents.write_dataset(working, options, loaded, balancer, additions, filters)
    except ValueError as error:
        raise UsageError(f"{options.method}: {error}") from error
    except (ModeCollapseError, TrainingDivergedError) as error:
        raise FailedError(str(error)) from error


def print_result(options, dataset: ImageDataset, strategy, rates: dict[str, dict]) -> None:
    """What was made, where it is and what to do next."""
    counts = dataset.counts
    additions, destination = folder_options.additions(strategy, counts), Path(options.destination)
    for chosen, of_classes in rates.items():
        for name, rate in of_classes.items():
            print("{}: {} passed {} of the new images and {} of real ones.".format(name, chosen, *in_words(rate)))
    print(f"{destination} holds {sum(counts.values())} originals and {sum(additions.values())} new images, listed in")
    print(f"{destination / folder_options.MANIFEST}; look at {destination / PREVIEW}.")
    if share := share_of_balance(additions, counts):
        print(f"Next, whether they help:\n{judging_command(options, share)}")


def share_of_balance(additions: dict[str, int], counts: dict[str, int]) -> float | None:
    """What `--proportions` of `judge.py` stands for these additions: how many times what restores the balance.

    None if it is not the same for all classes, or more than `judge.py` takes.
    """
    lacking = {name: max(counts.values()) - count for name, count in counts.items()}
    share = float(f"{sum(additions.values()) / max(1, sum(lacking.values())):g}")
    is_same = all(additions[name] == round(share * n) for name, n in lacking.items())
    return share if is_same and share <= folder_options.MAX_PROPORTION else None


def judging_command(options, share: float) -> str:
    """The command that judges the method on the same images, with that share of what restores the balance."""
    words = [*words_of("judge"), options.source, "--methods", options.method]
    if options.image_size:
        words += ["--image-size", "{}x{}".format(*options.image_size)]
    if options.schedule != "quick":
        words += ["--schedule", options.schedule]
    words += ["--proportions", f"{share:g}"] if share != 1 else []
    words += ["--filter", *options.filter] if options.filter else []
    return shlex.join(words + ["--no-flip"] * options.no_flip)
