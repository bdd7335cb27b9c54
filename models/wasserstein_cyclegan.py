"""Wasserstein CycleGAN (slides on FER2013, part A): two critics in place of CycleGAN's discriminators.

The slides leave open how a critic is kept 1-Lipschitz; here it is the gradient penalty of Gulrajani et al. 2017
(arXiv:1704.00028). Their critic gives one score to an image: the mean over the patches of `patch_discriminator`.
"""

from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import ops

from .cycles import CyclesTraining, absolute_distance
from .translation import OFFICIAL_SIZES, QUICK, Translation
from .wgan_gp import BETA_1, BETA_2, critic_loss, generator_loss, gradient_penalty


@dataclass(kw_only=True, eq=False, repr=False)
class WassersteinCycleGAN(Translation):
    """Translation by two generators and two critics, which take `n_critic_steps` to each step of the generators.

    Learning rates, Adam's betas and `penalty_weight` are those of Gulrajani et al.; they take five critic steps, as
    schedule `thesis` does. An epoch has as many steps of the generators as CycleGAN's, so the critics see each image
    `n_critic_steps` times in it. `adversarial_weight` scales the critics' part of the generators' loss, since the
    gradient of a 1-Lipschitz critic is much longer than that of a mean over pixels; 1 is the slides' sum. There is no
    pool and no soft label: a critic should know the present images, and its scores have no bounds.
    """

    learning_rate: float = 1e-4
    critic_learning_rate: float = 1e-4
    n_critic_steps: int = 2
    penalty_weight: float = 10.0
    adversarial_weight: float = 0.1

    smallest_numbers = Translation.smallest_numbers | {"n_critic_steps": 1}
    weights = (*Translation.weights, "penalty_weight", "adversarial_weight")
    schedules = {
        "smoke": QUICK | {"min_steps": 20},
        "quick": QUICK | {"critic_learning_rate": 5e-4, "min_steps": 1000},
        "thesis": OFFICIAL_SIZES | {"n_critic_steps": 5},
    }
    seconds_per_1000_images = {"": {28: 28.0, 32: 41.0, 48: 70.0}}

    def n_images_seen(self, *asked):
        """A step costs about as much as three critic steps and those that it takes."""
        return super().n_images_seen(*asked) * (3 + self.n_critic_steps) / (3 + type(self).n_critic_steps)

    def _training(self, pair, n_steps):
        rates = (
            self._decaying(self.learning_rate, n_steps),
            self._decaying(self.critic_learning_rate, n_steps * self.n_critic_steps),
        )
        optimizers = [keras.optimizers.Adam(rate, BETA_1, BETA_2) for rate in rates]
        return WassersteinCycleGANTraining(
            pair,
            optimizers,
            n_critic_steps=self.n_critic_steps,
            penalty_weight=self.penalty_weight,
            adversarial_weight=self.adversarial_weight,
            cycle_weight=self.cycle_weight,
            identity_weight=self.identity_weight,
            augmentation_strength=self.augmentation_strength,
        )

    def _batches(self, *arguments):
        """Images (batch_size, n_critic_steps, height, width, channels): each critic step has its own."""
        n_parts = self.n_critic_steps
        steps_per_epoch, batches = super()._batches(*arguments)

        def together(parts):  # (n_critic_steps, batch_size, ...)
            source, target = (tf.experimental.numpy.swapaxes(parts[name], 0, 1) for name in ("source", "target"))
            return {"step": parts["step"][0] // n_parts, "source": source, "target": target}

        return steps_per_epoch, lambda first_step: batches(n_parts * first_step).batch(n_parts).map(together)

    def _noise(self, seed, batch_size):
        """Epsilons (batch_size, n_critic_steps, 2) of D_A's and D_B's penalties."""
        return {"epsilon": tf.random.stateless_uniform((batch_size, self.n_critic_steps, 2), seed)}


class WassersteinCycleGANTraining(CyclesTraining):
    """Steps of both critics, each with other images, then one of G and F with the last of these images."""

    def __init__(self, pair, optimizers, *, n_critic_steps, penalty_weight, adversarial_weight, **weights):
        super().__init__(("L_D_A", "L_D_B", "L_GP", "L_GAN", "L_cyc", "L_id"), pair, optimizers, **weights)
        self.n_critic_steps = n_critic_steps
        self.penalty_weight = penalty_weight
        self.adversarial_weight = adversarial_weight

    def train_step(self, batch):
        for index in range(self.n_critic_steps):
            source, target = batch["source"][:, index], batch["target"][:, index]
            critic_losses = self.critic_step(source, target, batch["epsilon"][:, index], batch)
        with tf.GradientTape() as tape:
            cycles = self.cycles(source, target)
            l_gan = generator_loss(self.target_score(self.seen(cycles.fake_target, batch)))
            l_gan += generator_loss(self.source_score(self.seen(cycles.fake_source, batch)))
            l_cyc = absolute_distance(source, cycles.recovered_source)
            l_cyc += absolute_distance(target, cycles.recovered_target)
            l_id = self.identity_loss(source, target)
            total = self.adversarial_weight * l_gan + self.cycle_weight * (l_cyc + self.identity_weight * l_id)
        self.minimise("generators", tape, (total, self.generators))
        return self.recorded(*critic_losses, l_gan, l_cyc, l_id)

    def critic_step(self, source, target, epsilon, batch):
        fake_target = self.to_target(source, training=True)
        fake_source = self.to_source(target, training=True)
        source, target, fake_source, fake_target = (
            self.seen(images, batch) for images in (source, target, fake_source, fake_target)
        )
        with tf.GradientTape() as tape:
            l_d_a = critic_loss(self.source_score(source), self.source_score(fake_source))
            l_d_b = critic_loss(self.target_score(target), self.target_score(fake_target))
            l_gp = gradient_penalty(self.source_score, source, fake_source, epsilon[:, 0])
            l_gp += gradient_penalty(self.target_score, target, fake_target, epsilon[:, 1])
            total = l_d_a + l_d_b + self.penalty_weight * l_gp
        self.minimise("discriminators", tape, (total, self.discriminators))
        return l_d_a, l_d_b, l_gp

    def source_score(self, images):
        """(batch,)."""
        return ops.mean(self.source_discriminator(images, training=True), axis=(1, 2, 3))

    def target_score(self, images):
        """(batch,)."""
        return ops.mean(self.target_discriminator(images, training=True), axis=(1, 2, 3))

    def passes(self):
        # Each critic step takes a pass through each generator. A critic sees real, fake and mixed images, and the
        # gradient of the penalty goes through forward and backward pass of the last; then G's images and back to them.
        n = self.n_critic_steps
        generators = [(network, forward + n, passes + n) for network, forward, passes in self.generator_passes()]
        return [*generators, *((network, 3 * n + 1, 12 * n + 2) for network in self.discriminators)]
