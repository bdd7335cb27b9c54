"""What two fits are compared by."""

import hashlib

import keras
import numpy as np
import pandas as pd


def weights_digest(fitted):
    values = keras.tree.flatten([value for _, value in sorted(vars(fitted).items())])  # also those of dictionaries
    networks = [value for value in values if isinstance(value, keras.Model)]
    assert networks
    arrays = [array for network in networks for array in network.get_weights()]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def network_with_all_states(n_classes, image_shape):
    """A small classifier with states of all kinds: weights, moving averages, generators of masks."""
    from class_balancing.models.layers import BatchNormalization, Dropout

    image = keras.Input(image_shape)
    x = Dropout(0.3)(BatchNormalization()(image))
    return keras.Model(image, keras.layers.Dense(n_classes, "softmax")(keras.layers.Flatten()(x)))


def assert_same_weights(found, expected):
    """Of two networks, to the bit."""
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_same_history(found, expected):
    """All but how long it took."""
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True, check_like=True
    )


def minimised_and_logged(model, batch, monkeypatch):
    """Of one step without updates: (optimizer, loss) of each that would be made, in order, and all that is logged."""
    minimised = []
    monkeypatch.setattr(model, "minimise", lambda name, tape, pair: minimised.append((name, float(pair[0]))))
    logs = {name: float(value) for name, value in model.train_step(batch).items()}
    return minimised, logs
