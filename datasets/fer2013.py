"""FER2013 (Goodfellow et al. 2013): 35,887 faces that show one of seven emotions, 48 x 48 x 1, from a competition.

Its terms allow no redistribution, so that it is never downloaded here.
"""

import csv
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .image_dataset import DatasetError, ImageDataset
from .photographs import decode_all, is_photograph, listed, read

CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # the file's 0..6
PARTS = ("train", "validation", "test")
SIDE_PIXELS = 48
N_PIXELS = SIDE_PIXELS**2
# images of each class in each official part
OFFICIAL_COUNTS = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
# the slides' "Data Distribution", of all parts; angry is a misprint for 4953, without which 35,887 are not reached
SLIDES_COUNTS = (4593, 547, 5121, 8989, 6077, 4002, 6198)

FOLDER = "fer2013"
CSV_FILES = ("fer2013.csv", "icml_face_data.csv")  # the same rows under both names
COLUMNS = ("emotion", "pixels", "usage")
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
# part -> names of its folder in copies made of files, in lower case
PART_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "publictest"),
    "test": ("test", "privatetest"),
}


def load(data_dir: str | None = None) -> ImageDataset:
    """All images with their official parts: uint8 (35887, 48, 48, 1), labels in the file's order of emotions.

    Looks under `data_dir/fer2013` and `data_dir` (default: the environment variable DATASETS_DIR) for `fer2013.csv` (or
    `icml_face_data.csv`, with spaces in its header), whose order is kept, else for the folders train, validation and
    test, each with a folder of images for each emotion: these come part by part, in the order of the files' names
    without regard to emotions. Widespread copies of this kind have no validation part; their test part holds both.
    Usage Training is the part "train", PublicTest "validation", PrivateTest "test".

    Says on standard error where the numbers of images are not the official ones. Raises DatasetError where there is no
    such file or folder, where a part lacks or has no image of an emotion, and where an image has not 48 x 48 pixels of
    0..255 or has an unknown emotion or usage.
    """
    folder = data_dir or os.environ.get("DATASETS_DIR")
    if not folder:
        raise DatasetError(
            f"FER2013 is not downloaded: {_wanted(f'DIR/{FOLDER}')} and name DIR with --data-dir or DATASETS_DIR"
        )
    for place in (Path(folder) / FOLDER, Path(folder)):
        for name in CSV_FILES:
            if (place / name).is_file():
                return _from_csv(place / name)
        parts = _part_folders(place)
        if parts:
            return _from_folders(place, parts)
    raise DatasetError(f"no FER2013 found in {folder}, and it is not downloaded: {_wanted(f'{folder}/{FOLDER}')}")


def _wanted(place: str) -> str:
    emotions = ",".join(CLASS_NAMES)
    return (
        f"put {CSV_FILES[0]} of Kaggle's Facial Expression Recognition Challenge into {place}, or its images there as "
        f"{{{','.join(PARTS)}}}/{{{emotions}}}/*.jpg"
    )


def class_distribution(dataset: ImageDataset):
    """A pandas.DataFrame of images of each emotion beside the slides', a row an emotion and one of all.

    Columns: emotion; train, validation, test and all, ours; slides, as printed; difference, ours less the slides'.
    """
    import pandas as pd  # here, so that a command's --help need not wait for it

    counts = _counts(dataset.labels, dataset.official_parts)
    rows = {part: np.append(of_part, of_part.sum()) for part, of_part in counts.items()}
    ours, slides = sum(rows.values()), np.append(SLIDES_COUNTS, sum(SLIDES_COUNTS))
    columns = {"emotion": [*CLASS_NAMES, "all"]} | rows
    return pd.DataFrame(columns | {"all": ours, "slides": slides, "difference": ours - slides})


def _counts(labels: np.ndarray, parts: np.ndarray) -> dict[str, np.ndarray]:
    """Part -> images of each class."""
    return {part: np.bincount(labels[parts == part], minlength=len(CLASS_NAMES)) for part in PARTS}


def _from_csv(path: Path) -> ImageDataset:
    pixels, labels, parts = bytearray(), [], []
    rows = None
    try:
        with open(path, newline="", encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.filterwarnings("error", "string or file could not be read")  # what numpy says of other text
            rows = csv.reader(file)
            header = next(rows, [])
            columns = _columns(header, path)
            for row in filter(None, rows):
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(header):
                    raise DatasetError(f"{where}: {len(row)} columns, but the header has {len(header)}")
                emotion, values, usage = (row[column] for column in columns)
                labels.append(_label(emotion.strip(), where))
                pixels += _pixels(values, where)
                parts.append(_part(usage.strip(), where))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        where = f"{path}, near line {rows.line_num}" if rows else path
        raise DatasetError(f"{where}: damaged or no CSV file ({error})") from error
    images = np.frombuffer(pixels, np.uint8).reshape(-1, SIDE_PIXELS, SIDE_PIXELS, 1)
    return _dataset(images, labels, parts, path, PARTS)


def _columns(header: list[str], path: Path) -> list[int]:
    """Where emotion, pixels and usage stand, whatever their order, case and spaces."""
    names = [name.strip().lower() for name in header]
    for wanted in COLUMNS:
        if names.count(wanted) != 1:
            raise DatasetError(f"{path} must have the columns emotion, pixels and Usage, its header is {header!r:.80}")
    return [names.index(wanted) for wanted in COLUMNS]


def _label(emotion: str, where: str) -> int:
    if emotion not in map(str, range(len(CLASS_NAMES))):
        meant = ", ".join(f"{label} {name}" for label, name in enumerate(CLASS_NAMES))
        raise DatasetError(f"{where}: unknown emotion {emotion!r:.40}; it must be one of {meant}")
    return int(emotion)


def _part(usage: str, where: str) -> str:
    if usage not in USAGES:
        raise DatasetError(f"{where}: unknown usage {usage!r:.40}; it must be one of {', '.join(USAGES)}")
    return USAGES[usage]


def _pixels(text: str, where: str) -> bytes:
    """2304 bytes of whole numbers in 0..255 with spaces between them."""
    try:
        values = np.fromstring(text.strip(), np.int64, sep=" ")
    except (ValueError, DeprecationWarning) as error:
        raise DatasetError(f"{where}: pixels must be whole numbers with spaces between them") from error
    if len(values) != N_PIXELS:
        raise DatasetError(
            f"{where}: {len(values)} pixels, but an image has {N_PIXELS} ({SIDE_PIXELS} x {SIDE_PIXELS})"
        )
    wrong = values[(values < 0) | (values > 255)]
    if len(wrong):
        raise DatasetError(f"{where}: a pixel is {wrong[0]}, but pixels lie in 0..255")
    return values.astype(np.uint8).tobytes()


def _part_folders(place: Path) -> dict[str, Path]:
    """Part -> its folder; empty unless one of them holds a folder that is called like an emotion.

    Without such a folder "validation" is no part, as it may be missing.
    """
    folders = sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
    found = {part: [path for path in folders if path.name.lower() in names] for part, names in PART_FOLDERS.items()}
    with_emotions = {part for part, paths in found.items() if any(map(_emotion_folders, paths))}
    needed = with_emotions | {"train", "test"} if with_emotions else set()
    for part, paths in found.items():
        if part in needed and len(paths) > 1:
            raise DatasetError(f"{place} has several {part} parts, {listed([path.name for path in paths], ', ')}")
    return {part: paths[0] for part, paths in found.items() if part in needed and paths}


def _emotion_folders(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (name := path.name.lower()) in CLASS_NAMES:
            if name in found:
                raise DatasetError(f"{folder} has several folders of {name}, {found[name].name} and {path.name}")
            found[name] = path
    return found


def _from_folders(place: Path, part_folders: dict[str, Path]) -> ImageDataset:
    for part in ("train", "test"):
        if part not in part_folders:
            raise DatasetError(f"{place} has no folder {part}; FER2013 needs train and test, and may have validation")
    images, labels, parts = [], [], []
    for part, folder in part_folders.items():
        for index, name, image in decode_all(_photographs(folder), _grey):
            if isinstance(image, DatasetError):
                raise DatasetError(f"{name}: {image}")
            if image.shape[:2] != (SIDE_PIXELS, SIDE_PIXELS):
                size = f"{image.shape[1]} x {image.shape[0]}"
                raise DatasetError(f"{name} has {size} pixels, but an image has {SIDE_PIXELS} x {SIDE_PIXELS}")
            images.append(image)
            labels.append(index)
            parts.append(part)
    images = np.stack(images) if images else np.empty((0, SIDE_PIXELS, SIDE_PIXELS, 1), np.uint8)
    return _dataset(images, labels, parts, place, tuple(part_folders))


def _photographs(folder: Path) -> Iterator[tuple[int, str, bytes]]:
    """(class, name, content) of each image of a part; in an order that mixes classes, as the official file does."""
    emotions = _emotion_folders(folder)
    visible = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    others = sorted(path.name for path in visible if path not in emotions.values())
    if others:
        known = ", ".join(CLASS_NAMES)
        raise DatasetError(f"{folder} holds folders of unknown emotions: {listed(others, ', ')}; known are {known}")
    found = [(path.name, CLASS_NAMES.index(name), path) for name, of in emotions.items() for path in of.iterdir()]
    for name, index, path in sorted(found):
        if is_photograph(name):
            try:
                yield index, str(path), read(path, folder)
            except OSError as error:
                raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _grey(image: Image.Image) -> np.ndarray:
    """uint8 (height, width, 1)."""
    return np.asarray(image.convert("L"))[..., None]


def _dataset(images: np.ndarray, labels: list, parts: list, where: Path, needed: tuple[str, ...]) -> ImageDataset:
    labels, parts = np.array(labels, np.int64), np.array(parts, str)
    counts = _counts(labels, parts)
    for part in needed:
        missing = [name for name, n in zip(CLASS_NAMES, counts[part], strict=True) if not n]
        if len(missing) == len(CLASS_NAMES):
            usage = next(usage for usage, name in USAGES.items() if name == part)
            raise DatasetError(f"{where} has no {part} part (usage {usage}); FER2013 needs all of its parts")
        if missing:
            raise DatasetError(f"{where} has no {part} image of {listed(missing, ', ')}")
    if any(tuple(counts[part]) != OFFICIAL_COUNTS[part] for part in PARTS):
        ours = ", ".join(f"{counts[part].sum()} {part}" for part in PARTS)
        official = ", ".join(str(sum(of_part)) for of_part in OFFICIAL_COUNTS.values())
        print(f"FER2013: {ours} images, other classes or numbers than the official {official}.", file=sys.stderr)
    return ImageDataset("fer2013", images, labels, CLASS_NAMES, parts)
