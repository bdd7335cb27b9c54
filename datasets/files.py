"""Writing files so that they appear whole or not at all, and reading files that may be damaged nevertheless."""

import contextlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PARTIAL = ".partial"  # what the names of files that are being written end in


def existing(place: Path) -> Path:
    """The folder itself, or the nearest of those above it that exists."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


@contextlib.contextmanager
def appearing(path: Path) -> Iterator:
    """A binary file to write beside the path: flushed to disk, then renamed; if that fails, nothing is left behind."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing."""
    with appearing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy the content of a file of any size, whole or not at all."""
    with open(source, "rb") as original, appearing(target) as file:
        shutil.copyfileobj(original, file)


def write_archive(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed npz file, in their order."""
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    write_atomically(path, archive.getvalue())


def write_json(path: Path, content) -> None:
    """Write JSON with a line for each entry, but a list of numbers, such as one for each image, on one line."""
    text = json.dumps(content, indent=1)
    write_atomically(path, re.sub(r"\[\n[-+.,\deE\s]+\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n")


def read_json(path: Path):
    """The file's content, or None if there is no file; a damaged one is set aside and named on standard error."""
    try:
        return json.loads(path.read_text()) if path.exists() else None
    except ValueError:
        set_aside(path, "it will be made again")
        return None


def read_archive(path: Path) -> dict[str, np.ndarray] | None:
    """What `write_archive` wrote, or None if there is no file; a damaged one is set aside like JSON."""

    def arrays(path):
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)

    return read_sound(path, arrays, "what it holds is left out")


def read_sound(path: Path, read: Callable[[Path], Any], consequence: str):
    """`read(path)`, or None if there is no file, or a damaged one, which is set aside with the consequence.

    For formats whose readers raise nearly anything: numpy, zipfile, zlib and Pillow each have errors of their own.
    """
    if not path.exists():
        return None
    try:
        return read(path)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # not of what the file holds
            raise
        set_aside(path, consequence)
        return None


def set_aside(path: Path, consequence: str) -> None:
    """Rename a damaged file to `*.damaged` and name it and the consequence on standard error."""
    with contextlib.suppress(FileNotFoundError):  # another process has been quicker
        path.replace(path.with_name(path.name + ".damaged"))
        print(f"{path} is damaged and was set aside; {consequence}.", file=sys.stderr)
