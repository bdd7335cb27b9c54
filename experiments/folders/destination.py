"""Where balance.py writes: beside DST until everything is there, then into its place, and nothing else is touched."""

import filecmp
import json
import os
import shutil
from pathlib import Path

from ...datasets.files import copy_atomically, existing, write_atomically
from ..command_line import UsageError, check_writable
from ..running import locks
from . import options as folder_options
from .run_file import RUN_FILE, differing, holds_other_files

MODEL, DATASET, PUBLISHING = "model.npz", "dataset", "publishing"  # in the working folder
PREVIEW = "preview.png"


def new_name(options) -> str:
    """What the names of new images begin with."""
    return f"{options.method}-{options.seed}-"


def working_folder(options) -> Path:
    """Where DST is made, beside its final place."""
    destination = Path(options.destination).resolve()
    if not destination.name:
        raise UsageError(f"{options.destination} is the root of the file system; choose another DST")
    return destination.with_name(destination.name + ".partial")


def replaced_folder(destination: Path) -> Path:
    """Where --force moves what was in DST."""
    return destination.with_name(destination.name + ".old")


def _disk(place: Path) -> int:
    """Of a folder, or of that in which it is to be made."""
    return existing(place).stat().st_dev


def check_destination(options) -> None:
    """Raise UsageError if DST or FILE exists and may not be replaced or cannot be written, or two of SRC, DST and FILE
    collide.
    """
    source, destination = Path(options.source).resolve(), Path(options.destination).resolve()
    working = working_folder(options)
    for folder_made in (destination, working):
        if source.is_relative_to(folder_made) or folder_made.is_relative_to(source):
            raise UsageError(f"one of {folder_made} and {options.source} is inside the other; choose another DST")
    if holds_other_files(working):
        raise UsageError(f"{working} is needed to work in, but holds other files; move it away or choose another DST")
    if destination.is_file():
        raise UsageError(f"{options.destination} is a file; choose another DST")
    check_writable(working, "choose another DST")
    if options.link and _disk(source) != _disk(destination):
        raise UsageError(f"{options.destination} is on another disk than {options.source}; leave out --link")
    if destination.is_dir() and any(destination.iterdir()):
        if not options.force:
            raise UsageError(f"{options.destination} already exists; choose another DST or give --force")
        if not folder_options.was_made_here(destination):
            raise UsageError(f"{options.destination} was not made by this program; move it away or choose another DST")
        if replaced_folder(destination).exists():
            raise UsageError(f"{replaced_folder(destination)} is from an earlier --force; move it away or delete it")
    if options.save_model:
        model = Path(options.save_model)
        for place in (source, destination, working, replaced_folder(destination)):
            if model.resolve().is_relative_to(place):
                raise UsageError(f"--save-model {model} lies in {place}; choose another FILE")
        if model.is_dir() or not os.access(model.parent, os.W_OK | os.X_OK):
            raise UsageError(f"--save-model {model} must be a file in a folder that exists and can be written to")
        own = working / MODEL  # if a run was killed after it had written FILE
        is_own = model.exists() and own.exists() and filecmp.cmp(model, own, shallow=False)
        if model.exists() and not options.force and not is_own:
            raise UsageError(f"{model} already exists; choose another FILE or give --force")


def check_claim(working: Path, options, **images: str) -> None:
    """Raise UsageError if the working folder holds another command's work.

    `images` is their hash under the name "images"; without it only the options count.
    """
    path = working / RUN_FILE
    if path.exists():
        _check_same(path, _chosen(options), images)


def _check_same(path: Path, chosen: dict, images: dict) -> None:
    if words := differing(path, chosen, images):
        raise UsageError(
            f"{path.parent} holds the unfinished work of another command, {words} (see {path}); finish that one, "
            "delete the folder or choose another DST"
        )


def claim(working: Path, options, digest: str) -> None:
    """Note in the working folder what is made there; raises UsageError if it holds another command's work."""
    check_claim(working, options, images=digest)
    write_atomically(working / RUN_FILE, json.dumps(_chosen(options) | {"images": digest}))


def _chosen(options) -> dict:
    free = ("destination", "devices", "dry_run", "filter", "force", "link", "save_model", "source", "strict")
    return {name: value for name, value in vars(options).items() if name not in free}


def publish(working: Path, options, files: str) -> None:
    """Move the dataset that was made from `files` (`folder.identity`) to its place, and remove the working folder."""
    check_destination(options)  # again, since training takes long
    if options.save_model:
        copy_atomically(working / MODEL, Path(options.save_model))
    os.sync()
    write_atomically(working / PUBLISHING, json.dumps(_asked(options) | {"images": files}))
    _move(working, options)


def continue_publishing(working: Path, options, files: str) -> bool:
    """Whether this command was killed while it moved the dataset; what it had still to do is then done.

    Raises UsageError if it was another one, or images have changed since.
    """
    path = working / PUBLISHING
    if not (path.exists() and (working / RUN_FILE).exists()):
        return False
    with locks.held(working, wait=False):
        _check_same(path, _asked(options), {"images": files})
        if (working / DATASET).exists():
            check_destination(options)
        _move(working, options)
    return True


def _asked(options) -> dict:
    """All that decides what is in DST and FILE."""
    model = options.save_model and str(Path(options.save_model).resolve())
    return _chosen(options) | {"filter": options.filter, "link": options.link, "save_model": model}


def _move(working: Path, options) -> None:
    destination = Path(options.destination).resolve()
    if (working / DATASET).exists():
        if destination.is_dir() and any(destination.iterdir()):
            destination.rename(replaced_folder(destination))
            print(f"What was in {destination} is kept in {replaced_folder(destination)}.")
        (working / DATASET).rename(destination)
    for path in working.iterdir():  # what says whose folder this is goes last
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (RUN_FILE, PUBLISHING):
            path.unlink()
    (working / PUBLISHING).unlink()
    shutil.rmtree(working)
