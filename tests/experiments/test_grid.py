import pandas as pd

from experiments import grid, hyperparameters, plan
from experiments.compile_results import PUBLISHED

DEFAULT = (["mnist"], [50, 75])


def test_tables_hold_every_printed_figure_of_mnist():
    published = pd.read_csv(PUBLISHED)
    printed = published[published["dataset"] == "MNIST"]
    found = {
        (table.name, table.dropped, variant, metric)
        for table in grid.tables(*DEFAULT)
        for variant in table.variants
        for metric in table.metrics
    }
    columns = ["table", "dropped_percent", "variant", "metric"]
    assert found == set(printed[columns].itertuples(index=False, name=None))
    assert len(found) == 34


def test_every_table_finds_its_cells_in_the_grid():
    cells = set(grid.cells(*DEFAULT, grid.METHODS, 3))
    wanted = {
        table.cell(variant, seed) for table in grid.tables(*DEFAULT) for variant in table.variants for seed in range(3)
    }
    assert wanted == cells
    assert len(cells) == 3 * (2 * (1 + 1 + 4) + 1)


def test_the_balanced_original_is_shared():
    cells = [cell for cell in grid.cells(*DEFAULT, (), 1) if cell.variant == "balanced_original"]
    assert cells == [grid.Cell("mnist", 0, "balanced_original", 0)]


def test_percentages_that_the_thesis_lacks_get_a_table_of_their_own():
    (table,) = grid.tables(["digits"], [60])
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


def test_the_thesis_schedule_names_every_argument_and_is_the_default():
    from models import BALANCERS

    elsewhere = {"sampling_strategy", "random_state", "folder", "verbose"}
    for name, arguments in hyperparameters.METHODS["thesis"]["mnist"].items():
        defaults = BALANCERS[name]().get_params()
        assert arguments == {key: value for key, value in defaults.items() if key not in elsewhere}


def test_a_trained_method_costs_its_training_once(tmp_path):
    cells = grid.cells(["mnist"], [50], ["cvae_gan"], 3)[-3:]
    everything = plan.remaining_seconds(cells, "quick", "thesis", tmp_path)
    folder = tmp_path / "runs" / plan.folder_name(cells[0], "quick", "thesis")
    folder.mkdir(parents=True)
    (folder / "cell.json").touch()
    left = plan.remaining_seconds(cells, "quick", "thesis", tmp_path)
    assert left == 2 * plan.measuring_seconds(cells[0], "quick")
    assert everything - left > plan.training_seconds(cells[0], "quick")


def test_durations_are_for_people():
    assert [plan.duration(seconds) for seconds in (40, 700, 11_100)] == ["40 s", "12 min", "3 h 5 min"]
