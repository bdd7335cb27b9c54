"""Style transfer on ships, cars and disgust: what is asked, verdicts and costs, and a run with made-up faces."""

import re
from dataclasses import replace
from types import SimpleNamespace

import commands
import numpy as np
import pandas as pd
import pytest
import small_tasks
from class_balancing.datasets.fer2013 import OFFICIAL_COUNTS
from class_balancing.experiments import tables
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.experiments.tables import TASKS, architectures, styled
from class_balancing.experiments.tables.styled_tables import costs
from class_balancing.experiments.tables.verdict_tables import of_styled
from class_balancing.reports import figures

SHIPS, CARS, DISGUST = styled.TASKS
CHAIN = "style_transfer+geometric"
METHODS = ("geometric", "style_transfer", CHAIN)


def test_one_class_of_each_dataset_is_rare_and_filled_up(tmp_path):
    found = {task.name: (task.class_names[task.measured[0]], task.image_shape) for task in styled.TASKS}
    assert found == {
        "styled_cifar10": ("ship", (32, 32, 3)),
        "styled_vehicles": ("cars", (64, 64, 3)),
        "styled_fer2013": ("disgust", (48, 48, 1)),
    }
    for task in styled.TASKS:
        (rare,) = task.measured
        missing = [task.n_images_per_class - n for n in task.kept_per_class]
        assert [label for label, n in enumerate(missing) if n] == [rare]
        assert task.kept_per_class[rare] <= task.n_images_per_class / 8
        assert f"recall_{rare}" in task.metrics
        assert TASKS[task.name] is task
    assert all(n <= of for n, of in zip(DISGUST.kept_per_class, OFFICIAL_COUNTS["train"], strict=True))
    assert [task.images_are_private for task in styled.TASKS] == [False, False, True]


@pytest.mark.parametrize("schedule", ["smoke", "quick", "thesis"])
def test_every_classifier_takes_as_many_steps(schedule):
    for task in styled.TASKS:
        assert task.classifier.schedules[schedule]["steps_per_epoch"] > 0


def test_the_chain_is_style_transfer_as_it_is_alone(tmp_path):
    plan = Plan(tmp_path, {CARS.name: CARS}, "quick", "thesis")
    alone, chained, geometric = (
        plan.arguments(Cell(CARS.name, name, 0)) for name in ("style_transfer", CHAIN, "geometric")
    )
    assert chained == {"style_transfer": alone, "geometric": geometric}


def test_a_smoke_run_and_a_quick_one_do_not_take_too_long(tmp_path):
    def seconds(schedule):
        plan = Plan(tmp_path, {task.name: task for task in styled.TASKS}, schedule, "thesis")
        cells = [
            Cell(task.name, method, seed)
            for task in styled.TASKS
            for method in task.methods
            for seed in range(task.n_seeds[schedule])
        ]
        return plan.remaining_seconds(cells)

    assert seconds("smoke") < 180
    assert seconds("quick") < 90 * 60


def test_verdicts_are_on_accuracy_and_on_f1_of_the_rare_class(tmp_path):
    """A method that takes every ship for a truck is as accurate as one that takes every truck for a ship."""
    true = np.arange(400) % 10
    ship, truck = (SHIPS.class_names.index(name) for name in ("ship", "truck"))

    def predicting(wrong, seed):
        predicted = true.copy()
        some = np.random.default_rng(seed).choice(400, 40, replace=False)
        predicted[some] = (true[some] + 1) % 10
        predicted[true == wrong] = 0
        return {"predicted": predicted.tolist()}

    records = {
        Cell(SHIPS.name, method, seed): predicting(wrong, 10 * place + seed)
        for place, (method, wrong) in enumerate(
            {"unbalanced": ship, "geometric": ship, "style_transfer": truck, CHAIN: ship}.items()
        )
        for seed in range(3)
    }
    parts = SimpleNamespace(test=SimpleNamespace(labels=true))
    runner = SimpleNamespace(
        plan=SimpleNamespace(out=tmp_path), datasets={SHIPS.dataset: None}, parts=lambda task: parts
    )
    accuracy, f1 = of_styled(runner, records)
    assert (accuracy.name, f1.name) == ("I.5", "I.6")
    found = {table.name: table.frame.set_index(["Against", "Method"])["Verdict"].to_dict() for table in (accuracy, f1)}
    chain = "style transfer + geom. trans."
    assert set(found["I.5"].values()) == {"no evidence"}
    assert found["I.6"] == {
        ("Unbalanced original", "geom. trans."): "no evidence",
        ("Unbalanced original", "style transfer"): "helped",
        ("Unbalanced original", chain): "no evidence",
        ("geom. trans.", "style transfer"): "helped",
        ("geom. trans.", chain): "no evidence",
    }
    assert "against geom. trans. they helped in 1 of 2 comparisons and hurt in 0" in f1.notes[0]
    assert of_styled(runner, {}) == []


def test_costs_are_those_of_the_seed_that_nothing_slowed_down():
    def record(training_s, sampling_s):
        return {"training_s": training_s, "sampling_s": sampling_s, "n_new": {"cars": 350}}

    (table,) = costs(
        {
            Cell(CARS.name, "unbalanced", 0): {},
            Cell(CARS.name, "style_transfer", 0): record(10.0, 70.0),
            Cell(CARS.name, "style_transfer", 1): record(20.0, 140.0),
            Cell("few_mnist-10", "geometric", 0): record(1.0, 1.0),
        }
    )
    (row,) = table.frame.to_dict("records")
    assert row == {
        "Task": "Vehicles, 50 cars",
        "Method": "style transfer",
        "Seeds": 2,
        "Seconds to fit": 10.0,
        "New images": 350,
        "Seconds for all": 70.0,
        "Seconds per image": 0.2,
    }
    assert costs({Cell(CARS.name, "unbalanced", 0): {}}) == []


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with `fer2013.csv`: of each emotion 10 training images, 2 of each other part."""
    rng = np.random.default_rng(0)
    rows = []
    for usage, n in (("Training", 10), ("PublicTest", 2), ("PrivateTest", 2)):
        for label in np.arange(n * 7) % 7:
            coarse = rng.integers(20 * label, 20 * label + 100, (6, 6))
            rows.append([label, " ".join(map(str, np.kron(coarse, np.ones((8, 8), int)).ravel())), usage])
    folder = tmp_path_factory.mktemp("data")
    pd.DataFrame(rows, columns=["emotion", "pixels", "Usage"]).to_csv(folder / "fer2013.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_dir, untraced, workers_here, quick_classifiers):
    kept = tuple(5 if label == 1 else 9 for label in range(7))
    small = replace(
        DISGUST,
        kept_per_class=kept,
        n_train_images=sum(kept),
        n_images_per_class=9,
        classifier=small_tasks.TASKS["digits-50"].classifier,
        arguments={"smoke": {"style_transfer": {"n_epochs": 0, "n_iterations": 1}}},
    )
    out = tmp_path_factory.mktemp("run") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(tables.TASKS, DISGUST.name, small)
        patched.setattr(figures, "DOTS_PER_INCH", 20)
        patched.setattr(architectures, "rendered_networks", lambda tasks: [])
        arguments = ("--datasets", DISGUST.dataset, "--data-dir", data_dir, "--schedule", "smoke", "--out", out)
        assert commands.call("tables", *arguments, "--methods", *METHODS) == 0
    return out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
def test_a_run_writes_scores_similarity_and_costs(finished):
    written = {path.stem for path in (finished / "tables").glob("*.md")}
    assert written == {"I.3", "I.4", "I.7"}, "one seed has no verdict"
    made = pd.read_csv(finished / "tables" / "I.7.csv").set_index("Method")
    assert list(made.index) == ["geom. trans.", "style transfer", "style transfer + geom. trans."]
    assert set(made["New images"]) == {4}
    index = (finished / "index.html").read_text()
    for name in written:
        assert f"Table {name}. " in index


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
def test_figures_of_faces_stand_apart(finished):
    drawn = {path.stem for path in (finished / "private").glob("*.png")}
    name = DISGUST.name
    of_style = {f"styles-{name}-style_transfer", f"influences-{name}-style_transfer"}
    assert drawn == {f"dataset-{name}", f"samples-{name}", *of_style}
    assert not any(re.match("styles|influences|samples", path.name) for path in (finished / "figures").iterdir())
    private = (finished / "private" / f"{name}.html").read_text()
    assert private.count("<figure") == len(drawn)
