import warnings

import pytest


@pytest.fixture
def eagerly():
    """Training steps run one by one: to trace a method's graph takes longer than the few steps of a test."""
    import tensorflow as tf

    warnings.filterwarnings("ignore", "Even though the .* this option does not apply to tf.data functions")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
