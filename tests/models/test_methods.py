"""The list of methods, and the package's public face, which loads them when they are used."""

import subprocess
import sys

import class_balancing
import pytest
from class_balancing.models import BASELINE, FAMILIES, METHODS, Method
from class_balancing.models.balancer import Balancer
from class_balancing.models.classifier_methods import ClassifierMethod

WITHOUT_TENSORFLOW = """
import sys

import class_balancing
from class_balancing import METHODS, Balancer, HasLatents, HasParents
from class_balancing.models.classifier_methods import ClassWeights

assert METHODS["bagan"].class_name in dir(class_balancing)
loaded = {"tensorflow", "keras"} & sys.modules.keys()
assert not loaded, f"{loaded} imported"
"""


def test_methods_and_interfaces_import_no_tensorflow():
    finished = subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", METHODS)
def test_every_method_loads_and_says_what_it_is(name):
    method = METHODS[name]
    assert method.name == name
    assert name.isidentifier(), "records and command lines split names at hyphens and blanks"
    assert method.label
    assert method.source
    assert method.family in FAMILIES
    loaded = method.load()
    assert loaded.__name__ == method.class_name
    assert issubclass(loaded, Balancer if method.makes_images else ClassifierMethod)
    assert loaded().get_params().keys() == loaded(**loaded().get_params()).get_params().keys()
    assert getattr(class_balancing, method.class_name) is loaded
    assert method.class_name in dir(class_balancing)


def test_labels_are_told_apart_and_one_baseline_stands_among_the_methods():
    assert len({method.label for method in METHODS.values()}) == len(METHODS)
    assert [name for name, method in METHODS.items() if method.family == "baseline"] == [BASELINE]


def test_a_method_of_another_package_is_found_by_its_path():
    method = Method("own", "pretrained_gan:PretrainedGAN", "own", "a test", "network")
    from pretrained_gan import PretrainedGAN

    assert method.load() is PretrainedGAN
    assert method.class_name == "PretrainedGAN"
    assert method.makes_images


def test_public_names_are_the_packages_own():
    from class_balancing import BAGAN, TrainedBalancer, check_balancer
    from class_balancing.models import bagan, contract
    from class_balancing.models.training import trained_balancer

    assert BAGAN is bagan.BAGAN
    assert check_balancer is contract.check_balancer
    assert TrainedBalancer is trained_balancer.TrainedBalancer
    for name in dir(class_balancing):
        assert getattr(class_balancing, name).__doc__


@pytest.mark.parametrize("name", ["GAN", "bagan", "_BAGAN", "__path_of_nothing__", "BALANCERS"])
def test_an_unknown_name_is_no_attribute(name):
    with pytest.raises(AttributeError, match=f"'class_balancing' has no attribute '{name}'"):
        getattr(class_balancing, name)
