"""The judge command: a verdict on every method, kept parts, near duplicates, groups, failures, mistakes."""

import csv
import json
import os
import re
import shutil
import sys
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
import small_folder
import tensorflow as tf
from class_balancing.datasets import folder
from class_balancing.evaluation import features
from class_balancing.evaluation.verdict import METRICS
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.folders import entrants, judge
from class_balancing.experiments.running import audit as running_audit
from class_balancing.experiments.running import rounds
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.filters import in_words
from class_balancing.experiments.running.fitting import Fitting
from class_balancing.experiments.running.runner import Runner
from class_balancing.models import METHODS
from class_balancing.models.classifier_methods import ClassWeights, Unbalanced
from class_balancing.models.cvae import CVAE
from class_balancing.reports import figures
from forked import Forked

pytestmark = [
    pytest.mark.usefixtures("untraced", "workers_here", "quick_classifiers", "small_report"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
ASKED = ("--methods", "cvae", "--proportions", "0.5", "1", "--filter", "confidence", "duplicates")
LINK = r'(?:src|href)="((?!data:|#)[^"]*)"|url\('


@pytest.fixture(scope="module")
def small_report():
    """Within the module figures are small, and CVAE takes four steps."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(CVAE.schedules["smoke"], "steps", {"n_epochs": 4})
        patched.setattr(figures, "DOTS_PER_INCH", 20)
        yield


def called(*arguments) -> int:
    """`main` in this process."""
    words = [*map(str, arguments), "--schedule", "smoke", "--seeds", "2", "--folds", "2"]
    return judge.main(judge.parse("judge.py", words))


@pytest.fixture(scope="module")
def judged(tmp_path_factory, untraced, workers_here, quick_classifiers, small_report):
    """(source, out) of one run with a copied image in it, both filters and two proportions."""
    root = tmp_path_factory.mktemp("judge")
    source, out = small_folder.write(root / "src", {"dark": 60, "light": 30, "striped": 60}), root / "out"
    for number in range(30, 40):
        shutil.copy(source / "light" / "00.png", source / "light" / f"{number}.png")
    assert called(source, *ASKED, "--out", out) == 0
    return source, out


@pytest.fixture
def quick(monkeypatch):
    """Function of a name: of the methods that are always compared there are only the baseline and the named one."""
    return lambda name: monkeypatch.setattr(entrants, "ALWAYS", ("unbalanced", name))


def test_every_method_gets_a_verdict_on_one_metric(judged):
    table = pd.read_csv(judged[1] / "verdicts.csv")
    from_images = {"random_oversampling", "geometric", "cvae"}
    expected = {"class_weights", "logit_adjustment"} | from_images | {f"{name} x0.5" for name in from_images}
    assert set(table["method"]) == expected
    assert set(table["metric"]) == set(METRICS)
    assert len(table) == 8 * 3
    by_metric = table.groupby("metric")["verdict"].agg(set)
    assert by_metric["balanced_accuracy"] <= {"helped", "no evidence", "hurt"}
    assert table.loc[table["metric"] != "balanced_accuracy", "verdict"].isna().all()
    assert (table["low"] <= table["difference"]).all()
    results = pd.read_csv(judged[1] / "results.csv")
    assert len(results) == 9 * 2 * 3
    assert set(results["method"]) == expected | {"unbalanced"}


def test_new_images_are_counted_and_filtered(judged):
    records = {
        path.parent.name.removeprefix("fold1of2-").partition("-seed0")[0]: json.loads(path.read_text())
        for path in judged[1].glob("runs/fold1of2-*-seed0-*/cell.json")
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
    assert "n_new" not in records["unbalanced"]
    text = (judged[1] / "report.md").read_text()
    for name in ("geometric", "geometric-x0.5"):
        of_light = [records[name]["n_dropped"][chosen]["light"] for chosen in ("confidence", "duplicates")]
        row = (name.replace("-", " "), "light", records[name]["n_new"]["light"], *of_light)
        assert f"| {' | '.join(map(str, row))} |" in text
    of_copies = (copies["n_new"]["light"], copies["n_dropped"]["confidence"]["light"])
    assert f"| random_oversampling | light | {of_copies[0]} | {of_copies[1]} | not asked |" in text
    assert "## Filters" in text
    for name in ("geometric", "random_oversampling"):
        for chosen, of_classes in records[name]["pass_rates"].items():
            rate = of_classes["light"]
            assert rate["n_real"] == (
                20 if chosen == "confidence" else records[name]["pass_rates"]["confidence"]["light"]["n_real_passed"]
            )
            assert f"| {name} | light | {chosen} | {' | '.join(in_words(rate))} |" in text


def test_proportions_and_seeds_share_one_training_in_a_fold(judged):
    assert len(list(judged[1].glob("runs/*-training-*"))) == 2
    records = [json.loads(path.read_text()) for path in judged[1].glob("runs/fold1of2-cvae-*seed*/cell.json")]
    assert len(records) == 2 * 2
    (name,) = {record["training"] for record in records}
    training = judged[1] / "runs" / name
    history = pd.read_csv(training / "history.csv")
    assert history["epoch"].tolist() == list(range(1, len(history) + 1))
    assert {record["training_s"] for record in records} == {round(float(history["seconds"].sum()), 1)}


def test_copies_across_the_split_are_reported(judged):
    pairs = pd.read_csv(judged[1] / "near_duplicates.csv")
    copies = {"light/00.png", *(f"light/{number}.png" for number in range(30, 40))}
    assert len(pairs)
    assert set(pairs["learned from"]) <= copies
    assert set(pairs["tested on"]) <= copies


def test_the_report_and_the_page_say_it_in_words(judged):
    _, out = judged
    report = (out / "report.md").read_text()
    for text in (
        "## Verdict",
        "## Verdict on balanced accuracy",
        "In 2 folds each of the 160 images was tested once",
        "| geometric | ",
        "have a near duplicate",
        "GAN-train",
        "results mean nothing",
    ):
        assert text in report
    assert re.search(r"Use \w+|until one is, train on the images as they are", report)
    for figure in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (out / figure).stat().st_size > 1000
    html = (out / "index.html").read_text()
    assert not re.search(LINK, html)
    assert html.count("<figure") == 6, "verdicts, proportions, two each of geometric and CVAE"
    audit = pd.read_csv(out / "audit.csv")
    assert set(audit["method"]) == {"geometric", "cvae"}
    refused = audit[(audit["measure"] == "Fréchet")]["refused"]
    assert refused.str.contains("needs more images than features").all()


def test_numbers_of_the_report_are_those_of_the_csv_files(judged):
    report = (judged[1] / "report.md").read_text()
    verdicts = pd.read_csv(judged[1] / "verdicts.csv").query("metric == 'balanced_accuracy'")
    for row in verdicts.itertuples():
        numbers = f"{row.difference:+.3f} | {row.low:+.3f} to {row.high:+.3f} | "
        assert f"| {row.method} | {row.verdict} | {numbers}" in report
    scores = pd.read_csv(judged[1] / "results.csv").groupby(["method", "metric"])["value"].agg(["mean", "std"])
    for method in verdicts["method"]:
        shown = [
            f"{found['mean']:.4f} ± {found['std']:.4f}" for found in (scores.loc[method, name] for name in METRICS)
        ]
        assert f"| {method} | {' | '.join(shown)} | " in report


def test_the_same_command_computes_nothing_again_and_refuses_other_options(judged, monkeypatch):
    source, out = judged
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/cell.json")}
    assert len(before) == 9 * 2 * 2
    monkeypatch.setattr(Runner, "_compute", lambda *_: pytest.fail("computed again"))
    monkeypatch.setattr(Fitting, "_fit", lambda *_: pytest.fail("fitted again"))
    monkeypatch.setattr(folder, "decode_all", lambda *_: pytest.fail("decoded again"))
    picture = out / "figures" / "cvae.png"
    content = picture.read_bytes()
    picture.write_bytes(b"of another split")
    assert called(source, *ASKED, "--out", out) == 0
    assert picture.read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/cell.json")} == before
    with pytest.raises(UsageError, match="holds results with --filter confidence duplicates, not without --filter"):
        called(source, "--methods", "smote", "--out", out)
    assert len(list(out.glob("images-*"))) == 2, "the images and what is known of them"
    assert not list(out.glob("runs/*/new-*"))


def test_of_large_images_fewer_are_audited(judged, monkeypatch):
    source, out = judged
    asked, sample = [], CVAE.sample

    def counted(balancer, label, n, random_state=None):
        asked.append(n)
        return sample(balancer, label, n, random_state)

    monkeypatch.setattr(CVAE, "sample", counted)
    monkeypatch.setattr(running_audit, "MAX_BYTES_OF_ALL", 12 * 12 * 3 * 15)
    monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", 12 * 12 * 3 * 7)
    for path in out.glob("runs/fold1of2-cvae-*/audit.json"):
        path.unlink()
    assert called(source, *ASKED, "--out", out) == 0
    assert asked == [7, 7, 5, 5, 5], "of two small classes, then of all"


def test_other_images_are_refused_and_what_was_decoded_of_the_old_ones_stays(judged, tmp_path):
    source, out = judged
    before = sorted(out.glob("images-*"))
    other = small_folder.write(tmp_path / "src", {"dark": 60, "light": 20, "striped": 50})
    with pytest.raises(UsageError, match="holds results of other images"):
        called(other, *ASKED, "--out", out)
    assert set(before) < set(out.glob("images-*"))
    assert called(source, *ASKED, "--out", out) == 0
    assert sorted(out.glob("images-*")) == before
    (other / "striped").rename(other / "spotted")
    with pytest.raises(UsageError, match="holds results of other classes"):
        called(other, *ASKED, "--out", out)
    with pytest.raises(UsageError, match="holds results of another --image-size"):
        called(source, *ASKED, "--out", out, "--image-size", "16")
    assert sorted(out.glob("images-*")) == before, "other classes and sizes are known before anything is decoded"


def test_the_plan_of_all_methods(tmp_path, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 30})
    assert called(source, "--methods", "all", "--out", tmp_path / "out", "--dry-run") == 0
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in METHODS)
    assert not (tmp_path / "out").exists()


def test_a_plan_counts_what_is_finished(judged, capsys):
    source, out = judged
    more = [*ASKED, "--out", out, "--dry-run", "--schedule", "smoke", "--seeds", "3", "--folds", "2"]
    assert judge.main(judge.parse("judge.py", list(map(str, [source, *more])))) == 0
    printed = capsys.readouterr().out
    assert "60 dark, 40 light, 60 striped; 12 x 12 pixels" in printed
    assert "About 60 of these to learn from, 20 to choose epochs by, 80 to test in each of 2 folds." in printed
    assert "8 comparisons with unbalanced by balanced accuracy, with 2 to 3 seeds each" in printed
    assert re.search(r"logit_adjustment +training 0 s, 4 of 6 finished", printed)
    assert re.search(r"cvae +training .*, with 0\.5, 1 times the new images, 8 of 12 finished", printed)


def test_a_dry_run_leaves_out_what_headers_tell_and_what_is_trained(tmp_path, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 31})
    (source / "light" / "00.png").write_bytes(b"no image")
    words = [
        str(source),
        "--methods",
        "cvae",
        "--schedule",
        "smoke",
        "--seeds",
        "3",
        "--folds",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    options = judge.parse("judge.py", [*words, "--dry-run"])
    assert judge.main(options) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("1 of 91 files are left out: light/00.png: not a readable image")
    assert "60 dark, 30 light; 12 x 12 pixels" in printed.out
    assert "images that are damaged further in will be left out too" in printed.out
    labels = np.repeat([0, 1], [60, 30])
    plan = judge.planned(options, ("dark", "light"), labels, None, (12, 12, 3))
    training = plan.training_folder(Cell("folder", "cvae", 0))
    training.mkdir(parents=True)
    (training / "epoch-000002-abc.npz").touch()
    known = {"class_names": ["dark", "light"], "image_size": [12, 12]}
    (tmp_path / "out" / "run.json").write_text(json.dumps(judge._chosen(options) | known))
    assert judge.main(options) == 0
    assert re.search(r"cvae +training \d+ s, \d+ s of it left", capsys.readouterr().out)
    for other, told in (
        (["--extractor", "inception"], "with --extractor classifier, not with --extractor inception"),
        (
            ["--no-flip", "--filter", "confidence"],
            "without --no-flip and without --filter, not with --no-flip and with --filter confidence",
        ),
    ):
        with pytest.raises(UsageError, match=f"holds results {told} "):
            judge.main(judge.parse("judge.py", [*words, "--dry-run", *other]))


@pytest.mark.parametrize("n_folds", [1, 2])
def test_the_class_and_mirroring_asked_for_are_those_of_the_tasks(n_folds):
    labels = np.repeat([0, 1], [40, 20])
    for words, of_tasks in (((), ("light", True)), (("--no-flip", "--minority", "dark"), ("dark", False))):
        options = judge.parse("judge.py", ["src", "--folds", str(n_folds), *words])
        tasks = judge.planned(options, ("dark", "light"), labels, None, (12, 12, 3)).tasks.values()
        assert len(tasks) == n_folds
        assert {(task.measured_label, task.is_mirrored) for task in tasks} == {of_tasks}
        assert {task.class_names[label] for task in tasks for label in task.measured} == {of_tasks[0]}


def test_the_plan_of_a_run_is_that_of_a_dry_run(tmp_path, monkeypatch, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 31})
    (source / "light" / "00.png").write_bytes(b"no image")
    with open(source / "groups.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "group"), ("light/00.png", 1), ("light/01.png", 1), ("light/02.png", 1)])
    runs = []
    monkeypatch.setattr(judge, "run", lambda plan, options, loaded, groups: runs.append((loaded, groups)))
    for given in (("--dry-run",), ()):
        called(source, "--methods", "smote", "--out", tmp_path / "out", *given)
    printed = capsys.readouterr()
    plan, of_run = printed.out.split("Only headers of files were read: images that are damaged further in will be ")
    assert of_run == "left out too.\n" + plan
    assert "60 dark, 30 light; 12 x 12 pixels" in plan
    assert printed.err.count("1 of 91 files are left out") == 2
    ((loaded, groups),) = runs
    assert len(loaded.paths) == len(groups) == 90
    assert [path.as_posix() for path, _ in loaded.unreadable] == ["light/00.png"]


@pytest.mark.parametrize("asked", [(), ("--methods", "all"), ("--methods", "smote")])
def test_what_has_too_few_images_is_left_out_unless_it_was_named(asked, tmp_path, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 40, "light": 7})
    options = judge.parse("judge.py", [str(source), *asked, "--dry-run", "--out", str(tmp_path / "out")])
    if "smote" in asked:
        with pytest.raises(UsageError, match="light has 4 images to learn from, but smote needs 6"):
            judge.main(options)
        return
    assert judge.main(options) == 0
    printed = capsys.readouterr()
    assert "Left out: class light has 4 images to learn from, but smote needs 6" in printed.err
    assert re.search(r"^  affine ", printed.out, re.MULTILINE)
    assert not re.search(r"^  smote ", printed.out, re.MULTILINE)


def test_what_nobody_named_and_memory_does_not_hold_is_left_out(tmp_path, monkeypatch, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 40, "light": 20})
    memory, of_system = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 1000}, os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: memory.get(name) or of_system(name))
    options = judge.parse("judge.py", [str(source), "--dry-run", "--out", str(tmp_path / "out")])
    assert judge.main(options) == 0
    assert "Left out: smote would hold" in capsys.readouterr().err


def test_of_all_methods_those_that_cannot_be_joined_are_left_out(tmp_path, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 40, "light": 20})
    words = ["--methods", "all", "--with", "logit_adjustment", "--dry-run", "--out", str(tmp_path / "out")]
    assert judge.main(judge.parse("judge.py", [str(source), *words])) == 0
    printed = capsys.readouterr()
    assert "class_weights and logit_adjustment exclude each other" in printed.err
    assert "mixup+logit_adjustment" in printed.out


def test_a_way_to_train_the_classifier_is_put_on_top_of_every_method(tmp_path, quick):
    source = small_folder.write(tmp_path / "src", {"dark": 100, "light": 5})
    quick("geometric")
    words = ["--methods", "--with", "logit_adjustment", "--seeds", "2", "--folds", "2", "--schedule", "smoke"]
    out = tmp_path / "out"
    assert judge.main(judge.parse("judge.py", [str(source), *words, "--out", str(out)])) == 0
    methods = set(pd.read_csv(out / "verdicts.csv")["method"])
    assert methods == {"unbalanced", "geometric+logit_adjustment"}
    audits = pd.read_csv(out / "audit.csv")
    assert set(audits["method"]) == {"geometric"}, "although it was not compared by itself"
    report = (out / "report.md").read_text()
    assert re.search(r"Use \S+:|until one is, train on the images as they are, with logit_adjustment\.", report)
    assert re.search(r"\| light \| +2 \| +0 \| +3 \|", report), "of few images none is left to validate"
    assert (out / "index.html").exists()


def test_a_method_that_fails_stops_no_other(tmp_path, quick, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 20})
    quick("geometric")
    assert called(source, "--methods", "adasyn", "--out", tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "fold1of2-adasyn-seed0: FAILED, no image of class 1 has a neighbour of another class" in printed.err
    assert "1 of 3 methods failed; the same command tries them again." in printed.err
    log = sorted((tmp_path / "out").glob("runs/fold1of2-adasyn-seed*/failed.log"))[0]
    assert (
        f"adasyn failed; see {log.parent.parent}/fold1of2-adasyn-seed" in (tmp_path / "out" / "report.md").read_text()
    )
    assert set(pd.read_csv(tmp_path / "out" / "verdicts.csv")["method"]) == {"geometric"}
    assert set(pd.read_csv(tmp_path / "out" / "audit.csv")["method"]) == {"geometric"}


@pytest.mark.parametrize(
    ("failing", "finished", "sentence"),
    [
        (Unbalanced, "class_weights", "judge.py: without unbalanced there is nothing to compare with"),
        (ClassWeights, "unbalanced", "judge.py: all methods failed, so there is nothing to compare"),
    ],
)
def test_without_the_baseline_or_any_method_there_is_no_report(
    failing, finished, sentence, tmp_path, quick, monkeypatch, capsys
):
    def fails(*_):
        raise RuntimeError("no luck")

    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 20})
    quick("class_weights")
    monkeypatch.setattr(failing, "classifier_arguments", fails)
    asked = ("--methods", "--schedule", "smoke", "--seeds", "3", "--folds", "1", "--out", tmp_path / "out")
    assert commands.call("judge", source, *asked) == 1
    said, _, log = capsys.readouterr().err.splitlines()[-1].partition("; see ")
    assert said == sentence
    assert "no luck" in Path(log).read_text()
    assert len(list((tmp_path / "out").glob(f"runs/folder-{finished}-*/cell.json"))) == 3
    assert not (tmp_path / "out" / "report.md").exists()


def test_groups_csv_is_read(tmp_path, quick):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 40})
    with open(source / "groups.csv", "w", newline="") as file:
        rows = [(f"light/{number:02}.png", number // 2) for number in range(40)]
        csv.writer(file).writerows([("file", "group"), *rows])
    quick("geometric")
    assert called(source, "--methods", "--out", tmp_path / "out") == 0
    assert "kept together as groups.csv says" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("counts", "arguments", "message"),
    [
        ({"a": 9, "b": 9}, [], "all classes of .* have 9 images: balanced"),
        ({"a": 20, "b": 30}, ["--methods", "smote", "--image-size", "0"], "expected a whole number of at least 1"),
        ({"a": 10, "b": 20}, ["--folds", "1"], "cannot be split for testing: a would have 3 test images"),
        ({"a": 20, "b": 30}, ["--methods", "cvae", "--image-size", "4"], "cvae needs images of at least 8 x 8 pixels"),
        ({"a": 20, "b": 30}, ["--methods", "--dry-run"], "holds files that judge did not write"),
        ({"a": 9, "b": 12}, ["--seeds", "1"], "a verdict needs at least 2"),
        ({"a": 40, "b": 50}, ["--seeds", "2", "--folds", "1"], "a verdict needs at least 3 without folds"),
        ({"a": 40, "b": 50}, ["--folds", "3", "--network-folds", "4"], "--network-folds 4: there are 3 folds"),
        (
            {"a": 40, "b": 50},
            ["--methods", "smote", "--network-folds", "1"],
            "--network-folds: no method that trains networks takes part",
        ),
        (
            {"a": 40, "b": 50},
            ["--methods", "smote", "--trainings", "2"],
            "--trainings: no method that trains networks takes part",
        ),
        (
            {"a": 40, "b": 50},
            ["--methods", "cvae", "--network-folds", "1", "--seeds", "2"],
            "--seeds 2: a verdict needs at least 3 with --network-folds 1",
        ),
        (
            {"a": 40, "b": 50},
            ["--methods", "cvae", "--folds", "1", "--trainings", "2"],
            "--trainings 2: with one fold a verdict needs at least 3",
        ),
        (
            {"a": 10, "b": 50},
            ["--methods", "cvae", "--network-folds", "2"],
            "a would have 4 test images, and a verdict needs 5; give a larger --network-folds",
        ),
        ({"a": 9, "b": 12}, ["--trainings", "9"], "expected 1, or 2 up to the number of seeds, 5"),
        ({"a": 9, "b": 12}, ["--with", "smote"], "smote is no way to train the classifier; there are class_weights,"),
        ({"a": 40, "b": 50}, ["--with", "cutmix", "--methods", "mixup"], "--with cutmix: .* exclude each other"),
        ({"a": 9, "b": 12}, ["--metric", "luck"], "invalid choice: 'luck'"),
        ({"a": 9, "b": 12}, ["--minority", "c"], "has no class c"),
        ({"a": 9, "b": 12}, ["--proportions", "0"], "expected a number above 0 and at most 10, got '0'"),
        ({"a": 9, "b": 12}, ["--proportions", "half"], "expected a number above 0 and at most 10, got 'half'"),
        ({"a": 9, "b": 12}, ["--proportions", "11"], "expected a number above 0"),
        ({"a": 20, "b": 40}, ["--proportions", "1", "0.01"], "--proportions 0.01 adds no image, since a class lacks"),
        ({"a": 20, "b": 21}, ["--methods"], "to learn from are balanced; there is nothing to add"),
        ({"a": 9, "b": 12}, ["--jobs", "0"], "at least 1"),
        ({"a": 9, "b": 12}, ["--filter", "luck"], "invalid choice: 'luck'"),
        ({"a": 9, "b": 12}, ["--filter", "faces"], "the filter faces cannot work: .* extra faces"),
        ({"a": 9, "b": 12}, ["--methods", "unbalance"], "no method is called 'unbalance'"),
        ({"a": 20, "b": 30}, ["--methods", "smote", "--extractor", "inception"], "there are no weights in"),
        ({"dark": 2, "light": 9}, ["--methods"], "cannot be split"),
        (
            {"dark": 12, "light": 40},
            ["--folds", "1"],
            "dark would have 4 test images, and a verdict needs 5; .*--folds 5",
        ),
        ({"dark": 4, "light": 40}, ["--methods"], "5 folds need as many images of every class, but one has 4"),
    ],
)
def test_mistakes_are_one_sentence(counts, arguments, message, tmp_path, monkeypatch, capsys):
    source = tmp_path / "src"
    for name, count in counts.items():
        written = small_folder.write(tmp_path / f"of {name}", {"dark": count})
        source.mkdir(exist_ok=True)
        (written / "dark").rename(source / name)
    if "did not write" in message:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "report.md").write_text("mine")
    monkeypatch.setattr(features, "inception_weights_path", lambda: tmp_path / "none")
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert re.search(message, commands.refusal(capsys, "judge", source, *arguments, "--out", tmp_path / "out"))


@pytest.mark.parametrize("given", [(), ("--dry-run",)])
def test_a_place_that_cannot_be_written_is_told_before_the_plan(given, tmp_path, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 20, "light": 40})
    sentence = commands.refusal(capsys, "judge", source, *given, "--out", "/proc/out")
    assert re.search(r"cannot write to /proc/out \(.+\); choose another folder with --out$", sentence)


def test_a_gpu_that_is_not_there_is_told_before_the_plan(tmp_path, monkeypatch, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 20, "light": 40})
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    asked = (source, "--methods", "--devices", "gpu", "--out", tmp_path / "out")
    assert "--devices gpu: TensorFlow finds no GPU" in commands.refusal(capsys, "judge", *asked)
    assert not (tmp_path / "out").exists()


def test_a_method_that_needs_more_images_than_there_are_to_learn_from_is_told(tmp_path, monkeypatch, capsys):
    source = small_folder.write(tmp_path / "src", {"dark": 20, "light": 40})
    monkeypatch.setattr(METHODS["smote"].load(), "min_images", 14)
    sentence = commands.refusal(capsys, "judge", source, "--methods", "smote", "--out", tmp_path / "out")
    assert "class dark has 12 images to learn from, but smote needs 14 of every class" in sentence


@pytest.mark.slow
def test_processes_side_by_side_train_a_network_once(tmp_path):
    source = small_folder.write(tmp_path / "src", {"dark": 60, "light": 30})
    asked = ("--methods", "cvae", "--proportions", "0.5", "1", "--schedule", "smoke", "--jobs", "2")
    asked += ("--seeds", "3", "--folds", "1")
    always = ("unbalanced", "geometric")
    process = Forked(small_folder.judge, [source, *asked, "--out", tmp_path / "out"], always)
    assert process.wait() == 0, process.stderr
    assert "[15/15]" in process.stdout
    (training,) = (tmp_path / "out").glob("runs/*-cvae-training-*")
    assert len(json.loads((training / "environments.json").read_text())) == 1
    expected = {"geometric", "geometric x0.5", "cvae", "cvae x0.5"}
    assert set(pd.read_csv(tmp_path / "out" / "verdicts.csv")["method"]) == expected
    assert not [name for name in os.listdir(tmp_path / "out") if name.endswith(".partial")]
