"""BAGAN (thesis section 3.3; Mariani et al. 2018, arXiv:1803.09655): an autoencoder, then a GAN that starts from it."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.covariance import LedoitWolf

from ..datasets.batches import class_balanced_batches, rotating_labels, shuffled_batches
from . import losses
from .augmentation import N_NUMBERS, augmented
from .autoencoder import decoded, encoded
from .averaged_generator import AveragedGenerator
from .balancer import HasLatents
from .inputs import check_like_fitted, checked_latents
from .networks import networks_for
from .training.fit import Stage, TrainingModel

# Vehicles, section 4.3
PHOTOGRAPHS = {"batch_size": 220, "learning_rate": 2e-4, "latent_size": 20, "optimizer": "rmsprop"}
SHORT = PHOTOGRAPHS | {"batch_size": 50, "learning_rate": 1e-4, "optimizer": "adam"}
BETA_1 = 0.5  # of stage 3, where the optimizer is Adam: the authors' published code


@dataclass(kw_only=True, eq=False, repr=False)
class BAGAN(AveragedGenerator, HasLatents):
    """Encoder E, decoder Delta = generator G and discriminator D of Tables B.5-B.7, trained in three stages.

    1. E and Delta learn to reconstruct all images. 2. G starts from Delta's weights, D from E's, and every class gets
    a Gaussian of its encodings. 3. G makes images of uniformly drawn classes from those Gaussians, D names the class
    of an image or calls it fake. New images of a class are G(z) with z from the class's Gaussian.

    The defaults are the thesis's for MNIST (section 4.3): Adam in both stages. `optimizer` is Keras' name of one, for
    Vehicles "rmsprop". `head` is D's last activation (see `bagan_discriminator`): by default softmax, as the authors'
    code has it, where Table B.6 prints sigmoid. With `autoencoder_min_improvement` above 0 the autoencoder's training
    ends before `n_autoencoder_epochs` where five epochs lower its mean loss by less than this share of that of the five
    before: its plateau. With `augmentation_strength` D sees all images through `models.augmentation`, for few images;
    the thesis has none.

    Images of 28 x 28 x 1 get the networks that the thesis prints, others scaled ones. Sides need at least 8 pixels,
    classes and batches at least two images.
    """

    n_autoencoder_epochs: int = 300
    n_epochs: int = 800
    batch_size: int = 275
    learning_rate: float = 5e-5
    latent_size: int = 10
    optimizer: str = "adam"
    head: str = "softmax"
    autoencoder_min_improvement: float = 0.0
    augmentation_strength: float = 0.0

    choices = {"head": ("softmax", "sigmoid")}
    fractions = ("autoencoder_min_improvement", "augmentation_strength")
    later_parameters = AveragedGenerator.later_parameters | {
        "autoencoder_min_improvement": 0.0,
        "augmentation_strength": 0.0,
    }
    epochs_of_stage = {"autoencoder": "n_autoencoder_epochs", "adversarial": "n_epochs"}
    schedules = {
        "smoke": SHORT | {"steps": {"n_autoencoder_epochs": 20, "n_epochs": 20}},
        "quick": SHORT | {"steps": {"n_autoencoder_epochs": 2500, "n_epochs": 3000}},
        "thesis": PHOTOGRAPHS | {"n_autoencoder_epochs": 1200, "n_epochs": 2500},
    }
    seconds_per_1000_images = {
        "autoencoder": {28: 0.4, 32: 0.45, 64: 2.0},
        "adversarial": {28: 0.6, 32: 0.6, 64: 2.3},
    }

    def n_images_seen(self, stage, n_images, n_classes, n_small_classes):
        """In the adversarial stage an epoch's real images fill batches, in which fakes come to them."""
        if stage == "autoencoder":
            return super().n_images_seen(stage, n_images, n_classes, n_small_classes)
        batch_size, n_fakes = self._batch_numbers(n_images, n_classes)
        return self.n_epochs * (n_images // max(1, batch_size - n_fakes)) * batch_size

    @property
    def min_images(self):
        return 2  # for a class's Gaussian

    def networks(self, image_shape, n_classes):
        builders = networks_for(image_shape)
        return self._with_average(
            {
                "encoder": partial(builders.bagan_encoder, self.latent_size),
                "decoder": partial(builders.bagan_generator, self.latent_size),
                "generator": partial(builders.bagan_generator, self.latent_size),
                "discriminator": partial(builders.bagan_discriminator, n_classes, self.head),
            }
        )

    def _stages(self, images, class_indices):
        self._check_two_of_each(class_indices)
        batch_size, n_fakes = self._batch_numbers(len(images), len(self.classes_))
        if batch_size <= n_fakes:
            raise ValueError(f"batch_size must be at least 2, for a real image and a fake one, got {self.batch_size}")
        model = AutoencoderTraining(self.encoder_, self.decoder_, self._new_optimizer())
        batch = min(self.batch_size, len(images))
        yield Stage(
            model,
            *shuffled_batches(images, class_indices, batch, self.seed_),
            name="autoencoder",
            min_improvement=self.autoencoder_min_improvement,
        )
        hand_over(self.encoder_, self.decoder_, self.discriminator_, self.generator_)
        self.class_means_, self.class_factors_ = class_gaussians(encoded(self.encoder_, images), class_indices)
        yield self._adversarial_stage(images, class_indices)

    def _adversarial_stage(self, images, class_indices):
        optimizers = [self._new_optimizer(beta_1=BETA_1), self._new_optimizer(beta_1=BETA_1)]
        model = self._averaging(
            BAGANTraining(self.generator_, self.discriminator_, *optimizers, self.augmentation_strength)
        )
        n_classes = len(self.classes_)
        batch_size, n_fakes = self._batch_numbers(len(images), len(self.classes_))
        steps_per_epoch, batches = class_balanced_batches(images, class_indices, batch_size - n_fakes, self.seed_)
        means = tf.constant(self.class_means_, tf.float32)
        factors = tf.constant(self.class_factors_, tf.float32)

        def latents(labels, seed):
            """A latent of each class's Gaussian: labels (n,) -> (n, latent_size)."""
            normal = tf.random.stateless_normal((labels.shape[0], self.latent_size), seed)
            return tf.gather(means, labels) + tf.einsum("nij,nj->ni", tf.gather(factors, labels), normal)

        def add_latents(batch):
            """Add the fakes that D learns from, and a whole batch for G; the classes of both are uniform."""
            step = batch["step"]
            fake_labels = tf.cast(rotating_labels(step, n_fakes, n_classes), tf.int32)
            labels = tf.cast(rotating_labels(step, batch_size, n_classes), tf.int32)
            seed = tf.stack([tf.cast(self.seed_, tf.int64), step])
            of_fakes, of_latents, of_numbers = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
            numbers = tf.random.stateless_uniform((2 * batch_size, N_NUMBERS), of_numbers)
            return batch | {
                "fake_numbers": numbers[:n_fakes],
                "real_numbers": numbers[n_fakes:batch_size],
                "generated_numbers": numbers[batch_size:],
                "fake_latent": latents(fake_labels, of_fakes),
                "latent": latents(labels, of_latents),
                "latent_labels": labels,
            }

        return Stage(model, steps_per_epoch, lambda first: batches(first).map(add_latents), name="adversarial")

    def _batch_numbers(self, n_images, n_classes):
        """Images in a batch of D, and how many of them are fakes."""
        batch_size = min(self.batch_size, n_images)
        return batch_size, max(1, round(batch_size / (n_classes + 1)))

    def _new_optimizer(self, beta_1=None):
        """A new one of the kind that is asked for; `beta_1` is that of Adam, and of no meaning to others."""
        config = {"learning_rate": float(self.learning_rate)}
        if beta_1 is not None and str(self.optimizer).lower() == "adam":
            config["beta_1"] = beta_1
        try:
            return keras.optimizers.get({"class_name": self.optimizer, "config": config})
        except (ValueError, AttributeError) as error:
            names = "Keras' name of one, such as adam or rmsprop"
            raise ValueError(f"optimizer must be {names}, got {self.optimizer!r}") from error

    def _sample(self, class_index, n, random_state):
        normal = np.random.default_rng(random_state).standard_normal((n, self.latent_size))
        latent = self.class_means_[class_index] + normal @ self.class_factors_[class_index].T
        return self.decode(latent, self.classes_[class_index])

    def encode(self, images, label):
        self._class_index(label)  # checked only: the encoder does not need it
        check_like_fitted(images, self.image_shape_)
        return encoded(self.encoder_, images)

    def decode(self, latent, label):
        self._class_index(label)  # checked only: latents contain the class
        return decoded(self._image_generator, checked_latents(latent, self.latent_size))


class AutoencoderTraining(TrainingModel):
    """Stage 1: E and Delta minimise 1/2 ||x - x'||^2, summed over pixels; labels are not used."""

    def __init__(self, encoder, decoder, optimizer):
        super().__init__(("L_2",), {"both": (optimizer, [encoder, decoder])})
        self.encoder = encoder
        self.decoder = decoder

    def train_step(self, batch):
        images = batch["images"]
        with tf.GradientTape() as tape:
            reconstructed = self.decoder(self.encoder(images, training=True), training=True)
            loss = losses.half_squared_distance(images, reconstructed)
        self.minimise("both", tape, (loss, [self.encoder, self.decoder]))
        return self.recorded(loss)


def hand_over(encoder, decoder, discriminator, generator) -> None:
    """Stage 2: G takes all of Delta's weights, D takes E's in the layers they share; D's last layer keeps its own."""
    generator.set_weights(decoder.get_weights())
    shared = encoder.get_weights()[:-2]
    discriminator.set_weights(shared + discriminator.get_weights()[-2:])


def class_gaussians(encodings, class_indices):
    """Stage 2: mean and factor of each class's Gaussian of encodings (n, latent_size).

    Returns means (n_classes, latent_size) and factors (n_classes, latent_size, latent_size) with
    covariance = factor @ factor.T. The covariance of a class with no more images than latent dimensions is
    shrunk (Ledoit and Wolf), since the sample covariance is singular there.
    """
    means, factors = [], []
    for index in range(class_indices.max() + 1):
        members = encodings[class_indices == index].astype(np.float64)
        few = len(members) <= encodings.shape[1]
        covariance = LedoitWolf().fit(members).covariance_ if few else np.cov(members.T)
        eigenvalues, eigenvectors = np.linalg.eigh(np.atleast_2d(covariance))
        means.append(members.mean(axis=0))
        factors.append(eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0)))
    return np.stack(means), np.stack(factors)


class BAGANTraining(TrainingModel):
    """Stage 3: one step of D, then one of G against the D that results, both by sparse categorical cross-entropy.

    D sees real images of all classes and, as 1/(n_classes + 1) of its batch, generated ones, which it should call
    fake (label n_classes). G learns from a whole batch of new latents to make D give every image its class. The thesis
    does not print the order; this is that of the authors' code (IBM/BAGAN), and so is `BETA_1`.
    """

    def __init__(self, generator, discriminator, generator_optimizer, discriminator_optimizer, augmentation_strength):
        optimizers = {
            "discriminator": (discriminator_optimizer, [discriminator]),
            "generator": (generator_optimizer, [generator]),
        }
        super().__init__(("L_D", "L_G"), optimizers)
        self.augmentation_strength = augmentation_strength
        self.generator = generator
        self.discriminator = discriminator

    def train_step(self, batch):
        fake = self.generator(batch["fake_latent"], training=True)
        with tf.GradientTape() as tape:
            l_d = self.discriminator_loss(batch, fake)
        self.minimise("discriminator", tape, (l_d, [self.discriminator]))

        with tf.GradientTape() as tape:
            l_g = self.generator_loss(batch)
        self.minimise("generator", tape, (l_g, [self.generator]))
        return self.recorded(l_d, l_g)

    def discriminator_loss(self, batch, fake):
        """Of real images and of fakes (n_fakes, height, width, channels)."""
        fakes = ops.full((ops.shape(fake)[0],), self.discriminator.output_shape[-1] - 1, dtype="int32")
        numbers = ops.concatenate([batch["real_numbers"], batch["fake_numbers"]])
        probabilities = self.judged(ops.concatenate([batch["images"], fake]), numbers)  # (batch, n_classes + 1)
        return losses.classification_loss(ops.concatenate([batch["labels"], fakes]), probabilities)

    def generator_loss(self, batch):
        generated = self.generator(batch["latent"], training=True)
        probabilities = self.judged(generated, batch["generated_numbers"])
        return losses.classification_loss(batch["latent_labels"], probabilities)

    def judged(self, images, numbers):
        return self.discriminator(augmented(images, numbers, self.augmentation_strength), training=True)

    def passes(self):
        # D learns from one batch and passes another's gradient on to G, which also makes the fakes of the first
        fakes = 1 / self.discriminator.output_shape[-1]
        return [(self.generator, 1 + fakes, 3 + fakes), (self.discriminator, 2, 3 + 2)]
