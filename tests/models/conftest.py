import contextlib
import functools
import warnings

import pytest

DATA_ARE_NOT_EAGER = "Even though the .* this option does not apply to tf.data functions"


@contextlib.contextmanager
def steps_one_by_one():
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eagerly():
    """Training steps run one by one: to trace a method's graph takes longer than the few steps of a test."""
    warnings.filterwarnings("ignore", DATA_ARE_NOT_EAGER)
    with steps_one_by_one():
        yield


@pytest.fixture(scope="session")
def fitted_in_a_folder(few_digits, tmp_path_factory):
    """Function of a trained method's name: the method fitted once, and its folder with a checkpoint of every epoch."""
    from class_balancing.models.training import callbacks
    from small_balancers import balancer

    @functools.cache
    def fitted(name):
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
            return balancer(name, folder=folder).fit(few_digits.images, few_digits.labels), folder

    return fitted


@pytest.fixture(scope="session")
def fitted_to_colours(few_digits, tmp_path_factory):
    """Function of a trained method's name: the method fitted in a step, the images, and what fit_resample returned."""
    from small_balancers import ONE_STEP, balancer

    images = few_digits.images[:, 2:-2, 2:-2].repeat(3, axis=3)  # (100, 24, 24, 3)

    @functools.cache
    def fitted(name):
        made = balancer(name, **ONE_STEP[name], folder=tmp_path_factory.mktemp(name), random_state=None)
        with steps_one_by_one(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", DATA_ARE_NOT_EAGER)
            return made, images, *made.fit_resample(images, few_digits.labels)

    return fitted
