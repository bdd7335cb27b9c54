import json

import numpy as np
import pytest
import small_tasks
from class_balancing.evaluation import classifiers
from class_balancing.experiments.running import runner as runners
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan
from class_balancing.experiments.running.runner import Runner
from class_balancing.models import METHODS, Method, geometric

pytestmark = [
    pytest.mark.usefixtures("untraced"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]


@pytest.fixture(scope="module")
def dataset():
    return small_tasks.load()


@pytest.fixture
def small(tmp_path, dataset):
    """Function of protocol and filters: a runner of the small tasks."""
    tasks = {t.name: t for task in small_tasks.TASKS.values() for t in (task, task.undropped)}

    def made(protocol="thesis", filters=()):
        return Runner(Plan(tmp_path, tasks, "smoke", protocol, filters), {"digits": dataset}, verbose=0)

    return made


@pytest.mark.parametrize("protocol", ["thesis", "clean"])
def test_no_test_image_reaches_a_balancer_or_a_classifiers_training(small, protocol, monkeypatch, dataset):
    seen = []

    class Spy(geometric.Geometric):
        def fit(self, images, labels):
            seen.append(images)
            return super().fit(images, labels)

    train = classifiers.train_classifier

    def spy(build, training, validation, **arguments):
        seen.extend([training.images, validation.images])
        return train(build, training, validation, **arguments)

    monkeypatch.setattr(geometric, "Geometric", Spy)
    monkeypatch.setattr(classifiers, "train_classifier", spy)
    made = small(protocol)
    cell = Cell("digits-50", "geometric", 0)
    made.run(cell)
    test_images = {image.tobytes() for image in made.parts(cell.task).test.images}
    elsewhere = {image.tobytes() for image in dataset.images} - test_images
    assert len(seen) == 3
    assert len(test_images) == 180
    for images in seen:
        assert not test_images & {image.tobytes() for image in images}
    assert elsewhere & {image.tobytes() for image in seen[0]}, "the comparison sees equal images"


def test_a_finished_cell_is_never_computed_again(small, monkeypatch):
    cell = Cell("digits-50", "original", 0)
    first = small().run(cell)
    monkeypatch.setattr(Runner, "_compute", lambda *_: pytest.fail("computed again"))
    assert small().run(cell) == first


def test_a_damaged_record_is_set_aside_and_made_again(small, capsys):
    made, cell = small(), Cell("digits-50", "original", 0)
    expected = made.run(cell)["ssim"]
    path = made.plan.folder(cell) / "cell.json"
    path.write_text("{")
    assert made.run(cell)["ssim"] == expected
    assert path.with_suffix(".json.damaged").read_text() == "{"
    assert "is damaged and was set aside" in capsys.readouterr().err


def test_a_record_is_complete(small):
    made = small()
    cell = Cell("digits-75", "geometric", 1)
    record = made.run(cell)
    task, configuration = small_tasks.TASKS["digits-75"], record["configuration"]
    assert configuration["method"] == task.arguments["smoke"]["geometric"]
    assert configuration["seed"] == 1
    assert configuration["classifier"] == {"network": task.classifier.network} | task.classifier.schedules["smoke"]
    assert {"tensorflow", "keras", "numpy"} <= record["environment"]["packages"].keys()
    assert len(record["scores"]["recalls"]) == 10
    assert record["wall_time_s"] > 0
    assert record["n_new"] == {"4": made.parts("digits-75").missing[4]} == {"4": record["n_images"]}
    folder = made.plan.folder(cell)
    assert json.loads((folder / "cell.json").read_text()) == record
    with np.load(folder / "images.npz") as archive:
        assert {name: len(images) for name, images in archive.items()} == {"class_4": record["n_images"]}
    files = {".lock", "cell.json", "images.npz"}
    assert {path.name for path in folder.iterdir()} == files
    first = Cell("digits-75", "geometric", 0)
    made.run(first)
    assert {path.name for path in made.plan.folder(first).iterdir()} == files | {"samples.png"}


def test_class_weights_reach_the_classifier(small, monkeypatch):
    given = {}
    train = classifiers.train_classifier

    def spy(*parts, **arguments):
        given.update(arguments)
        return train(*parts, **arguments)

    monkeypatch.setattr(classifiers, "train_classifier", spy)
    record = small().run(Cell("digits-75", "class_weights", 0))
    weights = given["class_weight"]
    assert weights[4] > 2.5 * weights[3], "three quarters of class 4 are missing"
    assert record["configuration"]["class_weight"] == "balanced"
    assert "ssim" not in record


def test_filters_drop_images_and_each_drop_is_counted_once(small, monkeypatch):
    def all_but_the_first(n):
        return lambda images, label, originals, classifier: np.arange(len(images)) >= n

    monkeypatch.setitem(runners.FILTERS, "confidence", all_but_the_first(3))
    monkeypatch.setitem(runners.FILTERS, "duplicates", all_but_the_first(5))
    monkeypatch.setattr(runners, "NEED_CLASSIFIER", set())
    made = small(filters=("confidence", "duplicates"))
    n_missing = made.parts("digits-50").missing[4]
    record = made.run(Cell("digits-50", "geometric", 0))
    assert record["n_dropped"] == {"confidence": {"4": 3}, "duplicates": {"4": 2}}
    assert record["n_new"] == {"4": n_missing - 5}
    copies = made.run(Cell("digits-50", "random_oversampling", 0))
    assert copies["n_dropped"] == {"confidence": {"4": 3}}, "copies are not taken for duplicates"
    assert copies["n_new"] == {"4": n_missing - 3}


def test_proportions_and_seeds_share_one_training(small, monkeypatch):
    fits = []
    fit = Runner._fit
    monkeypatch.setattr(Runner, "_fit", lambda self, *given: fits.append(given) or fit(self, *given))
    method = Method("pretrained_gan", "pretrained_gan:PretrainedGAN", "GAN", "a test", "network")
    monkeypatch.setitem(METHODS, method.name, method)
    made = small()
    records = [made.run(Cell("digits-50", method.name, seed, share)) for seed, share in ((0, 0.5), (0, 1.0), (1, 1.0))]
    assert len(fits) == 1
    n_missing = made.parts("digits-50").missing[4]
    assert [record["n_images"] for record in records] == [round(n_missing / 2), n_missing, n_missing]
    assert len({record["training"] for record in records}) == 1
    assert [record["configuration"].get("proportion") for record in records] == [0.5, None, None]
    (history,) = made.plan.training_folder(Cell("digits-50", method.name, 0)).glob("adversarial/history.csv")
    trained = history.read_text()
    small().run(Cell("digits-50", method.name, 2))
    assert history.read_text() == trained, "another process continues after the last epoch"
