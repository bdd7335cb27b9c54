import json
import re

import numpy as np
import pytest

from experiments import compile_results, grid, hyperparameters, runner
from experiments.grid import Cell
from models import BALANCERS, Geometric


@pytest.fixture
def small(tmp_path, monkeypatch, digits):
    """A runner on 600 digits whose classifier takes a second."""
    datasets = {"digits": digits.take(np.arange(600))}
    classifier = {"n_epochs": 1, "batch_size": 64, "learning_rate": 1e-3}
    monkeypatch.setitem(hyperparameters.CLASSIFIERS["smoke"], "digits", classifier)
    return lambda protocol="thesis": runner.Runner(tmp_path, "smoke", protocol, datasets, verbose=0)


@pytest.mark.parametrize("protocol", ["thesis", "clean"])
def test_no_test_image_reaches_a_balancer_or_a_classifiers_training(small, protocol, monkeypatch, digits):
    seen = []

    class Spy(Geometric):
        def fit(self, images, labels):
            seen.append(images)
            return super().fit(images, labels)

    train = runner.classifiers.train_classifier

    def spy(build, training, validation, **arguments):
        seen.extend([training.images, validation.images])
        return train(build, training, validation, **arguments)

    monkeypatch.setitem(BALANCERS, "geometric", Spy)
    monkeypatch.setattr(runner.classifiers, "train_classifier", spy)
    made = small(protocol)
    cell = Cell("digits", 50, "geometric", 0)
    made.run(cell)
    test_images = {image.tobytes() for image in made.folds(cell).test.images}
    elsewhere = {image.tobytes() for image in digits.take(np.arange(600)).images} - test_images
    assert len(seen) == 3
    assert len(test_images) == 180
    for images in seen:
        assert not test_images & {image.tobytes() for image in images}
    assert elsewhere & {image.tobytes() for image in seen[0]}, "the comparison sees equal images"


def test_a_finished_cell_is_never_computed_again(small, monkeypatch):
    cell = Cell("digits", 50, "geometric", 0)
    first = small().run(cell)
    monkeypatch.setattr(runner.Runner, "_compute", lambda *_: pytest.fail("computed again"))
    assert small().run(cell) == first


def test_a_damaged_record_is_set_aside_and_made_again(small, capsys):
    made, cell = small(), Cell("digits", 50, "original", 0)
    expected = made.run(cell)["ssim"]
    path = made.folder(cell) / "cell.json"
    path.write_text("{")
    assert made.run(cell)["ssim"] == expected
    assert path.with_suffix(".json.damaged").read_text() == "{"
    assert "is damaged and was set aside" in capsys.readouterr().err


def test_a_record_is_complete(small):
    made = small()
    cell = Cell("digits", 75, "geometric", 1)
    record = made.run(cell)
    assert record["configuration"]["method"] == hyperparameters.METHODS["smoke"]["digits"]["geometric"]
    assert record["configuration"]["seed"] == 1
    assert {"tensorflow", "keras", "numpy"} <= record["environment"]["packages"].keys()
    assert len(record["scores"]["recalls"]) == 10
    assert record["wall_time_s"] > 0
    folder = made.folder(cell)
    assert json.loads((folder / "cell.json").read_text()) == record
    assert len(np.load(folder / "images.npz")["images"]) == record["n_images"]
    assert {path.name for path in folder.iterdir()} == {".lock", "cell.json", "images.npz"}
    first = Cell("digits", 75, "geometric", 0)
    made.run(first)
    assert {path.name for path in made.folder(first).iterdir()} == {".lock", "cell.json", "images.npz", "samples.png"}


def test_tables_figures_and_csv_are_compiled_from_cells(small, tmp_path):
    made = small()
    for cell in grid.cells(["digits"], [50], ["geometric", "cvae", "class_weights"], {"digits": 2}):
        made.run(cell)
    failed = Cell("digits", 50, "bagan", 0)
    made.folder(failed).mkdir()
    made.failure_log(failed).touch()
    compile_results.write_all(made, [50], {"digits": 2})
    lines = (tmp_path / "results.csv").read_text().splitlines()
    assert lines[0] == "table,dataset,dropped_percent,variant,seed,metric,value,thesis"
    assert sum(",geometric," in line and ",accuracy," in line for line in lines) == 2
    text = (tmp_path / "tables" / "digits-50.md").read_text()
    assert "| BAGAN | failed | failed | failed |" in text
    assert f"BAGAN, seed 0, failed: {made.failure_log(failed)}" in text
    assert "| CVAE-GAN | not run | not run | not run |" in text
    assert "(thesis" not in text
    assert "cvae: n_epochs 2 (1500)" in text, "the footer tells what differs from the thesis"
    page = (tmp_path / "index.html").read_text()
    for words in ("digits-50-geometric-seed1", "class weights †", "Table B.10", "keras", "data:image/avif;base64,"):
        assert words in page
    assert not re.search(r'(src|href)="(?!data:|#)|url\(', page), "the page needs no other file"
    assert (tmp_path / "figures" / "samples-digits-50.png").exists()
    pictures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert pictures == {
        "class-distribution-digits-50.png",
        "compared-50.png",
        "confusion-digits-50.png",
        "dataset-digits.png",
        "interpolations-digits-50.png",
        "samples-digits-50.png",
        "training-digits-50-cvae.png",
    }


def test_fewer_images_than_a_sample_strip_holds(small, tmp_path):
    made = small()
    made.run(Cell("digits", 15, "geometric", 0))
    compile_results.write_all(made, [15], {"digits": 1})
    assert (tmp_path / "figures" / "samples-digits-15.png").exists()


@pytest.mark.slow
def test_results_of_earlier_runs_stay(small, tmp_path):
    made = small()
    made.run(Cell("digits", 50, "original", 1))
    made.run(Cell("digits", 75, "original", 0))
    for dropped in (50, 75, 50):
        compile_results.write_all(made, [dropped], {"digits": 1})
        rows = [line.split(",")[:5] for line in (tmp_path / "results.csv").read_text().splitlines()[1:]]
        assert rows == [
            ["digits-50", "digits", "50", "original", "1"],
            ["digits-75", "digits", "75", "original", "0"],
        ]


def test_class_weights_reach_the_classifier(small, monkeypatch):
    given = {}
    train = runner.classifiers.train_classifier

    def spy(*parts, **arguments):
        given.update(arguments)
        return train(*parts, **arguments)

    monkeypatch.setattr(runner.classifiers, "train_classifier", spy)
    record = small().run(Cell("digits", 75, "class_weights", 0))
    weights = given["class_weight"]
    assert weights[4] > 2.5 * weights[3], "three quarters of class 4 are missing"
    assert record["configuration"]["class_weight"] == "balanced"
    assert "ssim" not in record
