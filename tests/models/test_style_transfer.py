"""Style transfer as a balancer: what new images are made of, options, and that their content survives."""

import json

import numpy as np
import pytest
from class_balancing import StyleTransfer
from class_balancing.datasets.pixels import to_network
from class_balancing.models import style_transfer
from class_balancing.models.influence import MAPS
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier
from small_balancers import balancer


def fitted_to(few_digits, **changes):
    return balancer("style_transfer", **{"n_epochs": 0} | changes).fit(few_digits.images, few_digits.labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures of stripes and noise, in colours."""
    path = tmp_path_factory.mktemp("styles")
    rng = np.random.default_rng(0)
    for name, step in (("a", 2), ("b", 5), ("c", 1)):
        pixels = np.kron(rng.integers(0, 256, (40 // step, 30 // step, 3)), np.ones((step, step, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(path / f"{name}.png")
    return path


@pytest.fixture(scope="module")
def trained(few_digits):
    arguments = {"n_epochs": 15, "batch_size": 20, "n_iterations": 30}
    return StyleTransfer(**arguments).fit(few_digits.images, few_digits.labels)


def style_losses(fitted, label, made, seed=None):
    """L_style (n,) of the made images and the styles they are said to have."""
    contents, styles = (
        to_network(fitted.images_[chosen])
        for chosen in (fitted.parents(label, len(made), seed), fitted.styles(label, len(made), seed)[:, 0])
    )
    stylisation = fitted._stylisation()
    target = stylisation.wanted(contents, [styles], np.ones((len(made), 1)))
    return stylisation.losses(to_network(made), target)[1].numpy()


def test_new_images_keep_the_content_and_get_the_style(trained, few_digits, digits):
    is_known = {image.tobytes() for image in few_digits.images}
    others = np.array([image.tobytes() not in is_known for image in digits.images])
    judge = KNeighborsClassifier(1).fit(digits.images[others].reshape(others.sum(), -1), digits.labels[others])
    made = trained.sample(4, 20)
    assert (judge.predict(made.reshape(20, -1)) == 4).mean() >= 0.9
    originals = few_digits.images[trained.parents(4, 20)]
    assert np.abs(made.astype(int) - originals).mean(axis=(1, 2, 3)).min() > 2.0, "visibly another image"
    assert np.median(style_losses(trained, 4, made)) < 0.3


def test_only_what_a_classifier_is_trained_for_takes_time_before_images_are_made():
    asked = 1000, (28, 28, 1), 10, 1
    assert StyleTransfer().fit_seconds(*asked) == StyleTransfer(network="random", guided_by="gradient").fit_seconds(
        *asked
    )
    assert StyleTransfer().fit_seconds(*asked) > StyleTransfer(network="random").fit_seconds(*asked) == 0.0


def test_without_a_style_weight_images_are_their_parents(few_digits):
    fitted = fitted_to(few_digits, style_weight=0.0)
    parents = fitted.parents(4, 20, 5)
    np.testing.assert_array_equal(fitted.sample(4, 20, 5), few_digits.images[parents])
    assert set(few_digits.labels[parents]) == {4}
    assert np.bincount(parents).max() == 2, "used equally often"


def test_styles_are_those_that_images_get(few_digits):
    fitted = fitted_to(few_digits, content_weight=0.0, n_iterations=15)
    made = fitted.sample(4, 20, 5)
    right, wrong = (style_losses(fitted, 4, images, 5) for images in (made, np.roll(made, 1, axis=0)))
    assert (right < 0.9).all()
    assert (wrong > right).mean() >= 0.9
    assert np.median(wrong) > 2.0 * np.median(right)


@pytest.mark.parametrize("style_from", style_transfer.STYLES_FROM)
def test_styles_come_from_the_chosen_images_and_never_from_the_parent(style_from, few_digits):
    fitted = fitted_to(few_digits, style_from=style_from, n_styles=3)
    parents, styles = fitted.parents(4, 200), fitted.styles(4, 200)
    assert (styles.dtype, styles.shape) == (np.int64, (200, 3))
    assert not (styles == parents[:, None]).any()
    assert all(len(set(row)) == 3 for row in styles)
    labels = few_digits.labels[styles]
    wanted = {"same class": {4}, "other classes": {0, 1, 2}, "all": {0, 1, 2, 4}}[style_from]
    assert set(labels.ravel()) == wanted
    if style_from == "same class":  # 20 times 3 styles of 9
        used = [np.bincount(styles[parents == parent].ravel(), minlength=100) for parent in set(parents)]
        assert {count for counts in used for count in counts[counts > 0]} == {6, 7}


def test_a_folders_pictures_are_styles_too_and_are_kept(few_digits, folder, tmp_path):
    fitted = fitted_to(few_digits, style_from=folder, n_styles=2)
    styles = fitted.styles(4, 30)
    assert set(styles.ravel()) == {"a.png", "b.png", "c.png"}
    assert all(len(set(row)) == 2 for row in styles)
    assert fitted.style_images_.shape == (3, 28, 28, 1)
    made = fitted.sample(4, 5)
    fitted.save(tmp_path / "fitted.npz")
    loaded = StyleTransfer.load(tmp_path / "fitted.npz")
    np.testing.assert_array_equal(loaded.sample(4, 5), made)
    np.testing.assert_array_equal(loaded.styles(4, 30), styles)


def test_shares_of_several_styles_differ_from_image_to_image(few_digits, monkeypatch):
    fitted, seen = fitted_to(few_digits, n_styles=3), []
    stylisation = fitted._stylisation()
    wanted = stylisation.wanted
    monkeypatch.setattr(stylisation, "wanted", lambda *given: seen.append(given[2]) or wanted(*given))
    fitted.sample(4, 12)
    (shares,) = seen
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert shares.min() > 0
    assert len(np.unique(shares)) == 36


def test_images_are_made_part_by_part(few_digits, monkeypatch):
    fitted = fitted_to(few_digits, n_styles=2, n_iterations=3)
    at_once = fitted.sample(4, 10)
    monkeypatch.setattr(style_transfer, "IMAGES_AT_ONCE", 4)
    in_parts = fitted.sample(4, 10)
    assert np.abs(at_once.astype(int) - in_parts).max() <= 2, "up to rounding"


@pytest.mark.parametrize("start", ["noise", "both"])
def test_images_may_start_from_noise(start, few_digits):
    fitted = fitted_to(few_digits, start=start)
    made, originals = fitted.sample(4, 6), few_digits.images[fitted.parents(4, 6)]
    assert np.abs(made.astype(int) - originals).mean() > (80 if start == "noise" else 40)
    np.testing.assert_array_equal(made, fitted.sample(4, 6))


@pytest.mark.parametrize("guided_by", MAPS)
def test_influence_guides_styles(guided_by, few_digits, monkeypatch):
    fitted = fitted_to(few_digits, n_styles=2)
    plain = fitted.sample(4, 4)
    asked = []
    of_images = MAPS[guided_by]
    monkeypatch.setitem(MAPS, guided_by, lambda *given: asked.append(given) or of_images(*given))
    guided = fitted.set_params(guided_by=guided_by).sample(4, 4)
    assert (guided != plain).any()
    ((classifier, pictures, classes),) = asked
    assert classifier is fitted.classifier_
    np.testing.assert_array_equal(pictures, few_digits.images[np.unique(fitted.styles(4, 4))])
    assert set(classes) == {3}


def test_a_folders_pictures_get_the_class_that_the_classifier_gives_them(few_digits, folder, monkeypatch):
    fitted, asked = fitted_to(few_digits, guided_by="gradient", style_from=folder), []
    of_images = MAPS["gradient"]
    monkeypatch.setitem(MAPS, "gradient", lambda *given: asked.append(given[2]) or of_images(*given))
    fitted.sample(4, 6)
    (classes,) = asked
    expected = fitted.classifier_(to_network(fitted.style_images_)).numpy().argmax(axis=1)
    np.testing.assert_array_equal(classes, expected)


def test_networks_are_made_and_trained_as_needed(few_digits):
    of_random = fitted_to(few_digits, network="random", n_epochs=1)
    assert not hasattr(of_random, "classifier_")
    assert of_random.history_.empty
    assert of_random.sample(4, 3).shape == (3, 28, 28, 1)
    guided = fitted_to(few_digits, network="random", guided_by="gradient", n_epochs=1)
    assert guided.history_["L_C"].notna().all()
    assert guided._stylisation().extractor.network.get_layer("block1_relu1") is not None
    assert guided._stylisation() is guided._stylisation()


def test_a_later_fit_uses_its_own_network(few_digits):
    fitted = fitted_to(few_digits)
    before = fitted._stylisation()
    fitted.set_params(network="random").fit(few_digits.images, few_digits.labels)
    assert fitted._stylisation() is not before


def test_paths_among_the_arguments_do_not_disturb_checkpoints(few_digits, folder, tmp_path):
    training, weights = tmp_path / "training", tmp_path / "weights.h5"  # of another network
    for path in (weights, str(weights)):
        fitted_to(few_digits, vgg19_weights=path, folder=training, n_epochs=1)
    fitted_to(few_digits, vgg19_weights=path, style_from=folder, folder=training, n_epochs=1)
    identity = json.loads((training / "training.json").read_text())
    assert identity["arguments"]["vgg19_weights"] == str(weights)
    assert "style_from" not in identity["arguments"], "the network does not depend on it"


def test_the_classifier_learns(trained, few_digits):
    probabilities = trained.classifier_(to_network(few_digits.images)).numpy()
    assert (trained.classes_[probabilities.argmax(axis=1)] == few_digits.labels).mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "vgg16"}, "network must be one of classifier, vgg19, random, got 'vgg16'"),
        ({"start": "grey"}, "start must be one of content, noise, both, got 'grey'"),
        (
            {"guided_by": "lime"},
            "guided_by must be one of None, gradient, occlusion, guided backpropagation, got 'lime'",
        ),
        ({"style_from": "another class"}, "all or a folder of pictures, got 'another class'"),
        ({"n_styles": 0}, "n_styles must be a whole number of at least 1, got 0"),
        ({"n_iterations": 0}, "n_iterations must be a whole number of at least 1, got 0"),
        ({"style_weight": -1}, "style_weight must be a number of at least 0, got -1"),
        ({"style_weight": 0, "content_weight": 0}, "content_weight and style_weight are both 0"),
        ({"pixel_learning_rate": 0}, "pixel_learning_rate must be above 0, got 0"),
        ({"n_styles": 10}, "class 4 cannot get 10 styles from same class: there are 9"),
        (
            {"style_from": "other classes", "n_styles": 91},
            "class 4 cannot get 91 styles from other classes: there are 90",
        ),
        ({"network": "vgg19"}, "VGG19 takes images with sides of at least 32 pixels, got 28 x 28"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message, few_digits):
    with pytest.raises(ValueError, match=message):
        fitted_to(few_digits, **arguments)


def test_folders_that_cannot_be_used_are_refused(few_digits, folder, tmp_path):
    with pytest.raises(ValueError, match="itself holds no pictures"):
        fitted_to(few_digits, style_from=tmp_path)
    with pytest.raises(ValueError, match=r"cannot get 4 styles from .*: there are 3"):
        fitted_to(few_digits, style_from=folder, n_styles=4)


def test_as_many_images_are_needed_as_there_are_styles():
    assert StyleTransfer(n_styles=3).min_images == 4
    assert StyleTransfer(style_from="other classes").min_images == 1


def test_the_papers_number_of_iterations_is_the_default():
    assert StyleTransfer().n_iterations == StyleTransfer(**StyleTransfer.arguments("thesis", 1000, True)).n_iterations
    assert StyleTransfer().n_iterations == 100
