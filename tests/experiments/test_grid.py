import pandas as pd
import pytest

from experiments import grid, hyperparameters, plan
from experiments.compile_results import PUBLISHED

DATASETS = ["mnist", "cifar10", "vehicles"]
DROPPED = [50, 75]
PAIRS = [(dataset, dropped) for dataset in DATASETS for dropped in DROPPED]
N_SEEDS = hyperparameters.N_SEEDS["quick"]


def test_tables_hold_every_printed_figure_and_what_is_beyond_the_thesis():
    published = pd.read_csv(PUBLISHED)
    found = {
        (table.name, grid.PRINTED_NAMES[dataset], table.dropped, variant, metric)
        for table in grid.tables(PAIRS)
        for dataset in table.datasets
        for variant in table.variants
        for metric in table.metrics
    }
    columns = ["table", "dataset", "dropped_percent", "variant", "metric"]
    printed = set(published[columns].itertuples(index=False, name=None))
    assert len(printed) == 102
    assert printed <= found
    assert {variant for *_, variant, _ in found - printed} == set(grid.BEYOND_THESIS)


def test_tables_are_the_thesiss_eight():
    tables = {table.name: table for table in grid.tables(PAIRS)}
    assert list(tables) == [f"C.{number}" for number in range(1, 9)]
    assert tables["C.1"].datasets == tuple(DATASETS)
    assert tables["C.8"].datasets == ("vehicles",)
    assert len(tables["C.1"].variants) == 1 + 4 + 3
    assert len(tables["C.8"].variants) == 2 + 4 + 4


def test_every_table_finds_its_cells_in_the_grid():
    cells = grid.cells(DATASETS, DROPPED, grid.METHODS, N_SEEDS)
    wanted = {cell for table in grid.tables(PAIRS) for cell in table.cells(N_SEEDS)}
    assert wanted == set(cells)
    assert len(cells) == (3 + 2 + 3) * (2 * (1 + 1 + 8) + 1)


def test_the_thesis_has_18_generative_models_and_33_classifiers():
    cells = grid.cells(DATASETS, DROPPED, grid.THESIS_METHODS, dict.fromkeys(DATASETS, 1))
    trainings = {
        plan.training_folder_name(cell, "thesis", "thesis") for cell in cells if cell.variant in grid.THESIS_METHODS[1:]
    }
    assert len(trainings) == 18
    assert sum(cell.has_classifier for cell in cells) == 33


def test_the_balanced_original_is_shared():
    cells = [cell for cell in grid.cells(["mnist"], DROPPED, (), {"mnist": 1}) if cell.variant == "balanced_original"]
    assert cells == [grid.Cell("mnist", 0, "balanced_original", 0)]


def test_percentages_that_the_thesis_lacks_get_a_table_of_their_own():
    (table,) = grid.tables([("digits", 60)])
    assert (table.name, table.metrics) == ("digits-60", ("ssim", "accuracy", "f1_minority"))


def test_a_changed_configuration_changes_the_folder():
    cell = grid.Cell("mnist", 50, "bagan", 0)
    names = {plan.folder_name(cell, schedule, protocol) for schedule in hyperparameters.SCHEDULES for protocol in "ab"}
    assert len(names) == 6
    trainings = {plan.training_folder_name(grid.Cell("mnist", 50, "bagan", seed), "quick", "a") for seed in range(3)}
    assert len(trainings) == 1, "seeds share their networks"


def test_the_thesis_schedule_is_the_printed_one():
    methods = hyperparameters.METHODS["thesis"]["mnist"]
    assert methods["cvae_gan"] == {
        "n_epochs": 1500,
        "batch_size": 300,
        "learning_rate": 2e-4,
        "latent_size": 55,
        "lambda_1": 300.0,
        "lambda_2": 1.0,
        "lambda_3": 1e-3,
        "lambda_4": 1e-3,
        "centre_momentum": 0.9,
    }
    bagan = methods["bagan"]
    assert (bagan["n_autoencoder_epochs"], bagan["n_epochs"], bagan["batch_size"]) == (300, 800, 275)
    assert (bagan["learning_rate"], bagan["latent_size"]) == (5e-5, 10)


@pytest.mark.parametrize(
    ("dataset", "cvae_gan", "bagan"),
    [
        # epochs, batch, rate, latent size, lambda_1; epochs of both stages, batch, rate, latent size, optimiser
        ("mnist", (1500, 300, 2e-4, 55, 300.0), (300, 800, 275, 5e-5, 10, "adam")),
        ("cifar10", (5000, 256, 3e-4, 128, 50.0), (800, 2000, 275, 5e-5, 40, "adam")),
        ("vehicles", (3000, 200, 2e-4, 128, 100.0), (1200, 2500, 220, 2e-4, 20, "rmsprop")),
    ],
)
def test_each_datasets_thesis_schedule_is_the_printed_one(dataset, cvae_gan, bagan):
    from models import BAGAN

    methods = hyperparameters.METHODS["thesis"][dataset]
    names = ("n_epochs", "batch_size", "learning_rate", "latent_size", "lambda_1")
    assert tuple(methods["cvae_gan"][name] for name in names) == cvae_gan
    assert tuple(methods["cvae"][name] for name in names) == cvae_gan
    stages = ("n_autoencoder_epochs", "n_epochs", "batch_size", "learning_rate", "latent_size", "optimizer")
    arguments = BAGAN().get_params() | methods["bagan"]
    assert tuple(arguments[name] for name in stages) == bagan


def test_the_thesis_schedule_of_mnist_is_every_methods_default():
    from models import BALANCERS

    elsewhere = {"sampling_strategy", "random_state", "folder", "verbose", "optimizer"}
    for name, arguments in hyperparameters.METHODS["thesis"]["mnist"].items():
        defaults = BALANCERS[name]().get_params()
        assert arguments == {key: value for key, value in defaults.items() if key not in elsewhere}


@pytest.mark.parametrize("schedule", hyperparameters.SCHEDULES)
def test_every_schedule_knows_every_dataset_and_method(schedule):
    assert set(hyperparameters.METHODS[schedule]) == set(hyperparameters.MINORITY)
    for methods in hyperparameters.METHODS[schedule].values():
        assert set(methods) == set(grid.MAKERS)
    assert set(hyperparameters.CLASSIFIERS[schedule]) == set(hyperparameters.MINORITY)
    assert set(hyperparameters.N_SEEDS[schedule]) == set(hyperparameters.MINORITY)


def test_finished_cells_are_those_of_the_current_configuration(tmp_path):
    cells = [grid.Cell("vehicles", 0, "balanced_original", 2), grid.Cell("cifar10", 50, "cvae_gan", 0)]
    for cell in cells:
        folder = tmp_path / "runs" / plan.folder_name(cell, "quick", "thesis")
        folder.mkdir(parents=True)
        (folder / "cell.json").touch()
    for stale in ("mnist-50-bagan-seed0-00000000", "mnist-50-training-00000000", "other-50-bagan-seed0-00000000"):
        (tmp_path / "runs" / stale).mkdir()
        (tmp_path / "runs" / stale / "cell.json").touch()
    assert sorted(map(str, plan.finished_cells("quick", "thesis", tmp_path))) == sorted(map(str, cells))
    assert plan.finished_cells("smoke", "thesis", tmp_path) == []


def test_a_trained_method_costs_its_training_once(tmp_path):
    cells = grid.cells(["mnist"], [50], ["cvae_gan"], {"mnist": 3})[-3:]
    everything = plan.remaining_seconds(cells, "quick", "thesis", tmp_path)
    folder = tmp_path / "runs" / plan.folder_name(cells[0], "quick", "thesis")
    folder.mkdir(parents=True)
    (folder / "cell.json").touch()
    left = plan.remaining_seconds(cells, "quick", "thesis", tmp_path)
    assert left == 2 * plan.measuring_seconds(cells[0], "quick")
    assert everything - left > plan.training_seconds(cells[0], "quick")


def test_durations_are_for_people():
    assert [plan.duration(seconds) for seconds in (40, 700, 11_100, 1e6)] == ["40 s", "12 min", "3 h 5 min", "12 days"]
