"""Conditional variational autoencoder (thesis sections 1.4 and 2; Sohn et al. 2015)."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from datasets.batches import shuffled_batches
from models import losses
from models.balancer import Balancer
from models.conditional import generated_images, latent_means
from models.networks import networks_for
from models.training import TrainingModel, dense_gradients, fingerprint, seeded, train


class CVAE(Balancer):
    """Encoder E and decoder G of Tables B.4 and B.1; new images of a class are G(label, z), z from N(0, 1).

    The thesis prints no CVAE: its networks, latent size, optimiser and KL weight `lambda_1` are CVAE-GAN's
    (DEVIATIONS.md). The loss is 1/2 ||x - x'||^2 summed over pixels plus `lambda_1` times eq. 1.2. `folder` keeps
    checkpoints and `history.csv`; a fit with the same arguments and data continues from them.

    Images of 28 x 28 x 1 get the networks that the thesis prints, others scaled ones; sides of at least 8 pixels.
    """

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=0,
        n_epochs=1500,
        batch_size=300,
        learning_rate=2e-4,
        latent_size=55,
        lambda_1=300.0,
        folder=None,
        verbose=0,
    ):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.latent_size = latent_size
        self.lambda_1 = lambda_1
        self.folder = folder
        self.verbose = verbose

    def _fit(self, images, class_indices):
        networks = networks_for(images.shape[1:])
        n_classes = len(self.classes_)
        with seeded(self.seed_):
            self.encoder_ = networks.cvae_gan_encoder(n_classes, self.latent_size)
            self.decoder_ = networks.cvae_gan_generator(n_classes, self.latent_size)
            model = CVAETraining(self.encoder_, self.decoder_, self.lambda_1)
        model.compile(keras.optimizers.RMSprop(float(self.learning_rate)))
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, class_indices, batch_size, self.seed_)

        def add_noise(batch):
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            return batch | {"noise": tf.random.stateless_normal((batch_size, self.latent_size), seed)}

        self.history_ = train(
            model,
            lambda first_step: batches(first_step).map(add_noise),
            n_epochs=self.n_epochs,
            steps_per_epoch=steps_per_epoch,
            random_state=self.seed_,
            description="cvae",
            fingerprint=fingerprint(self, images, class_indices),
            folder=self.folder,
            verbose=self.verbose,
        )

    def _sample(self, class_index, n, random_state):
        latent = np.random.default_rng(random_state).standard_normal((n, self.latent_size), np.float32)
        return generated_images(self.decoder_, latent, class_index)

    def encode(self, images, label):
        """Latent means float32 (n, latent_size) of uint8 images of one class.

        Raises ValueError for a class that was not fitted.
        """
        class_index = self._class_index(label)
        return latent_means(self.encoder_, images, class_index)

    def decode(self, latent, label):
        """uint8 images (n, height, width, channels) of one class from latents float32 (n, latent_size).

        Raises ValueError for a class that was not fitted.
        """
        class_index = self._class_index(label)
        return generated_images(self.decoder_, latent, class_index)


class CVAETraining(TrainingModel):
    """One step of encoder and decoder together, by one RMSprop."""

    def __init__(self, encoder, decoder, lambda_1):
        super().__init__("cvae_training", ("L_KL", "L_2", "L"))
        self.encoder = encoder
        self.decoder = decoder
        self.lambda_1 = lambda_1

    def train_step(self, batch):
        images, labels = batch["images"], batch["labels"][:, None]  # labels (batch, 1)
        with tf.GradientTape() as tape:
            mean, log_variance = self.encoder([images, labels], training=True)
            latent = mean + ops.exp(0.5 * log_variance) * batch["noise"]
            reconstructed = self.decoder([labels, latent], training=True)
            l_kl = losses.kl_divergence(mean, log_variance)
            l_2 = losses.half_squared_distance(images, reconstructed)
            total = self.lambda_1 * l_kl + l_2
        self.optimizer.apply_gradients(dense_gradients(tape, total, self.trainable_variables))
        return self.recorded(l_kl, l_2, total)
