"""What CVAE and CVAE-GAN share: encoders of (image, label) and generators of (label, latent)."""

import numpy as np
import tensorflow as tf

from ..datasets.pixels import to_network
from .balancer import HasLatents
from .inputs import check_like_fitted, checked_latents
from .training.prediction import predict, predict_images, prediction_batch_size


class ConditionalLatents(HasLatents):
    """Sampling, encoding and decoding with `encoder_`, `_image_generator` and `latent_size`.

    New images of a class are G(label, z) with z from N(0, 1); encodings are the means of the latents.
    """

    def _sample(self, class_index, n, random_state):
        latent = np.random.default_rng(random_state).standard_normal((n, self.latent_size), np.float32)
        return self.decode(latent, self.classes_[class_index])

    def encode(self, images, label):
        class_index = self._class_index(label)
        check_like_fitted(images, self.image_shape_)
        batches = tf.data.Dataset.from_tensor_slices(images).batch(prediction_batch_size(self.image_shape_))
        return predict(self.encoder_, batches.map(lambda part: (to_network(part), _labels(part, class_index))))[0]

    def decode(self, latent, label):
        class_index, latent = self._class_index(label), checked_latents(latent, self.latent_size)
        batches = tf.data.Dataset.from_tensor_slices(latent).batch(prediction_batch_size(self.image_shape_))
        return predict_images(self._image_generator, batches.map(lambda part: (_labels(part, class_index), part)))


def _labels(part, class_index: int):
    return tf.fill((tf.shape(part)[0], 1), class_index)  # (batch, 1) int32
