"""CVAE-GAN (thesis section 3.2; Bao et al. 2017, arXiv:1703.10155): four networks, six loss terms."""

from dataclasses import dataclass
from functools import partial

import keras
import tensorflow as tf
from keras import ops

from ..datasets.batches import shuffled_batches
from . import losses
from .augmentation import N_NUMBERS, augmented
from .averaged_generator import AveragedGenerator
from .conditional import ConditionalLatents
from .networks import networks_for
from .training.fit import Stage, TrainingModel
from .training.replicas import batch_mean

PHOTOGRAPHS = {"latent_size": 128, "lambda_1": 100.0}  # Vehicles, section 4.2
SHORT = PHOTOGRAPHS | {"batch_size": 25, "learning_rate": 5e-4}


@dataclass(kw_only=True, eq=False, repr=False)
class CVAEGAN(ConditionalLatents, AveragedGenerator):
    """Encoder E, generator G, discriminator D and classifier C of Tables B.1-B.4, trained together.

    New images of a class are G(label, z) with z from N(0, 1). The defaults are the thesis's for MNIST
    (section 4.2): RMSprop with one learning rate for all four networks, `lambda_1` of eq. 3.6. `lambda_2` to
    `lambda_4` are the paper's, since the thesis prints no others; `centre_momentum` of the moving averages of
    eq. 3.2 and 3.3 is ours (DEVIATIONS.md). With `augmentation_strength` D sees all images through
    `models.augmentation`, for few images; the thesis has none.

    Images of 28 x 28 x 1 get the networks that the thesis prints, others scaled ones. Sides need at least 8 pixels.
    """

    n_epochs: int = 1500
    batch_size: int = 300
    learning_rate: float = 2e-4
    latent_size: int = 55
    lambda_1: float = 300.0
    lambda_2: float = 1.0
    lambda_3: float = 1e-3
    lambda_4: float = 1e-3
    centre_momentum: float = 0.9
    augmentation_strength: float = 0.0

    weights = ("lambda_1", "lambda_2", "lambda_3", "lambda_4")
    fractions = ("centre_momentum", "augmentation_strength")
    training_revision = 1  # gradients of the feature centres, and C for 32 x 32 x 3
    later_parameters = AveragedGenerator.later_parameters | {"augmentation_strength": 0.0}
    schedules = {
        "smoke": SHORT | {"steps": {"n_epochs": 6}},
        "quick": SHORT | {"steps": {"n_epochs": 1500}},
        "thesis": PHOTOGRAPHS | {"n_epochs": 3000, "batch_size": 200, "learning_rate": 2e-4},
    }
    seconds_per_1000_images = {"": {28: 2.6, 32: 4.7, 64: 21.0}}

    def networks(self, image_shape, n_classes):
        builders = networks_for(image_shape)
        return self._with_average(
            {
                "encoder": partial(builders.cvae_gan_encoder, n_classes, self.latent_size),
                "generator": partial(builders.cvae_gan_generator, n_classes, self.latent_size),
                "discriminator": builders.cvae_gan_discriminator,
                "classifier": partial(builders.cvae_gan_classifier, n_classes),
            }
        )

    def _stages(self, images, class_indices):
        model = CVAEGANTraining(
            self.encoder_,
            self.generator_,
            self.discriminator_,
            self.classifier_,
            weights=(self.lambda_1, self.lambda_2, self.lambda_3, self.lambda_4),
            centre_momentum=self.centre_momentum,
            augmentation_strength=self.augmentation_strength,
            learning_rate=float(self.learning_rate),
        )
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, class_indices, batch_size, self.seed_)

        def batches_with_noise(first_step):
            return batches(first_step).map(lambda batch: batch | self._noise(batch["step"], batch_size))

        yield Stage(self._averaging(model), steps_per_epoch, batches_with_noise)

    def _noise(self, step, batch_size):
        """All that is random about a step: reparametrisation noise, latents z_p, uniform labels c_p, augmentation."""
        seed = tf.stack([tf.cast(self.seed_, tf.int64), step])
        normal = tf.random.stateless_normal((batch_size, 2 * self.latent_size), seed)
        prior_labels = tf.random.stateless_uniform(
            (batch_size,), seed, minval=0, maxval=len(self.classes_), dtype=tf.int32
        )
        return {
            "noise": normal[:, : self.latent_size],
            "prior_latent": normal[:, self.latent_size :],
            "prior_labels": prior_labels,
            "numbers": tf.random.stateless_uniform((batch_size, N_NUMBERS), seed + 1),
        }


class CVAEGANTraining(TrainingModel):
    """One step of all four networks; each minimises its own terms of eq. 3.6.

    D: L_D. C: L_C. E: lambda_1 L_KL + lambda_2 L_G. G: lambda_2 L_G + lambda_3 L_GD + lambda_4 L_GC. E and G
    share one gradient, because L_KL does not depend on G, nor L_GD and L_GC on E. All gradients are taken at the
    same point, then applied at once by one RMSprop, which keeps a separate average for every weight.
    """

    def __init__(
        self,
        encoder,
        generator,
        discriminator,
        classifier,
        *,
        weights,
        centre_momentum,
        augmentation_strength,
        learning_rate,
    ):
        networks = [encoder, generator, discriminator, classifier]
        optimizers = {"all": (keras.optimizers.RMSprop(learning_rate), networks)}
        super().__init__(("L_D", "L_C", "L_KL", "L_G", "L_GD", "L_GC", "L"), optimizers)
        self.encoder = encoder
        self.generator = generator
        self.discriminator = _with_features(discriminator, "flatten_2")
        self.classifier = _with_features(classifier, "flatten_3")
        self.loss_weights = dict(zip(("lambda_1", "lambda_2", "lambda_3", "lambda_4"), weights, strict=True))
        self.centre_momentum = centre_momentum
        self.augmentation_strength = augmentation_strength
        n_classes = classifier.output_shape[-1]
        (n_features_d,) = discriminator.get_layer("flatten_2").output.shape[1:]
        (n_features_c,) = classifier.get_layer("flatten_3").output.shape[1:]
        self.real_centre = self._centre("real_centre", (n_features_d,))
        self.generated_centre = self._centre("generated_centre", (n_features_d,))
        self.real_class_centres = self._centre("real_class_centres", (n_classes, n_features_c))
        self.generated_class_centres = self._centre("generated_class_centres", (n_classes, n_features_c))

    def _centre(self, name, shape):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

    def train_step(self, batch):
        real, labels, prior_labels = batch["images"], batch["labels"], batch["prior_labels"]
        momentum = self.centre_momentum
        with tf.GradientTape(persistent=True) as tape:
            mean, log_variance = self.encoder([real, labels[:, None]], training=True)
            latent = mean + ops.exp(0.5 * log_variance) * batch["noise"]
            reconstructed = self.generator([labels[:, None], latent], training=True)
            generated = self.generator([prior_labels[:, None], batch["prior_latent"]], training=True)

            real_d, features_real_d = self.judged(real, batch)
            reconstructed_d, features_reconstructed_d = self.judged(reconstructed, batch)
            generated_d, features_generated_d = self.judged(generated, batch)
            real_c, features_real_c = self.classifier(real, training=True)
            _, features_reconstructed_c = self.classifier(reconstructed, training=True)
            _, features_generated_c = self.classifier(generated, training=True)

            real_centre = losses.moving_average(self.real_centre, batch_mean(features_real_d, axis=0), momentum)
            generated_centre = losses.moving_average(
                self.generated_centre, batch_mean(features_generated_d, axis=0), momentum
            )
            real_class_centres = losses.class_moving_average(self.real_class_centres, features_real_c, labels, momentum)
            generated_class_centres = losses.class_moving_average(
                self.generated_class_centres, features_generated_c, prior_labels, momentum
            )

            l_d = losses.discriminator_loss(real_d, reconstructed_d, generated_d)
            l_c = losses.classification_loss(labels, real_c)
            l_kl = losses.kl_divergence(mean, log_variance)
            l_g = losses.reconstruction_loss(
                real,
                reconstructed,
                features_real_d,
                features_reconstructed_d,
                features_real_c,
                features_reconstructed_c,
            )
            l_gd = losses.mean_feature_loss(real_centre, generated_centre)
            l_gc = losses.class_mean_feature_loss(real_class_centres, generated_class_centres)
            total = losses.cvae_gan_loss(l_d, l_c, l_kl, l_g, l_gd, l_gc, **self.loss_weights)
            encoder_generator_loss = total - l_d - l_c

        self.minimise(
            "all",
            tape,
            (l_d, [self.discriminator]),
            (l_c, [self.classifier]),
            (encoder_generator_loss, [self.encoder, self.generator]),
        )

        self.real_centre.assign(real_centre)
        self.generated_centre.assign(generated_centre)
        self.real_class_centres.assign(real_class_centres)
        self.generated_class_centres.assign(generated_class_centres)
        return self.recorded(l_d, l_c, l_kl, l_g, l_gd, l_gc, total)

    def judged(self, images, batch):
        """D's probabilities and features."""
        return self.discriminator(augmented(images, batch["numbers"], self.augmentation_strength), training=True)

    def passes(self):
        # D and C see three batches. D learns from all, C from one; G's losses go back to the inputs of two
        return [(self.encoder, 1, 3), (self.generator, 2, 6), (self.discriminator, 3, 11), (self.classifier, 3, 7)]


def _with_features(network, layer_name):
    """The same network with the inputs of its last dense layer (before dropout) as a second output."""
    return keras.Model(network.input, [network.output, network.get_layer(layer_name).output])
