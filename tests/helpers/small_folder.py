"""A small imbalanced folder of images that differ by class, quickly learned."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

COUNTS = {"dark": 40, "light": 16, "striped": 40}


def write(root: Path, counts=COUNTS, side_pixels=12) -> Path:
    rng = np.random.default_rng(0)
    rows = np.arange(side_pixels)[:, None, None]
    patterns = {"dark": 60, "light": 190, "striped": 60 + 130 * (rows % 4 < 2)}
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = patterns[name] + 25 * rng.standard_normal((side_pixels, side_pixels, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / name / f"{number:02}.png")
    return root


def content(folder) -> dict[str, str]:
    """Hash of every file below a folder, by its path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def called(*arguments) -> int:
    """The balance command's `main` in this process."""
    from class_balancing.experiments.folders import balance

    return balance.main(balance.parse("balance.py", [*map(str, arguments)]))


def judge(arguments, always: tuple[str, ...]) -> None:
    """Call the judge command, which always compares only the methods named, and exit with its code."""
    from class_balancing.experiments import command_line
    from class_balancing.experiments.folders import entrants

    entrants.ALWAYS = always
    command_line.call("judge", "judge.py", [*map(str, arguments)])
