"""The whole command on digits, with cheap methods and classifiers that are made at once."""

import json
import os
import shutil

import commands
import numpy as np
import pandas as pd
import pytest
from class_balancing.experiments.running import locks, workers
from class_balancing.experiments.studies import command, results
from class_balancing.experiments.studies.order import Entry, Part, Study
from class_balancing.experiments.studies.tasks import N_SEEDS
from class_balancing.models import interpolation
from made_up_study import write as make_up

pytestmark = pytest.mark.usefixtures("few_tasks", "untraced", "workers_here", "quick_classifiers")
ASKED = ("--datasets", "digits", "--methods", "geometric", "logit_adjustment")
# of the digits' four tasks both methods, but for the one on which neither has anything to add
N_ENTRIES = 4 * 3 - 2


def call(out, *arguments):
    return commands.call("study", *(arguments or ASKED), "--schedule", "smoke", "--out", out)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, few_tasks, untraced, workers_here, quick_classifiers):
    out = tmp_path_factory.mktemp("finished")
    assert call(out) == 0
    return out


@pytest.fixture
def committed(finished, tmp_path):
    """What is committed of the finished study."""
    return shutil.copytree(finished, tmp_path / "out", ignore=shutil.ignore_patterns("runs", ".lock"))


def contents(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_every_seed_is_measured_and_kept(finished):
    cells = pd.read_csv(finished / "cells.csv")
    assert list(cells) == results.COLUMNS
    assert len(cells) == N_ENTRIES * N_SEEDS["smoke"]
    assert cells["balanced_accuracy"].between(0.3, 1).all()
    study = Study(finished, "smoke")
    found = results.read(finished)
    assert len(found.current(study)) == N_ENTRIES
    entry = Entry("digits-4-10", "geometric")
    for cell in study.cells(entry):
        record = json.loads((study.plan.folder(cell) / "cell.json").read_text())
        np.testing.assert_array_equal(found.predicted[entry][cell.seed], record["predicted"])
        hits = found.predicted[entry][cell.seed] == found.true[entry.task]
        recalls = [hits[found.true[entry.task] == label].mean() for label in range(10)]
        row = cells[(cells["task"] == entry.task) & (cells["method"] == "geometric") & (cells["seed"] == cell.seed)]
        assert row["balanced_accuracy"].item() == pytest.approx(np.mean(recalls), abs=1e-5)


def test_tables_figures_and_page_are_there(finished):
    assert {path.stem for path in (finished / "tables").glob("*.md")} == {
        *("K.1", "K.1-digits", "K.3", "K.4", "K.5"),
    }, "ranks are over datasets, of which this is one"
    assert {path.stem for path in (finished / "figures").iterdir()} == {"matrix", "cost"}
    page = (finished / "index.html").read_text()
    assert "Schedule smoke only tests the program" in page
    assert f"{N_ENTRIES} of " in page
    assert (finished / "verdicts.csv").exists()


def test_the_committed_files_are_enough_to_go_on(committed, monkeypatch, capsys):
    monkeypatch.setattr(workers, "run_all", None)
    before = contents(committed)
    assert call(committed) == 0
    assert "About 0 s to go" in capsys.readouterr().out
    after = contents(committed)
    assert {name: after[name] for name in before} == before
    assert not (committed / "runs").exists()


def test_only_what_is_missing_is_measured(committed, monkeypatch):
    found = results.read(committed)
    lost = Entry("digits-8-10", "geometric")
    found.cells = results._replaced(found.cells, [], {lost})
    results._write(committed, found, set(), [])
    measured = []
    whole = workers.run_all
    monkeypatch.setattr(
        workers, "run_all", lambda runner, cells, *rest: measured.extend(cells) or whole(runner, cells, *rest)
    )
    assert call(committed) == 0
    assert measured == Study(committed, "smoke").cells(lost)
    assert len(results.read(committed).current(Study(committed, "smoke"))) == N_ENTRIES


def test_what_a_stopped_run_has_finished_can_be_rendered(tmp_path, monkeypatch, capsys):
    out, whole = tmp_path / "out", workers.run_all

    def stop(runner, cells, *rest):
        whole(runner, cells[:4], *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "run_all", stop)
    assert call(out) == 130
    assert "Continue with: " in capsys.readouterr().err
    assert not (out / "cells.csv").exists()
    assert call(out, *ASKED, "--render") == 0
    assert list(results.read(out).current(Study(out, "smoke"))) == [Entry("digits-4-10", "unbalanced")]
    assert "1 of " in (out / "index.html").read_text()


def test_a_method_that_fails_takes_no_other_with_it(committed, monkeypatch, capsys):
    def fail(*_):
        raise ValueError("no neighbours today")

    monkeypatch.setattr(interpolation.SMOTE, "_fit", fail)
    asked = ("--datasets", "digits", "--methods", "smote")
    assert call(committed, *asked) == 1
    assert "6 cells failed; the same command tries them again." in capsys.readouterr().err
    found = results.read(committed)
    assert set(found.failures["reason"]) == {"no neighbours today"}
    assert len(found.current(Study(committed, "smoke"))) == N_ENTRIES
    assert "Failed on 2 tasks, SMOTE: no neighbours today." in (committed / "tables" / "K.1.md").read_text()
    monkeypatch.undo()
    assert call(committed, *asked) == 0
    assert results.read(committed).failures.empty
    assert "Failed on" not in (committed / "tables" / "K.1.md").read_text()


def test_networks_are_deleted_once_nothing_needs_them(tmp_path):
    study = Study(tmp_path, "quick")
    entries = [Entry("digits-4-10", name) for name in ("mixup", "cvae", "bagan", "bagan+mixup")]
    folders = {entry: study.plan.training_folder(study.cells(entry)[0]) for entry in entries}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    part = Part("", "digits", tuple(entries))
    make_up(study, entries[:3], 0.6, {})
    with locks.held(folders[entries[1]], wait=False):
        command.delete_networks(study, [part])
        assert folders[entries[1]].exists(), "another command works there"
    command.delete_networks(study, [part])
    assert {entry.method for entry in entries if folders[entry].exists()} == {"mixup", "bagan", "bagan+mixup"}
    make_up(study, entries[3:], 0.6, {})
    command.delete_networks(study, [part])
    assert not folders[entries[2]].exists()


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path, capsys):
    assert call(tmp_path / "out", "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "Plan: schedule smoke, 3 seeds" in printed
    assert [line.split("  ")[0] for line in printed.splitlines()[2:-1]] == [
        *(f"{dataset} at 10 %, methods without training" for dataset in ("digits", "vehicles")),
        "digits at 2 %, methods without training",
        "digits at 100 %, methods without training",
        *(f"{dataset} at 10 %, methods that are trained" for dataset in ("digits", "vehicles")),
        "digits at 2 %, methods that are trained",
    ]
    assert "on two cores like the reference machine's" in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--datasets", "imagenet"), "argument --datasets: invalid choice: 'imagenet'"),
        (("--schedule", "thesis"), "argument --schedule: invalid choice: 'thesis'"),
        (("--methods", "wishing"), "argument --methods: no method is called 'wishing'"),
        (("--methods", "unbalanced"), "argument --methods: unbalanced always takes part; name others"),
        (("--methods", "smote+cvae"), "smote+cvae: "),
        (("--datasets", "vehicles", "--data-dir", "/nowhere"), "there is no folder /nowhere"),
        ((*ASKED, "--out", os.devnull), f"cannot write to {os.devnull}"),
        ((*ASKED, "--out", "/proc/out", "--dry-run"), "cannot write to /proc/out"),
    ],
)
def test_mistakes_are_one_sentence(capsys, tmp_path, arguments, message):
    assert message in commands.refusal(capsys, "study", "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_is_not_there_is_told_before_the_plan(capsys, tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    sentence = commands.refusal(capsys, "study", *ASKED, "--devices", "gpu", "--out", tmp_path / "out")
    assert "--devices gpu: TensorFlow finds no GPU" in sentence
    assert not (tmp_path / "out").exists()


def test_a_folder_with_anything_else_is_refused(committed, capsys, monkeypatch):
    def refusal(*arguments):
        return commands.refusal(capsys, "study", *ASKED, "--out", committed, *arguments)

    assert (
        "holds results with --schedule smoke, not with --schedule quick; choose another folder with --out" in refusal()
    )
    held = json.loads((committed / "run.json").read_text())
    (committed / "run.json").write_text(json.dumps(held | {"datasets": {"digits": "0"}}))
    (committed / "cells.csv").unlink()
    assert "holds results of other digits images" in refusal("--schedule", "smoke")
    (committed / "run.json").unlink()
    assert "which this program did not write" in refusal()
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}})
    )
    assert "machines share the study by running it with the same --out; unset TF_CONFIG" in refusal()


def test_tables_of_before_go_and_those_of_others_stay(committed):
    for name in ("K.2b.md", "K.1-mnist.csv", "K.notes.md", "K.1.txt"):
        (committed / "tables" / name).write_text("old")
    assert call(committed, "--render") == 0
    left = {path.name for path in (committed / "tables").iterdir()}
    assert left >= {"K.notes.md", "K.1.txt", "K.1.md", "K.1-digits.csv"}
    assert not left & {"K.2b.md", "K.1-mnist.csv"}
