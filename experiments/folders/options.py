"""What `balance.py` and `judge.py` share: the options about a folder of images, and what they mean."""

import argparse
from pathlib import Path

import numpy as np

from ...datasets import folder
from ...datasets.groups import GROUPS_FILE
from ...datasets.tasks import SCHEDULES
from ..command_line import UsageError, positive
from ..running import devices

STRATEGIES = ("auto", "minority", "not majority", "not minority", "all")
MAX_SIDE_PIXELS = 1024  # of resized images
MAX_PROPORTION = 10  # of `judge.py`: new images, in multiples of what restores the balance
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("file", "method", "class", "seed", "parent", "styles", "model_sha256")
MANIFEST_START = ",".join(MANIFEST_COLUMNS[:5])  # which version 0.3 wrote too


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options that both have."""
    parser.add_argument("source", metavar="SRC", help="folder with one folder of images for each class")
    parser.add_argument(
        "--image-size", type=image_size, metavar="N|HxW",
        help="size in pixels of resized and of new images, such as 64 or 48x64, height first (default: that of the "
        "images if all agree and it is at most 64x64, else 64)",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="quick",
        help="smoke: every path in minutes, results without meaning; quick: minutes to an hour per method; thesis: as "
        "long as printed, days on a CPU (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--no-flip", action="store_true", help="left and right differ, as in writing: never mirror")
    parser.add_argument("--strict", action="store_true", help="stop at unreadable images instead of leaving them out")
    devices.add_to(parser)
    parser.add_dry_run()


def image_size(text: str) -> tuple[int, int]:
    """argparse type: (height, width) from "64" or "48x64"."""
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(sides):
        raise argparse.ArgumentTypeError(f"expected a number of pixels or HEIGHTxWIDTH, got {text!r}")
    height, width = positive(sides[0]), positive(sides[-1])
    if max(height, width) > MAX_SIDE_PIXELS:
        raise argparse.ArgumentTypeError(f"sides of more than {MAX_SIDE_PIXELS} pixels are too large, got {text!r}")
    return height, width


def one_machine() -> None:
    """Raise UsageError if TF_CONFIG names several machines."""
    if devices.n_machines() > 1:
        raise UsageError("only reproduce_tables.py runs on several machines; unset TF_CONFIG")


def scanned(source: str) -> folder.Listing:
    """The listing of a folder of originals; raises UsageError if it was made by `balance.py`."""
    listing = folder.scan(source)
    if was_made_here(listing.folder):
        raise UsageError(f"{source} holds {MANIFEST}: it was balanced already; give the folder of the originals")
    return listing


def looked_at(listing: folder.Listing, groups: np.ndarray | None, strict: bool) -> tuple:
    """The listing and the groups (n,) of its images without the files whose headers tell that they are no images."""
    paths = listing.all_paths
    listing = folder.readable(listing, strict, verbose=1)
    return listing, groups_of(listing.all_paths, paths, groups)


def print_unseen() -> None:
    """Say what a plan cannot know."""
    print("Only headers of files were read: images that are damaged further in will be left out too.", flush=True)


def groups_of(loaded: tuple[Path, ...], paths: tuple[Path, ...], groups: np.ndarray | None) -> np.ndarray | None:
    """The groups (n,) of the images that could be loaded, among those at `paths`; None if there are no groups."""
    if groups is None:
        return None
    group_of = dict(zip(paths, groups, strict=True))
    return np.array([group_of[path] for path in loaded])


def print_others(listing: folder.Listing) -> None:
    """Say which files are ignored."""
    others = [path for path in listing.others if path != Path(GROUPS_FILE)]
    others = [str(path).encode(errors="backslashreplace").decode() for path in others]
    if others:
        print(f"Ignored, since not images of a class: {len(others)} file(s): {folder.listed(others, ', ')}")


def was_made_here(path: Path) -> bool:
    """Whether `balance.py` made the folder."""
    try:
        with open(path / MANIFEST, encoding="utf-8") as file:
            return file.readline().startswith(MANIFEST_START)
    except (OSError, UnicodeDecodeError):
        return False


def sampling_strategy(words: list[str], class_names) -> str | float | dict[str, int]:
    """The strategy as imbalanced-learn takes it, with names for labels; raises UsageError if there is no such one."""
    text = " ".join(words)
    if text in STRATEGIES:
        return text
    if "=" not in text:
        try:
            return float(text)
        except ValueError:
            raise UsageError(
                f"--sampling-strategy must be one of {', '.join(STRATEGIES)}, a number or CLASS=COUNT ..., got {text!r}"
            ) from None
    pairs = {}
    for word in words:
        name, _, count = word.rpartition("=")
        if name in class_names and not count.isdecimal():
            raise UsageError(
                f"--sampling-strategy {word}: the number of images of {name} must be a whole number, such as "
                f"{name}=500, got {count!r}"
            )
        if name not in class_names:
            raise UsageError(
                f"--sampling-strategy: {word!r} is not CLASS=COUNT with one of the classes "
                f"{folder.listed(list(class_names), ', ')}"
            )
        if name in pairs:
            raise UsageError(f"--sampling-strategy names the class {name} twice")
        pairs[name] = int(count)
    return pairs


def additions(strategy: str | float | dict[str, int], counts: dict[str, int]) -> dict[str, int]:
    """How many images each class gets; raises UsageError if the strategy cannot be followed."""
    from imblearn.utils import check_sampling_strategy

    names = list(counts)
    if isinstance(strategy, dict):
        for name, wanted in strategy.items():
            if wanted < counts[name]:
                raise UsageError(f"--sampling-strategy {name}={wanted}: the class already has {counts[name]} images")
        strategy = {names.index(name): n for name, n in strategy.items()}
    elif isinstance(strategy, float):
        if len(names) > 2:
            raise UsageError(
                f"--sampling-strategy {strategy:g}: a number is the ratio of two classes, but there are {len(names)}; "
                "give CLASS=COUNT pairs"
            )
        low = min(counts.values()) / max(counts.values())
        if not low <= strategy <= 1:
            raise UsageError(f"--sampling-strategy must lie between the present ratio {low:.3f} and 1")
    labels = np.repeat(np.arange(len(names)), list(counts.values()))
    try:
        found = check_sampling_strategy(strategy, labels, "over-sampling")
    except ValueError as error:
        raise UsageError(f"--sampling-strategy: {' '.join(str(error).split())}") from error
    return {name: int(found.get(index, 0)) for index, name in enumerate(names)}
