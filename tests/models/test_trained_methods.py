"""What every method with networks does, beside the rules of `check_balancer`; each is fitted as seldom as possible."""

import functools
import random
import shutil

import numpy as np
import pytest
from class_balancing import HasLatents
from class_balancing.models import METHODS
from class_balancing.models.training import callbacks
from fits import assert_same_history, weights_digest
from small_balancers import ONE_STEP, TRAINED, balancer

LONG = (
    "flow_matching",
    "latent_flow",
    "bagan",
    "dcgan",
    "cyclegan",
    "weighted_cyclegan",
    "wasserstein_cyclegan",
    "wgan_gp",
    "cvae_gan",
)  # take long to be traced
# What these keep on disk is seen step by step as well, much sooner; the others and test_training.py trace theirs.
STEP_BY_STEP = ("wasserstein_cyclegan", "deep_smote", "style_transfer")
WITH_LATENTS = [name for name in TRAINED if issubclass(METHODS[name].load(), HasLatents)]


@pytest.fixture(scope="module")
def fitted_in_a_folder(few_digits, tmp_path_factory):
    """Function of a trained method's name: the method fitted once, and its folder with a checkpoint of every epoch."""

    @functools.cache
    def fitted(name):
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
            return balancer(name, folder=folder).fit(few_digits.images, few_digits.labels), folder

    return fitted


KILLED = [
    name for name in TRAINED if name != "weighted_cyclegan"
]  # which test_translation.py kills in both of two pairs


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in KILLED]
)
def test_what_a_killed_run_leaves_on_disk_continues_to_the_same_weights(
    name, fitted_in_a_folder, few_digits, tmp_path, request
):
    """Every method, killed in the last epoch of each of its stages: that epoch's checkpoint is not written yet."""
    if name in STEP_BY_STEP:
        request.getfixturevalue("eagerly")
    uninterrupted, left = fitted_in_a_folder(name)
    stages = uninterrupted.history_["stage"].unique()
    for index, killed in enumerate(stages):
        folder = tmp_path / f"killed in {killed}"
        shutil.copytree(left, folder)
        max((folder / killed).glob("epoch-*.npz")).unlink()
        for later in stages[index + 1 :]:
            shutil.rmtree(folder / later)
        resumed = balancer(name, folder=folder).fit(few_digits.images, few_digits.labels)
        assert weights_digest(resumed) == weights_digest(uninterrupted)
        np.testing.assert_array_equal(resumed.sample(4, 5), uninterrupted.sample(4, 5))
        assert_same_history(resumed.history_, uninterrupted.history_)


@pytest.mark.usefixtures("eagerly")
def test_what_only_new_images_depend_on_may_change_when_a_training_is_continued(fitted_in_a_folder, few_digits):
    _, folder = fitted_in_a_folder("deep_smote")
    balancer("deep_smote", folder=folder, n_neighbors=1).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="other arguments or images"):
        balancer("deep_smote", folder=folder, penalty_weight=0.5).fit(few_digits.images, few_digits.labels)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in WITH_LATENTS]
)
def test_latents_of_images_decode_to_images(name, fitted_in_a_folder, few_digits):
    fitted, _ = fitted_in_a_folder(name)
    fours = few_digits.images[few_digits.labels == 4]
    latent = fitted.encode(fours, 4)
    assert latent.shape == (10, 5)
    decoded = fitted.decode(latent, 4)
    assert (decoded.shape, decoded.dtype) == (fours.shape, np.uint8)
    none = fitted.encode(fours[:0], 4)
    assert (none.shape, none.dtype) == ((0, 5), latent.dtype)
    assert fitted.decode(none, 4).shape == (0, *fours.shape[1:])


@pytest.fixture(scope="module")
def fitted_to_colours(few_digits, tmp_path_factory):
    """Function of a trained method's name: the method fitted in a step, the images, and what fit_resample returned."""
    images = few_digits.images[:, 2:-2, 2:-2].repeat(3, axis=3)  # (100, 24, 24, 3)

    @functools.cache
    def fitted(name):
        seed = 209652396  # after one step BAGAN's images are all alike for a quarter of seeds
        made = balancer(name, **ONE_STEP[name], folder=tmp_path_factory.mktemp(name), random_state=seed)
        return made, images, *made.fit_resample(images, few_digits.labels)

    return fitted


IN_COLOUR = [pytest.param(name, marks=pytest.mark.slow) if "flow" in name else name for name in TRAINED]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", IN_COLOUR)
def test_colour_images_are_balanced(name, fitted_to_colours, few_digits):
    fitted, images, new_images, new_labels = fitted_to_colours(name)
    assert fitted.image_shape_ == images.shape[1:] == (24, 24, 3)
    assert new_images.shape == (120, 24, 24, 3)
    np.testing.assert_array_equal(new_images[:100], images)
    np.testing.assert_array_equal(np.bincount(new_labels), [30, 30, 30, 0, 30])


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", IN_COLOUR)
def test_networks_histories_and_parameters_come_back(name, fitted_to_colours, tmp_path):
    """Of networks whose layers Keras names; after a training with a folder and without a random_state."""
    first, second = tmp_path / "first", tmp_path / "second.npz"
    fitted, images, *_ = fitted_to_colours(name)
    fitted.save(first)
    python_state, numpy_state = random.getstate(), np.random.get_state()[1].tolist()
    loaded = METHODS[name].load().load(str(first))
    assert random.getstate() == python_state
    assert np.random.get_state()[1].tolist() == numpy_state
    np.testing.assert_array_equal(loaded.sample(4, 5), fitted.sample(4, 5))
    if name in WITH_LATENTS:
        np.testing.assert_array_equal(loaded.encode(images[:5], 0), fitted.encode(images[:5], 0))
    assert not hasattr(loaded, "history_"), "holds seconds, so the file would differ from run to run"
    changed = {"folder": str(fitted.folder), "random_state": fitted.seed_}
    assert loaded.get_params() == fitted.get_params() | changed
    loaded.save(second)
    assert first.read_bytes() == second.read_bytes()
