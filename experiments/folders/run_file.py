"""Whose work a folder holds: its `run.json` says with which options and images."""

import json
from pathlib import Path

from ...datasets.decoding import is_decoded

RUN_FILE = "run.json"


def holds_other_files(folder: Path) -> bool:
    """Whether the folder, which no command has claimed, holds more than decoded images."""
    if not folder.is_dir() or (folder / RUN_FILE).exists():
        return False
    return any(path.name != ".lock" and not is_decoded(path) for path in folder.iterdir())


def holds(path: Path, values: dict) -> bool:
    """Whether the JSON file is sound and has these values, maybe besides others."""
    try:
        held = json.loads(path.read_text())
    except ValueError:
        return False
    return all(name in held and held[name] == value for name, value in json.loads(json.dumps(values)).items())
