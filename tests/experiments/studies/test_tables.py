"""What is shown of made-up results, in which it is known which methods help."""

import re

import numpy as np
import pandas as pd
import pytest
from class_balancing.experiments.studies import advice, results, tables, write
from class_balancing.experiments.studies.findings import find
from class_balancing.experiments.studies.order import Entry, Study
from class_balancing.experiments.studies.tasks import STUDIED
from made_up_study import METHODS
from made_up_study import write as make_up

GAINS = {"smote": 0.15, "cvae": -0.15, "logit_adjustment": 0.05}


@pytest.fixture(scope="module")
def found(tmp_path_factory, few_tasks):
    study = Study(tmp_path_factory.mktemp("study"), "quick")
    make_up(study, study.entries(STUDIED, METHODS), 0.6, GAINS)
    return find(study, results.read(study.out))


def table(findings, name):
    (only,) = [each for each in tables.tables(findings) if each.name == name]
    return only


def test_methods_that_help_hurt_and_do_nothing_are_told_apart(found):
    frame = table(found, "K.1").frame.set_index("Method")
    assert frame.loc["SMOTE", ["digits, balanced", "digits, 4", "digits, 8", "Vehicles, cars"]].tolist() == [
        "/",
        "+×",
        "+",
        "+",
    ]
    assert frame.loc["SMOTE", ["Helped", "Hurt", "Failed", "Of"]].tolist() == [3, 0, 0, 3]
    assert frame.loc["CVAE", "digits, 4"] == "−−"
    assert frame.loc["CVAE", ["Helped", "Hurt", "Failed", "Of"]].tolist() == [0, 4, 0, 4]
    assert frame.loc["logit adjustment", "digits, balanced"] == "/", "there is no prior to correct"
    assert frame.loc["mixup", ["digits, balanced", "digits, 4"]].tolist() == ["·", "··"], (
        "equal to the images as they are"
    )
    assert frame.loc["geom. trans.", ["Helped", "Hurt", "Failed", "Of"]].tolist() == [0, 0, 0, 4]
    assert "Unbalanced original" not in frame.index


def test_words_and_differences_stand_beside_the_signs(found):
    frame = table(found, "K.1-digits").frame.set_index(["Small class", "Method"])
    assert frame.loc[("balanced", "SMOTE"), "100 %"] == "nothing to add"
    assert frame.loc[("4", "SMOTE"), "2 %"] == "too few"
    word, difference = frame.loc[("4", "SMOTE"), "10 %"].split()
    assert word == "helped"
    assert float(difference) == pytest.approx(0.15, abs=0.03)
    assert abs(float(frame.loc[("4", "mixup"), "10 %"])) < 0.02, "no word: no evidence"
    assert "A number alone: no evidence." in table(found, "K.1-digits").notes


def test_ranks_are_over_the_tasks_on_which_all_methods_can_act(found):
    frame = table(found, "K.2b").frame
    assert frame["Method"].tolist()[:2] == ["SMOTE", "logit adjustment"]
    assert frame["Method"].tolist()[-1] == "CVAE"
    assert frame["Average rank"].tolist()[0] == 1
    note = table(found, "K.2b").notes[0]
    assert note.startswith("Ranks of means over the tasks of each of 2 datasets, since these share test images")
    assert "3 imbalanced tasks on which each of these 6 methods can act and is finished." in note
    assert tables.TOO_FEW_DATASETS in table(found, "K.2b").notes, "critical difference 5.3, and ranks from 1 to 6"
    cheap = table(found, "K.2a").frame
    assert set(frame["Method"]) - set(cheap["Method"]) == {"CVAE"}
    of_digits, of_cars = found.scores.loc[["digits-4-10", "digits-8-10"]].mean(), found.scores.loc["vehicles-cars-10"]
    row = frame.set_index("Method").loc["geom. trans."]
    assert row["Average rank"] == np.mean([of.rank(ascending=False)["geometric"] for of in (of_digits, of_cars)])
    assert row["Mean balanced accuracy"] == pytest.approx(np.mean([of_digits["geometric"], of_cars["geometric"]]))


def test_costs_are_minutes_for_one_classifier(found):
    frame = table(found, "K.3").frame
    assert set(frame["Minutes"]) == {3.0}, "of training once, sampling and one classifier"
    assert frame.iloc[0][["Method", "Tasks", "Mean difference"]].tolist() == ["Unbalanced original", 3, 0.0]
    of_smote = frame[frame["Method"] == "SMOTE"].set_index("Images")
    assert of_smote["Tasks"].to_dict() == {"handwritten digits": 2, "photographs": 1}
    assert of_smote.loc["photographs", "Mean difference"] == pytest.approx(0.15, abs=0.03)


def test_a_seed_that_something_held_up_costs_no_more(study):
    entry = Entry("digits-4-10", "smote")
    cells = make_up(study, [entry], 0.6, GAINS).cells
    cells.loc[cells["seed"] == 1, "classifier_seconds"] = 3600.0
    cells.to_csv(study.out / results.CELLS, index=False)
    assert find(study, results.read(study.out)).minutes.loc[entry.task, entry.method] == 3.0


def test_new_images_are_compared_with_logit_adjustment(found):
    frame = table(found, "K.4").frame.set_index(["Images", "Method"])
    assert set(frame.index.get_level_values("Method")) == {"geom. trans.", "CVAE", "SMOTE"}, "what makes images"
    assert frame.loc[("handwritten digits", "SMOTE"), ["Helped", "No evidence", "Hurt"]].tolist() == [2, 0, 0]
    assert frame.loc[("handwritten digits", "CVAE"), ["Helped", "No evidence", "Hurt"]].tolist() == [0, 0, 3]


def test_advice_counts_what_the_tables_hold(found):
    sentences = advice.advice(found)
    assert [text.split(": ")[0] for text in sentences] == [
        "With 2 to 10 images of the small class, on handwritten digits (3 tasks)",
        "With 30 images of the small class, on photographs (1 task)",
    ]
    first, second = sentences
    assert (
        "use logit adjustment, which of the 4 methods compared on all of them is best: it helped in 3 of 3 cases and "
        "hurt in 0, with +0.0" in first
    )
    assert " Not compared on all of these tasks: SMOTE. " in first
    assert (
        "A network that makes images helped in 0 of 3 cases, hurt in 3 and failed in 0; "
        "one beat logit adjustment in 0 of 3 cases." in first
    )
    assert ": too few are finished to advise anything. A network that makes images" in second


def test_without_help_the_advice_is_to_do_nothing(study):
    make_up(study, study.entries(STUDIED, METHODS), 0.6, {"cvae": -0.2})
    text, _ = advice.advice(find(study, results.read(study.out)))
    expected = (
        r": of the 4 methods compared on all of them none helped more often than it hurt, so train on the images as "
        r"they are; effects below 0\.\d+ of balanced accuracy could hardly be seen\."
    )
    assert re.search(expected, text)


def test_rare_help_is_not_advised(study):
    entries = study.entries(STUDIED, METHODS)
    make_up(study, entries, 0.6, {})
    make_up(study, [e for e in entries if e.task == "digits-4-2"], 0.6, {"mixup": 0.2})
    text = advice.advice(find(study, results.read(study.out)))[0]
    assert (
        ": of the 4 methods compared on all of them none helped in half of the cases; the best is mixup, which helped "
        "in 1 of 3 cases and hurt in 0" in text
    )


def test_methods_that_helped_alike_are_advised_together(study):
    make_up(study, study.entries(STUDIED, METHODS), 0.6, {"geometric": 0.2, "mixup": 0.2})
    text = advice.advice(find(study, results.read(study.out)))[0]
    assert re.search(
        r": use (geom\. trans\. or mixup|mixup or geom\. trans\.), which of the 4 methods compared on all of them are "
        r"best: each helped in 3 of 3 cases and hurt in 0, with \+0\.\d+ of balanced accuracy on average for the first",
        text,
    )


def test_what_is_not_finished_is_missing_and_counted(study):
    everything = study.entries(STUDIED, METHODS)
    cheap = [entry for entry in everything if entry.method not in ("cvae", "mixup")]
    make_up(study, cheap, 0.6, GAINS)
    found = find(study, results.read(study.out))
    frame = table(found, "K.1").frame.set_index("Method")
    assert frame.loc["CVAE", "digits, 4"] == "??"
    assert frame.loc["mixup", "digits, 4"] == "??"
    assert tables.PROVISIONAL in table(found, "K.1").notes
    assert write.progress(found) == f"{len(cheap)} of {len(everything)} pairs of a task and a method are finished."
    assert "CVAE" not in set(table(found, "K.2a").frame["Method"])
    assert not [each for each in tables.tables(found) if each.name == "K.2b"], "the same methods as before"
    assert "that makes images" not in " ".join(advice.advice(found))


def test_tasks_that_are_finished_in_part_are_left_out_of_the_advice(study):
    everything = study.entries(STUDIED, METHODS)
    part = [entry for entry in everything if entry.task == "digits-4-2" and entry.method in ("unbalanced", "mixup")]
    others = [entry for entry in everything if entry.task != "digits-4-2"]
    make_up(study, [*part, *others], 0.6, GAINS)
    text = advice.advice(find(study, results.read(study.out)))[0]
    assert text.startswith("With 10 images of the small class, on handwritten digits (2 of 3 tasks): too few")


def test_a_method_that_helps_and_hurts_is_not_advised(study):
    entries = study.entries(STUDIED, METHODS)
    make_up(study, entries, 0.6, {"mixup": 0.2})
    make_up(study, [e for e in entries if e.task == "digits-4-2"], 0.6, {"mixup": -0.2})
    text = advice.advice(find(study, results.read(study.out)))[0]
    none = "none helped in half of the cases and hurt in hardly any"
    assert f"{none}; the best is mixup, which helped in 2 of 3 cases and hurt in 1" in text


def test_without_a_baseline_there_are_no_verdicts(study):
    make_up(study, [Entry("digits-4-10", "mixup")], 0.6, {})
    found = find(study, results.read(study.out))
    assert found.verdicts.empty
    assert [each.name for each in tables.tables(found)] == ["K.1", "K.1-digits", "K.5"]
    assert advice.advice(found) == []


def test_other_settings_are_left_out_and_counted(study):
    entries = study.entries(STUDIED, ["mixup", "smote"])
    made = make_up(study, entries, 0.6, GAINS)
    made.cells.loc[made.cells["method"] == "smote", "configuration"] = "00000000"
    results._write(study.out, made, set(), [])
    found = find(study, results.read(study.out))
    assert table(found, "K.1").frame.set_index("Method").loc["SMOTE", "digits, 8"] == "?"
    assert "; 3 were measured with other settings and are left out until they are run again." in write.progress(found)


def test_failures_are_named(study):
    entries = study.entries(STUDIED, ["mixup"])
    made = make_up(study, entries, 0.6, {})
    failed = [
        (task, "cvae", 1, f"CVAE's images are alike: by {place}", study.digests(Entry(task, "cvae"))[1])
        for place, task in enumerate(STUDIED)
    ]
    made.failures = pd.DataFrame(failed[1:], columns=results.FAILURE_COLUMNS)
    results._write(study.out, made, set(), [])
    found = find(study, results.read(study.out))
    row = table(found, "K.1").frame.set_index("Method").loc["CVAE"]
    assert row[["digits, 4", "Failed", "Of"]].tolist() == ["!!", 4, 4]
    assert "Failed on 4 tasks, CVAE: CVAE's images are alike." in table(found, "K.1").notes
    assert ", 4 failed" in write.progress(found)
    assert "helped in 0 of 3 cases, hurt in 0 and failed in 3." in advice.advice(found)[0]


def test_what_failed_on_a_task_is_not_ranked_and_named(study):
    entries = [entry for entry in study.entries(STUDIED, METHODS) if entry != Entry("digits-8-10", "cvae")]
    made = make_up(study, entries, 0.6, GAINS)
    failed = ("digits-8-10", "cvae", 0, "why", study.digests(Entry("digits-8-10", "cvae"))[0])
    made.failures = pd.DataFrame([failed], columns=results.FAILURE_COLUMNS)
    results._write(study.out, made, set(), [])
    found = find(study, results.read(study.out))
    assert [each.name for each in tables.tables(found) if each.name.startswith("K.2")] == ["K.2a"]
    made_up_twice = make_up(study, [Entry("digits-4-10", "geometric+logit_adjustment")], 0.6, {})
    results._write(study.out, made_up_twice, set(), [])
    joined = find(study, results.read(study.out))
    assert joined.n_entries == found.n_entries + 1, "a joined method is asked for where it was measured"
    assert "geom. trans., logit adjustment" not in table(joined, "K.4").frame["Method"].tolist()
    pd.testing.assert_frame_equal(table(joined, "K.2a").frame, table(found, "K.2a").frame)


def test_everything_is_rendered_again_from_the_files_alone(study):
    make_up(study, study.entries(STUDIED, METHODS), 0.6, GAINS)
    write.write_all(study, results.read(study.out))
    made = [path for path in study.out.rglob("*") if path.is_file() and path.suffix in (".md", ".tex", ".png", ".html")]
    before = {path: path.read_bytes() for path in made}
    assert {path.name for path in made if path.suffix == ".png"} == {
        "matrix.png",
        "ranks-methods-without-training.png",
        "ranks-all-methods.png",
        "cost.png",
    }
    for path in made:
        path.unlink()
    write.write_all(study, results.read(study.out))
    assert {path: path.read_bytes() for path in made} == before
    stale = [study.out / "tables" / "K.9.md", study.out / "figures" / "ranks-old.png"]
    mine = study.out / "figures" / "mine.png"
    for path in (*stale, mine):
        path.write_text("of before")
    write.write_all(study, results.read(study.out))
    assert not any(path.exists() for path in stale)
    assert mine.read_text() == "of before"
    mine.unlink()
    page = (study.out / "index.html").read_text()
    assert page.count("<img") == 4
    assert all(text in page for text in ("Table K.1.", "Table K.4.", "With 2 to 10 images"))
