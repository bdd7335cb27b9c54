"""A folder of results belongs to one command with certain options and images; its `run.json` says which."""

import json
from pathlib import Path

from ...datasets.files import write_atomically
from ..command_line import UsageError, check_writable

RUN_FILE = "run.json"
OTHER = "choose another folder with --out"


def check(out: Path, written: tuple[str, ...], chosen: dict, optional: dict, datasets: dict) -> dict:
    """What `run.json` will hold: the options `chosen`, those `optional` that are used, a hash of each dataset's images.

    `written` are names that the command writes into the folder. Raises UsageError if it holds such a name from
    elsewhere, or results of other options or images, or if nothing can be written to it.
    """
    path = out / RUN_FILE
    foreign = [name for name in written if not path.exists() and (out / name).exists()]
    if foreign:
        raise UsageError(f"{out} holds {foreign[0]}, which this program did not write; {OTHER}")
    try:
        held = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise UsageError(f"{path} is damaged; move it away or {OTHER}") from error
    if held and not chosen.keys() <= held.keys():
        raise UsageError(f"{path} was not written by this program; {OTHER}")
    options = chosen | {name: value for name, value in optional.items() if value}
    of_held = {name: value for name, value in held.items() if name != "datasets"}
    if held and of_held != options:
        words = (f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in of_held.items())
        raise UsageError(f"{out} holds results of {', '.join(words)}; {OTHER}")
    check_writable(out)
    digests = {name: dataset.digest for name, dataset in datasets.items()}
    for name, found in held.get("datasets", {}).items():
        if digests.setdefault(name, found) != found:
            raise UsageError(f"{out} holds results of other {name} images than those found now; {OTHER}")
    return options | {"datasets": digests}


def write(out: Path, held: dict) -> None:
    """Write what `check` says that `run.json` will hold."""
    write_atomically(out / RUN_FILE, json.dumps(held) + "\n")
