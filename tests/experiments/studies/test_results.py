"""From records of cells to the few files that can be committed."""

import errno
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.studies import data, results
from class_balancing.experiments.studies.order import Entry, Study
from class_balancing.experiments.studies.tasks import METHODS
from made_up_study import write as make_up

ENTRY, OTHER = Entry("digits-4-10", "mixup"), Entry("digits-4-10", "unbalanced")


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def record(study, entry, digits, seeds=None, label=3):
    """Leave records as the runner does, of classifiers that take everything for one class."""
    n = int((digits.official_parts == "test").sum())
    for cell in study.cells(entry)[:seeds]:
        found = {
            "scores": {"balanced_accuracy": 0.1, "f1_minority": 0.0, "accuracy": 1 / 3},
            "predicted": [label] * n,
            "classifier_s": 2.5,
            "environment": {"python": "3.11"},
        }
        folder = study.plan.folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cell.json").write_text(json.dumps(found))


def fail(study, entry, seed):
    folder = study.plan.folder(study.cells(entry)[seed])
    folder.mkdir(parents=True, exist_ok=True)
    log = "Traceback (most recent call last):\n  File\nModeCollapseError: all: alike\n[[{{node}}]]\n\nall: alike\n"
    (folder / "failed.log").write_text(log)


def test_an_entry_is_kept_once_all_its_seeds_are_finished(study, digits):
    record(study, ENTRY, digits, seeds=4)
    assert results.collect(study, [ENTRY], digits).current(study) == {}
    record(study, ENTRY, digits)
    results.collect(study, [ENTRY, OTHER], digits)
    found = results.read(study.out)
    rows = found.current(study)[ENTRY]
    assert rows["seed"].tolist() == [0, 1, 2, 3, 4]
    assert rows[["accuracy", "training_seconds", "classifier_seconds"]].iloc[0].tolist() == [0.33333, 0.0, 2.5]
    assert found.predicted[ENTRY].shape == (5, (digits.official_parts == "test").sum())
    assert (found.predicted[ENTRY] == 3).all()
    np.testing.assert_array_equal(found.true["digits-4-10"], digits.labels[digits.official_parts == "test"])
    assert OTHER not in found.predicted


def test_what_was_kept_stays_without_records_and_beside_new_results(study, digits):
    make_up(study, [ENTRY], 0.6, {})
    before = results.read(study.out)
    record(study, Entry("digits-8-10", "mixup"), digits)
    results.collect(study, [ENTRY, Entry("digits-8-10", "mixup")], digits)
    found = results.read(study.out)
    assert len(found.current(study)) == 2
    np.testing.assert_array_equal(found.predicted[ENTRY], before.predicted[ENTRY])


def test_new_records_replace_what_other_settings_gave(study, digits):
    made = make_up(study, [ENTRY], 0.6, {})
    made.cells["configuration"] = "00000000"
    results._write(study.out, made, {ENTRY.task}, [])
    assert results.read(study.out).current(study) == {}
    record(study, ENTRY, digits, label=7)
    results.collect(study, [ENTRY], digits)
    found = results.read(study.out)
    assert len(found.cells) == 5
    assert ENTRY in found.current(study)
    assert (found.predicted[ENTRY] == 7).all()


@pytest.mark.parametrize("name", ["write_archive", "write_atomically"])
def test_a_kill_between_two_files_leaves_nothing_that_is_taken_for_current(name, study, digits, monkeypatch):
    """Neither new rows beside old predictions nor old rows beside new ones."""
    n = int((digits.official_parts == "test").sum())
    record(study, ENTRY, digits, label=1)
    old = results.collect(study, [ENTRY], digits)
    old.cells["configuration"] = "00000000"  # of other settings
    results._write(study.out, old, {ENTRY.task}, [])
    record(study, ENTRY, digits, label=7)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(results, name, killed)
    with pytest.raises(KeyboardInterrupt):
        results.collect(study, [ENTRY], digits)
    found = results.read(study.out)
    assert found.current(study) == {}
    assert found.predicted[ENTRY].shape == (5, n)
    assert (found.predicted[ENTRY] == (1 if name == "write_archive" else 7)).all()


def test_a_file_that_may_not_be_read_is_not_called_damaged(study, digits, monkeypatch):
    record(study, ENTRY, digits)
    results.collect(study, [ENTRY], digits)

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(results.np, "load", refused)
    with pytest.raises(PermissionError):
        results.read(study.out)


def test_failures_are_kept_until_the_entry_is_finished(study, digits):
    record(study, ENTRY, digits, seeds=3)
    fail(study, ENTRY, 3)
    fail(study, ENTRY, 4)
    results.collect(study, [ENTRY], digits)
    assert results.read(study.out).failed(study) == {ENTRY: "all: alike"}
    record(study, ENTRY, digits)
    results.collect(study, [ENTRY], digits)
    found = results.read(study.out)
    assert found.failed(study) == {}
    assert ENTRY in found.current(study)


def test_failures_of_elsewhere_stay_until_the_entry_is_tried_here(study, digits):
    fail(study, ENTRY, 0)
    results.collect(study, [ENTRY], digits)
    shutil.rmtree(study.out / "runs")
    record(study, OTHER, digits)
    results.collect(study, [OTHER, ENTRY], digits)
    assert results.read(study.out).failed(study) == {ENTRY: "all: alike"}


def test_the_same_results_are_the_same_files(study, digits):
    record(study, ENTRY, digits)
    record(study, OTHER, digits)

    def written():
        return {path.name: path.read_bytes() for path in study.out.rglob("*") if path.is_file()}

    results.collect(study, [ENTRY, OTHER], digits)
    before = written()
    results.collect(study, [OTHER], digits)
    results.collect(study, [ENTRY], digits)
    assert written() == before
    assert json.loads(before["environments.json"]) == [{"python": "3.11"}]


def test_methods_and_tasks_that_are_no_more_are_ignored(study):
    made = make_up(study, [ENTRY], 0.6, {})
    renamed = made.cells.assign(method="forgotten")
    made.cells = results._replaced(made.cells, renamed.to_dict("records"), set())
    results._write(study.out, made, set(), [])
    assert list(results.read(study.out).current(study)) == [ENTRY]


def test_results_of_another_number_of_seeds_are_measured_again(study, digits):
    made = make_up(study, [OTHER], 0.6, {})
    made.predicted[OTHER] = np.repeat(made.predicted[OTHER], 2, axis=0)
    results._write(study.out, made, {OTHER.task}, [])
    record(study, ENTRY, digits)
    results.collect(study, [ENTRY], digits)
    assert list(results.read(study.out).current(study)) == [ENTRY]


@pytest.mark.parametrize("name", ["cells.csv", "failures.csv", "predictions/digits-4-10.npz", "a byte of predictions"])
def test_damage_is_one_sentence(study, name):
    make_up(study, [ENTRY], 0.6, {})
    if name.startswith("a byte"):
        name = "predictions/digits-4-10.npz"
        content = bytearray((study.out / name).read_bytes())
        content[len(content) // 2] ^= 255
        (study.out / name).write_bytes(content)
    else:
        (study.out / name).write_bytes(b"damaged")
    with pytest.raises(UsageError, match=f"{name} is damaged; take it from the repository again, or move it away"):
        results.read(study.out)


def test_marks_of_a_merge_conflict_are_damage(study):
    make_up(study, [ENTRY], 0.6, {})
    path = study.out / "cells.csv"
    path.write_text(path.read_text() + "<<<<<<< HEAD\n")
    with pytest.raises(UsageError, match=r"cells\.csv is damaged"):
        results.read(study.out)


def test_a_reason_may_look_like_a_number_or_nothing(study):
    make_up(study, [ENTRY], 0.6, {})
    for reason in ("4", "nan", "None"):
        failure = {"task": OTHER.task, "method": OTHER.method, "seed": 0, "reason": reason, "configuration": "1"}
        pd.DataFrame([failure]).to_csv(study.out / "failures.csv", index=False)
        assert results.read(study.out).failures["reason"].tolist() == [reason]


def test_a_finished_study_is_small(tmp_path):
    """Of two tasks, with hard images, and of all cells."""
    study = Study(tmp_path, "quick")
    make_up(study, study.entries(["digits-8-10", "vehicles-cars-10"], METHODS), 0.5, {})
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    n_rows = len(results.read(tmp_path).cells)
    assert max(sizes[f"{name}.npz"] for name in ("digits-8-10", "vehicles-cars-10")) < 2**20
    assert sizes["cells.csv"] / n_rows * 1516 * 5 < 2**20
