"""The contract that every balancer keeps."""

import numpy as np
import pytest
from sklearn.base import clone

from models import BALANCERS, Balancer
from tests.models.small import ARGUMENTS, TRAINED, balancer


@pytest.fixture(scope="module", params=BALANCERS)
def resampled(request, few_digits):
    """(name, fitted balancer, its images, its labels)"""
    fitted = balancer(request.param)
    before = few_digits.images.copy(), few_digits.labels.copy()
    images, labels = fitted.fit_resample(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(few_digits.images, before[0])
    np.testing.assert_array_equal(few_digits.labels, before[1])
    return request.param, fitted, images, labels


def test_originals_come_first_unchanged_and_in_order(resampled, few_digits):
    _, _, images, labels = resampled
    np.testing.assert_array_equal(images[: len(few_digits.images)], few_digits.images)
    np.testing.assert_array_equal(labels[: len(few_digits.labels)], few_digits.labels)


def test_classes_are_balanced_exactly_and_types_kept(resampled):
    _, fitted, images, labels = resampled
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == {0: 30, 1: 30, 2: 30, 4: 30}
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert fitted.sampling_strategy_ == {1: 0, 2: 0, 4: 20}
    assert fitted.classes_.tolist() == [0, 1, 2, 4]


def test_same_seed_same_images_another_seed_others(resampled):
    _, fitted, images, _ = resampled
    np.testing.assert_array_equal(fitted.sample(4, 20), images[-20:])
    np.testing.assert_array_equal(fitted.sample(4, 3, random_state=7), fitted.sample(4, 3, random_state=7))
    assert (fitted.sample(4, 3, random_state=7) != fitted.sample(4, 3, random_state=8)).any()


def test_new_images_are_no_copies_and_not_all_alike(resampled, few_digits):
    name, _, images, _ = resampled
    new = images[len(few_digits.images) :]
    distances = np.abs(new[:, None].astype(int) - few_digits.images[None]).sum(axis=(2, 3, 4))
    if name == "random_oversampling":
        fours = few_digits.labels == 4
        assert (distances[:, fours].min(axis=1) == 0).all(), "copies of originals of the class"
    else:
        assert distances.min() > 0
    assert len(np.unique(new, axis=0)) > 1


def test_refitting_the_same_gives_the_same_to_the_bit(resampled, few_digits):
    name, _, images, _ = resampled
    again, _ = balancer(name).fit_resample(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(again, images)


def test_training_leaves_global_random_generators_alone(few_digits):
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    balancer("cvae", n_epochs=1).fit(few_digits.images, few_digits.labels)
    assert np.random.random() == expected


def test_nothing_is_sampled_where_nothing_is_asked(resampled):
    assert resampled[1].sample(4, 0).shape == (0, 28, 28, 1)


@pytest.mark.parametrize("name", BALANCERS)
def test_parameters_are_stored_as_given(name):
    made = balancer(name, random_state=5)
    assert clone(made).get_params() == made.get_params()
    assert made.get_params()["random_state"] == 5
    assert ARGUMENTS.get(name, {}).items() <= made.get_params().items()


def test_sampling_strategy_has_imbalanced_learns_grammar(few_digits):
    made = balancer("geometric", sampling_strategy={4: 12, 0: 31})
    _, labels = made.fit_resample(few_digits.images, few_digits.labels)
    assert np.bincount(labels).tolist() == [31, 30, 30, 0, 12]
    made = balancer("geometric", sampling_strategy="minority").fit(few_digits.images, few_digits.labels)
    assert made.sampling_strategy_ == {4: 20}


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 28, 28), np.uint8), np.arange(4) % 2, "images must be uint8"),
        (np.zeros((4, 28, 28, 1)), np.arange(4) % 2, "images must be uint8"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.arange(3), "4 images but 3 labels"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.zeros(4, int), "at least two classes"),
        (np.zeros((4, 28, 28, 1), np.uint8), np.array(["a", "b", "a", "b"]), "labels must be integers"),
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


def test_a_class_that_was_not_fitted_is_refused(resampled):
    with pytest.raises(ValueError, match="class 3 was not among the fitted classes"):
        resampled[1].sample(3, 1)


@pytest.mark.parametrize("name", BALANCERS)
def test_sampling_before_fitting_is_refused(name):
    with pytest.raises(ValueError, match="not fitted yet"):
        balancer(name).sample(0, 1)


@pytest.mark.parametrize("name", TRAINED)
def test_image_sizes_that_no_network_takes_are_refused(name):
    with pytest.raises(ValueError, match="at least 8 pixels, got 30 x 5"):
        balancer(name).fit(np.zeros((4, 30, 5, 3), np.uint8), np.arange(4) % 2)


@pytest.mark.parametrize("name", BALANCERS)
@pytest.mark.parametrize("shape", [(32, 32, 3), (18, 24, 1)], ids=str)
def test_other_image_sizes_are_balanced(name, shape):
    images = np.random.default_rng(0).integers(0, 256, (30, *shape), dtype=np.uint8)
    labels = np.array([3] * 20 + [5] * 10)
    changes = {"n_epochs": 1, "batch_size": 10} if name in TRAINED else {}
    new_images, new_labels = balancer(name, **changes).fit_resample(images, labels)
    assert new_images.shape == (40, *shape)
    assert (new_labels == 5).sum() == 20


@pytest.mark.parametrize("name", TRAINED)
def test_latents_of_images_decode_to_images(name, few_digits):
    fitted = balancer(name).fit(few_digits.images, few_digits.labels)
    fours = few_digits.images[few_digits.labels == 4]
    latent = fitted.encode(fours, 4)
    assert latent.shape == (10, 5)
    decoded = fitted.decode(latent, 4)
    assert (decoded.shape, decoded.dtype) == (fours.shape, np.uint8)


def test_every_method_is_a_balancer_and_has_a_docstring():
    for method in BALANCERS.values():
        assert issubclass(method, Balancer)
        assert method.__doc__


@pytest.mark.parametrize("name", BALANCERS)
def test_two_fits_give_the_same_bits(name, few_digits):
    one, other = (balancer(name).fit(few_digits.images, few_digits.labels).sample(4, 20) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["geometric", "cvae"])
def test_without_a_random_state_each_fit_draws_its_own(name, few_digits):
    one, other = (balancer(name, random_state=None).fit(few_digits.images, few_digits.labels) for _ in range(2))
    assert one.seed_ != other.seed_
    assert (one.sample(4, 5) != other.sample(4, 5)).any()
    np.testing.assert_array_equal(one.sample(4, 5), one.sample(4, 5))


def test_a_generator_of_numpy_gives_the_random_state(few_digits):
    fitted = balancer("geometric", random_state=np.random.RandomState(3)).fit(few_digits.images, few_digits.labels)
    assert fitted.seed_ == np.random.RandomState(3).randint(2**31 - 1)
    with pytest.raises(ValueError, match="random_state must not be negative"):
        balancer("geometric", random_state=-1).fit(few_digits.images, few_digits.labels)


def test_numpys_numbers_are_numbers(few_digits, tmp_path):
    arguments = {"random_state": np.int64(3), "n_epochs": np.int64(1), "learning_rate": np.float32(1e-3)}
    first = balancer("cvae", folder=tmp_path, **arguments).fit(few_digits.images, few_digits.labels)
    again = balancer("cvae", folder=tmp_path, **arguments).fit(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(first.sample(4, 5), again.sample(4, 5))
