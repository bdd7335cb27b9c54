"""Conditional variational autoencoder (thesis sections 1.4 and 2; Sohn et al. 2015)."""

from dataclasses import dataclass
from functools import partial

import keras
import tensorflow as tf
from keras import ops

from ..datasets.batches import shuffled_batches
from . import losses
from .conditional import ConditionalLatents
from .networks import networks_for
from .training.fit import Stage, TrainingModel
from .training.trained_balancer import TrainedBalancer

# CVAE-GAN's for Vehicles, section 4.2: with a larger lambda_1 fewer images are taken for another class (Table L.1)
PHOTOGRAPHS = {"latent_size": 128, "lambda_1": 100.0}
SHORT = PHOTOGRAPHS | {"batch_size": 50, "learning_rate": 5e-4}


@dataclass(kw_only=True, eq=False, repr=False)
class CVAE(ConditionalLatents, TrainedBalancer):
    """Encoder E and decoder G of Tables B.4 and B.1; new images of a class are G(label, z), z from N(0, 1).

    The thesis prints no CVAE: its networks, latent size and optimiser are CVAE-GAN's. The loss is
    1/2 ||x - x'||^2 summed over pixels plus `lambda_1` times eq. 1.2, a mean over latents. With half as much as there
    are latents, as the default has, that is half the sum of squared error and KL divergence, neither weighted. The
    schedules of one's own images have CVAE-GAN's for Vehicles (DEVIATIONS.md).

    Images of 28 x 28 x 1 get the networks that the thesis prints, others scaled ones. Sides need at least 8 pixels.
    """

    n_epochs: int = 1500
    batch_size: int = 300
    learning_rate: float = 2e-4
    latent_size: int = 55
    lambda_1: float = 27.5

    weights = ("lambda_1",)
    schedules = {
        "smoke": SHORT | {"steps": {"n_epochs": 20}},
        "quick": SHORT | {"steps": {"n_epochs": 4000}},
        "thesis": PHOTOGRAPHS | {"n_epochs": 3000, "batch_size": 200, "learning_rate": 2e-4},
    }
    seconds_per_1000_images = {"": {28: 0.7, 32: 0.9, 64: 4.7}}

    def networks(self, image_shape, n_classes):
        builders = networks_for(image_shape)
        return {
            "encoder": partial(builders.cvae_gan_encoder, n_classes, self.latent_size),
            "generator": partial(builders.cvae_gan_generator, n_classes, self.latent_size),
        }

    @property
    def _image_generator(self):
        return self.generator_

    def _stages(self, images, class_indices):
        model = CVAETraining(self.encoder_, self.generator_, self.lambda_1, float(self.learning_rate))
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, class_indices, batch_size, self.seed_)

        def add_noise(batch):
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            return batch | {"noise": tf.random.stateless_normal((batch_size, self.latent_size), seed)}

        yield Stage(model, steps_per_epoch, lambda first_step: batches(first_step).map(add_noise))


class CVAETraining(TrainingModel):
    """One step of encoder and generator together, by one RMSprop."""

    def __init__(self, encoder, generator, lambda_1, learning_rate):
        networks = [encoder, generator]
        super().__init__(("L_KL", "L_2", "L"), {"both": (keras.optimizers.RMSprop(learning_rate), networks)})
        self.encoder = encoder
        self.generator = generator
        self.lambda_1 = lambda_1

    def train_step(self, batch):
        images, labels = batch["images"], batch["labels"][:, None]  # labels (batch, 1)
        with tf.GradientTape() as tape:
            mean, log_variance = self.encoder([images, labels], training=True)
            latent = mean + ops.exp(0.5 * log_variance) * batch["noise"]
            reconstructed = self.generator([labels, latent], training=True)
            l_kl = losses.kl_divergence(mean, log_variance)
            l_2 = losses.half_squared_distance(images, reconstructed)
            total = self.lambda_1 * l_kl + l_2
        self.minimise("both", tape, (total, [self.encoder, self.generator]))
        return self.recorded(l_kl, l_2, total)
