import dataclasses

import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.studies.order import NOTHING_TO_ADD, TOO_FEW, Entry, Study
from class_balancing.experiments.studies.tasks import DATASETS, METHODS, STUDIED
from class_balancing.models import BASELINE, named


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path, "quick")


def test_what_costs_nothing_comes_first_on_all_datasets_at_ten_percent(study):
    parts = study.parts(STUDIED, METHODS)
    assert [part.title for part in parts[:6]] == [
        *(f"{dataset} at 10 %, methods without training" for dataset in DATASETS),
        "digits at 5 %, methods without training",
    ]
    is_trained = [any(named(entry.method).takes_time for entry in part.entries) for part in parts]
    first = is_trained.index(True)
    assert all(is_trained[first:]), "what is trained comes last"
    assert [part.title for part in parts[first : first + 5]] == [
        f"{dataset} at 10 %, methods that are trained" for dataset in DATASETS
    ]
    assert "fer2013-as-it-is" in {entry.task for entry in parts[4].entries}
    assert all(part.entries[0].method == BASELINE for part in parts[:first]), "without it there is no verdict"


def test_every_entry_is_in_one_part(study):
    entries = [entry for part in study.parts(STUDIED, METHODS) for entry in part.entries]
    assert len(entries) == len(set(entries))
    n_without_work = sum(named(method).makes_images for method in METHODS) + 4  # which only correct a prior
    n_too_few = 2 * 2 * (2 + 1)  # SMOTE and ADASYN with at most 5 images: digits at 5 and 2 %, MNIST at 2 %
    assert len(entries) == 56 * len(METHODS) - 5 * n_without_work - n_too_few
    assert set(entries) == set(study.entries(STUDIED, METHODS))


def test_reasons_not_to_run_a_method(study):
    assert study.reason(Entry("mnist-100", "cvae")) == NOTHING_TO_ADD
    assert study.reason(Entry("mnist-100", "mixup")) is None
    assert study.reason(Entry("mnist-100", "remix")) is None, "it mixes images all the same"
    assert study.reason(Entry("mnist-100", "class_weights")) == NOTHING_TO_ADD, "all weights are 1"
    assert study.reason(Entry("mnist-100", "mixup+logit_adjustment")) is None
    assert study.reason(Entry("mnist-4-2", "smote")) == TOO_FEW, "4 images, of which one has 5 neighbours"
    assert study.reason(Entry("mnist-4-5", "smote")) is None
    assert study.reason(Entry("digits-4-2", "bagan")) is None, "2 images are what it needs"
    with pytest.raises(UsageError, match="smote\\+cvae: "):
        study.reason(Entry("mnist-4-5", "smote+cvae"))


def test_joined_methods_share_networks(study):
    entries = study.entries(["mnist-4-5"], ["cvae", "cvae+logit_adjustment"])
    folders = {study.plan.training_folder(study.cells(entry)[0]) for entry in entries if entry.method != BASELINE}
    assert len(entries) == 3
    assert len(folders) == 1


def test_networks_are_trained_once_for_all_seeds_and_their_share_is_recorded(study):
    cells = study.cells(Entry("cifar10-ship-10", "bagan"))
    assert cells == [Cell("cifar10-ship-10", "bagan", seed) for seed in range(5)]
    assert len({study.plan.training_folder(cell) for cell in cells}) == 1
    whole = dataclasses.replace(STUDIED["cifar10-ship-10"].task, network_share=1.0)
    usual = dataclasses.replace(study.plan, tasks={whole.name: whole}).arguments(cells[0])
    assert study.plan.arguments(cells[0])["n_epochs"] == round(usual["n_epochs"] / 5)


def test_another_configuration_has_another_digest(study, monkeypatch):
    entry = Entry("mnist-4-10", "geometric")
    before = study.digests(entry)
    assert len(set(before)) == 5
    task = dataclasses.replace(STUDIED[entry.task].task, is_mirrored=True)
    monkeypatch.setitem(STUDIED, entry.task, dataclasses.replace(STUDIED[entry.task], task=task))
    assert set(before).isdisjoint(study.digests(entry))
