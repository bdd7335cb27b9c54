"""What every balancer does; the rules themselves are in models/contract."""

import re

import numpy as np
import pytest
from class_balancing import (
    Balancer,
    Geometric,
    HasLatents,
    HasParents,
    HasSourceClass,
    HasStyles,
    HasTransform,
    RandomOversampling,
    check_balancer,
)
from class_balancing.models import METHODS
from small_balancers import BALANCERS, ONE_STEP, TRAINED, balancer

# of a family whose first member is checked, or long
SLOW = (
    "flow_matching",
    "cvae_gan",
    "cpab",
    "cyclegan",
    "bagan",
    "wgan_gp",
    "style_transfer",
    "weighted_cyclegan",
    "wasserstein_cyclegan",
    "deep_smote_unpenalised",
    "deep_smote_permuted",
    "latent_flow",
)
EXPECTED_FAILURES = {"random_oversampling": {"check_no_copies": "copies are what it makes"}}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in BALANCERS]
)
def test_every_method_keeps_the_contract(name, few_digits):
    made = balancer(name, **ONE_STEP.get(name, {}))
    check_balancer(made, few_digits.images, few_digits.labels, EXPECTED_FAILURES.get(name))


def test_random_oversampling_makes_copies_only(few_digits):
    fitted = balancer("random_oversampling").fit(few_digits.images, few_digits.labels)
    fours = {image.tobytes() for image in few_digits.images[few_digits.labels == 4]}
    assert {image.tobytes() for image in fitted.sample(4, 20)} <= fours


def test_sampling_strategy_has_imbalanced_learns_grammar(few_digits):
    made = balancer("geometric", sampling_strategy={4: 12, 0: 31})
    _, labels = made.fit_resample(few_digits.images, few_digits.labels)
    assert np.bincount(labels).tolist() == [31, 30, 30, 0, 12]
    made = balancer("geometric", sampling_strategy="minority").fit(few_digits.images, few_digits.labels)
    assert made.sampling_strategy_ == {4: 20}
    two = np.isin(few_digits.labels, [2, 4])
    made = balancer("geometric", sampling_strategy=0.5).fit(few_digits.images[two], few_digits.labels[two])
    assert made.sampling_strategy_ == {4: 5}


def test_a_function_is_a_sampling_strategy(few_digits):
    words = np.array([f"class {label}" for label in few_digits.labels], object)
    asked = []

    def one_more(labels):
        asked.append(labels)
        return {"class 4": 11}

    made = balancer("geometric", sampling_strategy=one_more).fit(few_digits.images, words)
    assert made.sampling_strategy_ == {"class 4": 1}
    np.testing.assert_array_equal(asked[0], words)


@pytest.mark.parametrize("name", ["geometric", "smote", "adasyn"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floating_images_give_255ths(name, dtype, few_digits):
    expected = balancer(name).fit(few_digits.images, few_digits.labels).sample(4, 10)
    floating = (few_digits.images / 255).astype(dtype)
    made, _ = balancer(name, sampling_strategy={4: 20}).fit_resample(floating, few_digits.labels)
    assert made.dtype == np.dtype(dtype)
    assert made[: len(floating)].tobytes() == floating.tobytes()
    np.testing.assert_array_equal(made[len(floating) :], (expected / 255).astype(dtype))


@pytest.mark.parametrize(
    "classes", [np.array([False, True]), np.array(["ant", "bee"]), np.array(["ant", "bee"], object), np.array([-7, 9])]
)
@pytest.mark.parametrize("name", ["geometric", "smote"])
def test_labels_of_any_kind_are_kept(name, classes, few_digits):
    chosen = np.isin(few_digits.labels, [0, 4])
    labels = classes[(few_digits.labels[chosen] == 4).astype(int)]
    made = balancer(name)
    _, made_labels = made.fit_resample(few_digits.images[chosen], labels)
    assert made_labels.dtype == labels.dtype
    np.testing.assert_array_equal(made_labels, np.concatenate([labels, np.repeat(classes[1:], 20)]))
    (label,) = (label for label, n in made.sampling_strategy_.items() if n)
    assert type(label) in (bool, str, int)
    assert label == classes[1]
    assert made.sample(label, 3).shape == (3, 28, 28, 1)


@pytest.mark.parametrize(
    "made",
    [RandomOversampling(), Geometric(rotation_degrees=0.0, shift_fraction=0.0)],
    ids=lambda made: type(made).__name__,
)
def test_parents_are_the_originals_of_a_sample(made, few_digits):
    made.fit(few_digits.images, few_digits.labels)
    for n, seed in ((0, None), (7, None), (25, 3), (2300, 4)):
        parents = made.parents(4, n, seed)
        assert (parents.dtype, parents.shape) == (np.int64, (n,))
        np.testing.assert_array_equal(few_digits.images[parents], made.sample(4, n, seed))
    with pytest.raises(ValueError, match="class 3 was not among the fitted classes"):
        made.parents(3, 1)


def test_parents_of_transformed_images_are_of_their_class(few_digits):
    made = balancer("geometric").fit(few_digits.images, few_digits.labels)
    parents = made.parents(4, 25, random_state=5)
    assert (few_digits.labels[parents] == 4).all()
    still = Geometric(rotation_degrees=0.0, shift_fraction=0.0).fit(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(parents, still.parents(4, 25, random_state=5))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 28, 28), np.uint8), np.arange(4) % 2, r"images must be uint8 in 0..255 or .*, got uint8 \(4, 28"),
        (np.zeros((4, 28, 28, 1), int), np.arange(4) % 2, "images must be uint8 in 0..255 or .*, got int64"),
        (np.full((4, 28, 28, 1), 2.0), np.arange(4) % 2, r"must lie in \[0, 1\], found values from 2.0 to 2.0"),
        (np.full((4, 28, 28, 1), -0.5, "f4"), np.arange(4) % 2, "found values from -0.5 to -0.5"),
        (np.full((4, 28, 28, 1), np.nan, "f2"), np.arange(4) % 2, "found values from nan to nan"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.arange(3), "4 images but 3 labels"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.zeros(4, int), "at least two classes"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.arange(4) / 2, "labels must be integers, booleans or strings"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.array(["a", None, "a", "b"]), "labels must be integers"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.zeros((4, 1), int), "labels must be integers"),
    ],
)
def test_wrong_input_is_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        balancer("geometric").fit(images, labels)


@pytest.mark.parametrize(
    ("name", "value"), [("n_epochs", -1), ("n_epochs", "a"), ("batch_size", 0), ("latent_size", 0)]
)
def test_counts_that_are_none_are_refused(name, value, few_digits):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least"):
        balancer("cvae", **{name: value}).fit(few_digits.images, few_digits.labels)


@pytest.mark.parametrize("arguments", [{"sampling_strategy": {4: 1}}, {"random_state": -1}])
def test_after_a_refused_fit_nothing_is_fitted(arguments, few_digits):
    made = balancer("geometric", **arguments)
    with pytest.raises(ValueError):  # noqa: PT011
        made.fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="not fitted yet"):
        made.sample(0, 1)


def test_copies_of_two_images_are_no_collapse():
    """Of the first seeds 227 draws the same images in the same order for the first and the second eight."""
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    made = balancer("random_oversampling", random_state=227).fit(images, np.repeat([0, 1], [18, 2]))
    new = made.sample(1, 16)
    np.testing.assert_array_equal(new[:8], new[8:])


def test_a_class_that_was_not_fitted_is_refused(few_digits):
    made = balancer("geometric")
    with pytest.raises(ValueError, match="this Geometric is not fitted yet; call fit first"):
        made.sample(0, 1)
    made.fit(few_digits.images, few_digits.labels)
    for label in (3, "4", None, [0, 4]):
        message = re.escape(f"class {label!r} was not among the fitted classes [0, 1, 2, 4]")
        with pytest.raises(ValueError, match=message):
            made.sample(label, 1)
    for n in (-1, 2.0, "3", None):
        with pytest.raises(ValueError, match=f"n must be a whole number of at least 0, got {n!r}"):
            made.sample(4, n)


def test_sampling_strategies_of_other_kinds_are_refused(few_digits):
    for strategy in (None, "most", (4,), {4: None}, {4: 20.5}):
        message = re.escape(f"a dictionary of each class's whole number of images, got {strategy!r}")
        with pytest.raises(ValueError, match=f"sampling_strategy must be one of auto, minority, .*{message}"):
            balancer("geometric", sampling_strategy=strategy).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="numbers of images that are not whole"):
        balancer("geometric", sampling_strategy=lambda labels: {4: 20.5}).fit(few_digits.images, few_digits.labels)
    counts = {4: np.int64(20)}
    for strategy in (counts, lambda labels: counts):
        fitted = balancer("geometric", sampling_strategy=strategy).fit(few_digits.images, few_digits.labels)
        assert fitted.sampling_strategy_ == {4: 10}


def test_images_without_pixels_are_refused(few_digits):
    for images in (few_digits.images[:, :0], few_digits.images[..., :0]):
        with pytest.raises(ValueError, match="images must have pixels and channels, got"):
            balancer("geometric").fit(images, few_digits.labels)


def test_images_to_transform_are_refused_by_what_they_are(few_digits):
    fitted = balancer("geometric").fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match=r"images must be uint8 \('n', 28, 28, 1\), got a list"):
        fitted.transform(few_digits.images[:2].tolist(), 4)


@pytest.mark.parametrize("name", ["cvae", "cvae_gan"])
def test_latents_of_a_class_that_was_not_fitted_are_refused(name, few_digits):
    made = balancer(name, n_epochs=0)
    with pytest.raises(ValueError, match="is not fitted yet; call fit first"):
        made.encode(few_digits.images[:1], 0)
    made.fit(few_digits.images, few_digits.labels)
    for label in (3, 9, -1):
        message = rf"class {label} was not among the fitted classes \[0, 1, 2, 4\]"
        with pytest.raises(ValueError, match=message):
            made.encode(few_digits.images[:1], label)
        with pytest.raises(ValueError, match=message):
            made.decode(np.zeros((1, 5), np.float32), label)


@pytest.mark.parametrize("name", [name for name in TRAINED if METHODS[name].load().min_side_pixels == 8])
def test_image_sizes_that_no_network_takes_are_refused(name):
    with pytest.raises(ValueError, match="at least 8 pixels, got 30 x 5"):
        balancer(name).fit(np.arange(4 * 30 * 5 * 3, dtype=np.uint8).reshape(4, 30, 5, 3), np.arange(4) % 2)


SHAPES = {(18, 24, 1): BALANCERS, (32, 32, 3): [name for name in BALANCERS if METHODS[name].family != "network"]}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("shape", "name"), [(shape, name) for shape, names in SHAPES.items() for name in names])
def test_other_image_sizes_are_balanced(shape, name):
    images = np.random.default_rng(0).integers(0, 256, (30, *shape), dtype=np.uint8)
    labels = np.array([3] * 20 + [5] * 10)
    new_images, new_labels = balancer(name, **ONE_STEP.get(name, {})).fit_resample(images, labels)
    assert new_images.shape == (40, *shape)
    assert (new_labels == 5).sum() == 20


def test_every_method_is_a_balancer_and_has_a_docstring():
    for name in BALANCERS:
        method = METHODS[name].load()
        assert issubclass(method, Balancer)
        assert method.__doc__


def test_methods_declare_what_else_they_can_do():
    def that_are(capability):
        return {name for name in BALANCERS if issubclass(METHODS[name].load(), capability)}

    of_cyclegans = {"cyclegan", "weighted_cyclegan", "wasserstein_cyclegan"}
    of_originals = {"geometric", "random_oversampling", "affine", "cpab", "style_transfer"}
    assert that_are(HasParents) == of_originals | of_cyclegans
    assert that_are(HasStyles) == {"style_transfer"}
    assert that_are(HasTransform) == (of_originals - {"random_oversampling"}) | of_cyclegans
    deep_smotes = {"deep_smote", "deep_smote_unpenalised", "deep_smote_permuted"}
    assert that_are(HasLatents) == {"cvae", "cvae_gan", "bagan"} | deep_smotes
    assert that_are(HasSourceClass) == of_cyclegans
    declared = (
        (HasParents, ("parents",)),
        (HasStyles, ("styles",)),
        (HasTransform, ("transform",)),
        (HasLatents, ("encode", "decode")),
        (HasSourceClass, ("translate", "recover")),
    )
    for capability, hooks in declared:
        for name in set(BALANCERS) - that_are(capability):
            assert not any(hasattr(METHODS[name].load(), hook) for hook in hooks), f"{name} does not declare it"


@pytest.mark.parametrize("name", ["geometric", "cvae"])
def test_without_a_random_state_each_fit_draws_its_own(name, few_digits):
    changes = {"n_epochs": 0} if name in TRAINED else {}  # initial weights differ already
    one, other = (
        balancer(name, random_state=None, **changes).fit(few_digits.images, few_digits.labels) for _ in range(2)
    )
    assert one.seed_ != other.seed_
    assert (one.sample(4, 5) != other.sample(4, 5)).any()
    np.testing.assert_array_equal(one.sample(4, 5), one.sample(4, 5))


def test_a_generator_of_numpy_gives_the_random_state(few_digits):
    fitted = balancer("geometric", random_state=np.random.RandomState(3)).fit(few_digits.images, few_digits.labels)
    assert fitted.seed_ == np.random.RandomState(3).randint(2**31 - 1)
    with pytest.raises(ValueError, match=r"random_state must lie in 0\.\.4294967295"):
        balancer("geometric", random_state=-1).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match=r"random_state must lie in 0\.\.4294967295, got 4294967296"):
        balancer("smote", random_state=2**32).fit(few_digits.images, few_digits.labels)


def test_checkpoints_need_a_random_state_to_continue_with(few_digits, tmp_path):
    with pytest.raises(ValueError, match="must be a whole number then, got None"):
        balancer("cvae", random_state=None, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    assert not list(tmp_path.iterdir())


def test_after_a_fit_that_failed_nothing_is_fitted(few_digits):
    made = balancer("smote").fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="class 1 has 1 image"):
        made.fit(few_digits.images[:4], [0, 0, 0, 1])
    with pytest.raises(ValueError, match="not fitted yet"):
        made.sample(0, 3)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("cvae", {"lambda_1": -1.0}),
        ("cvae_gan", {"lambda_3": np.nan}),
        ("cvae_gan", {"centre_momentum": 1.5}),
        ("cyclegan", {"cycle_weight": -1.0}),
        ("weighted_cyclegan", {"cycle_weight_final": np.inf}),
        ("wasserstein_cyclegan", {"penalty_weight": -1.0}),
        ("wgan_gp", {"gradient_penalty_weight": -1.0}),
        ("wgan_gp", {"gradient_penalty_weight": "1"}),
        ("cvae", {"learning_rate": "1e-3"}),
        ("dcgan", {"augmentation_strength": None}),
        ("bagan", {"optimizer": "sgdd"}),
        ("bagan", {"optimizer": None}),
        ("affine", {"learning_rate": "a"}),
        ("affine", {"prior_weight": None}),
        ("geometric", {"shift_fraction": "0.1"}),
        ("geometric", {"horizontal_flip": "yes"}),
        ("flow_matching", {"horizontal_flip": "no"}),
    ],
)
def test_senseless_weights_are_refused_before_training(name, wrong, few_digits):
    (parameter,) = wrong
    with pytest.raises(ValueError, match=f"{parameter} must "):
        balancer(name, **wrong).fit(few_digits.images, few_digits.labels)


@pytest.mark.usefixtures("eagerly")
def test_numpys_numbers_are_numbers(few_digits, tmp_path):
    arguments = {"random_state": np.int64(3), "n_epochs": np.int64(1), "learning_rate": np.float32(1e-3)}
    first = balancer("cvae", folder=tmp_path, **arguments).fit(few_digits.images, few_digits.labels)
    again = balancer("cvae", folder=tmp_path, **arguments).fit(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(first.sample(4, 5), again.sample(4, 5))
