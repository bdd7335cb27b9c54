import json
from dataclasses import replace

import numpy as np
import pytest
import small_tasks
import tensorflow as tf
from class_balancing.datasets.stored_images import StoredImages, write
from class_balancing.evaluation import classifiers
from class_balancing.experiments.running import filters, locks, rounds
from class_balancing.experiments.running import runner as runners
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.classifying import CLASSIFIER, KEPT, ORIGINALS, Classifying
from class_balancing.experiments.running.fitting import Fitting
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


def test_what_one_device_learns_is_fitted_outside_of_a_strategys_scope(small):
    made = small()
    made.fitting.strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    balancer, _ = made.fitting.fitted(Cell("digits-50", "affine", 0))
    assert len(balancer.thetas_[4])


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


@pytest.mark.parametrize("n_in_a_round", [10_000, 7])
@pytest.mark.parametrize("method", ["geometric", "smote", "class_weights"])
def test_stored_images_give_the_same_record(method, n_in_a_round, small, dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(rounds, "MAX_BYTES_IN_A_ROUND", n_in_a_round * 28 * 28)
    images = write(tmp_path / "images.npy", dataset.images.shape[1:], [dataset.images])
    in_memory, stored = small("clean"), small("clean")
    stored.datasets = {"digits": replace(dataset, images=images)}
    stored.plan = stored.fitting.plan = replace(stored.plan, out=tmp_path / "stored")
    records = [made.run(Cell("digits-75", method, 0)) for made in (in_memory, stored)]
    for record in records:
        for name in [name for name in record if name.endswith("_s")]:
            record.pop(name)
    assert records[0] == records[1]
    assert not list((tmp_path / "stored").rglob("new-*"))
    if method == "geometric":
        given = stored.classifying.learned_from(Cell("digits-75", method, 0), {})
        assert all(isinstance(part.images, StoredImages) for part in given)


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


def test_all_ways_that_are_joined_reach_the_classifier_beside_new_images(small, monkeypatch):
    given = {}

    def spy(build, train, validation, **arguments):
        given.update(arguments, share=(train.labels == 4).mean())
        raise KeyboardInterrupt

    monkeypatch.setattr(classifiers, "train_classifier", spy)
    made = small()
    with pytest.raises(KeyboardInterrupt):
        made.run(Cell("digits-75", "random_oversampling+mixup+logit_adjustment", 0))
    assert given.keys() >= {"change", "adjust"}
    assert given["share"] > 2 * (made.parts("digits-75").train.labels == 4).mean(), "the new images"


def test_what_a_long_training_has_left_is_deleted_with_the_finished_cell_alone(small, monkeypatch):
    made, cell = small(), Cell("digits-75", "unbalanced", 0)
    path, found, train = made.plan.folder(cell) / KEPT, [], classifiers.train_classifier

    def leaves(*parts, kept, **arguments):
        found.append(kept.exists())
        kept.write_bytes(b"epochs")
        if len(found) == 1:
            raise KeyboardInterrupt
        return train(*parts, **arguments)

    monkeypatch.setattr(classifiers, "train_classifier", leaves)
    with pytest.raises(KeyboardInterrupt):
        made.run(cell)
    made.run(cell)
    assert found == [False, True]
    assert sorted(each.name for each in path.parent.iterdir()) == [".lock", "cell.json"]


def all_but_the_first(n):
    """A filter."""
    return lambda images, label, originals, classifier: np.arange(len(images)) >= n


@pytest.fixture
def simple_filters(monkeypatch):
    """Filters that pass all but the first 3 and 5 of the images that they see."""
    monkeypatch.setitem(filters.FILTERS, "confidence", all_but_the_first(3))
    monkeypatch.setitem(filters.FILTERS, "duplicates", all_but_the_first(5))
    monkeypatch.setattr(filters, "NEED_CLASSIFIER", set())


def test_each_filter_sees_what_passed_the_one_before(small, simple_filters):
    made = small(filters=("duplicates", "confidence"))
    parts = made.parts("digits-50")
    n_new, n_real = parts.missing[4], int((parts.test.labels == 4).sum())
    record = made.run(Cell("digits-50", "geometric", 0))
    assert record["n_dropped"] == {"duplicates": {"4": 5}, "confidence": {"4": 3}}
    assert record["n_new"] == {"4": n_new - 8}
    assert list(record["pass_rates"]) == ["duplicates", "confidence"]
    keys = ("n_new", "n_new_passed", "n_real", "n_real_passed")
    of_duplicates = dict(zip(keys, (n_new, n_new - 5, n_real, n_real - 5), strict=True))
    of_confidence = dict(zip(keys, (n_new - 5, n_new - 8, n_real - 5, n_real - 8), strict=True))
    assert record["pass_rates"] == {"duplicates": {"4": of_duplicates}, "confidence": {"4": of_confidence}}
    copies = made.run(Cell("digits-50", "random_oversampling", 0))
    assert copies["n_dropped"] == {"confidence": {"4": 3}}, "copies are not taken for duplicates"
    assert copies["n_new"] == {"4": n_new - 3}
    assert copies["pass_rates"]["confidence"]["4"]["n_real"] == n_real


def test_a_tasks_shown_filters_drop_nothing(tmp_path, dataset, simple_filters, monkeypatch):
    monkeypatch.setattr(runners, "MAX_RATED_IMAGES", 10)
    task, cell = small_tasks.TASKS["digits-50"], Cell("digits-50", "geometric", 0)
    shown = replace(task, shown_filters=("confidence", "duplicates"))
    plain, made = (
        Runner(Plan(tmp_path, {task.name: chosen}, "smoke", "thesis"), {"digits": dataset}, verbose=0)
        for chosen in (task, shown)
    )
    expected, record = plain.run(cell), made.run(cell)
    assert record["n_new"] == {"4": made.parts(task.name).missing[4]}
    assert record["n_dropped"] == {}
    assert record["scores"] == expected["scores"]
    counts = {name: tuple(of["4"].values())[:2] for name, of in record["pass_rates"].items()}
    assert counts == {"confidence": (10, 7), "duplicates": (7, 2)}
    assert "pass_rates" not in expected


def test_filters_that_leave_too_few_images_for_ssim_are_told(small, simple_filters, monkeypatch):
    monkeypatch.setitem(filters.FILTERS, "confidence", all_but_the_first(1000))
    made = small(filters=("duplicates", "confidence"))
    n = made.parts("digits-50").missing[4]
    with pytest.raises(RuntimeError, match=f"duplicates and confidence passed 0 of {n} new images of 4, too few for"):
        made.run(Cell("digits-50", "geometric", 0))


def test_proportions_and_seeds_share_one_training(small, monkeypatch):
    fits = []
    fit = Fitting._fit
    monkeypatch.setattr(Fitting, "_fit", lambda self, *given: fits.append(given) or fit(self, *given))
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


def test_the_classifier_of_the_originals_is_trained_once(small, monkeypatch):
    first = small()
    images = first.parts("digits-50").test.images
    expected = classifiers.predict(first.classifying.of_originals("digits-50"), images)
    path = first.plan.folder(Cell("digits-50", "unbalanced", 0)) / ORIGINALS / CLASSIFIER
    assert path.exists()
    monkeypatch.setattr(Classifying, "trained", lambda *_: pytest.fail("trained again"))
    np.testing.assert_array_equal(classifiers.predict(small().classifying.of_originals("digits-50"), images), expected)
    path.write_bytes(path.read_bytes()[:500])
    monkeypatch.undo()
    again = small().classifying.of_originals("digits-50")
    assert path.with_name(f"{CLASSIFIER}.damaged").exists()
    np.testing.assert_array_equal(classifiers.predict(again, images), expected)


def test_no_other_process_trains_the_classifier_of_the_originals_meanwhile(small, monkeypatch):
    runner, train = small(), Classifying.trained
    folder = runner.plan.folder(Cell("digits-50", "unbalanced", 0)) / ORIGINALS

    def trained(*asked):
        with pytest.raises(locks.BusyError), locks.held(folder, wait=False):
            pass
        return train(*asked)

    monkeypatch.setattr(Classifying, "trained", trained)
    assert runner.classifying.of_originals("digits-50")
