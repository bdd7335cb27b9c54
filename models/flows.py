"""Flow matching (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003): what its two spaces share.

A network u(x, t, class) learns the velocity with which noise x_0 ~ N(0, 1) at t = 0 moves on straight lines to images
x_1 at t = 1. New images are where that velocity takes new noise.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.utils.extmath import randomized_svd

from ..datasets.batches import class_balanced_batches
from ..datasets.pixels import n_at_once, to_pixels
from .movements import moved
from .networks import flows
from .training.averaging import check_momentum
from .training.fit import Stage, TrainingModel
from .training.prediction import predict_arrays
from .training.replicas import batch_mean
from .training.trained_balancer import N_SHOWN, TrainedBalancer

N_WARM_UP_STEPS = 200
LARGEST_GRADIENT_NORM = 1.0
SAMPLING_BATCH_SIZE = 250
SMALLEST_DEVIATION = 1e-3


def on_path(noise, data, times):
    """x_t = (1 - t) x_0 + t x_1; times (batch, 1, ...) of as many dimensions as the data."""
    return (1.0 - times) * noise + times * data


def flow_loss(velocities, noise, data):
    """E ||u - (x_1 - x_0)||^2, as a mean over batch and features."""
    return batch_mean(ops.square(velocities - (data - noise)))


def guided(conditional, unconditional, guidance: float):
    """u_0 + w (u_y - u_0) (Ho and Salimans 2022, arXiv:2207.12598); w = 1 leaves the conditional velocity as it is."""
    return unconditional + guidance * (conditional - unconditional)


def integrated(velocity, x: np.ndarray, n_steps: int) -> np.ndarray:
    """x at t = 1 from x at t = 0 by `n_steps` steps of the midpoint rule; `velocity(x, t)` has the shape of x."""
    step = 1.0 / n_steps
    for index in range(n_steps):
        t = index * step
        middle = x + 0.5 * step * velocity(x, t)
        x = x + step * velocity(middle, t + 0.5 * step)
    return x


@dataclass(kw_only=True, eq=False, repr=False)
class Flow(TrainedBalancer):
    """One network u for all classes, whose one-hot class is its condition; each class is drawn equally often.

    Times are drawn as sigmoid(N(0, 1)). Of a share `label_dropout` of the images u is not told the class, so that it
    also learns the velocity u_0 of all classes together; new images follow `guided` velocities with w = `guidance`,
    in `n_sampling_steps` steps of the midpoint rule. AdamW's rate grows over the first 200 steps. New images are made
    with the average of the weights over steps, with `ema_momentum`.

    In training, images are moved by up to `shift_fraction` of their sides, with reflection at the border, and with
    `horizontal_flip` half of them are mirrored, so that few images are not learned by heart.

    An epoch is as many steps as the images fill batches. Each class needs at least two images.
    """

    batch_size: int = 64
    learning_rate: float = 1e-3
    label_dropout: float = 0.15
    guidance: float = 1.5
    n_sampling_steps: int = 8
    ema_momentum: float = 0.999
    shift_fraction: float = 0.05
    horizontal_flip: bool = False

    min_side_pixels = 1
    fractions = ("label_dropout", "shift_fraction")
    weights = ("guidance",)
    smallest_numbers = {"n_sampling_steps": 1}
    choices = {"horizontal_flip": (True, False)}
    sampling_parameters = ("guidance", "n_sampling_steps")
    seconds_per_new_image: ClassVar[float]  # with the default number of steps, on the reference machine

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        return super().arguments(schedule, n_images, flip) | {"horizontal_flip": flip}

    def sample_seconds(self, n, image_shape):
        return n * self.seconds_per_new_image * self.n_sampling_steps / type(self).n_sampling_steps

    @property
    def min_images(self):
        return 2  # or all new images would be the one

    @abstractmethod
    def _to_space(self, images, class_indices):
        """Images (batch, height, width, channels) float in [-1, 1] as x_1 (batch, ...), about 0; tensors."""

    @abstractmethod
    def _from_space(self, x: np.ndarray, class_index: int) -> np.ndarray:
        """The inverse for one class, up to what the space cannot hold."""

    @abstractmethod
    def _learn_space(self, images: np.ndarray, class_indices: np.ndarray) -> tuple[int, ...]:
        """Fit what the two others need to uint8 images with `_analyse`; returns the shape of x."""

    def _analyse(self, values: np.ndarray, n_components: int, weights: np.ndarray | None = None) -> None:
        """Principal components of `values` (n, n_values), scaled together so that their mean variance is 1.

        Each row counts as its weight says (None: all alike). Of few rows there are fewer components, and the last ones
        are 0.
        """
        weights = np.ones(len(values)) if weights is None else weights
        weights = (weights / weights.sum()).astype(np.float32)
        self.means_ = (weights @ values).astype(np.float32)
        rows = (values - self.means_) * np.sqrt(weights)[:, None]
        n_found = min(n_components, *rows.shape)
        _, singular_values, found = randomized_svd(rows, n_found, random_state=self.seed_)
        variances = np.zeros(n_components)
        variances[:n_found] = singular_values**2
        self.scale_ = float(np.sqrt(max(variances.mean(), SMALLEST_DEVIATION**2)))
        self.components_ = np.zeros((n_components, values.shape[1]), np.float32)
        self.components_[:n_found] = found
        self.deviations_ = np.maximum(np.sqrt(variances) / self.scale_, SMALLEST_DEVIATION).astype(np.float32)

    def _to_components(self, values):
        """(..., n_components) of a tensor (..., n_values)."""
        return tf.matmul(values - self.means_, self.components_, transpose_b=True) / self.scale_

    def _from_components(self, x: np.ndarray) -> np.ndarray:
        """The inverse, up to what the components do not hold."""
        return self.means_ + self.scale_ * x @ self.components_

    def _build(self, image_shape):
        super()._build(image_shape)
        for network in (self.velocity_, self.average_velocity_):
            flows.set_deviations(network, self.deviations_)

    def _check_numbers(self):
        super()._check_numbers()
        check_momentum(self.ema_momentum)
        if self.guidance != 1 and not self.label_dropout:
            raise ValueError(f"guidance {self.guidance!r} needs a label_dropout above 0; without, it must be 1")

    def _fit(self, images, class_indices):
        self._check_numbers()
        self._check_two_of_each(class_indices)
        self.space_shape_ = self._learn_space(images, class_indices)
        super()._fit(images, class_indices)

    def _stages(self, images, class_indices):
        model = FlowTraining(self.velocity_, float(self.learning_rate))
        model.keep_average(self.velocity_, self.average_velocity_, self.ema_momentum)
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = class_balanced_batches(images, class_indices, batch_size, self.seed_)

        def prepared(batch):
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            of_noise, of_times, of_labels, of_movements = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
            movements = tf.random.stateless_uniform((batch_size, 3), of_movements)
            images = moved(batch["images"], movements, self.shift_fraction, self.horizontal_flip)
            is_told = tf.random.stateless_uniform((batch_size, 1), of_labels) >= self.label_dropout
            return {
                "step": batch["step"],
                "data": self._to_space(images, batch["labels"]),
                "noise": tf.random.stateless_normal((batch_size, *self.space_shape_), of_noise),
                "times": tf.sigmoid(tf.random.stateless_normal((batch_size, 1), of_times)),
                "conditions": tf.cast(is_told, tf.float32) * tf.one_hot(batch["labels"], len(self.classes_)),
            }

        yield Stage(
            model,
            steps_per_epoch,
            lambda first_step: batches(first_step).map(prepared),
            made_now=self._made_now,
        )

    def _sample(self, class_index, n, random_state):
        noise = np.random.default_rng(random_state).standard_normal((n, *self.space_shape_), np.float32)
        size = n_at_once(SAMPLING_BATCH_SIZE, self.image_shape_)
        parts = np.split(noise, range(size, n, size))
        return np.concatenate(
            [to_pixels(self._from_space(self._moved_to_data(x, class_index), class_index)) for x in parts]
        )

    def _made_now(self):
        shown = np.arange(N_SHOWN) % len(self.classes_)
        noise = np.random.default_rng(0).standard_normal((N_SHOWN, *self.space_shape_), np.float32)
        made = zip(self._moved_to_data(noise, shown), shown, strict=True)
        return np.concatenate([to_pixels(self._from_space(x[None], class_index)) for x, class_index in made])

    def _moved_to_data(self, x, class_indices: int | np.ndarray):
        """x_1 (n, ...) from noise; one class for all, or one for each."""
        told = np.zeros((len(x), len(self.classes_)), np.float32)
        told[np.arange(len(x)), class_indices] = 1.0
        conditions = [told] if self.guidance == 1 else [told, np.zeros_like(told)]

        def velocity(x, t):
            n, times = len(conditions), np.full((len(conditions) * len(x), 1), t, np.float32)
            inputs = np.concatenate([x] * n), times, np.concatenate(conditions)
            velocities = np.split(predict_arrays(self.average_velocity_, *inputs), n)
            return velocities[0] if n == 1 else guided(*velocities, self.guidance)

        return integrated(velocity, x, self.n_sampling_steps)


class FlowTraining(TrainingModel):
    """One step of the velocity by AdamW."""

    def __init__(self, velocity, learning_rate):
        optimizer = keras.optimizers.AdamW(
            WarmUp(learning_rate, N_WARM_UP_STEPS), weight_decay=1e-4, global_clipnorm=LARGEST_GRADIENT_NORM
        )
        super().__init__(("L_u",), {"velocity": (optimizer, [velocity])})
        self.velocity = velocity

    def train_step(self, batch):
        noise, data, times = batch["noise"], batch["data"], batch["times"]
        x = on_path(noise, data, ops.reshape(times, (-1, *[1] * (len(data.shape) - 1))))
        with tf.GradientTape() as tape:
            velocities = self.velocity([x, times, batch["conditions"]], training=True)
            loss = flow_loss(velocities, noise, data)
        self.minimise("velocity", tape, (loss, [self.velocity]))
        return self.recorded(loss)


def some(n_images: int, n: int, random_state: int) -> np.ndarray:
    """Indices of at most `n` of the images, at least of one, in their order."""
    n = min(n_images, max(1, n))
    return np.sort(np.random.default_rng(random_state).choice(n_images, n, replace=False))


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that grows linearly over the first `n_steps` and then stays."""

    def __init__(self, learning_rate: float, n_steps: int):
        self.learning_rate = learning_rate
        self.n_steps = n_steps

    def __call__(self, step):
        return self.learning_rate * ops.minimum(1.0, (ops.cast(step, "float32") + 1.0) / self.n_steps)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "n_steps": self.n_steps}
