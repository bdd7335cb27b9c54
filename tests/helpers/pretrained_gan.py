"""A trained method that takes no time, in two stages, the second with an optimizer for each network."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from class_balancing import Stage, TrainedBalancer, TrainingModel
from class_balancing.datasets.batches import shuffled_batches
from class_balancing.models.layers import Dropout
from class_balancing.models.losses import half_squared_distance
from class_balancing.models.training.prediction import predict_images
from class_balancing.models.training.replicas import batch_mean

STEPS = {"n_pretraining_epochs": 3, "n_epochs": 7}


@dataclass(kw_only=True, eq=False, repr=False)
class PretrainedGAN(TrainedBalancer):
    """A Wasserstein GAN of dense layers, without the bound on its critic; it knows no classes.

    The generator is first trained to make the mean image. The critic's learning rate falls, the generator's does not.
    """

    n_pretraining_epochs: int = 2
    n_epochs: int = 4
    batch_size: int = 40
    learning_rate: float = 1e-2
    latent_size: int = 3

    min_side_pixels = 1
    epochs_of_stage = {"pretraining": "n_pretraining_epochs", "adversarial": "n_epochs"}
    schedules = {
        "smoke": {"steps": STEPS},
        "quick": {"batch_size": 25, "steps": {name: 100 * n for name, n in STEPS.items()}},
        "thesis": {"n_epochs": 3000},
    }

    def networks(self, image_shape, n_classes):
        return {
            "generator": partial(_generator, self.latent_size, image_shape),
            "critic": partial(_critic, image_shape),
        }

    def _stages(self, images, class_indices):
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, class_indices, batch_size, self.seed_)

        def add_latents(batch):
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            return batch | {"latent": tf.random.stateless_normal((batch_size, self.latent_size), seed)}

        def with_latents(first_step):
            return batches(first_step).map(add_latents)

        model = Pretraining(self.generator_, float(self.learning_rate))
        yield Stage(model, steps_per_epoch, with_latents, name="pretraining")
        model = AdversarialTraining(self.generator_, self.critic_, float(self.learning_rate))
        yield Stage(model, steps_per_epoch, with_latents, name="adversarial")

    def _sample(self, class_index, n, random_state):
        latent = np.random.default_rng(random_state).standard_normal((n, self.latent_size), np.float32)
        return predict_images(self.generator_, tf.data.Dataset.from_tensors((latent,)))


def _generator(latent_size, image_shape):
    n_values = int(np.prod(image_shape))
    dense = keras.layers.Dense(n_values)
    return keras.Sequential([keras.Input((latent_size,)), dense, keras.layers.Reshape(image_shape)])


def _critic(image_shape):
    hidden = [keras.layers.Flatten(), Dropout(0.3), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input(image_shape), *hidden])


class Pretraining(TrainingModel):
    def __init__(self, generator, learning_rate):
        super().__init__(("L_2",), {"generator": (keras.optimizers.SGD(learning_rate), [generator])})
        self.generator = generator

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            loss = half_squared_distance(batch["images"], self.generator(batch["latent"], training=True))
        self.minimise("generator", tape, (loss, [self.generator]))
        return self.recorded(loss)


class AdversarialTraining(TrainingModel):
    def __init__(self, generator, critic, learning_rate):
        falling = keras.optimizers.schedules.ExponentialDecay(learning_rate, decay_steps=3, decay_rate=0.5)
        optimizers = {
            "critic": (keras.optimizers.Adam(falling), [critic]),
            "generator": (keras.optimizers.RMSprop(learning_rate / 10), [generator]),
        }
        super().__init__(("L_critic", "L_generator"), optimizers)
        self.generator = generator
        self.critic = critic

    def train_step(self, batch):
        with tf.GradientTape(persistent=True) as tape:
            generated = self.generator(batch["latent"], training=True)
            of_generated = batch_mean(self.critic(generated, training=True))
            l_critic = of_generated - batch_mean(self.critic(batch["images"], training=True))
            l_generator = -of_generated
        self.minimise("critic", tape, (l_critic, [self.critic]))
        self.minimise("generator", tape, (l_generator, [self.generator]))
        return self.recorded(l_critic, l_generator)
