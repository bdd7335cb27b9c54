"""balance.py on 100,000 small images stays below 3 GB.

MEMORY_REPORT=reports/reference/memory.md python -m pytest -m slow tests/experiments/test_memory.py
measures more methods and writes the report.
"""

import os
import platform
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from class_balancing.datasets.files import write_atomically
from peak_memory import peak_bytes
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {"many": 90_000, "few": 10_000}
N_DIFFERENT = 1_000  # of each class; the others are links to these, which takes less time than to write them
SIDE_PIXELS = 32
MAX_BYTES = 3e9
REPORT = os.environ.get("MEMORY_REPORT")
# without the report one that takes a minute; an epoch of a network on so many images takes several
METHODS = ("geometric", "random_oversampling", "smote", "cvae", "bagan") if REPORT else ("smote",)


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        folder = tmp_path / "src" / name
        folder.mkdir(parents=True)
        for number, (left, right) in enumerate(rng.uniform(0, 255, (N_DIFFERENT, 2))):
            row = np.linspace(left, right, SIDE_PIXELS).astype(np.uint8)  # easily learned: shades in a row
            colours = np.stack([row, row[::-1], row], axis=1)  # (side, 3)
            pixels = np.broadcast_to(colours, (SIDE_PIXELS, SIDE_PIXELS, 3)).copy()
            Image.fromarray(pixels).save(folder / f"{number:05}.png", compress_level=1)
        for number in range(N_DIFFERENT, count):
            (folder / f"{number:05}.png").hardlink_to(folder / f"{number % N_DIFFERENT:05}.png")
    return tmp_path / "src"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4 to learn the memory of a process")
def test_a_hundred_thousand_images_take_less_than_three_gigabytes(source, tmp_path):
    rows = []
    for method in METHODS:
        target = tmp_path / "dst"
        script = ROOT / "experiments" / "balance.py"
        n_bytes = peak_bytes(script, source, target, "--method", method, "--schedule", "smoke")
        rows.append((method, n_bytes))
        assert sum(1 for _ in (target / "few").iterdir()) == COUNTS["many"]
        assert n_bytes < MAX_BYTES, f"{method} took {n_bytes / 1e9:.2f} GB"
        shutil.rmtree(target)
    if REPORT:
        write_report(rows)


def test_the_recorded_memory_of_every_method_is_below_three_gigabytes():
    report = (ROOT / "reports" / "reference" / "memory.md").read_text()
    recorded = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|$", report, re.MULTILINE))
    assert {"geometric", "random_oversampling", "smote", "cvae", "bagan"} <= recorded.keys()
    assert max(map(float, recorded.values())) < MAX_BYTES / 1e9


def write_report(rows):
    lines = [
        "# Memory of balancing 100,000 images",
        "",
        f"`balance.py SRC DST --method NAME --schedule smoke` on {COUNTS['many']:,} and {COUNTS['few']:,} images of "
        f"{SIDE_PIXELS} x {SIDE_PIXELS} x 3 pixels: the peak memory of the process, with TensorFlow, while it makes "
        f"{COUNTS['many'] - COUNTS['few']:,} new images. More epochs take longer, not more memory.",
        "",
        "| method | memory (GB) |",
        "|---|---:|",
        *(f"| {method} | {n_bytes / 1e9:.2f} |" for method, n_bytes in rows),
        "",
        "ADASYN is left out: it compares every image of the small class with every other image.",
        "",
        f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors. Made by",
        "",
        "```",
        "MEMORY_REPORT=reports/reference/memory.md python -m pytest -m slow tests/experiments/test_memory.py",
        "```",
        "",
    ]
    write_atomically(Path(REPORT), "\n".join(lines))
