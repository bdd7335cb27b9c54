"""Images that belong together, such as those of one patient or one film, and must not be split apart."""

import csv
from pathlib import Path

import numpy as np

from .image_dataset import DatasetError
from .photographs import listed

GROUPS_FILE = "groups.csv"
N_TRIED = 200


def read_groups(folder: Path, paths: tuple[Path, ...]) -> np.ndarray | None:
    """The group int64 (n,) of each image, from `folder/groups.csv`; None if there is no such file.

    The file has a header row with the columns file (relative to the folder) and group; an image that it does not name,
    or whose group is empty, is a group of its own. Raises DatasetError if the file is malformed, puts a file into two
    groups or names files that are not among the images.
    """
    path = folder / GROUPS_FILE
    if not path.exists():
        return None
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a readable CSV file ({error})") from error
    if not {"file", "group"} <= set(columns):
        raise DatasetError(f"{path} must have the columns file and group")
    group_of = {}
    for row in rows:
        if row["file"] and row["group"]:
            name = Path(row["file"])
            if group_of.setdefault(name, row["group"]) != row["group"]:
                raise DatasetError(f"{path} puts {name} into two groups, {group_of[name]} and {row['group']}")
    unknown = sorted(str(name) for name in group_of.keys() - set(paths))
    if unknown:
        raise DatasetError(f"{path} names {len(unknown)} files that are not readable images: {listed(unknown)}")
    numbers = {}
    return np.array([numbers.setdefault(group_of.get(name, name), len(numbers)) for name in paths], np.int64)


def split_groups(labels: np.ndarray, groups: np.ndarray, fraction: float, random_state: int, class_names):
    """Like `datasets.split.split`, but with no group in both parts: the most even over classes of 200 random splits.

    Raises DatasetError if all images of a class are in one group, or if no split has every class in both parts.
    """
    from sklearn.model_selection import GroupShuffleSplit

    for label in np.unique(labels):
        if len(np.unique(groups[labels == label])) < 2:
            raise DatasetError(f"all images of {class_names[label]} are in one group; testing needs two")
    splitter = GroupShuffleSplit(N_TRIED, test_size=fraction, random_state=random_state)
    counts = np.bincount(labels)

    def unevenness(parts):
        shares = np.bincount(labels[parts[1]], minlength=len(counts)) / counts
        return np.inf if ((shares == 0) | (shares == 1)).any() else np.abs(shares - fraction).max()

    larger, smaller = min(splitter.split(labels, groups=groups), key=unevenness)
    if unevenness((larger, smaller)) == np.inf:
        raise DatasetError("the groups are too few or too large to have images of every class in both parts")
    return np.sort(larger), np.sort(smaller)
