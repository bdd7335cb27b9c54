"""Your own images: a folder with one folder per class."""

import hashlib
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from .decoding import decoded, is_decoded
from .files import existing
from .image_dataset import DatasetError, ImageDataset
from .photographs import SUFFIXES, decode_all, is_photograph, listed, read, shape_of
from .stored_images import n_bytes

MAX_CLASSES = 1000
MIN_IMAGES_OF_A_CLASS = 2
DEFAULT_SIDE_PIXELS = 64


@dataclass(frozen=True)
class Listing:
    """The files of each class, not opened yet: `paths` holds one tuple per class of paths relative to `folder`.

    `others` are the files that belong to no class: not named like images, or outside of the class folders.
    `unreadable` are those that `readable` left out, each with the reason. `shape` is the usual (height, width) of
    images, as it found: their own if all agree and it is at most 64 x 64, else 64 x 64.
    """

    folder: Path
    class_names: tuple[str, ...]
    paths: tuple[tuple[Path, ...], ...]
    others: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...] = ()
    shape: tuple[int, int] = (DEFAULT_SIDE_PIXELS, DEFAULT_SIDE_PIXELS)

    @property
    def counts(self) -> dict[str, int]:
        """Number of files named like images in each class."""
        return {name: len(paths) for name, paths in zip(self.class_names, self.paths, strict=True)}

    @property
    def all_paths(self) -> tuple[Path, ...]:
        """Of all classes, class by class."""
        return tuple(path for of_class in self.paths for path in of_class)


@dataclass(frozen=True)
class LoadedFolder:
    """Images, the path of each relative to the folder, and (path, reason) of each file that was left out, of the
    listing too.
    """

    dataset: ImageDataset
    paths: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]


def scan(folder: str | Path) -> Listing:
    """What a folder holds: each folder in it is a class with all images below it; hidden ones do not count.

    Classes and files are sorted by name. Raises DatasetError, with counts and names, if there is no such folder, there
    are fewer than 2 or more than 1000 classes, a class has fewer than two images, or the names of two classes differ
    only in case or in their Unicode form.
    """
    from tqdm import tqdm

    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    class_names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(class_names) < 2:
        found = f"only {class_names[0]}" if class_names else "none"
        raise DatasetError(f"{folder} must hold a folder of images for each of two or more classes; found {found}")
    if len(class_names) > MAX_CLASSES:
        raise DatasetError(
            f"{folder} holds {len(class_names)} folders, but at most {MAX_CLASSES} classes are possible; each folder "
            "in it should be a class"
        )
    _check_names(class_names)
    for path in (folder / name for name in class_names):
        if not path.resolve().is_relative_to(folder.resolve()):
            raise DatasetError(f"{path} is a link out of {folder}, which is not followed; put the folder itself there")
    paths, others, not_unicode = [], [], []
    with tqdm(None, f"looking through {folder}", unit="file", delay=2, mininterval=1) as bar:
        for name in class_names:
            of_class = []
            for path in _files(folder, name):
                if not _is_unicode(str(path)):
                    not_unicode.append(ascii(str(path)))
                (of_class if _is_image_file(folder, path) else others).append(path)
                bar.update()
            paths.append(tuple(of_class))
    if not_unicode:
        raise DatasetError(f"names of files are not valid Unicode; rename {listed(not_unicode, ', ')}")
    _check_counts(class_names, [len(found) for found in paths], folder)
    others += sorted(Path(path.name) for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return Listing(folder, tuple(class_names), tuple(paths), tuple(others))


def _is_unicode(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _is_image_file(folder: Path, path: Path) -> bool:
    """Whether the path is named like an image and is a file or a broken link, not a pipe or a folder."""
    return is_photograph(path.name) and ((folder / path).is_file() or not (folder / path).exists())


def _check_names(class_names: list[str]) -> None:
    known = {}
    for name in class_names:
        twin = known.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if twin != name:
            raise DatasetError(f"the class folders {twin!r} and {name!r} differ only in case or spelling; merge them")


def _check_counts(class_names, counts, folder) -> None:
    few = [f"{name} ({n})" for name, n in zip(class_names, counts, strict=True) if n < MIN_IMAGES_OF_A_CLASS]
    if few:
        raise DatasetError(
            f"{len(few)} of {len(class_names)} classes in {folder} have fewer than {MIN_IMAGES_OF_A_CLASS} readable "
            f"images ({', '.join(SUFFIXES)}): {listed(few, ', ')}; add images, or move what is no class elsewhere"
        )


def _files(folder: Path, name: str) -> Iterator[Path]:
    """Relative paths of all that is below one of the folder's folders, except folders and hidden files.

    Linked folders are not followed but listed as if they were files.
    """

    def stop(error):
        raise error

    for parent, folders, files in os.walk(folder / name, onerror=stop):
        linked = [inner for inner in folders if Path(parent, inner).is_symlink()]
        folders[:] = sorted(inner for inner in folders if not inner.startswith(".") and inner not in linked)
        for file in sorted([*files, *linked]):
            if not file.startswith("."):
                yield Path(parent, file).relative_to(folder)


def load(listing: Listing, shape: tuple[int, int], place: Path, strict: bool = False, verbose: int = 0) -> LoadedFolder:
    """Decode all images and resize them to `shape` (height, width), with antialiasing; aspect ratios are not kept.

    They are in a file in the folder `place`, into which only one process at a time may decode: what is there already of
    the same files, sizes and times of change is not decoded again. The dataset has one channel if every image is grey,
    else three. Files that are refused or unreadable are left out and named on standard error; with `strict` they raise
    DatasetError, as do classes of fewer than two readable images.
    """
    paths = listing.all_paths
    labels = np.repeat(np.arange(len(listing.paths)), [len(found) for found in listing.paths]).astype(np.int64)

    def images_of(start: int, stop: int) -> Iterator[np.ndarray | DatasetError]:
        contents = _contents(listing, paths[start:stop], labels[start:stop])
        return (image for _, _, image in decode_all(contents, partial(_resized, shape=shape)))

    description = f"reading {listing.folder}" if verbose else None
    images, reasons = decoded(place, identity(listing, shape), (len(paths), *shape, 3), images_of, description)
    unreadable = tuple((paths[position], reason) for position, reason in reasons.items())
    if unreadable:
        _tell_unreadable(unreadable, len(paths), strict)
        labels = np.delete(labels, list(reasons))
        paths = [path for position, path in enumerate(paths) if position not in reasons]
    _check_counts(listing.class_names, np.bincount(labels, minlength=len(listing.paths)), listing.folder)
    dataset = ImageDataset(listing.folder.resolve().name, images, labels, listing.class_names)
    return LoadedFolder(dataset, tuple(paths), listing.unreadable + unreadable)


def readable(listing: Listing, strict: bool = False, verbose: int = 0) -> Listing:
    """The listing without the files that `load` would leave out, as far as their headers tell, and with their shape.

    It takes a small part of the time of `load`; files that are damaged further in stay. Names those that are left out,
    and raises DatasetError, as `load` does.
    """
    from tqdm import tqdm

    kept, unreadable, paths = {name: [] for name in listing.class_names}, [], listing.all_paths
    shapes = set()
    for path in tqdm(paths, f"headers of {listing.folder}", unit="image", disable=not verbose, delay=2, mininterval=1):
        try:
            shapes.add(shape_of(listing.folder / path, listing.folder, DEFAULT_SIDE_PIXELS))
            kept[path.parts[0]].append(path)
        except DatasetError as error:
            unreadable.append((path, str(error)))
        except OSError as error:
            unreadable.append((path, f"cannot be read ({error.strerror})"))
    if unreadable:
        _tell_unreadable(unreadable, len(paths), strict)
    _check_counts(listing.class_names, [len(found) for found in kept.values()], listing.folder)
    common = shapes.pop() if len(shapes) == 1 else listing.shape
    shape = common if max(common) <= DEFAULT_SIDE_PIXELS else listing.shape
    return replace(listing, paths=tuple(map(tuple, kept.values())), unreadable=tuple(unreadable), shape=shape)


def _tell_unreadable(unreadable: list[tuple[Path, str]], n_files: int, strict: bool) -> None:
    names = listed([f"{path}: {reason}" for path, reason in unreadable])
    if strict:
        raise DatasetError(f"{len(unreadable)} of {n_files} files are not readable images: {names}")
    print(f"{len(unreadable)} of {n_files} files are left out: {names}", file=sys.stderr)


def identity(listing: Listing, shape: tuple[int, int]) -> str:
    """Hash of all that decides what is decoded, unless a file is changed and its time of change set back.

    A file that may be read by now is decoded anew, with all others; one that a failing disk did not give is not.
    """
    found = hashlib.sha256(repr((shape, PIL.__version__)).encode())
    for path, known in _known(listing):
        facts = None if known is None else (known.st_size, known.st_mtime_ns, os.access(listing.folder / path, os.R_OK))
        found.update(repr((str(path), facts)).encode())
    return found.hexdigest()


def _known(listing: Listing) -> Iterator[tuple[Path, os.stat_result | None]]:
    """Each path, and what the system knows of the file, or None of one that cannot be looked at."""
    for path in listing.all_paths:
        try:
            yield path, os.stat(listing.folder / path)
        except OSError:
            yield path, None


def n_bytes_decoded(listing: Listing, shape: tuple[int, int]) -> int:
    """How much of a disk `load` takes, if there is a coloured image."""
    return n_bytes(sum(listing.counts.values()), (*shape, 3))


def n_bytes_of_files(listing: Listing) -> int:
    """Of all files of classes."""
    return sum(known.st_size for _, known in _known(listing) if known)


def check_disk(place: Path, needed: int) -> None:
    """Raise DatasetError if fewer than `needed` bytes are free on the disk of the folder, which need not exist.

    Where decoding into the folder has begun, it has been checked, and part of them is used already. A file system that
    says that it has no room at all, as some in memory or on a network do, has none that can be known.
    """
    if place.is_dir() and any(map(is_decoded, place.iterdir())):
        return
    place = existing(place)
    usage = shutil.disk_usage(place)
    if usage.total and needed > usage.free:
        raise DatasetError(
            f"this may take {needed / 1e9:.1f} GB of the disk of {place}, of which {usage.free / 1e9:.1f} GB are free; "
            "make space or choose another disk or a smaller --image-size"
        )


def _contents(listing: Listing, paths, labels) -> Iterator[tuple[int, str, bytes | DatasetError]]:
    for path, label in zip(paths, labels, strict=True):
        try:
            content = read(listing.folder / path, listing.folder)
        except DatasetError as error:
            content = error
        except OSError as error:
            content = DatasetError(f"cannot be read ({error.strerror})")
        yield int(label), str(path), content


def _resized(image: Image.Image, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR))
