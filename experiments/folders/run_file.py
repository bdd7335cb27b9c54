"""Whose work a folder holds: its `run.json` says with which options and images."""

import json
from pathlib import Path

from ...datasets.decoding import is_decoded
from ...datasets.files import PARTIAL
from ..running import run_folder
from ..running.run_folder import RUN_FILE

OF_OTHERS = {
    "class_names": "of other classes",
    "image_size": "of another --image-size",
    "images": "of other images",
    "groups": "of other groups (groups.csv)",
}


def holds_other_files(folder: Path) -> bool:
    """Whether the folder, which no command has claimed, holds more than decoded images."""
    if not folder.is_dir() or (folder / RUN_FILE).exists():
        return False
    own = ".lock", RUN_FILE + PARTIAL  # of a command that was killed while it claimed the folder
    return any(path.name not in own and not is_decoded(path) for path in folder.iterdir())


def differing(path: Path, options: dict, images: dict) -> str:
    """How the work that the JSON file describes is other than what is asked for, in words; "" if it is not.

    `options` are all that count, `images` is what is known of the images so far, by the names of OF_OTHERS.
    """
    try:
        held = json.loads(path.read_text())
    except ValueError:
        return "of something else"
    options, images = json.loads(json.dumps([options, images]))
    if not isinstance(held, dict) or not options.keys() | images.keys() <= held.keys():
        return "of something else"
    of_options = run_folder.differing({name: held[name] for name in options}, options)
    of_images = [words for name, words in OF_OTHERS.items() if name in images and held[name] != images[name]]
    return of_options or "".join(of_images[:1])
