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
    if path.exists() and not _is_of_command(held, chosen):
        raise UsageError(f"{path} was not written by this program; {OTHER}")
    options = chosen | {name: value for name, value in optional.items() if value}
    of_held = {name: value for name, value in held.items() if name != "datasets"}
    if held and (words := differing(of_held, options)):
        raise UsageError(f"{out} holds results {words}; {OTHER}")
    check_writable(out)
    digests = {name: dataset.digest for name, dataset in datasets.items()}
    for name, found in held.get("datasets", {}).items():
        if digests.setdefault(name, found) != found:
            raise UsageError(f"{out} holds results of other {name} images than those found now; {OTHER}")
    return options | {"datasets": digests}


def _is_of_command(held, chosen: dict) -> bool:
    is_ours = isinstance(held, dict) and chosen.keys() <= held.keys()
    return is_ours and chosen.get("command") == held.get("command")


def differing(held: dict, asked: dict) -> str:
    """The options whose values differ, with both, as "with --seed 0, not with --seed 1"; "" if none do."""
    names = [name for name in dict.fromkeys([*held, *asked]) if held.get(name) != asked.get(name)]
    of_held, of_asked = (" and ".join(_in_words(name, values.get(name)) for name in names) for values in (held, asked))
    return f"{of_held}, not {of_asked}" if names else ""


def _in_words(name: str, value) -> str:
    option = "--filter" if name == "filters" else f"--{name.replace('_', '-')}"
    if value is True:
        return f"with {option}"
    if value is None or value is False or value == []:
        return f"without {option}"
    if isinstance(value, list):
        value = ("x" if name == "image_size" else " ").join(map(str, value))
    return f"with {option} {value}"


def write(out: Path, held: dict) -> None:
    """Write what `check` says that `run.json` will hold."""
    write_atomically(out / RUN_FILE, json.dumps(held) + "\n")
