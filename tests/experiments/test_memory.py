"""The memory that `balance.py` and `judge.py` take does not grow with the images, which are in a file.

MEMORY_REPORT=reports/reference/memory.md python -m pytest -m slow tests/experiments/test_memory.py
measures 300,000 images of full size and writes the report; MEMORY_IMAGES=3000 of fewer, to try it.
"""

import os
import platform
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from class_balancing.datasets.files import write_atomically
from class_balancing.experiments.folders.judge import ALWAYS
from class_balancing.experiments.running.plan import duration
from peak_memory import peak_bytes
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SIDE_PIXELS = 64
N_BYTES_OF_AN_IMAGE = SIDE_PIXELS**2 * 3
N_DIFFERENT = 1_000  # of each class where only memory is measured; the others are links to these
SHARE_OF_SMALL_CLASS = 60  # one of so many images
MAX_BYTES = 4e9
REPORT = os.environ.get("MEMORY_REPORT")
N_IMAGES_REPORTED = int(os.environ.get("MEMORY_IMAGES", "300_000"))
METHODS_REPORTED = ("geometric", "random_oversampling", "smote", "cvae")
SEEDS_REPORTED = 3


def write_images(folder: Path, n_images: int, n_different: int) -> dict[str, int]:
    """Two classes of images that are quickly written: blurred squares in all colours. Returns how many are of each."""
    rng = np.random.default_rng(0)
    n_small = n_images // SHARE_OF_SMALL_CLASS
    counts = {"many": n_images - n_small, "few": n_small}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(min(count, n_different)):
            colours = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
            image = colours.resize((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.BILINEAR)
            image.save(folder / name / f"{number:06}.png", compress_level=1)
        for number in range(n_different, count):
            (folder / name / f"{number:06}.png").hardlink_to(folder / name / f"{number % n_different:06}.png")
    return counts


def balanced(source: Path, target: Path, method: str, *arguments) -> int:
    """Peak memory of `balance.py`, which makes TARGET."""
    script = ROOT / "experiments" / "balance.py"
    return peak_bytes(script, source, target, "--method", method, "--schedule", "smoke", "--link", *arguments)


pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4 to learn the memory of a process")


@pytest.mark.slow
@pytest.mark.skipif(REPORT is not None, reason="more images are reported")
def test_four_times_the_images_take_no_more_memory(tmp_path):
    peaks, counts = [], (5_000, 20_000)
    for n_images in counts:
        source, target = tmp_path / f"{n_images}", tmp_path / f"{n_images} balanced"
        wanted = write_images(source, n_images, N_DIFFERENT)["few"] + 100
        peaks.append(balanced(source, target, "geometric", "--sampling-strategy", f"few={wanted}"))
        assert sum(1 for _ in (target / "few").iterdir()) == wanted
    growth, n_bytes_more = peaks[1] - peaks[0], (counts[1] - counts[0]) * N_BYTES_OF_AN_IMAGE
    assert growth < 0.25 * n_bytes_more, f"{growth / 1e6:.0f} MB more for {n_bytes_more / 1e6:.0f} MB of images"


@pytest.mark.slow
@pytest.mark.skipif(REPORT is None, reason="takes hours; see above")
def test_a_report_of_many_images(tmp_path):
    rows = []
    for n_images in (N_IMAGES_REPORTED // 3, N_IMAGES_REPORTED):
        source, target, out = (tmp_path / f"{name} {n_images}" for name in ("src", "dst", "out"))
        counts = write_images(source, n_images, n_images)
        for method in METHODS_REPORTED:
            started = time.perf_counter()
            n_bytes = balanced(source, target, method)
            rows.append((f"balance {method}", n_images, n_bytes, time.perf_counter() - started))
            assert sum(1 for _ in (target / "few").iterdir()) == counts["many"]
            shutil.rmtree(target)
        started = time.perf_counter()
        words = ("--methods", "--schedule", "smoke", "--seeds", SEEDS_REPORTED, "--out", out)
        n_bytes = peak_bytes(ROOT / "experiments" / "judge.py", source, *words)
        rows.append(("judge", n_images, n_bytes, time.perf_counter() - started))
        assert (out / "index.html").exists()
        shutil.rmtree(out)
        shutil.rmtree(source)
    for what, n_images, n_bytes, _ in rows:
        assert n_bytes < MAX_BYTES, f"{what} took {n_bytes / 1e9:.2f} GB for {n_images} images"
    write_atomically(Path(REPORT), report(rows))


def report(rows: list[tuple[str, int, int, float]]) -> str:
    """From (command, number of images, bytes, seconds)."""
    n_small = N_IMAGES_REPORTED // SHARE_OF_SMALL_CLASS
    texts = [f"| {what} | {n:,} | {n_bytes / 1e9:.2f} | {duration(s)} |" for what, n, n_bytes, s in sorted(rows)]
    lines = [
        f"# Memory of {N_IMAGES_REPORTED:,} images",
        "",
        f"`balance.py SRC DST --method NAME --schedule smoke --link` and `judge.py SRC --methods --schedule smoke "
        f"--seeds {SEEDS_REPORTED}`, which compares {', '.join(ALWAYS)}: the peak memory of the largest process, with "
        f"TensorFlow, and the time. The images are made ones of {SIDE_PIXELS} x {SIDE_PIXELS} x 3 pixels, in all "
        f"{N_IMAGES_REPORTED * N_BYTES_OF_AN_IMAGE / 1e9:.1f} GB; {n_small:,} are of the small class, of which "
        f"`balance.py` makes {N_IMAGES_REPORTED - 2 * n_small:,} new ones. Each command is also measured with a third "
        "of all that. More epochs take longer, not more memory.",
        "",
        "| command | images | memory (GB) | time |",
        "|---|---:|---:|---:|",
        *texts,
        "",
        "SMOTE holds its small class in memory, ADASYN all images; both are refused where that is more than half of "
        "the machine's.",
        "",
        f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors. Made by",
        "",
        "```",
        "MEMORY_REPORT=reports/reference/memory.md python -m pytest -m slow tests/experiments/test_memory.py",
        "```",
        "",
    ]
    return "\n".join(lines)


def test_the_recorded_memory_of_every_method_is_below_the_limit():
    recorded = (ROOT / "reports" / "reference" / "memory.md").read_text()
    peaks = re.findall(r"^\| (?:balance )?(\w+) \|(?: [\d,]+ \|)? ([\d.]+) \|", recorded, re.MULTILINE)
    assert set(METHODS_REPORTED) <= {name for name, _ in peaks}
    assert max(float(n_gigabytes) for _, n_gigabytes in peaks) < MAX_BYTES / 1e9
