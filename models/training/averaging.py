"""Exponential moving averages of weights, which make better images than the weights of the last step."""

from dataclasses import dataclass

import keras
from keras import ops


@dataclass(frozen=True)
class Average:
    """`average`, a network of the same layers, follows `network`: after each update a <- m a + (1 - m) w.

    m is `momentum`, at first less: (1 + n) / (10 + n) after n updates, so that early weights are soon forgotten.
    """

    network: keras.Model
    average: keras.Model
    momentum: float

    def start(self) -> None:
        self.average.set_weights(self.network.get_weights())

    def update(self, n_updates) -> None:
        n = ops.cast(n_updates, keras.config.floatx())
        m = ops.minimum(self.momentum, (1.0 + n) / (10.0 + n))
        for averaged, weight in zip(self.average.weights, self.network.weights, strict=True):
            averaged.assign(m * averaged + (1.0 - m) * weight)


def check_momentum(value) -> None:
    """Raise ValueError if `ema_momentum` is none."""
    if not 0 <= value < 1:
        raise ValueError(f"ema_momentum must lie in [0, 1), got {value!r}")
