"""Both cycles between two classes A and B, as all CycleGANs train them (slides on FER2013, part A; Zhu et al. 2017)."""

from typing import NamedTuple

import keras
from keras import ops

from .augmentation import augmented
from .training.fit import TrainingModel
from .training.replicas import batch_mean


def absolute_distance(images, others):
    """E||x - x'||_1 as the mean over pixels, channels and images (batch, height, width, channels).

    One direction of the cycle consistency loss, ||F(G(a)) - a||_1, and of the identity loss, ||G(b) - b||_1.
    """
    return batch_mean(ops.abs(images - others))


class Cycles(NamedTuple):
    """Images (batch, height, width, channels) of a step: G(a), F(G(a)), F(b) and G(F(b))."""

    fake_target: object
    recovered_source: object
    fake_source: object
    recovered_target: object


class CyclesTraining(TrainingModel):
    """Generators G: A -> B (`to_target`) and F: B -> A (`to_source`) with D_A and D_B, which learn from B and A.

    A subclass writes `train_step`, which says what D_A and D_B are to G and F. The optimizers are called "generators"
    and "discriminators".
    """

    def __init__(self, losses, pair, optimizers, *, cycle_weight, identity_weight, augmentation_strength):
        """`pair`: role -> network, see `translation.ROLES`; `optimizers` of the generators and the discriminators."""
        of_generators, of_discriminators = optimizers
        named = {
            "generators": (of_generators, [pair["to_target"], pair["to_source"]]),
            "discriminators": (of_discriminators, [pair["source_discriminator"], pair["target_discriminator"]]),
        }
        super().__init__(losses, named)
        self.to_target, self.to_source = pair["to_target"], pair["to_source"]
        self.source_discriminator = pair["source_discriminator"]  # D_A
        self.target_discriminator = pair["target_discriminator"]  # D_B
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.augmentation_strength = augmentation_strength

    @property
    def generators(self):
        return [self.to_target, self.to_source]

    @property
    def discriminators(self):
        return [self.source_discriminator, self.target_discriminator]

    def cycles(self, source, target) -> Cycles:
        fake_target = self.to_target(source, training=True)
        fake_source = self.to_source(target, training=True)
        recovered_source = self.to_source(fake_target, training=True)
        recovered_target = self.to_target(fake_source, training=True)
        return Cycles(fake_target, recovered_source, fake_source, recovered_target)

    def seen(self, images, batch):
        """What D_A and D_B get to see of images: all of a step's with the same changes."""
        return augmented(images, batch["numbers"], self.augmentation_strength)

    def identity_loss(self, source, target):
        """||G(b) - b||_1 + ||F(a) - a||_1, and 0 without passing a network if `identity_weight` is 0."""
        if self.identity_weight == 0:
            return ops.zeros((), source.dtype)
        same_target = self.to_target(target, training=True)
        same_source = self.to_source(source, training=True)
        return absolute_distance(target, same_target) + absolute_distance(source, same_source)

    def generator_passes(self):
        """Of G and F together, for `passes`: two forward passes each, and a third for the identity loss."""
        n_forward = 2 if self.identity_weight == 0 else 3
        return [(network, n_forward, 3 * n_forward) for network in self.generators]


@keras.saving.register_keras_serializable("class_balancing")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is constant, then falls linearly to 0 at `n_steps`, during the last `n_decay_steps`."""

    def __init__(self, learning_rate: float, n_steps: int, n_decay_steps: int):
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.n_decay_steps = n_decay_steps

    def __call__(self, step):
        n_left = self.n_steps - ops.cast(step, "float32")
        return self.learning_rate * ops.clip(n_left / max(1, self.n_decay_steps), 0.0, 1.0)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "n_steps": self.n_steps, "n_decay_steps": self.n_decay_steps}
