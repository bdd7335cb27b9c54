import itertools
import types
from dataclasses import replace

import pytest
from class_balancing.datasets.tasks import SCHEDULES
from class_balancing.experiments.running import plan as plans
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.running.plan import Plan, cells_of, duration
from class_balancing.experiments.tables import TASKS, thesis
from class_balancing.models import METHODS, cvae
from class_balancing.models.training.trained_balancer import SECONDS_TO_START

DATASETS = ("mnist", "cifar10", "vehicles")
OF_THESIS = [task for task in TASKS.values() if task.dataset in DATASETS]
BY_NAME = {t.name: t for task in TASKS.values() for t in (task, task.undropped)}


def planned(out, schedule="quick", protocol="thesis", filters=()):
    return Plan(out, BY_NAME, schedule, protocol, filters)


def finish(plan, cell):
    plan.folder(cell).mkdir(parents=True)
    (plan.folder(cell) / "cell.json").touch()


def test_each_cell_of_the_thesiss_tables_is_there_once():
    n_seeds = {task.dataset: task.n_seeds["quick"] for task in OF_THESIS}
    cells = cells_of(OF_THESIS, thesis.METHODS + thesis.FLOWS + thesis.RIVALS, n_seeds)
    assert n_seeds == {"mnist": 3, "cifar10": 2, "vehicles": 3}
    assert len(cells) == len(set(cells)) == (3 + 2 + 3) * (2 * (1 + 1 + 10) + 1)
    groups = [group for group, _ in itertools.groupby(cell.group for cell in cells)]
    assert len(groups) == len(set(groups)), "seeds stand together"


def test_the_thesis_has_18_generative_models_and_33_classifiers(tmp_path):
    cells = cells_of(OF_THESIS, thesis.METHODS, dict.fromkeys(DATASETS, 1))
    plan = planned(tmp_path, "thesis")
    assert len({plan.training_folder(cell) for cell in cells if cell.is_trained}) == 18
    assert sum(cell.has_classifier for cell in cells) == 33


def test_the_balanced_original_is_shared(tmp_path):
    of_mnist = [task for task in OF_THESIS if task.dataset == "mnist"]
    cells = [cell for cell in cells_of(of_mnist, (), {"mnist": 1}) if cell.method == "balanced_original"]
    assert cells == [Cell("mnist-0", "balanced_original", 0)]
    plans_of_each = [Plan(tmp_path, {"mnist-0": task.undropped}, "quick", "thesis") for task in of_mnist]
    assert len({plan.folder(cells[0]) for plan in plans_of_each}) == 1


def test_an_imbalance_that_a_dataset_came_with_has_no_balanced_original():
    task = replace(TASKS["mnist-50"], name="mnist", dropped_percent=None)
    assert [cell.method for cell in cells_of([task], (), {"mnist": 1})] == ["original", "unbalanced"]


def test_a_changed_configuration_changes_the_folder(tmp_path):
    cell = Cell("mnist-50", "bagan", 0)
    folders = {planned(tmp_path, schedule, protocol).folder(cell) for schedule in SCHEDULES for protocol in "ab"}
    assert len(folders) == 6
    changed = [
        planned(tmp_path).folder(cell),
        planned(tmp_path, filters=("duplicates",)).folder(cell),
        planned(tmp_path).folder(replace(cell, proportion=0.5)),
        planned(tmp_path).folder(replace(cell, seed=1)),
        planned(tmp_path).folder(replace(cell, task="mnist-75")),
    ]
    assert len(set(changed)) == len(changed)


def test_seeds_proportions_and_filters_share_their_networks(tmp_path):
    cell = Cell("mnist-50", "bagan", 0)
    trainings = {planned(tmp_path).training_folder(replace(cell, seed=seed)) for seed in range(3)}
    trainings |= {planned(tmp_path).training_folder(replace(cell, proportion=0.5))}
    trainings |= {planned(tmp_path, filters=("duplicates",)).training_folder(cell)}
    assert len(trainings) == 1
    assert trainings.isdisjoint({planned(tmp_path, "smoke").training_folder(cell)})


def test_ways_to_train_the_classifier_share_networks_and_are_recorded(tmp_path):
    plan, cell = planned(tmp_path), Cell("mnist-50", "bagan", 0)
    joined = replace(cell, method="bagan+logit_adjustment")
    assert plan.training_folder(joined) == plan.training_folder(cell)
    assert plan.folder(joined) != plan.folder(cell)
    own = {"variant": "bagan+logit_adjustment", "classifier_methods": {"logit_adjustment": {"tau": 1.0}}}
    assert plan.configuration(joined) == plan.configuration(cell) | own
    alone = plan.configuration(replace(cell, method="logit_adjustment"))
    assert alone["tau"] == 1.0
    assert "classifier_methods" not in alone


def test_further_trainings_have_seeds_and_folders_of_their_own(tmp_path):
    task = replace(TASKS["mnist-50"], n_trainings=2)
    plan = Plan(tmp_path, {task.name: task}, "quick", "thesis")
    cells = [Cell("mnist-50", "bagan", seed) for seed in range(4)]
    assert [plan.training_random_state(cell) for cell in cells] == [0, 1, 0, 1]
    folders = [plan.training_folder(cell) for cell in cells]
    assert folders[:2] == folders[2:]
    assert folders[0] != folders[1]
    assert folders[0] == planned(tmp_path).training_folder(cells[0]), "the first is the one that there always was"
    copies = Cell("mnist-50", "smote", 1)
    assert plan.folder(copies) == planned(tmp_path).folder(copies), "what trains no networks is not trained again"


def test_shown_filters_are_part_of_a_cell_that_makes_images_and_not_of_its_networks(tmp_path):
    task = replace(TASKS["mnist-50"], shown_filters=("faces", "confidence"))
    plain, filtered = planned(tmp_path), Plan(tmp_path, {task.name: task}, "quick", "thesis", ("duplicates",))
    shown, cell = Plan(tmp_path, {task.name: task}, "quick", "thesis"), Cell("mnist-50", "bagan", 0)
    assert shown.configuration(cell) == plain.configuration(cell) | {"shown_filters": ["faces", "confidence"]}
    assert "shown_filters" not in filtered.configuration(cell)
    assert [plan.rated_filters(cell) for plan in (plain, shown, filtered)] == [(), task.shown_filters, ("duplicates",)]
    assert len({plan.training_folder(cell) for plan in (plain, shown, filtered)}) == 1
    for method in ("unbalanced", "original"):
        other = Cell("mnist-50", method, 0)
        assert shown.folder(other) == plain.folder(other)
        assert shown.rated_filters(other) == ()


def test_a_trained_method_costs_its_training_once(tmp_path):
    cells = cells_of([TASKS["mnist-50"]], ["cvae_gan"], {"mnist": 3})[-3:]
    plan = planned(tmp_path)
    everything = plan.remaining_seconds(cells)
    finish(plan, cells[0])
    left = plan.remaining_seconds(cells)
    assert left == 2 * plan.measuring_seconds(cells[0])
    assert everything - left > plan.training_seconds(cells[0]) > 0


def keep(folder, n_epochs):
    """A checkpoint, as far as plans look at it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"epoch-{n_epochs:06d}-abc.npz").touch()


def test_a_stage_that_ended_at_its_plateau_is_whole(tmp_path):
    plan, cell = planned(tmp_path), Cell("mnist-50", "bagan", 0)
    keep(plan.training_folder(cell) / "autoencoder", 10)
    begun = plan.remaining_training_seconds(cell)
    keep(plan.training_folder(cell) / "adversarial", 1)
    of_autoencoder_alone = plan.training_seconds(cell) - begun
    assert plan.remaining_training_seconds(cell) < begun - 1.9 * of_autoencoder_alone


def test_trained_epochs_of_each_stage_do_not_count(tmp_path):
    plan, cell = planned(tmp_path), Cell("mnist-50", "bagan", 0)
    made, task = METHODS["bagan"].new(**plan.arguments(cell)), plan.tasks[cell.task]
    assert (made.n_autoencoder_epochs, made.n_epochs) == (30, 12)
    asked = (task.n_train_images, task.image_shape, task.n_classes, 1)
    of_autoencoder = made.set_params(n_epochs=0).fit_seconds(*asked) - 2 * SECONDS_TO_START
    whole = plan.remaining_training_seconds(cell)
    assert whole == plan.training_seconds(cell)
    folder = plan.training_folder(cell)
    keep(folder / "autoencoder", 15)
    assert plan.remaining_training_seconds(cell) == pytest.approx(whole - of_autoencoder / 2)
    keep(folder / "autoencoder", 30)
    of_adversarial = whole - of_autoencoder - 2 * SECONDS_TO_START
    assert plan.remaining_training_seconds(cell) == pytest.approx(of_adversarial + SECONDS_TO_START)
    keep(folder / "adversarial", 9)
    left = plan.remaining_training_seconds(cell)
    assert left == pytest.approx(of_adversarial / 4 + SECONDS_TO_START)
    assert plan.remaining_seconds([cell]) == left + plan.measuring_seconds(cell)
    assert plan.training_seconds(cell) == whole
    keep(folder / "adversarial", 12)
    assert plan.remaining_training_seconds(cell) == 0


def test_each_pair_of_classes_counts_by_itself(tmp_path):
    plan, cell = planned(tmp_path), Cell("fer2013", "cyclegan", 0)
    whole = plan.training_seconds(cell) - SECONDS_TO_START
    for name, n_epochs, n_kept in (("0-0", 10, 10), ("1-1", 200, 19), ("2-2", 200, 0)):
        keep(plan.training_folder(cell) / name, n_kept)
        (plan.training_folder(cell) / name / "epochs.txt").write_text(str(n_epochs))
    expected = whole * (6 - 1 - 19 / 200) / 6 + SECONDS_TO_START
    assert plan.remaining_training_seconds(cell) == pytest.approx(expected)


def test_a_damaged_number_of_epochs_counts_as_nothing(tmp_path):
    plan, cell = planned(tmp_path), Cell("fer2013", "cyclegan", 0)
    keep(plan.training_folder(cell) / "0-0", 10)
    (plan.training_folder(cell) / "0-0" / "epochs.txt").write_text("")
    assert plan.remaining_training_seconds(cell) == plan.training_seconds(cell)


def test_each_method_of_a_chain_counts_by_itself(tmp_path):
    plan, chain, cvae = planned(tmp_path), Cell("mnist-50", "cvae+affine", 0), Cell("mnist-50", "cvae", 0)
    whole, of_cvae = plan.training_seconds(chain), plan.training_seconds(cvae)
    keep(plan.training_folder(chain) / "1-CVAE", 8)
    assert plan.remaining_training_seconds(chain) == pytest.approx(whole - (of_cvae - SECONDS_TO_START) / 2)
    keep(plan.training_folder(chain) / "1-CVAE", 16)
    assert plan.remaining_training_seconds(chain) == pytest.approx(whole - of_cvae)


def test_proportions_cost_one_training(tmp_path):
    plan = planned(tmp_path)
    cells = [Cell("mnist-50", "cvae", 0, share) for share in (0.5, 1.0, 2.0)]
    expected = plan.training_seconds(cells[0]) + 3 * plan.measuring_seconds(cells[0])
    assert plan.remaining_seconds(cells) == expected


def test_time_follows_what_was_measured_for_the_nearest_size(monkeypatch):
    monkeypatch.setattr(cvae.CVAE, "seconds_per_1000_images", {"": {28: 1.0, 64: 5.0}})

    def seconds(side, n_images=1000):
        made = cvae.CVAE(n_epochs=10, batch_size=100)
        return made.fit_seconds(n_images, (side, side, 3), 2, 1) - SECONDS_TO_START

    assert seconds(28) == pytest.approx(10)
    assert seconds(28, 550) == pytest.approx(5), "50 fill no batch"
    assert seconds(20) == pytest.approx(10), "smaller images take no less"
    assert seconds(64) == pytest.approx(50)
    assert seconds(128) == pytest.approx(200)
    assert METHODS["geometric"].new().fit_seconds(1000, (28, 28, 1), 2, 1) == 0


def test_epochs_are_told_in_words(tmp_path):
    plan = planned(tmp_path)
    assert plan.epochs(Cell("mnist-50", "original", 0)) == "none"
    assert plan.epochs(Cell("mnist-50", "smote", 0)) == "8 classifier"
    assert plan.epochs(Cell("mnist-50", "cvae", 0)) == "16 cvae + 8 classifier"
    assert plan.epochs(Cell("mnist-50", "bagan", 0)) == "30 autoencoder + 12 bagan + 8 classifier"
    assert plan.epochs(Cell("mnist-50", "cyclegan", 0)) == "1 cyclegan or 2000 steps + 8 classifier"


def test_methods_that_no_source_prints_take_their_own_arguments(tmp_path):
    task = replace(TASKS["cifar10-50"], name="plain", arguments={})
    plan = Plan(tmp_path, {"plain": task}, "quick", "thesis")
    for method in ("geometric", "cvae", "smote"):
        made = METHODS[method].load()
        own = made(**made.arguments("quick", task.n_train_images, flip=True)).get_params()
        found = plan.arguments(Cell("plain", method, 0))
        assert found.items() <= own.items()
        assert own.keys() - found.keys() <= {"sampling_strategy", "random_state", "folder", "verbose"}
    geometric = plan.arguments(Cell("plain", "geometric", 0))
    assert geometric["horizontal_flip"], "images of the task may be mirrored"
    assert geometric["rotation_degrees"] == 15.0, "defaults are part of a record"


def test_durations_are_for_people():
    assert [duration(seconds) for seconds in (40, 700, 11_100, 1e6)] == ["40 s", "12 min", "3 h 5 min", "12 days"]


def test_seeds_that_keep_other_images_share_no_fit(tmp_path):
    task = TASKS["few_mnist-10"]
    plan = Plan(tmp_path, {task.name: task, "same": replace(task, is_redrawn=False)}, "quick", "thesis")
    first, second = (Cell(task.name, "cpab", seed) for seed in (0, 1))
    assert plan.training_folder(first) != plan.training_folder(second)
    assert plan.training_folder(Cell("same", "cpab", 0)) == plan.training_folder(Cell("same", "cpab", 1))
    assert plan.configuration(first)["kept_per_class"] == [10] * 10


def test_learned_transformations_take_time_that_the_plan_knows(tmp_path):
    task = TASKS["few_mnist-200"]
    plan = Plan(tmp_path, {task.name: task}, "quick", "thesis")
    cpab, affine, geometric = (Cell(task.name, method, 0) for method in ("cpab", "affine", "geometric"))
    assert plan.training_seconds(cpab) > plan.training_seconds(affine) > plan.training_seconds(geometric) == 0
    more = METHODS["cpab"].new(max_pairs=2000).fit_seconds(2000, (28, 28, 1), 10, 9)
    assert more == plan.training_seconds(cpab), "there are five neighbours of each of 2000 images"
    assert METHODS["cpab"].new(max_pairs=100).fit_seconds(2000, (28, 28, 1), 10, 9) < more / 5
    assert plan.remaining_seconds([cpab]) > plan.training_seconds(cpab)


def test_what_is_learned_without_networks_is_learned_again_after_a_run_was_stopped(tmp_path):
    task = replace(TASKS["few_mnist-200"], is_redrawn=False)
    plan = Plan(tmp_path, {task.name: task}, "quick", "thesis")
    for method, is_again in (("cpab", True), ("cvae", False)):
        cells = [Cell(task.name, method, seed) for seed in (0, 1)]
        plan.folder(cells[0]).mkdir(parents=True)
        (plan.folder(cells[0]) / "cell.json").write_text("{}")
        trained = plan.training_seconds(cells[1]) if is_again else 0.0
        assert plan.remaining_seconds(cells) == plan.measuring_seconds(cells[1]) + trained


def test_a_share_of_what_networks_choose_is_in_the_configuration_only_where_it_is_asked_for(tmp_path):
    """Epochs and least steps are shortened, at least to 1; what a task gives or overrides is not."""
    whole = replace(TASKS["few_mnist-10"], overrides={"bagan": {"n_epochs": 7}})
    plan, usual = (
        Plan(tmp_path, {whole.name: task}, "quick", "clean") for task in (replace(whole, network_share=0.2), whole)
    )

    def changed(method):
        cell = Cell(whole.name, method, 0)
        ours, theirs = plan.arguments(cell), usual.arguments(cell)
        return {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}

    assert changed("cvae") == {"n_epochs": (2000, 400)}
    assert changed("bagan") == {"n_autoencoder_epochs": (1250, 250)}
    assert changed("cyclegan") == {"min_steps": (2000, 400)}, "of a single epoch there is no share"
    assert changed("geometric") == changed("affine") == {}
    cell = Cell(whole.name, "cvae", 0)
    assert plan.configuration(cell) | {"method": 0} == usual.configuration(cell) | {"method": 0}
    assert plan.training_seconds(cell) < usual.training_seconds(cell) / 4


def test_estimates_count_the_classes_that_lack_images(tmp_path):
    task = replace(TASKS["few_mnist-10"], kept_per_class=(10,) + (200,) * 9, n_images_per_class=200)
    of_one, of_nine = (
        Plan(tmp_path, {task.name: each}, "quick", "clean")
        for each in (task, replace(task, kept_per_class=(200,) + (10,) * 9))
    )
    cell = Cell(task.name, "cyclegan", 0)
    n_starts = SECONDS_TO_START
    assert of_nine.training_seconds(cell) - n_starts == pytest.approx(9 * (of_one.training_seconds(cell) - n_starts))


def test_time_left_follows_the_pace_and_is_never_less_than_nothing(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(plans, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(plans, "TRUSTED_SECONDS", 10.0)
    pace = plans.Pace(100.0)
    assert pace.left(100.0) == 100.0
    now[0] = 60.0
    assert pace.left(80.0) == pytest.approx(80.0 * 70.0 / 30.0)
    assert pace.left(500.0) == pytest.approx(500.0 * 70.0 / 10.0), "a checkpoint was damaged"
