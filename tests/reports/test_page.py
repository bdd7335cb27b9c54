import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports import page, tables

NEEDS_A_FILE = r'(src|href)="(?!data:|#)|url\('
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def rendered(tmp_path):
    rows = [
        {"table": "C.3", "dataset": "MNIST", "dropped_percent": 50, "variant": variant, "seed": seed,
         "metric": metric, "value": value + seed / 1000, "thesis": 0.98, "standard_error": 0.001, "failed": False}
        for variant, value in (("bagan", 0.9), ("cvae", 0.979), ("geometric", np.nan))
        for metric in ("accuracy", "f1_minority")
        for seed in range(2)
    ]  # fmt: skip
    picture = tmp_path / "samples.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)).save(picture)
    caption, notes = "Table C.3. 50 % <dropped> & more", ["a note"]
    return page.render(
        "A run",
        [(caption, tables.summarise(pd.DataFrame(rows)), notes)],
        [(picture, "Samples")],
        [("Network", [["No", "Layer"], ["0", "conv2d"]], "<svg></svg>"), ("Other", [["No"]], None)],
        [("mnist-50-bagan-seed0", 12.5, "accuracy 0.9"), ("mnist-50-cvae-seed0", 3.0, "accuracy 0.98")],
        [("mnist-50-bagan", "{}")],
        [("Environment of 2 cells", "{}")],
    )


def test_the_page_holds_everything_and_needs_no_other_file(rendered):
    for text in ("50 % &lt;dropped&gt; &amp; more", "a note", "0.9005 ± 0.0007", "-0.0795", "not run", "12.5", "<svg>"):
        assert text in rendered
    assert re.findall(r'<td class="bad"[^>]*>no<', rendered)
    assert re.findall(r'<td class="good"[^>]*>yes<', rendered)
    assert not re.search(NEEDS_A_FILE, rendered)


def browse(content, tmp_path, *options):
    """Standard output and error of headless Chromium that opened the page."""
    (tmp_path / "index.html").write_text(content)
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", *options, (tmp_path / "index.html").as_uri(),
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return finished.stdout, [line for line in finished.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_headings_sort_and_the_console_is_silent(rendered, tmp_path):
    """A script at the end clicks the headings of the cells' table and writes what it sees into the title."""
    probe = """<script>
    const table = [...document.querySelectorAll("table")].at(-1), seen = [];
    for (const column of [1, 1, 0]) {
      table.querySelectorAll("th button")[column].click();
      seen.push([...table.tBodies[0].rows].map(row => row.cells[1].textContent).join());
    }
    seen.push(document.querySelector("img").naturalWidth, document.documentElement.scrollWidth <= innerWidth);
    document.title = seen.join(";");
    </script>"""
    for width in (360, 1280):
        dom, console = browse(
            rendered.replace("</body>", probe + "</body>"),
            tmp_path, "--dump-dom", f"--window-size={width},900",
        )  # fmt: skip
        (title,) = re.findall("<title>(.*?)</title>", dom)
        assert title == "3.0,12.5;12.5,3.0;12.5,3.0;90;true", title
        assert console == []
