"""DCGAN (Radford et al. 2016, arXiv:1511.06434), the "fake GAN" of the slides on FER2013, with classes."""

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

BETA_1 = 0.5


@dataclass(kw_only=True, eq=False, repr=False)
class DCGAN(ConditionalGAN):
    """G and D learn by the binary cross-entropy, in turn, each by an Adam with a learning rate of its own.

    `learning_rate` is G's. `real_label` is what D should say of real images: 1, or less for soft labels.
    """

    batch_size: int = 128
    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    real_label: float = 1.0

    schedules = {
        "smoke": {"n_filters": 8, "batch_size": 50, "steps": {"n_epochs": 20}},
        "quick": {
            "n_filters": 32,
            "batch_size": 64,
            "learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "steps": {"n_epochs": 4000},
        },
        "thesis": {"augmentation_strength": 0.0, "real_label": 0.9, "steps": {"n_epochs": 7900}},
    }
    seconds_per_1000_images = {"": {28: 0.9, 32: 1.8, 48: 3.3}}
    positive_fractions = ("real_label",)

    def networks(self, image_shape, n_classes):
        return self._with_average(
            {
                "generator": self._generator(image_shape, n_classes),
                "discriminator": partial(dcgan.discriminator, image_shape, n_classes, self.n_filters),
            }
        )

    def _stages(self, images, class_indices):
        model = DCGANTraining(
            self.generator_,
            self.discriminator_,
            learning_rate=float(self.learning_rate),
            discriminator_learning_rate=float(self.discriminator_learning_rate),
            real_label=self.real_label,
            augmentation_strength=self.augmentation_strength,
        )
        yield Stage(
            self._averaging(model),
            *self._batches(images, class_indices, n_real=1, n_generated=1),
            made_now=self._made_now,
        )


def cross_entropy(label: float, logits):
    """-(label log p + (1 - label) log(1 - p)) with p = sigmoid(logits), averaged over the batch; logits (batch, 1)."""
    return batch_mean(label * ops.softplus(-logits) + (1.0 - label) * ops.softplus(logits))


def discriminator_loss(real_logits, generated_logits, real_label: float):
    """L_D = -E log D(x) - E log(1 - D(G(z))); with a soft label the first term is its cross-entropy."""
    return cross_entropy(real_label, real_logits) + cross_entropy(0.0, generated_logits)


def generator_loss(generated_logits):
    """L_G = -E log D(G(z)), the form that does not saturate."""
    return cross_entropy(1.0, generated_logits)


class DCGANTraining(TrainingModel):
    """One step of D, then one of G against the D that has learned, on the same generated images.

    All three times D sees images through the same draw of the augmentation. Real and generated images are batches of
    their own to D's batch normalisation.
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        learning_rate,
        discriminator_learning_rate,
        real_label,
        augmentation_strength,
    ):
        optimizers = {
            "generator": (keras.optimizers.Adam(learning_rate, BETA_1), [generator]),
            "discriminator": (keras.optimizers.Adam(discriminator_learning_rate, BETA_1), [discriminator]),
        }
        super().__init__(("L_D", "L_G"), optimizers)
        self.generator = generator
        self.discriminator = discriminator
        self.real_label = real_label
        self.augmentation_strength = augmentation_strength

    def train_step(self, batch):
        names = ("images", "conditions", "latent", "numbers")
        real, conditions, latent, numbers = (batch[name][:, 0] for name in names)  # (batch, ...) each

        def judged(images):
            seen = augmented(images, numbers, self.augmentation_strength)
            return self.discriminator([seen, conditions], training=True)  # (batch, 1)

        with tf.GradientTape() as generator_tape:
            generated = self.generator([conditions, latent], training=True)
            with generator_tape.stop_recording():
                with tf.GradientTape() as discriminator_tape:
                    l_d = discriminator_loss(judged(real), judged(generated), self.real_label)
                self.minimise("discriminator", discriminator_tape, (l_d, [self.discriminator]))
            l_g = generator_loss(judged(generated))
        self.minimise("generator", generator_tape, (l_g, [self.generator]))
        return self.recorded(l_d, l_g)

    def passes(self):
        # D sees real and generated images and learns from both, then the generated again for G
        return [(self.generator, 1, 3), (self.discriminator, 3, 3 + 3 + 2)]
