import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from class_balancing.reports import page, tables
from class_balancing.reports.plain_tables import PlainTable
from PIL import Image

NEEDS_A_FILE = r'(?:src|href)="((?!data:|#)[^"]*)"|url\('
OF_FOUR = "Of 4 printed figures 2 agree with ours, 1 differ, and of 1 the seeds and test images cannot tell."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "samples.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def index(picture):
    rows = [
        {"table": "C.3", "task": "mnist-50", "dataset": "MNIST", "method": method, "label": method.upper(),
         "seed": seed, "metric": metric, "metric_label": metric, "value": value + seed / 1000, "printed": 0.98,
         "standard_error": 0.001, "failed": False}
        for method, value in (("bagan", 0.9), ("cvae", 0.979), ("geometric", np.nan))
        for metric in ("accuracy", "f1_minority")
        for seed in range(2)
    ]  # fmt: skip
    caption, notes = "Table C.3. 50 % <dropped> & more", ["a note"]
    agreement = [
        ("MNIST, Accuracy", 1, 1, 0, 0.5, "all below", "BAGAN (C.3)", "Short training."),
        ("MNIST, F1 score", 1, 0, 1, "", "", "", ""),
    ]
    links = {"MNIST": Path("pages/mnist.html")}
    written = [(caption, tables.summarise(pd.DataFrame(rows)), notes)]
    frame = pd.DataFrame({"Method": ["<SMOTE>"], "Seeds": [2], "p": [0.04]})
    further = [PlainTable("F.6", "Who is <right>", frame, ("another note",))]
    return page.index("A run", agreement, written, further, picture, links)


@pytest.fixture
def of_dataset(picture):
    cells = [("mnist-50-bagan-seed0", 12.5, "accuracy 0.9"), ("mnist-50-cvae-seed0", 3.0, "accuracy 0.98")]
    environments = [("Environment", "{}")]
    figures = [(picture, "Samples")]
    return page.dataset("MNIST", figures, "private/mnist.html", cells, [("mnist-50-bagan", "{}")], environments)


def test_the_index_opens_with_what_agrees_and_shows_all_tables(index):
    summary, rest = index.split('<h2 id="tables">')
    for text in (OF_FOUR, "BAGAN (C.3)", "Short training.", "all below", "50%"):
        assert text in summary
    for text in ("50 % &lt;dropped&gt; &amp; more", "a note", "0.9005 ± 0.0007", "-0.0795", "not run"):
        assert text in rest
    for text in ("<h3>Table F.6. Who is &lt;right&gt;</h3>", "&lt;SMOTE&gt;", ">0.0400</td>", "another note"):
        assert text in rest
    assert re.findall(r'<td class="bad"[^>]*>differs<', rest)
    assert re.findall(r'<td class="good"[^>]*>agrees<', rest)


def test_where_nothing_is_printed_no_column_is_for_it():
    rows = pd.DataFrame(
        [
            {"table": "D.1", "task": "digits", "dataset": "digits", "method": "smote", "label": "SMOTE", "seed": 0,
             "metric": metric, "metric_label": metric, "value": 0.9, "printed": printed, "standard_error": 0.01,
             "failed": False}
            for metric, printed in (("accuracy", np.nan), ("f1_minority", 0.9))
        ]
    )  # fmt: skip
    without, with_print = page.index("A run", [], [("D.1", tables.summarise(rows), [])], [], None, {}).split("f1_min")
    for part in (without, with_print):
        assert "Ours" in part
    for heading in ("Printed", "Difference", "Mark"):
        assert heading not in without
        assert heading in with_print


def test_a_page_tells_where_figures_are_that_may_not_be_handed_on(of_dataset, picture):
    assert "<code>private/mnist.html</code>" in of_dataset
    assert "private" not in page.dataset("MNIST", [(picture, "Samples")], None, [], [], [])
    alone = page.figures_alone("Private", [(picture, "Samples")])
    assert alone.count("<figure") == 1
    assert re.findall(NEEDS_A_FILE, alone) == ["../index.html"]


def test_pages_need_no_other_file_but_each_other(index, of_dataset):
    found = page.networks(
        "Networks", [("One", [["No", "Layer"], ["0", "conv2d"]], "<svg></svg>"), ("Two", [["No"]], None)]
    )
    assert re.findall(NEEDS_A_FILE, index) == ["pages/mnist.html"]
    for content in (of_dataset, found):
        assert re.findall(NEEDS_A_FILE, content) == ["../index.html"]
    assert "<svg>" in found
    assert page.NO_DIAGRAM in found
    assert "12.5" in of_dataset


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
def test_headings_sort_and_the_console_is_silent(of_dataset, tmp_path):
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
            of_dataset.replace("</body>", probe + "</body>"),
            tmp_path, "--dump-dom", f"--window-size={width},900",
        )  # fmt: skip
        (title,) = re.findall("<title>(.*?)</title>", dom)
        assert title == "3.0,12.5;12.5,3.0;12.5,3.0;90;true", title
        assert console == []
