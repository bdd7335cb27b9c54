"""Whose work a folder holds: its `run.json` says with which options and images."""

import json
from pathlib import Path

from ...datasets.decoding import is_decoded
from ..running import run_folder

RUN_FILE = "run.json"


def holds_other_files(folder: Path) -> bool:
    """Whether the folder, which no command has claimed, holds more than decoded images."""
    if not folder.is_dir() or (folder / RUN_FILE).exists():
        return False
    return any(path.name != ".lock" and not is_decoded(path) for path in folder.iterdir())


def differing(path: Path, options: dict, images: dict) -> str:
    """How the work that the JSON file describes is other than what is asked for, in words; "" if it is not.

    `options` are all that count, `images` is what is known of the images so far.
    """
    try:
        held = json.loads(path.read_text())
    except ValueError:
        return "of something else"
    options, images = json.loads(json.dumps([options, images]))
    if not options.keys() | images.keys() <= held.keys():
        return "of something else"
    of_options = run_folder.differing({name: held[name] for name in options}, options)
    of_images = (
        "of other images or another --image-size" if any(held[name] != value for name, value in images.items()) else ""
    )
    return of_options or of_images
