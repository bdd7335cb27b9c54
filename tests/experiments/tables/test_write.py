"""A run of the tables' command: what it writes, when it writes again, and what it shows of earlier runs."""

import html
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import commands
import pandas as pd
import pytest
import small_tasks
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan, cells_of
from class_balancing.experiments.running.runner import Runner
from class_balancing.experiments.tables import TASKS, architectures, results, task_named, write
from class_balancing.experiments.tables.thesis import PRINTED_NETWORKS
from class_balancing.reports import figures, tables

pytestmark = [
    pytest.mark.usefixtures("untraced", "workers_here", "quick_classifiers", "small_tables", "small_pages"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
DIGITS = ("--datasets", "digits", "--schedule", "smoke")
ASKED = (*DIGITS, "--dropped", "50", "--seeds", "2", "--methods", "geometric", "cvae", "class_weights")
N_CELLS = 2 * 6
LINK = r'(?:src|href)="((?!data:|#)[^"]*)"|url\('
PROGRAM = f"""
import sys
import small_tasks
from class_balancing.experiments import command_line, tables
tables.TASKS.update(small_tasks.TASKS)
command_line.call("tables", "{commands.SCRIPTS["tables"]}")
"""


@pytest.fixture(scope="module")
def small_pages():
    """Within the module figures are small, and pages show two printed networks; the others have tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, "DOTS_PER_INCH", 20)
        printed = {name: PRINTED_NETWORKS[name] for name in ("B.8", "B.10")}
        patched.setattr(architectures, "printed_networks", lambda tasks: printed)
        patched.setattr(architectures, "networks", lambda tasks: iter(()))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory, untraced, workers_here, quick_classifiers, small_tables, small_pages):
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("run") / "out"
    assert commands.call("tables", *ASKED, "--out", out) == 0
    return out


@pytest.fixture
def out(finished, tmp_path):
    """A copy of it, for a test to change."""
    return shutil.copytree(finished, tmp_path / "out")


def planned(out):
    tasks = [*small_tasks.TASKS.values(), task_named("digits-15")]
    return Plan(out, {t.name: t for task in tasks for t in (task, task.undropped)}, "smoke", "thesis")


def asked_for():
    """Tasks and cells of the finished run."""
    task = small_tasks.TASKS["digits-50"]
    return [task], cells_of([task], ["geometric", "cvae", "class_weights"], {"digits": 2})


def is_current(out) -> bool:
    return write.is_current(planned(out), *asked_for())


def times(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def test_every_measurement_stands_in_one_tidy_table(finished):
    found = pd.read_csv(finished / "results.csv")
    assert (
        ",".join(found.columns) == "table,task,dataset,dropped_percent,method,seed,metric,value,standard_error,printed"
    )
    of_geometric = found[(found["method"] == "geometric") & (found["metric"] == "accuracy")]
    assert of_geometric["seed"].tolist() == [0, 1]
    assert of_geometric["printed"].tolist() == [1.5, 1.5]
    record = json.loads((planned(finished).folder(Cell("digits-50", "geometric", 1)) / "cell.json").read_text())
    assert of_geometric["value"].tolist()[1] == record["scores"]["accuracy"]
    assert found["value"].notna().all()
    of_scores = found[found["metric"].isin(["ssim", "accuracy", "f1_minority"]) & (found["value"] > 0)]
    assert of_scores["standard_error"].notna().all()


def test_tables_hold_ours_and_what_is_printed(finished):
    text = (finished / "tables" / "digits-50.md").read_text()
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert re.search(r"\d ± 0\.\d+ \(printed 1\.5000\) ✗", lines["geom. trans."])
    assert "(printed 0.4478) ?" in lines["Original images"]
    assert "(printed" not in lines["class weights †"]
    assert "(printed" not in lines["Balanced original †"]
    assert "cvae: n_epochs 2 (1500)" in text, "the footer tells what differs from the source"
    assert "digits, 50 % of class 4 dropped." in text
    assert "its figures mean nothing" in text
    assert (finished / "tables" / "digits-50.tex").read_text().count("\\begin{table}") == 1


def test_the_footer_tells_of_every_method_what_differs_from_schedule_thesis(tmp_path):
    (task,) = (task for task in TASKS.values() if task.name == "fer2013")
    cells = [Cell("fer2013", name, 0) for name in ("unbalanced", "cyclegan", "class_weights")]
    plan = Plan(tmp_path, {"fer2013": task}, "quick", "thesis")
    found = write._difference_from_thesis(plan, task, ("accuracy",), cells)
    assert "cyclegan: " in found
    assert "min_steps 2000 (0)" in found
    assert "n_blocks 4 (6)" in found
    assert "n_epochs 2 (100)" in found.partition("classifier: ")[2]
    of_ssim = write._difference_from_thesis(plan, task, ("ssim",), cells)
    assert "classifier" not in of_ssim
    same = write._difference_from_thesis(replace(plan, schedule="thesis"), task, ("accuracy",), cells)
    assert same == "FER2013 as in schedule thesis."


def test_the_footer_tells_the_range_of_ssim():
    tasks = [TASKS[name] for name in ("mnist-50", "cifar10-50", "vehicles-50")]
    expected = "SSIM of images with values in [-1, 1] (MNIST, CIFAR-10), [0, 1] (Vehicles)."
    assert write._ranges_of_ssim(tasks, ("ssim",)) == [expected]
    assert write._ranges_of_ssim(tasks, ("accuracy", "f1_minority")) == []


def test_figures_are_drawn(finished):
    assert {path.name for path in (finished / "figures").iterdir()} == {
        "class-distribution-digits-50.png",
        "compared.png",
        "confusion-digits-50.png",
        "dataset-digits.png",
        "interpolations-digits-50.png",
        "samples-digits-50.png",
        "training-digits-50-cvae.png",
    }


def test_pages_need_no_file_but_each_other(finished):
    index, of_digits, networks = (
        (finished / name).read_text() for name in ("index.html", "pages/digits.html", "pages/networks.html")
    )
    assert re.findall(LINK, index) == ["pages/digits.html", "pages/networks.html"]
    assert re.findall(LINK, of_digits) == re.findall(LINK, networks) == ["../index.html"]
    for words in ("digits-50-geometric-seed1", "Environment of 12 cells", "keras", "data:image/avif;base64,"):
        assert words in of_digits
    assert of_digits.count("<figure") == 6, "all figures but the comparison, which is on the index"
    for words in ("class weights †", "data:image/avif;base64,"):
        assert words in index
    for words in ("Table B.8", "Table B.10"):
        assert words in networks


def test_pages_are_named_after_what_their_tasks_share():
    fer2013, few = ([task for task in TASKS.values() if task.dataset == name] for name in ("fer2013", "few_mnist"))
    assert write._name(fer2013) == write._name(fer2013[:1]) == "FER2013"
    assert write._name(fer2013[1:2]) == "FER2013, small classifier"
    assert write._name(few) == "MNIST: 10 of each class; 50 of each class; 200 of each class"


def test_the_index_begins_with_what_agrees_and_why_the_rest_does_not(finished):
    summary, _ = (finished / "index.html").read_text().split('<h2 id="tables">')
    assert "Of 4 printed figures 0 agree with ours, 3 differ, and of 1 the seeds" in summary
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", summary)]
    found = pd.read_csv(finished / "results.csv")
    less = (found["value"] - found["printed"]).groupby([found["method"], found["metric"]]).mean()
    cvae, unbalanced, geometric = (
        f"{less[key]:+.3f}" for key in (("cvae", "ssim"), ("unbalanced", "accuracy"), ("geometric", "accuracy"))
    )
    different = f"Unbalanced original (digits-50) {unbalanced}, geom. trans. (digits-50) {geometric}"
    assert [[html.unescape(text) for text in row] for row in rows] == [
        ["digits, SSIM", "0", "1", "1", "0%", "", f"CVAE (digits-50) {cvae}", ""],
        ["digits, Accuracy", "0", "2", "0", "0%", "", different, "Few images."],
    ]


def test_a_finished_run_repeated_prints_the_tables_and_does_nothing_else(out, tmp_path):
    before = times(out)
    (tmp_path / "modules").mkdir()
    environment = commands.without_tensorflow(tmp_path / "modules", commands.ROOT / "tests" / "helpers")
    command = [sys.executable, "-c", PROGRAM, *ASKED, "--out", str(out)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.stderr == ""
    assert process.returncode == 0
    assert f"All {N_CELLS} cells were finished and everything in {out} is up to date." in process.stdout
    assert (out / "tables" / "digits-50.md").read_text() in process.stdout
    assert "Next: open" in process.stdout
    assert times(out) == before


@pytest.mark.parametrize("change", ["removed", "changed"])
@pytest.mark.parametrize(
    "name",
    ["results.csv", "index.html", "pages/digits.html", "tables/digits-50.tex", "figures/compared.png", "written.json"],
)
def test_an_output_that_is_changed_or_removed_is_written_again(name, change, out):
    assert is_current(out)
    (out / name).unlink() if change == "removed" else (out / name).write_text("{}")
    assert not is_current(out)


def test_diagrams_are_drawn_once_graphviz_is_there(out, monkeypatch):
    assert is_current(out)
    has_one = write.has_graphviz()
    monkeypatch.setattr(write, "has_graphviz", lambda: not has_one)
    assert not is_current(out)


def test_another_record_or_program_writes_again(out, monkeypatch):
    plan = planned(out)
    record = plan.folder(Cell("digits-50", "cvae", 1)) / "cell.json"
    text = record.read_text()
    record.write_text(text.replace('"wall_time_s"', '"wall_time_s" '))
    assert not is_current(out)
    record.write_text(text)
    assert is_current(out)
    other = plan.folder(Cell("digits-50", "smote", 0))
    other.mkdir()
    shutil.copy(record, other)
    assert not is_current(out), "another command has finished a cell"
    shutil.rmtree(other)
    assert is_current(out)
    tasks, cells = asked_for()
    more = cells_of(tasks, ["geometric", "cvae", "class_weights"], {"digits": 3})
    assert not write.is_current(plan, tasks, more)
    assert write.is_current(plan, tasks, cells[:1]), "all that is finished is shown whatever was asked for"
    monkeypatch.setattr(write, "RENDERERS", write.RENDERERS[1:])
    assert not is_current(out)


def test_what_is_missing_is_written_without_computing_anything(out, monkeypatch, capsys):
    table = out / "tables" / "digits-50.md"
    before = table.read_text()
    table.unlink()
    monkeypatch.setattr(Runner, "_compute", lambda *_: pytest.fail("computed again"))
    assert commands.call("tables", *ASKED, "--out", out) == 0
    assert "Tables are in" in capsys.readouterr().out
    without_call = [line for line in before.splitlines() if "last written by" not in line]
    assert [line for line in table.read_text().splitlines() if "last written by" not in line] == without_call
    assert is_current(out)


def test_damaged_pictures_and_histories_are_set_aside_and_done_without(out, monkeypatch, capsys):
    damaged = [*out.glob("runs/*/samples.png"), *out.glob("runs/*/interpolations.png"), *out.rglob("history.csv")]
    assert len(damaged) >= 5
    for number, path in enumerate(damaged):
        whole = path.read_bytes()
        path.write_bytes((whole[: len(whole) // 2], b"", b"\xff\x00\xfe")[number % 3])
    monkeypatch.setattr(Runner, "_compute", lambda *_: pytest.fail("computed again"))
    for n_told in (len(damaged), 0):
        (out / "index.html").unlink()
        assert commands.call("tables", *ASKED, "--out", out) == 0
        told = [line for line in capsys.readouterr().err.splitlines() if "is damaged and was set aside" in line]
        assert len(told) == n_told
    for path in damaged:
        assert not path.exists()
        assert path.with_name(f"{path.name}.damaged").exists()


def test_pieces_of_different_commands_are_shown_together(out):
    """Here with a percentage that the source lacks, and with fewer new images than a strip of samples holds."""
    before = pd.read_csv(out / "results.csv")
    asked = (*DIGITS, "--dropped", "15", "--seeds", "1", "--methods", "geometric")
    assert commands.call("tables", *asked, "--out", out) == 0
    found = pd.read_csv(out / "results.csv")
    assert found["task"].unique().tolist() == ["digits-15", "digits-50"]
    pd.testing.assert_frame_equal(found[found["task"] == "digits-50"].reset_index(drop=True), before)
    assert set(found[found["task"] == "digits-15"]["method"]) == {
        "original", "unbalanced", "balanced_original", "geometric"
    }  # fmt: skip
    text = (out / "tables" / "digits-15.md").read_text()
    assert "| CVAE | not run | not run | not run |" in text, "what is shown of one percentage is shown of all"
    assert re.search(r"\| geom\. trans\. \| [\d.]+, 1 of 2 seeds \|", text)
    assert "(printed" not in text
    index = (out / "index.html").read_text()
    for words in ("Table digits-15.", "Table digits-50.", "15 % of class 4 dropped", "50 % of class 4 dropped"):
        assert words in index
    samples = {path.name for path in (out / "figures").glob("samples-*.png")}
    assert samples == {"samples-digits-15.png", "samples-digits-50.png"}


def test_tables_and_figures_of_earlier_settings_are_not_shown(out, capsys):
    """As left by a command with methods whose configuration has changed since."""
    before = (out / "pages" / "digits.html").read_text()
    (out / "index.html").unlink()
    written = json.loads((out / "written.json").read_text())
    for name in ("G.8", "G.9"):
        (out / "tables" / f"{name}.md").write_text("made before")
        written["files"][f"tables/{name}.md"] = write._digest(out / "tables" / f"{name}.md")
    (out / "tables" / "G.8.md").write_text("of the user's")
    (out / "written.json").write_text(json.dumps(written))
    for name in ("training-digits-50-bagan.png", "meanwhile-digits-50-cvae_gan-adversarial.png"):
        shutil.copy(out / "figures" / "samples-digits-50.png", out / "figures" / name)
    assert commands.call("tables", *ASKED, "--out", out) == 0
    assert not (out / "tables" / "G.9.md").exists()
    assert (out / "tables" / "G.8.md").read_text() == "of the user's"
    page = (out / "pages" / "digits.html").read_text()
    assert page.count("<img") == before.count("<img") > 3
    assert (out / "tables" / "digits-50.md").exists()


def test_one_cell_is_run_without_tables(out, capsys):
    before = times(out)
    name = "digits-50-smote-seed0"
    assert commands.call("tables", *DIGITS, "--cell", name, "--out", out) == 0
    output = capsys.readouterr().out
    assert f"[1/1] {name}: SSIM" in output
    assert "Next: the same command without --cell writes the tables." in output
    (folder,) = out.glob(f"runs/{name}-*")
    assert (folder / "cell.json").exists()
    changed = {path for path, time in times(out).items() if before.get(path) != time}
    assert {path for path in changed if "runs" not in path.parts} <= {out, out / "run.json", out / ".lock"}
    assert commands.call("tables", *DIGITS, "--cell", name, "--out", out) == 0
    assert "[1/1]" not in capsys.readouterr().out, "a finished cell is not run again"


def test_what_failed_and_what_was_not_run_is_told(out):
    plan, tasks = planned(out), [small_tasks.TASKS["digits-50"]]
    failed = Cell("digits-50", "bagan", 0)
    plan.folder(failed).mkdir()
    log = plan.folder(failed) / "failed.log"
    log.touch()
    tasks, cells = results.with_earlier_runs(plan, tasks, cells_of(tasks, ["bagan", "cvae_gan"], {"digits": 1}))
    records = results.records_of(plan, cells)
    summary = tables.summarise(results.collect(plan, tasks, cells, records))
    ((caption, _, notes),) = write.write_tables(plan, tasks, cells, records, summary)
    text = (out / "tables" / "digits-50.md").read_text()
    assert text.startswith(f"**{caption}**")
    assert "| BAGAN † | failed | failed | failed |" in text
    assert "| CVAE-GAN † | not run | not run | not run |" in text
    assert f"BAGAN, seed 0, failed: {log}" in notes
    assert f"- BAGAN, seed 0, failed: {log}" in text


def test_a_cell_that_fails_ends_the_command_with_1_and_stands_in_the_table(out, monkeypatch, capsys):
    task = small_tasks.TASKS["digits-50"]
    monkeypatch.setitem(task.arguments["smoke"], "smote", {"n_neighbors": 0})
    asked = (*DIGITS, "--dropped", "50", "--seeds", "1", "--methods", "smote")
    assert commands.call("tables", *asked, "--out", out) == 1
    error = capsys.readouterr().err
    assert "digits-50-smote-seed0: FAILED, " in error
    assert "1 of 4 cells failed; the same command tries them again." in error
    assert "| SMOTE † | failed | failed | failed |" in (out / "tables" / "digits-50.md").read_text()
