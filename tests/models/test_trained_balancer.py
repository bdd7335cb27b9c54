"""What all methods with networks share, beside training itself, of which test_training.py tells."""

from dataclasses import replace

import numpy as np
import pytest
from class_balancing import TrainedBalancer
from class_balancing.models import METHODS
from pretrained_gan import STEPS, PretrainedGAN
from small_balancers import TRAINED

SCHEDULES = ("smoke", "quick", "thesis")


def steps_per_epoch(arguments, method, n_images):
    return n_images // min(arguments.get("batch_size", method.batch_size), n_images)


@pytest.mark.parametrize("n_images", [1, 7, 24, 25, 60, 1_000, 49_000])
@pytest.mark.parametrize("method", [PretrainedGAN, *(METHODS[name].load() for name in TRAINED)])
def test_a_schedule_takes_as_many_steps_of_any_number_of_images(method, n_images):
    """At least those that it asks for, and less than an epoch more."""
    for schedule in SCHEDULES:
        arguments, asked = method.arguments(schedule, n_images, flip=True), method.schedules[schedule]
        assert "steps" not in arguments
        for parameter, n_steps in asked.get("steps", {}).items():
            in_epoch = steps_per_epoch(arguments, method, n_images)
            assert n_steps <= arguments[parameter] * in_epoch < n_steps + in_epoch
        fixed = {name: value for name, value in asked.items() if name != "steps"}
        assert fixed.items() <= arguments.items()
        made = method(**arguments)
        assert made.get_params().items() >= arguments.items()


def test_the_shortest_schedules_count_steps():
    for name in TRAINED:
        for schedule in ("smoke", "quick"):
            method = METHODS[name].load()
            chosen = method.schedules[schedule]
            counts_itself = {"n_epochs"} if "min_steps" in chosen else set()  # whose epochs are not over all images
            assert chosen.get("steps", {}).keys() | counts_itself == set(method.epochs_of_stage.values())


def test_a_trained_number_of_steps_is_the_promised_one(few_digits):
    arguments = PretrainedGAN.arguments("smoke", len(few_digits.images), flip=False)
    fitted = PretrainedGAN(**arguments).fit(few_digits.images, few_digits.labels)
    n_epochs = fitted.history_.groupby("stage").size().to_dict()
    assert n_epochs == {"pretraining": 2, "adversarial": 4}, "two steps an epoch"
    assert STEPS == {"n_pretraining_epochs": 3, "n_epochs": 7}


def test_fakes_come_to_the_real_images_of_bagans_epochs():
    """Of two classes a third of a batch is fakes."""
    bagan = METHODS["bagan"].new(batch_size=30, n_epochs=2, n_autoencoder_epochs=2)
    assert bagan.n_images_seen("adversarial", 100, 2, 1) == 2 * (100 // 20) * 30
    assert bagan.n_images_seen("autoencoder", 100, 2, 1) == 2 * (100 // 30) * 30


@pytest.mark.parametrize("name", TRAINED)
def test_every_trained_method_is_one_and_tells_what_plans_ask(name):
    method = METHODS[name].load()
    assert issubclass(method, TrainedBalancer)
    assert set(SCHEDULES) == set(method.schedules)
    assert method.seconds_per_1000_images.keys() <= method.epochs_of_stage.keys()
    parameters = method().get_params()
    assert set(method.epochs_of_stage.values()) <= parameters.keys()
    assert {"batch_size", "folder", "verbose", "random_state"} <= parameters.keys()
    assert {*method.weights, *method.fractions, *method.sampling_parameters} <= parameters.keys()


def test_networks_are_built_in_order_from_the_seed(few_digits):
    """Whatever state the global generators are in."""
    fitted = []
    for global_seed in (1, 2):
        np.random.seed(global_seed)
        made = PretrainedGAN(n_epochs=0, n_pretraining_epochs=0, random_state=5)
        fitted.append(made.fit(few_digits.images, few_digits.labels))
    other = PretrainedGAN(n_epochs=0, n_pretraining_epochs=0, random_state=6).fit(few_digits.images, few_digits.labels)
    for network in ("generator_", "critic_"):
        one, two, three = (getattr(each, network).get_weights()[0] for each in (*fitted, other))
        np.testing.assert_array_equal(one, two)
        assert (one != three).any()


def test_the_history_has_a_row_for_each_epoch_of_each_stage(few_digits):
    history = PretrainedGAN().fit(few_digits.images, few_digits.labels).history_
    assert history["stage"].tolist() == ["pretraining"] * 2 + ["adversarial"] * 4
    assert history["epoch"].tolist() == [1, 2, 1, 2, 3, 4]
    assert history["L_2"].notna().tolist() == [True] * 2 + [False] * 4
    assert history["L_critic"].notna().tolist() == [False] * 2 + [True] * 4
    assert (history["seconds"] >= 0).all()


class PretrainedTwice(PretrainedGAN):
    """With a stage for each half of the images, of one kind."""

    epochs_of_stage = {"half": "n_pretraining_epochs"}

    def _stages(self, images, class_indices):
        for half in (0, 1):
            pretraining = next(super()._stages(images[half::2], class_indices[half::2]))
            yield replace(pretraining, name=f"half-{half}", kind="half")


def test_several_stages_of_one_kind_have_its_number_of_epochs_and_a_folder_each(few_digits, tmp_path):
    fitted = PretrainedTwice(n_pretraining_epochs=2, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert fitted.history_["stage"].tolist() == ["half-0"] * 2 + ["half-1"] * 2
    assert fitted.history_["epoch"].tolist() == [1, 2, 1, 2]
    assert {path.parent.name for path in tmp_path.glob("*/history.csv")} == {"half-0", "half-1"}
