"""The committed study is of the present settings, and all that it shows is made from its files."""

import html
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from class_balancing.experiments.studies import results, write
from class_balancing.experiments.studies.findings import find
from class_balancing.experiments.studies.order import Study

STUDY = Path(__file__).resolve().parents[2] / "reports" / "reference" / "study"


@pytest.fixture(scope="module")
def findings():
    return find(Study(STUDY, "quick"), results.read(STUDY))


def test_whatever_was_measured_is_of_the_present_settings(findings):
    assert findings.n_finished > 0
    assert findings.n_outdated == 0


def test_its_archives_hold_predicted_classes_alone():
    for path in (STUDY / "predictions").iterdir():
        with np.load(path) as arrays:
            assert sorted(arrays) == ["methods", "predicted", "true"]
            assert arrays["predicted"].dtype == arrays["true"].dtype == np.uint8
            assert arrays["predicted"].shape == (len(arrays["methods"]), 5, len(arrays["true"]))


def test_tables_and_page_are_those_that_its_files_give(findings, tmp_path, monkeypatch):
    again = Study(tmp_path / "study", "quick")
    shutil.copytree(STUDY, again.out)
    monkeypatch.setattr(write, "find", lambda *_: findings)
    write.write_all(again, results.read(again.out))
    shown = [path.relative_to(STUDY) for path in STUDY.rglob("*") if path.is_file()]
    assert {path.relative_to(again.out) for path in again.out.rglob("*") if path.is_file()} == set(shown)
    for path in shown:
        if path.suffix in (".md", ".tex", ".csv", ".html"):
            before, after = (re.sub(r"<img[^>]*>", "", (out / path).read_text()) for out in (STUDY, again.out))
            assert before == after, path


def test_the_readme_quotes_its_advice():
    page = html.unescape((STUDY / "index.html").read_text())
    lines = (STUDY.parents[2] / "README.md").read_text().splitlines()
    quoted = " ".join(line.removeprefix(">").removeprefix(" -").strip() for line in lines if line.startswith(">"))
    advice = re.findall(r"With \d+.*?(?= \[\.\.\.\])", quoted)
    assert advice
    assert all(text in page for text in advice), advice
