"""CycleGAN with the weighted cycle loss (slides on FER2013, part A; Wang and Lin 2024, arXiv:2408.15374).

The slides let gamma grow to 1. There only features of D are left, and the authors keep gamma below 1 since images then
lose what D does not look at; so it ends at 0.9 here. They let lambda fall as well, which the slides do not tell.
"""

from dataclasses import dataclass

import keras
from keras import ops

from .cyclegan import CycleGAN, CycleGANTraining
from .training.replicas import batch_mean
from .translation import QUICK


def weighted_cycle_loss(realness, images, recovered, features, recovered_features, gamma):
    """E_a[D_A(a) (gamma ||f(F(G(a))) - f(a)||_1 + (1 - gamma) ||F(G(a)) - a||_1)], one direction of L_cyc.

    `realness` (batch,) is D_A(a), `features` (batch, rows, columns, channels) are f(a). Both norms are means over all
    but the batch axis.
    """
    of_features = ops.mean(ops.abs(recovered_features - features), axis=(1, 2, 3))
    of_pixels = ops.mean(ops.abs(recovered - images), axis=(1, 2, 3))
    return batch_mean(realness * (gamma * of_features + (1.0 - gamma) * of_pixels))


def bounded_realness(scores, smallest):
    """D's mean score (batch,) of each image, within [smallest, 1], as a weight: D's gradient is not passed on."""
    return ops.stop_gradient(ops.clip(ops.mean(scores, axis=(1, 2, 3)), smallest, 1.0))


def linear_course(first, last, progress):
    """From `first` at progress 0 to `last` at 1."""
    return first + (last - first) * progress


@dataclass(kw_only=True, eq=False, repr=False)
class WeightedCycleGAN(CycleGAN):
    """CycleGAN whose cycles are compared by D's last features and weighted by D.

    In the course of the training gamma goes linearly from `gamma_initial` to `gamma_final`, and lambda from
    `cycle_weight` to `cycle_weight_final`. Each image's share of the loss is weighted by D's score of the original,
    within [`min_realness`, 1]: the slides' D has a sigmoid, a score of ours has no bounds. Each ingredient can be
    switched off by its value: features by `gamma_final` 0, the fall of lambda by a `cycle_weight_final` equal to
    `cycle_weight`, D's weights by `min_realness` 1. Without all three it is CycleGAN.
    """

    gamma_initial: float = 0.0
    gamma_final: float = 0.9
    cycle_weight_final: float = 5.0
    min_realness: float = 0.0

    weights = (*CycleGAN.weights, "cycle_weight_final")
    fractions = (*CycleGAN.fractions, "gamma_initial", "gamma_final", "min_realness")
    schedules = CycleGAN.schedules | {
        name: CycleGAN.schedules[name] | {"cycle_weight_final": QUICK["cycle_weight"] / 2}
        for name in ("smoke", "quick")
    }

    def _training(self, pair, n_steps):
        return WeightedCycleGANTraining(
            pair,
            self._optimizers(n_steps),
            gammas=(self.gamma_initial, self.gamma_final),
            cycle_weight_final=self.cycle_weight_final,
            min_realness=self.min_realness,
            **self._loss_arguments(),
        )


class WeightedCycleGANTraining(CycleGANTraining):
    """A step like CycleGAN's, with another loss for the cycles."""

    def __init__(self, pair, optimizers, *, gammas, cycle_weight_final, min_realness, **arguments):
        super().__init__(pair, optimizers, **arguments)
        self.gammas = gammas
        self.cycle_weight_final = cycle_weight_final
        self.min_realness = min_realness
        self.source_features = _with_features(self.source_discriminator)
        self.target_features = _with_features(self.target_discriminator)

    def weight_of_cycles(self, batch):
        return linear_course(self.cycle_weight, self.cycle_weight_final, batch["progress"])

    def cycle_loss(self, batch, cycles):
        """L_cyc(G, F, D_A, A, gamma) + L_cyc(G, F, D_B, B, gamma)."""
        gamma = linear_course(*self.gammas, batch["progress"])
        total = 0.0
        for network, images, recovered in (
            (self.source_features, batch["source"], cycles.recovered_source),
            (self.target_features, batch["target"], cycles.recovered_target),
        ):
            scores, features = network(self.seen(images, batch), training=True)
            _, recovered_features = network(self.seen(recovered, batch), training=True)
            realness = bounded_realness(scores, self.min_realness)
            total += weighted_cycle_loss(realness, images, recovered, features, recovered_features, gamma)
        return total

    def passes(self):
        # CycleGAN's, and each D sees originals and recovered images, to which the gradient goes back
        return [*self.generator_passes(), *((network, 5, 11) for network in self.discriminators)]


def _with_features(discriminator):
    """The same network with what its last convolution sees as a second output."""
    return keras.Model(discriminator.input, [discriminator.output, discriminator.get_layer("features").output])
