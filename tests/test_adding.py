"""Adding a method is one file and one line, adding a task one file and one line: tried on a copy of the package."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import commands
import pytest
import small_folder

ROOT = Path(__file__).resolve().parents[1]

USE_METHOD = """
import sys
from pathlib import Path
import commands, pytest, small_tasks
import tensorflow as tf
from class_balancing import SmallGAN, check_balancer
from class_balancing.evaluation import classifiers
from class_balancing.experiments import tables
from class_balancing.experiments.folders import balance, entrants, judge
from class_balancing.experiments.running import workers
from class_balancing.experiments.tables import architectures, benchmark, command

photos = sys.argv[1]
sys.argv[0] = str(Path(command.__file__).parents[1] / "this.py")  # commands that call each other lie beside this one

def run(module, *arguments):
    print("==", module.__name__, flush=True)
    assert module.main(module.parse("prog", [str(argument) for argument in arguments])) in (0, None)

if __name__ == "__main__":  # workers import this file
    patched = pytest.MonkeyPatch()
    patched.setattr(architectures, "rendered_networks", lambda tasks: [])
    for name, task in small_tasks.TASKS.items():
        patched.setitem(tables.TASKS, name, task)
    asked = ["--datasets", "digits", "--dropped", 50, "--methods", "small_gan", "--schedule", "smoke"]
    run(command, *asked, "--out", "tables", "--dry-run")
    run(command, *asked, "--out", "tables")
    tf.config.run_functions_eagerly(True)  # from here on: to trace takes longer than the few steps
    patched.setattr(workers, "ProcessPoolExecutor", commands.WorkersHere)
    patched.setattr(classifiers, "train_classifier", small_tasks.quick_training())
    patched.setattr(entrants, "ALWAYS", ("unbalanced", "geometric"))
    check_balancer(SmallGAN(n_epochs=3, batch_size=20))
    run(balance, photos, "balanced", "--method", "small_gan", "--schedule", "smoke", "--save-model", "model.npz")
    SmallGAN.load("model.npz").sample("light", 3)
    asked = ["--methods", "small_gan", "--schedule", "smoke", "--seeds", 3, "--folds", 1, "--out", "judged"]
    run(judge, photos, *asked, "--dry-run")
    run(judge, photos, *asked)
    run(benchmark, "--methods", "small_gan", "--steps", 5, "--dataset", "digits", "--batch-size", 20)
    whole = architectures.built_networks
    patched.setattr(architectures, "built_networks", lambda: whole([tables.TASKS["mnist-50"]]))
    run(architectures, "--out", "architectures")
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package, in a folder of its own, to be added to."""
    copied = tmp_path / "copy" / "class_balancing"
    ignored = shutil.ignore_patterns(".*", "tests", "reference", "results", "build", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copied, ignore=ignored)
    return copied


def add_line(path: Path, before: str, line: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, f"{line}\n{before}"))


def run(package: Path, script: str, *arguments) -> str:
    """Standard output of a script that imports the copy."""
    path = package.parents[1] / "script.py"
    path.write_text(script)
    paths = package.parent, Path(commands.__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    finished = subprocess.run(
        [sys.executable, path, *map(str, arguments)], cwd=path.parent, env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    return finished.stdout


@pytest.mark.slow
def test_a_method_is_one_file_and_one_line_of_what_the_text_about_it_shows(package):
    file, line = re.findall(r"```(?:python|text)\n(.*?)```", (ROOT / "models" / "README.md").read_text(), re.DOTALL)
    (package / "models" / "small_gan.py").write_text(file)
    add_line(package / "models" / "__init__.py", '        ("random_oversampling"', line.rstrip())
    here = package.parents[1]
    photos = small_folder.write(here / "photos", {"dark": 40, "light": 20, "striped": 40})

    printed = run(package, USE_METHOD, photos)

    assert re.search(r"digits-50-small_gan +\d+ small_gan \+ \d+ classifier +0 of 1 seeds finished", printed)
    table = (here / "tables" / "tables" / "digits-50.md").read_text()
    assert re.search(r"\| small GAN † \| 0\.\d+ \| 0\.\d+ \| 0\.\d+ \|", table)
    assert (here / "tables" / "figures" / "training-digits-50-small_gan.png").exists()
    history = next((here / "tables" / "runs").glob("*small_gan-training*/history.csv")).read_text()
    assert "L_G" in history
    assert "-" in history.split("\n")[1], "a negative loss"
    assert len(list((here / "balanced" / "light").glob("small_gan-*.png"))) == 20
    assert re.search(r"small_gan +training \d+ s", printed)
    assert "| small_gan |" in (here / "judged" / "report.md").read_text()
    assert (here / "judged" / "figures" / "small_gan.png").exists()
    assert re.search(r"small_gan +20 +\d", printed), "the benchmark's row"
    assert "Not printed: small GAN discriminator, " in printed
    assert (here / "architectures" / "mnist-small-gan-generator.md").exists()


TASK = '''
"""Squares, stripes and so on in seven classes: an official split, an imbalance of its own."""

import numpy as np

from ...datasets.image_dataset import ImageDataset
from ...datasets.tasks import Classifier, Table, Task

COUNTS = {"train": [40, 30, 24, 20, 16, 12, 10], "validation": [8] * 7, "test": [12] * 7}
NAMES = tuple("abcdefg")


def load(data_dir):
    rng = np.random.default_rng(0)
    parts = [part for part, counts in COUNTS.items() for _ in range(sum(counts))]
    labels = np.concatenate([np.repeat(np.arange(7), counts) for counts in COUNTS.values()])
    images = 30 * labels[:, None, None, None] + rng.integers(0, 40, (len(labels), 16, 16, 1))
    return ImageDataset("shapes", images.astype(np.uint8), labels.astype(np.int64), NAMES, np.array(parts))


CLASSIFIER = Classifier(
    "scaled_classifier", {"smoke": {"n_epochs": 3, "batch_size": 16, "learning_rate": 1e-3}}, 0.1
)
PRINTED_NETWORKS = {}
RECALLS = tuple(f"recall_{index}" for index in range(7))
TASKS = [
    Task(
        name="shapes",
        dataset="shapes",
        label="Shapes",
        load="class_balancing.experiments.tables.shapes:load",
        image_shape=(16, 16, 1),
        class_names=NAMES,
        n_train_images=152,
        measured=tuple(range(7)),
        measured_label="all classes",
        official_split=True,
        classifier=CLASSIFIER,
        methods=("geometric", "class_weights"),
        tables=(Table("S.1", ("ssim",)), Table("S.2", ("accuracy", "f1_minority", *RECALLS))),
        keeps_predictions=True,
    )
]
'''


@pytest.mark.slow
def test_a_task_with_seven_classes_and_an_official_split_is_one_file_and_one_line(package):
    tables = package / "experiments" / "tables"
    (tables / "shapes.py").write_text(TASK)
    add_line(tables / "__init__.py", '        "thesis",', '        "shapes",')
    script = (
        "from class_balancing.experiments.tables import architectures, command\n"
        "if __name__ == '__main__':\n"
        "    architectures.rendered_networks = lambda tasks: []\n"
        "    options = ['--datasets', 'shapes', '--schedule', 'smoke', '--out', 'out', '--seeds', '2']\n"
        "    command.main(command.parse('prog', [*options, '--dry-run']))\n"
        "    assert command.main(command.parse('prog', options)) == 0\n"
    )
    run(package, script)
    out = package.parents[1] / "out"
    scores = (out / "tables" / "S.2.md").read_text()
    heading = "| | Accuracy | F1 score | " + " | ".join(f"Recall of {name}" for name in "abcdefg") + " |"
    assert heading in scores
    for row in ("Unbalanced original", "geom. trans.", "class weights"):
        assert re.search(rf"\| {row} \|( [01]\.\d+ ± \d\.\d+ \|){{9}}", scores), row
    assert re.search(r"\| Shapes \| 0\.\d+ .* \| 0\.\d+", (out / "tables" / "S.1.md").read_text())
    (record,) = (json.loads(path.read_text()) for path in out.glob("runs/shapes-geometric-seed0-*/cell.json"))
    assert record["n_new"] == dict(zip("bcdefg", [10, 16, 20, 24, 28, 30], strict=True))
    assert (record["n_train_images"], record["n_test_images"], len(record["predicted"])) == (152, 84, 84)
    assert record["configuration"]["split"] == "official"
    assert "Shapes, imbalanced as it is" in (out / "index.html").read_text()
    for name in ("dataset-shapes", "class-distribution-shapes", "confusion-shapes", "samples-shapes"):
        assert (out / "figures" / f"{name}.png").exists(), name
