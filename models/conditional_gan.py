"""What DCGAN and WGAN-GP share: what a step is given, and sampling."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from ..datasets.batches import class_balanced_batches
from .augmentation import N_NUMBERS
from .averaged_generator import AveragedGenerator
from .networks import dcgan
from .training.prediction import predict_images, prediction_batch_size
from .training.trained_balancer import cost_of_filters

FEW_IMAGES = 50  # of a class; GANs with augmentation made classifiers worse below 20 to 50 (arXiv:2603.16134)


@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalGAN(AveragedGenerator):
    """A generator G of [condition, z] and a network D that judges [image, condition], for all classes together.

    New images of a class are G(condition, z) with z from N(0, 1) and the one-hot class as the condition. Classes are
    drawn equally often while training, so D sees few images of a small class often; see `models.augmentation` for what
    `augmentation_strength` (0 to 1) does about it. `n_filters` is the width of the layers next to the image. With
    `n_ramp_steps` the condition grows from nothing to its whole weight over the first so many updates of G, because
    conditional GANs can collapse where unconditional ones do not (Shahbazi et al. 2022, arXiv:2201.06578).

    An epoch is as many updates of G as the images fill batches. Sides of at least 8 pixels, at least two images of each
    class; `fit` warns of classes of less than 50, and raises ValueError for a ramp that training would not reach the
    end of, since new images are made with the whole condition.
    """

    latent_size: int = 100
    n_filters: int = 64
    augmentation_strength: float = 1.0
    n_ramp_steps: int = 0

    fractions = ("augmentation_strength",)
    smallest_numbers = {"n_filters": 1, "n_ramp_steps": 0}

    def n_images_seen(self, *asked):
        return super().n_images_seen(*asked) * cost_of_filters(self.n_filters, type(self).n_filters)

    @property
    def min_images(self):
        return 2  # or all new images would be the one

    def _generator(self, image_shape, n_classes):
        return partial(dcgan.generator, image_shape, n_classes, self.latent_size, self.n_filters)

    def _fit(self, images, class_indices):
        self._check_numbers()
        self._check_two_of_each(class_indices)
        n_updates = self.n_epochs * (len(images) // min(self.batch_size, len(images)))
        if 0 < n_updates <= self.n_ramp_steps:
            raise ValueError(
                f"n_ramp_steps must be less than the {n_updates} updates of G that training has, "
                f"got {self.n_ramp_steps}"
            )
        counts = np.bincount(class_indices)
        few = [f"{label} ({n})" for label, n in zip(self.classes_, counts, strict=True) if n < FEW_IMAGES]
        if few:
            warnings.warn(
                f"{type(self).__name__} learns from less than {FEW_IMAGES} images of class {', '.join(few)}: images "
                "that a GAN makes from so few have been found to make classifiers worse",
                stacklevel=3,
            )
        super()._fit(images, class_indices)

    def _batches(self, images, class_indices, n_real: int, n_generated: int):
        """(steps_per_epoch, batches) as of `shuffled_batches`, with what a step needs for several batches.

        Batches are the second axis, because several devices share the first: "images" (batch, n_real, height, width,
        channels), their "conditions" (batch, n_real, n_classes), "latent" (batch, n_generated, latent_size) and the
        "numbers" of the augmentation (batch, n_generated, 7).
        """
        batch_size = min(self.batch_size, len(images))
        _, batches = class_balanced_batches(images, class_indices, n_real * batch_size, self.seed_)

        def in_batches(values):
            """(n_real * batch, ...) -> (batch, n_real, ...); each batch has every class equally often."""
            return tf.stack(tf.split(values, n_real), axis=1)

        def prepared(batch):
            of_latent, of_numbers, _ = self._seeds(batch["step"])
            conditions = self._condition_weight(batch["step"]) * tf.one_hot(batch["labels"], len(self.classes_))
            shape = (batch_size, n_generated)
            return {
                "step": batch["step"],
                "images": in_batches(batch["images"]),
                "conditions": in_batches(conditions),
                "latent": tf.random.stateless_normal((*shape, self.latent_size), of_latent),
                "numbers": tf.random.stateless_uniform((*shape, N_NUMBERS), of_numbers),
            }

        return len(images) // batch_size, lambda first_step: batches(first_step).map(prepared)

    def _seeds(self, step):
        """Three seeds of a step: of latents, of the augmentation, and one for what else a method draws."""
        seed = tf.stack([tf.cast(self.seed_, tf.int64), step])
        return tf.unstack(tf.random.experimental.stateless_split(seed, 3))

    def _condition_weight(self, step):
        if self.n_ramp_steps == 0:
            return 1.0
        return tf.minimum(1.0, tf.cast(step, tf.float32) / self.n_ramp_steps)

    def _sample(self, class_index, n, random_state):
        latent = np.random.default_rng(random_state).standard_normal((n, self.latent_size), np.float32)
        conditions = np.zeros((n, len(self.classes_)), np.float32)
        conditions[:, class_index] = 1.0
        size = prediction_batch_size(self.image_shape_)
        batches = tf.data.Dataset.from_tensor_slices((conditions, latent)).batch(size)
        return predict_images(self._image_generator, batches)
