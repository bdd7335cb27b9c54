"""What every GAN offers beside its source: averaged weights, and augmented images for its discriminator."""

import numpy as np
import pytest
from class_balancing.models import METHODS
from class_balancing.models.training import fit
from small_balancers import ONE_STEP, balancer

GANS = ("cvae_gan", "bagan", "dcgan", "wgan_gp", "cyclegan", "weighted_cyclegan", "wasserstein_cyclegan")
LONG = ("cvae_gan", "wgan_gp", "cyclegan", "wasserstein_cyclegan")
# weighted_cyclegan has cyclegan's code for both
FITTED = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in GANS if name != "weighted_cyclegan"
]
MOMENTUM = 0.1  # at first it is 2 / 11


def fitted(name, few_digits, **options):
    return balancer(name, **ONE_STEP[name], **options).fit(few_digits.images, few_digits.labels)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", FITTED)
def test_an_average_of_the_weights_makes_the_images(name, few_digits):
    """Training is the same; after one update the average has nine tenths of the way behind it."""
    plain, averaged = (fitted(name, few_digits, ema_momentum=momentum) for momentum in (0.0, MOMENTUM))
    label = 4
    generator, average = networks_of(averaged, label)
    for weight, other in zip(generator.get_weights(), networks_of(plain, label)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    differences = [np.abs(a - b).max() for a, b in zip(average.get_weights(), generator.get_weights(), strict=True)]
    assert max(differences) > 0
    assert (averaged.sample(label, 5) != plain.sample(label, 5)).any()
    average.set_weights(generator.get_weights())
    np.testing.assert_array_equal(averaged.sample(label, 5), plain.sample(label, 5))


def networks_of(made, label):
    """The generator of images of a class, and its average if there is one."""
    if hasattr(made, "pairs_"):
        pair = made.pairs_[made._class_index(label)]
        return pair["to_target"], pair.get("average_to_target")
    return made.generator_, getattr(made, "average_generator_", None)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", FITTED)
def test_discriminators_see_changed_images_only_if_asked(name, few_digits, monkeypatch):
    """All images of a step with the strength that was asked for."""
    strengths = []
    module = __import__(f"class_balancing.models.{MODULES.get(name, name)}", fromlist=["augmented"])
    original = module.augmented

    def noting(images, numbers, strength):
        strengths.append(strength)
        return original(images, numbers, strength)

    monkeypatch.setattr(module, "augmented", noting)
    plain, changed = (fitted(name, few_digits, augmentation_strength=strength) for strength in (0.0, 0.5))
    assert set(strengths) == {0.0, 0.5}
    assert any(
        (a != b).any()
        for a, b in zip(networks_of(plain, 4)[0].get_weights(), networks_of(changed, 4)[0].get_weights(), strict=True)
    )


MODULES = dict.fromkeys(("cyclegan", "wasserstein_cyclegan"), "cycles")


@pytest.mark.parametrize("name", GANS)
def test_records_of_before_stay_valid(name):
    options = {"ema_momentum", "augmentation_strength"}
    plain, changed = METHODS[name].new(), METHODS[name].new(ema_momentum=0.9, augmentation_strength=0.25)
    assert options <= plain.get_params().keys()
    later = set(plain.later_parameters)
    assert later & options == options - ({"augmentation_strength"} if name in ("dcgan", "wgan_gp") else set())
    assert plain.get_params().keys() - plain.recorded_parameters().keys() == later
    assert options <= changed.recorded_parameters().keys()


@pytest.mark.parametrize("name", GANS)
@pytest.mark.parametrize(("option", "value"), [("ema_momentum", 1.0), ("augmentation_strength", 1.5)])
def test_senseless_values_are_refused(name, option, value, few_digits, monkeypatch):
    monkeypatch.setattr(fit, "train", None)
    with pytest.raises(ValueError, match=f"{option} must lie"):
        fitted(name, few_digits, **{option: value})
