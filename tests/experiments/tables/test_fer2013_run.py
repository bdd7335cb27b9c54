"""A run of the tables' command for FER2013, from a made-up CSV file of few faces, with small networks."""

import re
import shutil
from dataclasses import replace

import commands
import numpy as np
import pandas as pd
import pytest
import small_tasks
from class_balancing.datasets.fer2013 import CLASS_NAMES
from class_balancing.datasets.files import read_json
from class_balancing.datasets.tasks import SCHEDULES
from class_balancing.experiments import tables
from class_balancing.experiments.tables import architectures, fer2013
from class_balancing.reports import figures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("untraced", "workers_here", "quick_classifiers", "small_faces"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
TINY = {"n_generator_filters": 1, "n_blocks": 0, "n_discriminator_filters": 1, "n_epochs": 1, "min_steps": 1}
SHOWING_FACES = {"dataset-fer2013", "samples-fer2013-small"} | {
    f"{start}-fer2013-small-{method}"
    for start, methods in (
        ("translations", ("cyclegan",)),
        ("disturbed", ("cyclegan",)),
        ("filtered", ("cyclegan", "geometric")),
    )
    for method in methods
}
SHOWING_FACES |= {f"meanwhile-fer2013-cyclegan-{name}" for name in CLASS_NAMES[:-1]}


@pytest.fixture(scope="module")
def small_faces():
    """Within the module FER2013's tasks have small classifiers and networks and 12 images of every emotion."""
    changes = {
        "classifier": small_tasks.TASKS["digits-50"].classifier,
        "n_images_per_class": 12,
        "overrides": {"cyclegan": fer2013.OVERRIDES["cyclegan"] | TINY},
    }
    with pytest.MonkeyPatch.context() as patched:
        small = []
        for task in fer2013.TASKS:
            shown = ("confidence",) if task.shown_filters else ()
            n_new_only = dict.fromkeys(SCHEDULES, 6) if task.n_new_only else None
            small.append(replace(task, **changes | {"shown_filters": shown, "n_new_only": n_new_only}))
            patched.setitem(tables.TASKS, task.name, small[-1])
        patched.setattr(figures, "DOTS_PER_INCH", 20)
        patched.setattr(architectures, "rendered_networks", lambda tasks: [])
        yield


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with `fer2013.csv`: of each emotion 6 training images, 2 of each other part, one of them repeated."""
    rng = np.random.default_rng(0)
    rows = []
    for usage, n in (("Training", 6), ("PublicTest", 2), ("PrivateTest", 2)):
        for label in np.arange(n * 7) % 7:
            coarse = rng.integers(20 * label, 20 * label + 100, (6, 6))
            rows.append([label, " ".join(map(str, np.kron(coarse, np.ones((8, 8), int)).ravel())), usage])
    rows[-1][1] = rows[0][1]
    folder = tmp_path_factory.mktemp("data")
    pd.DataFrame(rows, columns=["emotion", "pixels", "Usage"]).to_csv(folder / "fer2013.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def asked(tmp_path_factory, data_dir):
    out = tmp_path_factory.mktemp("run") / "out"
    methods = ("--methods", "cyclegan", "geometric")
    return ("--datasets", "fer2013", "--data-dir", data_dir, "--schedule", "smoke", *methods, "--out", out), out


@pytest.fixture(scope="module")
def finished(asked, untraced, workers_here, quick_classifiers, small_faces):
    arguments, out = asked
    assert commands.call("tables", *arguments) == 0
    return out


def test_every_table_is_written(finished):
    of_methods = {f"F.{number}" for number in range(1, 5)}
    alone = {f"F.{number}" for number in range(5, 12)}
    for ending, names in (("md", of_methods | alone), ("tex", of_methods | alone), ("csv", alone)):
        assert {path.stem for path in (finished / "tables").glob(f"*.{ending}")} == names
    index = (finished / "index.html").read_text()
    for name in of_methods | alone:
        assert f"Table {name}. " in index
    first = (finished / "tables" / "F.1.md").read_text()
    assert "(printed 0.6509)" in first
    assert "(printed 0.6626)" in first


def test_figures_that_show_faces_stand_apart(finished):
    drawn = {path.stem for path in (finished / "figures").iterdir()}
    assert drawn == {
        *(f"{start}-{task.name}" for start in ("class-distribution", "confusion") for task in fer2013.TASKS),
        "training-fer2013-cyclegan",
    }
    assert {path.stem for path in (finished / "private").glob("*.png")} == SHOWING_FACES
    assert "data:image" not in (finished / "index.html").read_text()
    page, private = ((finished / folder / "fer2013.html").read_text() for folder in ("pages", "private"))
    assert page.count("<figure") == len(drawn)
    assert "<code>private/fer2013.html</code>" in page
    assert private.count("<figure") == len(SHOWING_FACES)
    assert re.findall(r'(?:src|href)="((?!data:|#)[^"]*)"', private) == ["../index.html"]


def test_a_cyclegan_makes_neutral_faces_for_learning_from_new_images_alone(finished):
    made = pd.read_csv(finished / "tables" / "F.9.csv").set_index("Images")
    assert made.loc[["CycleGAN", "geom. trans."], [name.capitalize() for name in CLASS_NAMES]].notna().all(axis=None)
    records = {
        path.parent.name[: -len("-seed0-12345678")]: read_json(path) for path in finished.glob("runs/*/cell.json")
    }
    expected = dict.fromkeys(CLASS_NAMES, 6)
    assert records["fer2013-synthetic-cyclegan"]["n_new"] == expected
    assert records["fer2013-small-cyclegan"]["n_new"] == dict.fromkeys(CLASS_NAMES[:-1], 6)
    assert records["fer2013-synthetic-cyclegan"]["configuration"]["source_class"] == "recovered from the others"
    assert "source_class" not in records["fer2013-synthetic-geometric"]["configuration"]
    training = {records[f"fer2013-{task}-cyclegan"]["training"] for task in ("small", "synthetic")}
    assert len(training) == 1, "both are of the same networks"
    rates = pd.read_csv(finished / "tables" / "F.10.csv")
    assert "neutral" not in set(rates.loc[rates["Method"] == "CycleGAN", "Emotion"])
    assert set(rates["Filter"]) == {"confidence"}


def test_the_repeated_face_is_found(finished):
    found = pd.read_csv(finished / "tables" / "F.7.csv")
    assert found.loc[found["Repeated in"] == "train", "Equal"].tolist() == [0, 1]


def test_a_repeated_run_computes_and_writes_nothing(finished, asked, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    assert commands.call("tables", *asked[0]) == 0
    assert "everything in" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_without_the_images_everything_else_is_shown_again(finished, tmp_path, monkeypatch):
    """As it is with a folder that was handed on, when another dataset is measured into it."""
    out = shutil.copytree(finished, tmp_path / "out")
    shutil.rmtree(out / "private")
    monkeypatch.setitem(tables.TASKS, "digits-50", small_tasks.TASKS["digits-50"])
    arguments = ("--datasets", "digits", "--dropped", "50", "--schedule", "smoke", "--methods", "random_oversampling")
    assert commands.call("tables", *arguments, "--out", out) == 0
    for name in ("F.5", "F.6", "F.8", "F.10"):
        assert (out / "tables" / f"{name}.csv").read_text() == (finished / "tables" / f"{name}.csv").read_text()
        assert f"Table {name}. " in (out / "index.html").read_text()
