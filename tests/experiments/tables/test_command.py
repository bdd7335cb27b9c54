"""The tables' command: what it plans, and what mistakes get before anything is computed or written."""

import json
import shutil
import sys
import types
from pathlib import Path

import commands
import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.running.plan import Plan, cells_of
from class_balancing.experiments.tables import TASKS, command

DIGITS = ("--datasets", "digits", "--schedule", "smoke")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "imagenet"], "invalid choice: 'imagenet'"),
        (["--methods", "magic"], "no method is called 'magic'"),
        (["--methods", "geometric+cvae"], "CVAE does not transform images, so it can only come first"),
        (["--methods", "unbalanced"], "unbalanced is always measured"),
        (["--schedule", "fast"], "invalid choice: 'fast'"),
        (["--filter", "luck"], "invalid choice: 'luck'"),
        (["--protocol", "dirty"], "invalid choice: 'dirty'"),
        (["--dropped", "100"], "a percentage must be a whole number from 1 to 99, got '100'"),
        (["--dropped", "0"], "from 1 to 99"),
        (["--dropped", "half"], "from 1 to 99"),
        (["--datasets", "fer2013", "--dropped", "50"], "--dropped: fer2013 drops no images; leave it out"),
        (["--seeds", "0"], "at least 1"),
        (["--devices", "0"], "expected auto, cpu, gpu or a number of devices, got '0'"),
        (["--jobs", "0"], "at least 1"),
        (["--cell", "mnist-50-magic-seed0"], "no cell is called 'mnist-50-magic-seed0'; --list-cells prints their IDs"),
        (["--cell", "digits-50-balanced_original-seed0"], "no cell is called"),
        (["--cell", "digits-0-geometric-seed0"], "no cell is called"),
        (["--cell", "imagenet-50-geometric-seed0"], "no cell is called"),
        (["--cell", "digits-050-geometric-seed0"], "no cell is called"),
        (["--cell", "digits-100-geometric-seed0"], "no cell is called"),
        (["--cell", "digits-50-geometric"], "no cell is called"),
        (["--cell", ""], "no cell is called"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--datasets", "digits", "--dropped", "1"], "leaves 126 images and removes 1"),
        (["--datasets", "digits", "--dropped", "99", "--protocol", "clean"], "leaves too few images to split"),
        (["--data-dir", "x" * 300], "cannot use"),
        (["--data-dir", "no/such/folder", "--schedule", "smoke"], "no MNIST file found in no/such/folder"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert message in commands.refusal(capsys, "tables", *arguments, "--out", tmp_path / "out")
    assert not list(tmp_path.rglob("*.json"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--out", tmp_path / "file" / "out")
    assert f"cannot write to {tmp_path / 'file' / 'out'}" in sentence
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_dataset_file_is_named(tmp_path, mnist_folder, capsys):
    shutil.copytree(Path(mnist_folder) / "mnist", tmp_path / "mnist")
    damaged = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    arguments = ("--schedule", "smoke", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert f"{damaged} is damaged" in commands.refusal(capsys, "tables", *arguments)


def test_a_gpu_that_is_not_there_is_told(tmp_path, monkeypatch, capsys):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--devices", "gpu", "--out", tmp_path)
    assert "--devices gpu: TensorFlow finds no GPU; use auto or cpu" in sentence
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_cannot_be_read_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TF_CONFIG", "{")
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--jobs", "2", "--out", tmp_path)
    assert "the environment variable TF_CONFIG is not what TensorFlow expects" in sentence


def test_several_machines_have_no_jobs_each(tmp_path, monkeypatch, capsys):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--jobs", "2", "--out", tmp_path)
    assert "--jobs is for one machine, but TF_CONFIG names several" in sentence


@pytest.mark.parametrize("name", ["index.html", "figures", "pages", "written.json", "test-labels.json"])
def test_a_folder_with_files_of_the_same_names_is_refused(name, tmp_path, capsys):
    (tmp_path / name).write_text("mine") if "." in name else (tmp_path / name).mkdir()
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--out", tmp_path)
    assert f"holds {name}, which this program did not write" in sentence
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_of_another_schedule_is_refused(tmp_path, capsys):
    (tmp_path / "run.json").write_text('{"schedule": "quick", "protocol": "clean"}')
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--out", tmp_path)
    assert (
        "with --schedule quick and with --protocol clean, not with --schedule smoke and with --protocol thesis;"
        in sentence
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_folder_of_other_filters_is_refused(tmp_path, capsys):
    dataset = types.SimpleNamespace(digest="0123")
    filtered = Plan(tmp_path, TASKS, "smoke", "thesis", ("duplicates", "confidence"))
    command.claim_folder(filtered, {"digits": dataset})
    held = {"schedule": "smoke", "protocol": "thesis", "filters": ["duplicates", "confidence"]}
    assert json.loads((tmp_path / "run.json").read_text()) == held | {"datasets": {"digits": "0123"}}
    command.check_folder(filtered, {})
    others = {(): "without --filter", ("--filter", "confidence", "duplicates"): "with --filter confidence duplicates"}
    for given, words in others.items():
        sentence = commands.refusal(capsys, "tables", *DIGITS, *given, "--out", tmp_path)
        assert f"holds results with --filter duplicates confidence, not {words}; choose another" in sentence
    (tmp_path / "run.json").write_text('{"schedule": "smoke", "protocol": "thesis"}')
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--filter", "confidence", "--out", tmp_path)
    assert "holds results without --filter, not with --filter confidence; choose another" in sentence


@pytest.mark.parametrize(
    "arguments",
    [(*DIGITS, "--filter", "confidence", "faces"), ("--datasets", "fer2013", "--data-dir", "none")],
    ids=["asked for", "shown by a task"],
)
def test_a_filter_without_its_package_is_told_before_anything_else(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    sentence = commands.refusal(capsys, "tables", *arguments, "--out", tmp_path / "out")
    assert "the filter faces cannot work: " in sentence
    assert sentence.endswith("install class-balancing with its extra faces")
    assert not (tmp_path / "out").exists()
    assert commands.call("tables", *DIGITS, "--filter", "faces", "--dry-run", "--out", tmp_path / "out") == 0
    assert "protocol thesis, filters faces, into" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"sch', "is damaged"),
        ('{"a": 1}', "was not written by this program"),
        ("[1]", "was not written by this program"),
        ("{}", "was not written by this program"),
    ],
)
def test_a_damaged_run_file_is_named(content, message, tmp_path, capsys):
    (tmp_path / "run.json").write_text(content)
    assert f"run.json {message}" in commands.refusal(capsys, "tables", "--dry-run", "--out", tmp_path)


def test_a_folder_of_other_images_is_refused(tmp_path, capsys):
    held = '{"schedule": "smoke", "protocol": "thesis", "datasets": {"digits": "0123456789abcdef"}}'
    (tmp_path / "run.json").write_text(held)
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--out", tmp_path)
    assert "holds results of other digits images than those found now" in sentence
    assert (tmp_path / "run.json").read_text() == held


def test_too_few_images_for_smote_are_told_before_any_training(tmp_path, capsys):
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--dropped", "97", "--out", tmp_path / "out")
    assert "leaves 4 images and removes" in sentence
    assert "at least 6 and 4 are needed" in sentence
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_too_long_is_a_sentence(tmp_path, capsys):
    sentence = commands.refusal(capsys, "tables", *DIGITS, "--dry-run", "--out", tmp_path / ("x" * 300))
    assert "name too long" in sentence


def test_dry_run_prints_the_plan_and_writes_nothing(tmp_path, capsys):
    assert commands.call("tables", "--dry-run", "--out", tmp_path / "out") == 0
    output = capsys.readouterr().out
    cells = ("mnist-50-cvae_gan", "mnist-0-balanced_original", "cifar10-75-smote")
    for text in (*cells, "0 of 3 seeds finished", "0 of 2 seeds finished", "About "):
        assert text in output
    assert not (tmp_path / "out").exists()


def test_cells_are_listed(tmp_path, capsys):
    arguments = ("--dropped", "75", "--seeds", "2", "--methods", "cvae", "geometric", "--list-cells")
    assert commands.call("tables", *DIGITS, *arguments, "--out", tmp_path / "out") == 0
    groups = ("75-original", "75-unbalanced", "0-balanced_original", "75-geometric", "75-cvae")
    expected = [f"digits-{group}-seed{seed}" for group in groups for seed in range(2)]
    assert capsys.readouterr().out.splitlines() == expected
    assert not (tmp_path / "out").exists()


def test_every_listed_cell_can_be_asked_for(capsys):
    commands.call("tables", "--datasets", "mnist", "digits", "--dropped", "60", "75", "--list-cells")
    for name in capsys.readouterr().out.splitlines():
        options = command.parse("tables", ["--cell", name])
        tasks = command.asked_tasks(options)
        (cell,) = command.asked_cells(options, tasks)
        assert str(cell) == name
        assert cell.task in {t.name for task in tasks for t in (task, task.undropped)}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [f"{name}-{percent}" for name in ("mnist", "cifar10", "vehicles") for percent in (50, 75)]),
        (["--datasets", "digits", "digits", "--dropped", "75", "60", "75"], ["digits-60", "digits-75"]),
        (["--cell", "digits-60-geometric-seed1"], ["digits-60"]),
        (["--cell", "digits-0-balanced_original-seed0"], ["digits-50", "digits-75"]),
    ],
)
def test_tasks_follow_from_datasets_and_percentages(arguments, expected):
    assert [task.name for task in command.asked_tasks(command.parse("tables", arguments))] == expected


def test_what_drops_no_images_is_named_beside_what_does(capsys):
    options = command.parse("tables", ["--datasets", "digits", "fer2013", "--dropped", "60"])
    assert [task.dataset for task in command.asked_tasks(options)] == ["digits"] + 3 * ["fer2013"]
    assert "--dropped says nothing about fer2013" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "n_seeds"),
    [
        (["--schedule", "quick"], {"mnist": 3, "cifar10": 2, "vehicles": 3}),
        (["--schedule", "smoke"], {"mnist": 1, "cifar10": 1, "vehicles": 1}),
        (["--seeds", "5"], {"mnist": 5, "cifar10": 5, "vehicles": 5}),
    ],
)
def test_seeds_are_those_of_the_schedule_unless_given(arguments, n_seeds):
    options = command.parse("tables", arguments)
    tasks = command.asked_tasks(options)
    cells = command.asked_cells(options, tasks)
    assert cells == [
        cell
        for dataset in n_seeds
        for of_dataset in [[task for task in tasks if task.dataset == dataset]]
        for cell in cells_of(of_dataset, of_dataset[0].methods, n_seeds)
    ]


def test_the_clean_protocol_is_recommended_after_the_thesiss_only():
    assert "--protocol clean --out results-clean" in command.next_step(Path("results"), "thesis")
    step = command.next_step(Path("results"), "clean")
    assert step == "Next: open results/index.html in a browser."


def test_machines_compare_which_cells_are_finished(monkeypatch, tmp_path):
    import tensorflow as tf
    from class_balancing.models.training import replicas

    cells = cells_of([TASKS["digits-50"]], ["smote"], {"digits": 2})
    compared = []
    monkeypatch.setattr(replicas, "same_everywhere", lambda number: compared.append(number) or len(compared) < 4)
    for finished in (cells[:1], cells[:1], cells[1:2]):
        runner = types.SimpleNamespace(
            plan=Plan(tmp_path, TASKS, "smoke", "thesis"),
            strategy=tf.distribute.get_strategy(),
            cached=lambda cell, known=finished: {} if cell in known else None,
        )
        assert command.begins_together(runner, cells)
    assert compared[0] == compared[1] != compared[2]
    assert max(compared) < 2**40
    with pytest.raises(UsageError, match="the machines see different results"):
        command.begins_together(runner, cells)


def test_a_folder_that_became_another_ones_meanwhile_is_not_claimed(tmp_path):
    plan = Plan(tmp_path, TASKS, "smoke", "thesis")
    dataset = types.SimpleNamespace(digest="0123")
    command.claim_folder(plan, {"digits": dataset})
    held = {"schedule": "smoke", "protocol": "thesis", "datasets": {"digits": "0123"}}
    assert json.loads((tmp_path / "run.json").read_text()) == held
    command.claim_folder(plan, {"mnist": dataset})
    held["datasets"]["mnist"] = "0123"
    assert json.loads((tmp_path / "run.json").read_text())["datasets"] == held["datasets"]
    with pytest.raises(UsageError, match="holds results with --protocol thesis, not with --protocol clean"):
        command.claim_folder(Plan(tmp_path, TASKS, "smoke", "clean"), {})
