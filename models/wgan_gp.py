"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028), which the slides on FER2013 name."""

from dataclasses import dataclass
from functools import partial

import keras
import tensorflow as tf
from keras import ops

from .augmentation import augmented
from .conditional_gan import ConditionalGAN
from .networks import dcgan
from .training.fit import Stage, TrainingModel
from .training.replicas import batch_mean

BETA_1, BETA_2 = 0.0, 0.9
SMALLEST_SQUARE = 1e-12  # the square root has no finite gradient at 0


@dataclass(kw_only=True, eq=False, repr=False)
class WGANGP(ConditionalGAN):
    """DCGAN's generator, and a critic D whose mean over real minus mean over generated images nears their distance.

    A step is `n_critic_steps` updates of D, each with images and latents of its own, then one of G. `learning_rate` is
    G's, `gradient_penalty_weight` the paper's lambda.
    """

    learning_rate: float = 1e-4
    critic_learning_rate: float = 1e-4
    n_critic_steps: int = 5
    gradient_penalty_weight: float = 10.0

    smallest_numbers = ConditionalGAN.smallest_numbers | {"n_critic_steps": 1}
    weights = ("gradient_penalty_weight",)
    schedules = {
        "smoke": {"n_filters": 8, "batch_size": 50, "n_critic_steps": 2, "steps": {"n_epochs": 10}},
        "quick": {
            "n_filters": 32,
            "batch_size": 50,
            "learning_rate": 5e-4,
            "critic_learning_rate": 5e-4,
            "n_critic_steps": 3,
            "steps": {"n_epochs": 2500},
        },
        "thesis": {"augmentation_strength": 0.0, "steps": {"n_epochs": 200_000}},
    }
    seconds_per_1000_images = {"": {28: 4.8, 32: 10.5, 48: 19.9}}

    def n_images_seen(self, *asked):
        """A step costs about as much as one critic step and those that it takes."""
        return super().n_images_seen(*asked) * (1 + self.n_critic_steps) / (1 + type(self).n_critic_steps)

    def networks(self, image_shape, n_classes):
        return self._with_average(
            {
                "generator": self._generator(image_shape, n_classes),
                "critic": partial(dcgan.critic, image_shape, n_classes, self.n_filters),
            }
        )

    def _stages(self, images, class_indices):
        model = WGANGPTraining(
            self.generator_,
            self.critic_,
            learning_rate=float(self.learning_rate),
            critic_learning_rate=float(self.critic_learning_rate),
            n_critic_steps=self.n_critic_steps,
            gradient_penalty_weight=self.gradient_penalty_weight,
            augmentation_strength=self.augmentation_strength,
        )
        n = self.n_critic_steps
        steps_per_epoch, batches = self._batches(images, class_indices, n_real=n, n_generated=n + 1)

        def add_epsilon(batch):
            *_, seed = self._seeds(batch["step"])
            return batch | {"epsilon": tf.random.stateless_uniform((batch["latent"].shape[0], n), seed)}

        yield Stage(
            self._averaging(model),
            steps_per_epoch,
            lambda first_step: batches(first_step).map(add_epsilon),
            made_now=self._made_now,
        )


def critic_loss(real_values, generated_values):
    """E D(G(z)) - E D(x); its negative estimates the Wasserstein distance as far as D's gradients have norm 1.

    Values are (batch,) or (batch, 1), here and below.
    """
    return batch_mean(generated_values) - batch_mean(real_values)


def gradient_penalty(critic, real, generated, epsilon):
    """E (||grad D(x^)||_2 - 1)^2 with x^ = epsilon x + (1 - epsilon) G(z), without its weight lambda.

    `critic` is a function of images (batch, height, width, channels) alone; epsilon (batch,) is uniform in [0, 1), one
    number an image. The norm is over all pixels and channels of an image.
    """
    epsilon = epsilon[:, None, None, None]
    between = epsilon * real + (1.0 - epsilon) * generated
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = ops.sum(critic(between))  # the gradient of each image's value is its own
    gradients = tape.gradient(values, between)  # (batch, height, width, channels)
    norms = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + SMALLEST_SQUARE)  # (batch,)
    return batch_mean(ops.square(norms - 1.0))


def generator_loss(generated_values):
    """L_G = -E D(G(z))."""
    return -batch_mean(generated_values)


class WGANGPTraining(TrainingModel):
    """Several steps of D, then one of G; each has its own draw of the augmentation, the same for real and generated.

    The losses of D that are recorded are those of its last step: L_D of `critic_loss`, L_GP the weighted penalty.
    """

    def __init__(
        self,
        generator,
        critic,
        *,
        learning_rate,
        critic_learning_rate,
        n_critic_steps,
        gradient_penalty_weight,
        augmentation_strength,
    ):
        optimizers = {
            "generator": (keras.optimizers.Adam(learning_rate, BETA_1, BETA_2), [generator]),
            "critic": (keras.optimizers.Adam(critic_learning_rate, BETA_1, BETA_2), [critic]),
        }
        super().__init__(("L_D", "L_GP", "L_G"), optimizers)
        self.generator = generator
        self.critic = critic
        self.n_critic_steps = n_critic_steps
        self.gradient_penalty_weight = gradient_penalty_weight
        self.augmentation_strength = augmentation_strength

    def train_step(self, batch):
        for index in range(self.n_critic_steps):
            l_d, l_gp = self._critic_step(batch, index)
        latent, numbers = batch["latent"][:, -1], batch["numbers"][:, -1]
        conditions = batch["conditions"][:, -1]  # every class equally often, as in any other batch
        with tf.GradientTape() as tape:
            generated = self.generator([conditions, latent], training=True)
            seen = augmented(generated, numbers, self.augmentation_strength)
            l_g = generator_loss(self.critic([seen, conditions], training=True))
        self.minimise("generator", tape, (l_g, [self.generator]))
        return self.recorded(l_d, l_gp, l_g)

    def _critic_step(self, batch, index: int):
        names = ("images", "conditions", "latent", "numbers", "epsilon")
        real, conditions, latent, numbers, epsilon = (batch[name][:, index] for name in names)  # (batch, ...) each
        generated = self.generator([conditions, latent], training=True)
        real, generated = (augmented(images, numbers, self.augmentation_strength) for images in (real, generated))

        def critic(images):
            return self.critic([images, conditions], training=True)  # (batch, 1)

        with tf.GradientTape() as tape:
            l_d = critic_loss(critic(real), critic(generated))
            l_gp = self.gradient_penalty_weight * gradient_penalty(critic, real, generated, epsilon)
            total = l_d + l_gp
        self.minimise("critic", tape, (total, [self.critic]))
        return l_d, l_gp

    def passes(self):
        # D learns from real and generated images (3 passes each) and from the gradient between them: forward, back to
        # the images, and back through that pass to its weights and to where it began
        n = self.n_critic_steps
        return [(self.generator, n + 1, n + 3), (self.critic, 3 * n + 1, (3 + 3 + 4) * n + 2)]
