"""What two fits are compared by."""

import hashlib

import keras
import pandas as pd


def weights_digest(fitted):
    values = keras.tree.flatten([value for _, value in sorted(vars(fitted).items())])  # also those of dictionaries
    networks = [value for value in values if isinstance(value, keras.Model)]
    assert networks
    arrays = [array for network in networks for array in network.get_weights()]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def assert_same_history(found, expected):
    """All but how long it took."""
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True, check_like=True
    )
