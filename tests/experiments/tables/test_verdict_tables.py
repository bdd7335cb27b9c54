"""Tables G.5, G.8 and J.4, from made-up predictions."""

from types import SimpleNamespace

import numpy as np
import pytest
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.tables import few_images, skewed_mnist, thesis, verdict_tables
from class_balancing.experiments.tables.verdict_tables import FILE, of_few_images, of_skewed_mnist, of_thesis

TRUE = np.arange(400) % 10


def predicting(share_right, seed):
    """A record of a classifier that is right about this share of the test images, others for each seed."""
    is_right = np.random.default_rng(seed).random(len(TRUE)) < share_right
    return {"predicted": np.where(is_right, TRUE, (TRUE + 1) % 10).tolist()}


@pytest.fixture
def runner(tmp_path):
    datasets = dict.fromkeys({task.dataset for task in (*few_images.TASKS, *skewed_mnist.TASKS, *thesis.TASKS)})
    parts = SimpleNamespace(test=SimpleNamespace(labels=TRUE))
    return SimpleNamespace(plan=SimpleNamespace(out=tmp_path, filters=()), datasets=datasets, parts=lambda task: parts)


def records_of(task, shares, n_seeds=5):
    return {
        Cell(task, method, seed): predicting(share, 100 * index + seed)
        for index, (method, share) in enumerate(shares.items())
        for seed in range(n_seeds)
    }


SHARES = {"unbalanced": 0.5, "geometric": 0.8, "affine": 0.5, "cpab": 0.95}


def test_methods_stand_against_nothing_and_against_hand_made_transformations(runner):
    (table,) = of_few_images(runner, records_of("few_mnist-10", SHARES))
    found = table.frame.set_index(["Against", "Method"])["Verdict"].to_dict()
    assert found == {
        ("Unbalanced original", "geom. trans."): "helped",
        ("Unbalanced original", "learned affine"): "no evidence",
        ("Unbalanced original", "CPAB"): "helped",
        ("geom. trans.", "learned affine"): "hurt",
        ("geom. trans.", "CPAB"): "helped",
    }
    assert set(table.frame["Task"]) == {"MNIST, 10 of each class"}
    assert "against Unbalanced original they helped in 1 of 2 comparisons and hurt in 0" in table.notes[0]
    assert "against geom. trans. they helped in 1 of 2 comparisons and hurt in 1" in table.notes[0]


def test_another_source_has_another_metric(runner, monkeypatch):
    asked = []
    compare = verdict_tables.verdict.compare
    monkeypatch.setattr(
        verdict_tables.verdict,
        "compare",
        lambda *given: asked.append(given[4]) or compare(*given),
    )
    shares = {"unbalanced": 0.5, "geometric": 0.6, "deep_smote": 0.9}
    (table,) = of_skewed_mnist(runner, records_of("skewed_mnist", shares))
    assert set(asked) == {"balanced_accuracy"}
    assert table.frame.set_index(["Against", "Method"])["Verdict"]["geom. trans.", "DeepSMOTE"] == "helped"


def test_the_thesiss_networks_are_judged_by_f1_of_the_small_class(runner, monkeypatch):
    asked = []
    compare = verdict_tables.verdict.compare
    monkeypatch.setattr(verdict_tables.verdict, "compare", lambda *given: asked.append(given[4]) or compare(*given))
    shares = {"unbalanced": 0.5, "geometric": 0.6, "cvae": 0.9, "latent_flow": 0.3}
    (table,) = of_thesis(runner, records_of("mnist-75", shares))
    assert set(asked) == {"f1_minority"}
    assert table.name == "J.4"
    assert set(table.frame["Task"]) == {"MNIST, 75 % of class 4 dropped"}
    found = table.frame.set_index(["Against", "Method"])["Verdict"]
    assert found["Unbalanced original", "CVAE"] == "helped"
    assert found["geom. trans.", "latent flow"] == "hurt"
    assert "Networks: against Unbalanced original they helped in 1 of 2" in table.notes[0]


def test_unfinished_methods_and_tasks_wait(runner):
    records = records_of("few_mnist-50", SHARES)
    del records[Cell("few_mnist-50", "cpab", 3)]
    records |= records_of("few_mnist-10", SHARES, n_seeds=1)
    (table,) = of_few_images(runner, records)
    assert set(table.frame["Task"]) == {"MNIST, 50 of each class"}
    assert set(table.frame["Method"]) == {"geom. trans.", "learned affine"}
    assert of_few_images(runner, {}) == []


def test_nothing_is_compared_with_transformations_that_lack_seeds(runner):
    records = records_of("few_mnist-10", SHARES)
    for seed in (3, 4):
        del records[Cell("few_mnist-10", "geometric", seed)]
    (table,) = of_few_images(runner, records)
    assert set(table.frame["Against"]) == {"Unbalanced original"}
    (note,) = [note for note in table.notes if note.startswith("Not compared, since seeds are missing: ")]
    assert note.endswith("geom. trans. on MNIST, 10 of each class.")


def test_records_without_predictions_are_named(runner):
    records = records_of("mnist-75", {"unbalanced": 0.5, "cvae": 0.9})
    old = {Cell("cifar10-50", "unbalanced", seed): {"scores": {}} for seed in range(3)}
    (table,) = of_thesis(runner, records | old)
    assert "Records of earlier versions hold no predictions: CIFAR-10, 50 % of ships dropped." in table.notes
    (table,) = of_thesis(runner, records)
    assert not [note for note in table.notes if "hold no predictions" in note]


def test_hand_made_transformations_alone_are_compared_once(runner):
    shares = {name: SHARES[name] for name in ("unbalanced", "geometric")}
    (table,) = of_few_images(runner, records_of("few_mnist-10", shares))
    assert table.frame[["Method", "Against"]].to_numpy().tolist() == [["geom. trans.", "Unbalanced original"]]
    assert "against geom. trans. they helped in 0 of 0 comparisons" in table.notes[0]


def test_labels_are_kept_so_that_the_images_need_not_be_there(runner, tmp_path):
    records = records_of("few_mnist-10", SHARES)
    (first,) = of_few_images(runner, records)
    assert (tmp_path / FILE).exists()
    runner.datasets = {}
    (again,) = of_few_images(runner, records)
    assert again.frame.equals(first.frame)
    (tmp_path / FILE).unlink()
    assert of_few_images(runner, records) == []


def test_tasks_that_were_not_asked_for_are_not_needed(runner):
    """As with `--dropped 75` alone."""
    parts = runner.parts

    def known(task):
        return {"mnist-75": parts}[task](task)

    runner.parts = known
    (table,) = of_thesis(runner, records_of("mnist-75", {"unbalanced": 0.5, "cvae": 0.9}))
    assert set(table.frame["Task"]) == {"MNIST, 75 % of class 4 dropped"}


def test_tasks_with_too_few_seeds_are_named(runner):
    records = records_of("mnist-75", {"unbalanced": 0.5, "cvae": 0.9})
    records |= records_of("mnist-50", {"unbalanced": 0.5, "cvae": 0.9}, n_seeds=2)
    (table,) = of_thesis(runner, records)
    assert set(table.frame["Task"]) == {"MNIST, 75 % of class 4 dropped"}
    assert "Too few seeds for a verdict: MNIST, 50 % of class 4 dropped." in table.notes
