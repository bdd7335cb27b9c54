import argparse

import pytest

from experiments import folder_methods, folder_options, hyperparameters
from experiments.command_line import UsageError

COUNTS = {"cats": 10, "dogs": 40, "red birds": 40}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["auto"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["minority"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["not", "majority"], {"cats": 30, "dogs": 0, "red birds": 0}),
        (["cats=12", "red birds=50"], {"cats": 2, "dogs": 0, "red birds": 10}),
    ],
)
def test_the_grammar_is_imbalanced_learns(words, expected):
    strategy = folder_options.sampling_strategy(words, list(COUNTS))
    assert folder_options.additions(strategy, COUNTS) == expected


def test_a_number_is_the_ratio_of_two_classes():
    assert folder_options.additions(0.5, {"a": 10, "b": 40}) == {"a": 10, "b": 0}
    with pytest.raises(UsageError, match="a number is the ratio of two classes, but there are 3"):
        folder_options.additions(0.5, COUNTS)
    for ratio in (0.2, 1.5):
        with pytest.raises(UsageError, match=r"between the present ratio 0\.250 and 1"):
            folder_options.additions(ratio, {"a": 10, "b": 40})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["most"], "must be one of auto, minority"),
        (["horses=10"], "'horses=10' is not CLASS=COUNT with one of the classes cats, dogs, red birds"),
        (["cats=many"], "'cats=many' is not CLASS=COUNT"),
        (["cats=5"], "cats=5: the class already has 10 images"),
    ],
)
def test_other_strategies_are_refused(words, message):
    with pytest.raises(UsageError, match=message):
        folder_options.additions(folder_options.sampling_strategy(words, list(COUNTS)), COUNTS)


def test_image_sizes_are_a_side_or_height_and_width():
    assert folder_options.image_size("64") == (64, 64)
    assert folder_options.image_size("48x64") == (48, 64)
    for text in ("0", "a", "1x2x3", "x5", "-3"):
        with pytest.raises(argparse.ArgumentTypeError):
            folder_options.image_size(text)


@pytest.mark.parametrize("schedule", hyperparameters.SCHEDULES)
@pytest.mark.parametrize("n_images", [7, 300, 100_000])
def test_every_method_has_arguments_for_every_number_of_images(schedule, n_images, tmp_path):
    for method in ("geometric", "cvae", "cvae_gan", "bagan", "smote", "adasyn", "random_oversampling"):
        made = folder_methods.balancer(method, schedule, n_images, True, tmp_path, 0, random_state=3)
        assert made.random_state == 3
        assert folder_methods.training_seconds(method, schedule, n_images, (64, 64)) >= 0
    arguments = folder_methods.classifier_arguments(schedule, n_images)
    assert arguments["n_epochs"] * arguments["steps_per_epoch"] >= 60


def test_networks_take_as_many_steps_whatever_the_number_of_images():
    for n_images in (200, 5000):
        values = folder_methods.arguments("cvae", "quick", n_images, flip=True)
        assert values["n_epochs"] * (n_images // values["batch_size"]) == pytest.approx(4000, rel=0.05)


def test_only_mirrored_images_that_are_images_of_the_class_are_made():
    assert folder_methods.arguments("geometric", "quick", 100, flip=True)["horizontal_flip"]
    assert not folder_methods.arguments("geometric", "quick", 100, flip=False)["horizontal_flip"]


def test_what_a_method_cannot_learn_from_is_refused_before_training():
    with pytest.raises(UsageError, match="cvae needs images of at least 8 x 8 pixels, these have 6 x 9"):
        folder_methods.check(["geometric", "cvae"], {"a": 10, "b": 20}, (6, 9))
    with pytest.raises(UsageError, match="class a has 5 images to learn from, but smote needs 6"):
        folder_methods.check(["smote"], {"a": 5, "b": 20}, (8, 8))
    folder_methods.check(["geometric"], {"a": 2, "b": 20}, (6, 9))
