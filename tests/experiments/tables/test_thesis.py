"""What the thesis prints of its hyperparameters is what its schedule takes."""

import pytest
from class_balancing.datasets.tasks import SCHEDULES
from class_balancing.experiments.tables import TASKS, thesis
from class_balancing.models import METHODS
from class_balancing.models.networks.classifiers import builder

DATASETS = ("mnist", "cifar10", "vehicles", "digits")


def test_the_thesis_schedule_is_the_printed_one():
    methods = TASKS["mnist-50"].arguments["thesis"]
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
@pytest.mark.parametrize("dropped_percent", [50, 75])
def test_each_datasets_thesis_schedule_is_the_printed_one(dataset, dropped_percent, cvae_gan, bagan):
    methods = TASKS[f"{dataset}-{dropped_percent}"].arguments["thesis"]
    names = ("n_epochs", "batch_size", "learning_rate", "latent_size", "lambda_1")
    assert tuple(methods["cvae_gan"][name] for name in names) == cvae_gan
    assert tuple(methods["cvae"][name] for name in names) == (*cvae_gan[:-1], methods["cvae"]["latent_size"] / 2)
    stages = ("n_autoencoder_epochs", "n_epochs", "batch_size", "learning_rate", "latent_size", "optimizer")
    arguments = METHODS["bagan"].load()().get_params() | methods["bagan"]
    assert tuple(arguments[name] for name in stages) == bagan


def test_the_thesis_schedule_of_mnist_is_every_methods_default():
    newer = {"shear_degrees", "zoom_fraction", "channel_shift"}  # than the records, whose names must not change
    elsewhere = {"sampling_strategy", "random_state", "folder", "verbose", "optimizer"} | newer
    for name, arguments in TASKS["mnist-50"].arguments["thesis"].items():
        defaults = METHODS[name].load()().recorded_parameters()
        assert arguments == {key: value for key, value in defaults.items() if key not in elsewhere}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_knows_every_dataset_and_method(schedule):
    assert set(thesis.ARGUMENTS[schedule]) == set(DATASETS)
    for dataset in DATASETS:
        for dropped_percent in thesis.DROPPED_PERCENT:
            task = TASKS[f"{dataset}-{dropped_percent}"]
            named = {name for name in task.methods if METHODS[name].makes_images}
            assert set(task.arguments[schedule]) == named.difference(thesis.FLOWS), "flows choose their own"
            assert task.classifier.schedules[schedule]["n_epochs"] >= 1
            assert task.n_seeds[schedule] >= 1


def test_what_is_asked_of_each_dataset_is_the_thesiss():
    for task in thesis.TASKS:
        assert task.test_fraction == 0.30
        beyond = thesis.RIVALS if task.dataset in ("cifar10", "digits") else thesis.FLOWS + thesis.RIVALS
        assert task.methods == thesis.METHODS + beyond
    facts = {task.dataset: (task.measured, task.is_mirrored, task.ssim_range) for task in thesis.TASKS}
    assert facts == {
        "mnist": ((4,), False, None),
        "cifar10": ((8,), True, None),
        "vehicles": ((1,), True, (0.0, 1.0)),
        "digits": ((4,), False, None),
    }
    measured = {task.dataset: task.class_names[task.measured[0]] for task in thesis.TASKS}
    assert measured == {"mnist": "4", "cifar10": "ship", "vehicles": "cars", "digits": "4"}


def test_each_datasets_classifier_takes_its_images():
    for task in {task.dataset: task for task in thesis.TASKS}.values():
        model = builder(task.classifier.network)(task.n_classes, task.image_shape)
        assert model.input_shape == (None, *task.image_shape)
        assert model.output_shape == (None, task.n_classes)
