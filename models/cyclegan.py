"""CycleGAN (slides on FER2013, part A; Zhu et al. 2017, arXiv:1703.10593), with least squares losses.

The slides print D_A in the adversarial loss of G as well; it is D_B that sees G's images, as in their full objective.
"""

from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import ops

from .cycles import CyclesTraining, absolute_distance
from .training.replicas import batch_mean, of_one_replica, replica_index, whole_batch
from .translation import OFFICIAL_SIZES, QUICK, Translation

BETA_1 = 0.5  # of Adam, the authors'


def generator_loss(fake_scores):
    """E[(D(G(a)) - 1)^2], G's part of L_GAN; scores (batch, n_rows, n_columns, 1), mean over patches and images."""
    return batch_mean(ops.square(fake_scores - 1.0))


def discriminator_loss(real_scores, fake_scores, real_label):
    """1/2 (E[(D(b) - real_label)^2] + E[D(G(a))^2]), D's part of L_GAN, which the authors' code halves.

    Scores (batch, n_rows, n_columns, 1), means over patches and images.
    """
    return 0.5 * (batch_mean(ops.square(real_scores - real_label)) + batch_mean(ops.square(fake_scores)))


def pooled(pool, images, step, swaps, slots):
    """What D sees in place of G's images (batch, ...), and the pool (n_pooled_images, ...) after that.

    The first images are stored and passed on. Once the pool is full, half of the images are swapped for stored ones:
    those with `swaps` (batch,) below 1/2, for those at `slots` (batch,), int and all different; there is none at
    `n_pooled_images` and above.
    """
    n_slots, n_images = pool.shape[0], ops.shape(images)[0]
    numbers = ops.cast(step, "int32") * n_images + ops.arange(n_images, dtype="int32")  # counted from the first step
    is_full = numbers[0] >= n_slots
    slots = ops.where(is_full, slots, numbers)
    is_stored = ops.logical_and(slots < n_slots, ops.logical_or(swaps < 0.5, ops.logical_not(is_full)))
    is_swapped = ops.logical_and(is_stored, is_full)
    stored_images = ops.take(pool, ops.minimum(slots, n_slots - 1), axis=0)
    passed_on = ops.where(is_swapped[:, None, None, None], stored_images, images)
    rows = tf.boolean_mask(slots, is_stored)[:, None]
    return passed_on, tf.tensor_scatter_nd_update(pool, rows, tf.boolean_mask(images, is_stored))


@dataclass(kw_only=True, eq=False, repr=False)
class CycleGAN(Translation):
    """Translation by two generators and two discriminators with least squares losses and a pool of past images.

    The learning rates of G, F and of D_A, D_B, their decay, the soft label of real images (for D only) and the moved
    images are the slides'. The slides print no numbers for the rest: n_epochs, the pool, lambda and Adam's beta_1 are
    the authors'. The authors' identity loss (`identity_weight` 0.5) is not among the slides' losses. A pool of 0 images
    passes on all images. Networks and batches are smaller than the authors', whose sizes schedule `thesis` has.
    """

    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 1e-4
    real_label: float = 0.9
    n_pooled_images: int = 50

    smallest_numbers = Translation.smallest_numbers | {"n_pooled_images": 0}
    positive_fractions = ("real_label",)
    schedules = {
        "smoke": QUICK | {"min_steps": 20},
        "quick": QUICK | {"discriminator_learning_rate": 5e-4, "min_steps": 2000},
        "thesis": OFFICIAL_SIZES,
    }
    seconds_per_1000_images = {"": {28: 21.0, 32: 27.0, 48: 45.0}}

    def _training(self, pair, n_steps):
        return CycleGANTraining(pair, self._optimizers(n_steps), **self._loss_arguments())

    def _optimizers(self, n_steps):
        rates = self.learning_rate, self.discriminator_learning_rate
        return [keras.optimizers.Adam(self._decaying(rate, n_steps), BETA_1) for rate in rates]

    def _loss_arguments(self):
        return {
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "augmentation_strength": self.augmentation_strength,
            "real_label": self.real_label,
            "n_pooled_images": self.n_pooled_images,
        }

    def _noise(self, seed, batch_size):
        """Which images of G and of F (columns 0 and 1) are swapped for which stored ones, see `pooled`."""
        uniform = tf.random.stateless_uniform((2 * batch_size,), seed)
        order = tf.random.stateless_uniform((2, max(self.n_pooled_images, batch_size)), seed + 1)
        slots = tf.argsort(order)[:, :batch_size]
        return {"swaps": tf.reshape(uniform, (batch_size, 2)), "slots": tf.transpose(slots)}


class CycleGANTraining(CyclesTraining):
    """One step of G and F, then one of D_A and D_B, which see the same images or older ones from the pools."""

    def __init__(self, pair, optimizers, *, real_label, n_pooled_images, **weights):
        super().__init__(("L_D_A", "L_D_B", "L_GAN", "L_cyc", "L_id"), pair, optimizers, **weights)
        self.real_label = real_label
        self.pools = [
            self.add_weight(
                shape=(n_pooled_images, *network.output_shape[1:]), initializer="zeros", trainable=False, name=name
            )
            for name, network in (("pool_of_target", self.to_target), ("pool_of_source", self.to_source))
        ]

    def train_step(self, batch):
        source, target = batch["source"], batch["target"]
        with tf.GradientTape() as tape:
            cycles = self.cycles(source, target)
            l_gan = generator_loss(self.target_discriminator(self.seen(cycles.fake_target, batch), training=True))
            l_gan += generator_loss(self.source_discriminator(self.seen(cycles.fake_source, batch), training=True))
            l_cyc = self.cycle_loss(batch, cycles)
            l_id = self.identity_loss(source, target)
            total = l_gan + self.weight_of_cycles(batch) * (l_cyc + self.identity_weight * l_id)
        self.minimise("generators", tape, (total, self.generators))

        fake_target = self.seen(self.passed_on(0, cycles.fake_target, batch), batch)
        fake_source = self.seen(self.passed_on(1, cycles.fake_source, batch), batch)
        with tf.GradientTape() as tape:
            l_d_a, l_d_b = (
                discriminator_loss(network(real, training=True), network(fake, training=True), self.real_label)
                for network, real, fake in (
                    (self.source_discriminator, self.seen(source, batch), fake_source),
                    (self.target_discriminator, self.seen(target, batch), fake_target),
                )
            )
            both = l_d_a + l_d_b
        self.minimise("discriminators", tape, (both, self.discriminators))
        return self.recorded(l_d_a, l_d_b, l_gan, l_cyc, l_id)

    def cycle_loss(self, batch, cycles):
        """L_cyc(G, F) = E||F(G(a)) - a||_1 + E||G(F(b)) - b||_1."""
        return absolute_distance(batch["source"], cycles.recovered_source) + absolute_distance(
            batch["target"], cycles.recovered_target
        )

    def weight_of_cycles(self, batch):
        """Lambda, of this step."""
        return self.cycle_weight

    def passed_on(self, index, images, batch):
        """Images of G (0) or F (1) from the pool; all replicas have the same pool, of the whole batch's images."""
        pool = self.pools[index]
        if pool.shape[0] == 0:
            return images
        swaps, slots = (whole_batch(batch[name][:, index]) for name in ("swaps", "slots"))
        passed_on, after = pooled(pool, whole_batch(images), batch["step"], swaps, slots)
        pool.assign(after)
        return of_one_replica({"images": passed_on}, replica_index())["images"]

    def passes(self):
        # each D sees G's batch, for which its gradient goes back to the images, then a real and a pooled one
        return [*self.generator_passes(), *((network, 3, 8) for network in self.discriminators)]
