import json
import pkgutil
from pathlib import Path

import keras
import numpy as np
import pytest
from class_balancing.evaluation.classifiers import probabilities_and_features
from class_balancing.experiments.tables import fer2013 as source
from class_balancing.models.layers import BatchNormalization, Dropout
from class_balancing.models.networks import fer2013
from class_balancing.reports.architecture import layer_rows

PRINTED = json.loads(Path(__file__).with_name("published_table_fer2013.json").read_text())
BUILDERS = (fer2013.slides_classifier, fer2013.paper_classifier, fer2013.vgg19_classifier, fer2013.small_classifier)


def n_trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def n_multiplications(model):
    """Of one image, in the kernels of convolutions and dense layers."""
    found = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            found += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
    return found


def test_every_printed_row_of_the_slides_classifier_is_built():
    model = fer2013.slides_classifier()
    rows = layer_rows(model)
    assert rows[0]["output_shape"] == [48, 48, 1]
    kept = [{key: row[key] for key in ("name", "type", "output_shape", "params")} for row in rows[1:]]
    assert kept == PRINTED["rows"]
    assert model.count_params() == PRINTED["total_params"] == 5_905_863
    assert n_trainable(model) == PRINTED["trainable_params"] == 5_902_151
    assert n_multiplications(model) == 392_969_344


def test_the_rows_say_which_padding():
    convolutions = [layer for layer in fer2013.slides_classifier().layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.padding for layer in convolutions] == ["valid"] + 7 * ["same"]


def test_the_paper_classifier_has_the_printed_kernels():
    model = fer2013.paper_classifier()
    kernels = [layer.kernel.shape for layer in model.layers if hasattr(layer, "kernel")]
    assert kernels == [(3, 3, 1, 64), (3, 3, 64, 128), (12 * 12 * 128, 256), (256, 256), (256, 7)]
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert [(layer.pool_size, layer.strides) for layer in pools] == [((3, 3), (2, 2))] * 2
    kinds = [row["type"] for row in layer_rows(model)[1:]]
    block = ["Conv2D", "MaxPooling2D", "BatchNormalization"]
    assert kinds == [*block, *block, "Flatten", "Dense", "Dense", "Dense"]
    assert model.count_params() == 4_861_703


def test_vgg19_has_as_many_weights_that_learn_as_the_cited_one():
    model = fer2013.vgg19_classifier()
    assert n_trainable(model) == 20_038_983
    kinds = [row["type"] for row in layer_rows(model)]
    assert (kinds.count("Conv2D"), kinds.count("BatchNormalization"), kinds.count("Dense")) == (16, 16, 1)
    of_a_crop = fer2013.vgg19_classifier(7, (44, 44, 1))
    assert n_trainable(of_a_crop) == 20_038_983
    assert n_multiplications(of_a_crop) == pytest.approx(676e6, rel=1e-3)


def test_vgg19_repeats_grey_and_takes_colour_as_it_is():
    grey, colour = fer2013.vgg19_classifier(3, (32, 32, 1)), fer2013.vgg19_classifier(3, (32, 32, 3))
    colour.set_weights(grey.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    np.testing.assert_allclose(grey(images), colour(np.repeat(images, 3, axis=-1)), atol=1e-6)
    with pytest.raises(ValueError, match="at least 32 pixels, got 48 x 31"):
        fer2013.vgg19_classifier(7, (48, 31, 1))


def test_the_small_classifier_costs_a_fortieth():
    model = fer2013.small_classifier()
    assert n_multiplications(model) == 8_295_296 <= n_multiplications(fer2013.slides_classifier()) / 40
    assert (model.count_params(), n_trainable(model)) == (98_775, 98_295)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_each_gives_probabilities_of_as_many_classes_and_has_features(build):
    model = build(3, (48, 48, 1))
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1), dtype=np.uint8)
    probabilities, features = probabilities_and_features(model, images)
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    last = model.layers[-1]
    assert features.shape == (2, last.kernel.shape[0])
    own = {keras.layers.BatchNormalization: BatchNormalization, keras.layers.Dropout: Dropout}
    for usual, kind in own.items():
        assert all(type(layer) is kind for layer in model.layers if isinstance(layer, usual))


def test_the_printed_networks_are_those_of_48_pixels_and_seven_emotions():
    built = {name: pkgutil.resolve_name(path)() for name, (_, path) in source.PRINTED_NETWORKS.items()}
    assert [model.name for model in built.values()] == ["slides_classifier", "paper_classifier", "vgg19_classifier"]
    for model in built.values():
        assert (model.input_shape, model.output_shape) == ((None, 48, 48, 1), (None, 7))
