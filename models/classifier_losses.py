"""Losses and corrections of classifiers for classes of unequal size, which cost nothing.

Classifiers give probabilities p (batch, n_classes); their logits f are log p up to a constant, which no formula here
depends on. pi are the shares of the classes among the images that the classifier learned from.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .classifier_methods import AT_LEAST_ZERO, ClassifierMethod, class_shares

SMALLEST_PROBABILITY = 1e-30  # at what is clipped there is no gradient
SMALLEST_OTHERS = 1e-8  # below all float32 1 - p but 0, whose powers below 1 have an infinite gradient


def adjusted(probabilities, shares, tau: float):
    """softmax(f + tau log pi): p pi^tau, divided by its sum over the classes."""
    from keras import ops

    logits = ops.log(ops.clip(probabilities, SMALLEST_PROBABILITY, 1.0)) + tau * np.log(shares)
    return ops.softmax(logits)


def adjusted_loss(labels, probabilities, shares, tau: float):
    """Cross-entropy of softmax(f + tau log pi), (batch,); labels one-hot (batch, n_classes)."""
    import keras

    return keras.losses.categorical_crossentropy(labels, adjusted(probabilities, shares, tau))


def focal_loss(labels, probabilities, gamma: float):
    """-sum_y l_y (1 - p_y)^gamma log p_y, (batch,); labels l (batch, n_classes), one-hot or mixed."""
    from keras import ops

    clipped = ops.clip(probabilities, SMALLEST_PROBABILITY, 1.0)
    others = ops.maximum(1.0 - clipped, SMALLEST_OTHERS)
    return -ops.sum(labels * others**gamma * ops.log(clipped), axis=-1)


@dataclass(kw_only=True, eq=False, repr=False)
class LogitAdjustment(ClassifierMethod):
    """After training, argmax f - tau log pi: classes that were seen seldom are chosen sooner.

    Menon et al. 2021, arXiv:2007.07314. The prior is that of the images learned from, so where these are balanced it
    changes nothing.
    """

    tau: float = 1.0

    corrects_prior = True

    def classifier_arguments(self, labels):
        self._check("tau", lambda tau: 0 <= tau < np.inf, AT_LEAST_ZERO)
        shares = class_shares(labels)
        return {"adjust": lambda probabilities: adjusted(probabilities, shares, -self.tau)}


@dataclass(kw_only=True, eq=False, repr=False)
class BalancedSoftmax(ClassifierMethod):
    """While training, the cross-entropy of softmax(f + tau log pi), so that f itself is free of the prior.

    Ren et al. 2020, arXiv:2007.10740 (tau 1); Menon et al. 2021 call it the logit-adjusted loss.
    """

    tau: float = 1.0

    corrects_prior = True

    def classifier_arguments(self, labels):
        self._check("tau", lambda tau: 0 <= tau < np.inf, AT_LEAST_ZERO)
        return {"loss": _of_shares(tuple(class_shares(labels)), self.tau)}


@dataclass(kw_only=True, eq=False, repr=False)
class FocalLoss(ClassifierMethod):
    """Images that are already named right count less (Lin et al. 2017, arXiv:1708.02002)."""

    gamma: float = 2.0

    def classifier_arguments(self, labels):
        self._check("gamma", lambda gamma: 0 <= gamma < np.inf, AT_LEAST_ZERO)
        return {"loss": _focal(self.gamma)}


# the same numbers give the same function, by which classifiers that are trained alike share what was traced


@lru_cache
def _of_shares(shares: tuple[float, ...], tau: float):
    return lambda labels, probabilities: adjusted_loss(labels, probabilities, shares, tau)


@lru_cache
def _focal(gamma: float):
    return lambda labels, probabilities: focal_loss(labels, probabilities, gamma)
