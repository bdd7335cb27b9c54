"""DeepSMOTE (Dablain et al. 2021, arXiv:2105.02340): SMOTE between the codes of an autoencoder."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ..datasets.batches import rows_of, shuffled_batches
from ..datasets.pixels import to_network
from .autoencoder import decoded, encoded
from .balancer import HasLatents
from .inputs import check_like_fitted, checked_latents
from .interpolation import smote_parts
from .networks import autoencoders
from .training.fit import Stage, TrainingModel
from .training.replicas import batch_mean
from .training.trained_balancer import TrainedBalancer, cost_of_filters

PENALTIES = ("none", "balanced", "permuted")


@dataclass(kw_only=True, eq=False, repr=False)
class DeepSMOTE(TrainedBalancer, HasLatents):
    """New images are decoded points between the code of an original and that of a near neighbour of its class.

    An autoencoder learns from all images by their mean squared error, to which each step adds `penalty_weight` times
    a penalty on up to a batch of images of one class, drawn uniformly, so that small classes are learned too:

    - "balanced", what the authors' code computes: a second reconstruction error, from which only the decoder learns.
    - "permuted", as published: codes are decoded in another order than that of the images they are compared with, so
      that the decoder is asked for another image of the class, and both networks learn.
    - "none": none.

    The defaults are the authors' for MNIST; for colour images they take a `latent_size` of 600. Of a class with fewer
    images, as many neighbours are taken as there are. Sides need at least 8 pixels, classes at least two images.
    """

    n_epochs: int = 200
    batch_size: int = 100
    learning_rate: float = 2e-4
    latent_size: int = 300
    n_filters: int = 64
    penalty: str = "balanced"
    penalty_weight: float = 1.0
    n_neighbors: int = 5

    choices = {"penalty": PENALTIES}
    weights = ("penalty_weight",)
    smallest_numbers = {"n_filters": 1, "n_neighbors": 1}
    sampling_parameters = ("n_neighbors",)
    schedules = {
        "smoke": {"n_filters": 8, "batch_size": 50, "learning_rate": 1e-3, "steps": {"n_epochs": 20}},
        "quick": {"n_filters": 32, "batch_size": 50, "learning_rate": 1e-3, "steps": {"n_epochs": 2000}},
        "thesis": {"latent_size": 600},
    }
    seconds_per_1000_images = {"": {28: 4.7, 32: 5.5, 48: 9.7}}

    def n_images_seen(self, *asked):
        return super().n_images_seen(*asked) * cost_of_filters(self.n_filters, type(self).n_filters)

    @property
    def min_images(self):
        return 2  # to interpolate between

    def networks(self, image_shape, n_classes):
        sizes = image_shape, self.latent_size, self.n_filters
        return {
            "encoder": partial(autoencoders.convolutional_encoder, *sizes),
            "decoder": partial(autoencoders.convolutional_decoder, *sizes),
        }

    def n_bytes_held(self, n_images, n_of_class, image_shape):
        return 2 * 4 * n_images * self.latent_size  # codes of all images, twice while they are put together

    def _fit(self, images, class_indices):
        self._check_two_of_each(class_indices)
        super()._fit(images, class_indices)
        codes = encoded(self.encoder_, images)
        self.codes_of_class_ = [codes[class_indices == index] for index in range(len(self.classes_))]

    def _stages(self, images, class_indices):
        learning_rate, weight = float(self.learning_rate), float(self.penalty_weight)
        model = DeepSMOTETraining(self.encoder_, self.decoder_, learning_rate, self.penalty, weight)
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, class_indices, batch_size, self.seed_)
        if self.penalty == "none":
            yield Stage(model, steps_per_epoch, batches)
            return
        counts = np.bincount(class_indices)
        order = tf.constant(np.argsort(class_indices, kind="stable"))
        starts, counts, images_at = tf.constant(np.cumsum(counts) - counts), tf.constant(counts), rows_of(images)

        def add_class(batch):
            """Add images of a class, (at most batch_size, ...), and what their codes should be decoded to."""
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            of_class, of_images = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
            drawn = tf.random.stateless_uniform((), of_class, 0, len(self.classes_), tf.int64)
            count = counts[drawn]
            indices = tf.range(tf.minimum(count, batch_size))
            chosen = starts[drawn] + tf.random.experimental.index_shuffle(indices, of_images, count - 1)
            of_a_class = to_network(images_at(tf.gather(order, chosen)))
            targets = tf.roll(of_a_class, 1, 0) if self.penalty == "permuted" else of_a_class
            return batch | {"class_images": of_a_class, "class_targets": targets}

        yield Stage(model, steps_per_epoch, lambda first_step: batches(first_step).map(add_class))

    def _sample(self, class_index, n, random_state):
        codes = self.codes_of_class_[class_index]
        n_neighbors = min(self.n_neighbors, len(codes) - 1)
        parts = smote_parts(codes, n, n_neighbors, random_state)
        return np.concatenate([decoded(self.decoder_, part) for part in parts])

    def encode(self, images, label):
        self._class_index(label)  # checked only: the networks do not need it
        check_like_fitted(images, self.image_shape_)
        return encoded(self.encoder_, images)

    def decode(self, latent, label):
        self._class_index(label)
        return decoded(self.decoder_, checked_latents(latent, self.latent_size))


@dataclass(kw_only=True, eq=False, repr=False)
class UnpenalisedDeepSMOTE(DeepSMOTE):
    """DeepSMOTE without a penalty: small classes are learned as far as they are seen."""

    penalty: str = "none"


@dataclass(kw_only=True, eq=False, repr=False)
class PermutedDeepSMOTE(DeepSMOTE):
    """DeepSMOTE with the penalty as published, which the authors' code does not compute."""

    penalty: str = "permuted"


class DeepSMOTETraining(TrainingModel):
    """One step of encoder and decoder together, by one Adam, on the reconstruction error and the penalty."""

    def __init__(self, encoder, decoder, learning_rate, penalty, penalty_weight):
        losses = ("L_R",) if penalty == "none" else ("L_R", "L_P")
        super().__init__(losses, {"both": (keras.optimizers.Adam(learning_rate), [encoder, decoder])})
        self.encoder = encoder
        self.decoder = decoder
        self.penalty = penalty
        self.penalty_weight = penalty_weight

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            codes = self.encoder(batch["images"], training=True)
            losses = [self._error(codes, batch["images"])]
            total = losses[0]
            if self.penalty != "none":
                losses.append(self.penalised(batch["class_images"], batch["class_targets"]))
                total += self.penalty_weight * losses[1]
        self.minimise("both", tape, (total, [self.encoder, self.decoder]))
        return self.recorded(*losses)

    def penalised(self, images, targets):
        """L_P; "balanced" keeps it from the encoder."""
        codes = self.encoder(images, training=True)
        return self._error(ops.stop_gradient(codes) if self.penalty == "balanced" else codes, targets)

    def _error(self, codes, targets):
        return batch_mean(ops.square(targets - self.decoder(codes, training=True)))

    def passes(self):
        if self.penalty == "none":
            return super().passes()
        return [(self.encoder, 2, 4 if self.penalty == "balanced" else 6), (self.decoder, 2, 6)]
