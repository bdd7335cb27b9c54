"""judge.py from its command line: a verdict on every method, kept parts, near duplicates, groups, mistakes."""

import csv
import json
import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from datasets import folder
from evaluation.verdict import METRICS
from experiments import folder_methods, judge, parts, race
from experiments.command_line import UsageError
from tests.experiments import small_folder
from tests.experiments.test_command_line import run
from tests.reports.test_page import NEEDS_A_FILE

ALWAYS = {"class_weights", "mixup", "random_oversampling", "geometric"}


def called(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["judge.py", *map(str, arguments), "--schedule", "smoke", "--seeds", "2"])
    return judge.main()


def split(dataset, groups) -> parts.Parts:
    return parts.parts(dataset, groups, parts.split_indices(dataset.labels, groups, dataset.class_names, 0))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """(source, out) of one run with a copied image in it, both filters and two proportions."""
    root = tmp_path_factory.mktemp("judge")
    source, out = small_folder.write(root / "src", {"dark": 60, "light": 30, "striped": 60}), root / "out"
    for number in range(30, 40):
        shutil.copy(source / "light" / "00.png", source / "light" / f"{number}.png")
    with pytest.MonkeyPatch.context() as monkeypatch:
        code = called(monkeypatch, source, "--methods", "smote", "--proportions", "0.5", "1", "--filter", "confidence",
                      "duplicates", "--out", out)  # fmt: skip
    assert code == 0
    return source, out


@pytest.mark.slow
def test_every_contestant_gets_a_verdict_on_every_metric(judged):
    table = pd.read_csv(judged[1] / "verdicts.csv")
    from_images = {"random_oversampling", "geometric", "smote"}
    expected = {"class_weights", "mixup"} | from_images | {f"{name} x0.5" for name in from_images}
    assert set(table["method"]) == expected
    assert set(table["metric"]) == set(METRICS)
    assert len(table) == 8 * 3
    assert set(table["verdict"]) <= {"helped", "no evidence", "hurt"}
    assert (table["low"] <= table["difference"]).all()
    results = pd.read_csv(judged[1] / "results.csv")
    assert len(results) == 9 * 2 * 3


@pytest.mark.slow
def test_new_images_are_counted_and_filtered(judged):
    records = {
        p.parent.name.rpartition("-")[0]: json.loads(p.read_text()) for p in judged[1].glob("runs/*/seed-0.json")
    }
    lacking = records["geometric"]["n_new"]["light"] + sum(
        records["geometric"]["n_dropped"][name]["light"] for name in ("confidence", "duplicates")
    )
    halves = records["geometric-x0.5"]
    assert halves["n_new"]["light"] + sum(n["light"] for n in halves["n_dropped"].values()) == round(lacking / 2)
    copies = records["random_oversampling"]
    assert copies["n_dropped"].keys() == {"confidence"}, "its copies are not taken for duplicates"
    assert copies["n_new"]["light"] + copies["n_dropped"]["confidence"]["light"] == lacking
    assert copies["n_new"]["light"] > 0
    assert records["nothing"]["n_new"] == {}


@pytest.mark.slow
def test_copies_across_the_split_are_reported(judged):
    pairs = pd.read_csv(judged[1] / "near_duplicates.csv")
    copies = {"light/00.png", *(f"light/{number}.png" for number in range(30, 40))}
    assert len(pairs)
    assert set(pairs["learned from"]) <= copies
    assert set(pairs["tested on"]) <= copies


@pytest.mark.slow
def test_the_report_and_the_page_say_it_in_words(judged):
    _, out = judged
    report = (out / "report.md").read_text()
    for text in (
        "## Verdict",
        "## Verdict on accuracy",
        "| geometric | ",
        "have a near duplicate",
        "GAN-train",
        "results mean nothing",
    ):
        assert text in report
    assert re.search(r"Use \w+|Train on the images as they are", report)
    for figure in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (out / figure).stat().st_size > 1000
    html = (out / "index.html").read_text()
    assert not re.search(NEEDS_A_FILE, html)
    assert html.count("<figure") == 6, "verdicts, proportions, two of geometric and of SMOTE"
    audit = pd.read_csv(out / "audit.csv")
    assert set(audit["method"]) == {"geometric", "smote"}
    refused = audit[(audit["measure"] == "Fréchet")]["refused"]
    assert refused.str.contains("needs more images than features").all()


@pytest.mark.slow
def test_the_same_command_computes_nothing_again_and_more_seeds_only_those(judged, monkeypatch):
    source, out = judged
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/seed-*.json")}
    monkeypatch.setattr(race.Race, "_compute", lambda *_: pytest.fail("computed again"))
    arguments = ["--methods", "smote", "--proportions", "0.5", "1", "--filter", "confidence", "duplicates"]
    assert called(monkeypatch, source, *arguments, "--out", out) == 0
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/seed-*.json")} == before
    with pytest.raises(UsageError, match="holds results of other images or options"):
        called(monkeypatch, source, "--methods", "smote", "--out", out)


def test_a_lack_of_memory_ends_the_race(tmp_path, monkeypatch):
    source = small_folder.write(tmp_path / "src")
    loaded = folder.load(folder.scan(source), (12, 12))
    made = race.Race(tmp_path, split(loaded.dataset, None), "smoke", [], True, None)

    def lacking(*_):
        raise MemoryError

    monkeypatch.setattr(made, "_compute", lacking)
    with pytest.raises(MemoryError):
        made.run(race.Arm("nothing"), 0)
    assert not made.failure_log(race.Arm("nothing")).exists()


@pytest.mark.slow
def test_a_method_that_fails_stops_no_other(tmp_path, monkeypatch, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 20})
    monkeypatch.setattr(judge, "ALWAYS", ("nothing", "geometric"))
    assert called(monkeypatch, source, "--methods", "adasyn", "--out", tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "adasyn FAILED: no image of class 1 has a neighbour of another class" in printed.err
    assert "adasyn failed; see" in (tmp_path / "out" / "report.md").read_text()
    assert set(pd.read_csv(tmp_path / "out" / "verdicts.csv")["method"]) == {"geometric"}


def test_groups_are_never_split(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 40})
    loaded = folder.load(folder.scan(source), (12, 12))
    groups = np.arange(len(loaded.paths)) // 2
    found = split(loaded.dataset, groups)
    of_parts = [set(groups[indices]) for indices in found.indices.values()]
    assert of_parts[0].isdisjoint(of_parts[1] | of_parts[2])
    assert of_parts[1].isdisjoint(of_parts[2])
    np.testing.assert_array_equal(found.test_groups, groups[found.indices["test"]])


def test_every_classifier_takes_the_same_number_of_steps():
    few, many = (folder_methods.classifier_arguments("quick", n) for n in (500, 2000))
    assert few["n_epochs"] * few["steps_per_epoch"] == many["n_epochs"] * many["steps_per_epoch"] == 1500


@pytest.mark.parametrize(
    ("counts", "arguments", "message"),
    [
        ({"a": 9, "b": 9}, [], "all classes of .* have 9 images: balanced"),
        ({"a": 9, "b": 12}, ["--methods", "smote"], "class a has 4 images to learn from, but smote needs 6"),
        ({"a": 9, "b": 12}, ["--methods", "--dry-run"], "holds files that judge.py did not write"),
        ({"a": 9, "b": 12}, ["--seeds", "1"], "a verdict needs at least 2"),
        ({"a": 9, "b": 12}, ["--minority", "c"], "has no class c"),
        ({"a": 9, "b": 12}, ["--proportions", "0"], "expected a number above 0"),
        ({"a": 20, "b": 30}, ["--methods", "smote", "--extractor", "inception"], "there are no weights in"),
        ({"dark": 2, "light": 9}, ["--methods"], "cannot be split"),
        (
            {"dark": 12, "light": 40},
            ["--methods", "--dry-run"],
            "dark would have 4 test images, and a verdict needs 5; .* about 17 ",
        ),
    ],
)
def test_mistakes_are_one_sentence(counts, arguments, message, tmp_path):
    source = tmp_path / "src"
    for name, count in counts.items():
        written = small_folder.write(tmp_path / f"of {name}", {"dark": count})
        (source / name).parent.mkdir(exist_ok=True)
        (written / "dark").rename(source / name)
    if "did not write" in message:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "report.md").write_text("mine")
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}  # where no weights are
    finished = run("judge.py", source, *arguments, "--out", tmp_path / "out", env=environment)
    assert finished.returncode == 2
    sentence = finished.stderr.splitlines()[-1]
    assert re.search(message, sentence)
    assert sum("judge.py: " in line for line in finished.stderr.splitlines()) == 1
    assert "Traceback" not in finished.stderr


def test_groups_csv_is_read(tmp_path, monkeypatch):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 40})
    with open(source / "groups.csv", "w", newline="") as file:
        rows = [(f"light/{number:02}.png", number // 2) for number in range(40)]
        csv.writer(file).writerows([("file", "group"), *rows])
    monkeypatch.setattr(judge, "ALWAYS", ("nothing", "geometric"))
    assert called(monkeypatch, source, "--methods", "--out", tmp_path / "out") == 0
    assert "kept together as groups.csv says" in (tmp_path / "out" / "report.md").read_text()
