"""What the CycleGANs share as balancers: a pair of generators for each class, and new images by translation."""

import json
import re
from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..datasets.batches import drawn_equally
from ..datasets.stored_images import taken
from .augmentation import N_NUMBERS
from .balancer import HasParents, HasSourceClass, HasTransform
from .cycles import LinearDecay
from .inputs import check_like_fitted
from .intensities import is_plain
from .movements import moved
from .networks import cyclegan
from .training.averaging import check_momentum
from .training.callbacks import share_kept
from .training.fit import Stage, TrainingModel, seeded
from .training.trained import check_optional
from .training.trained_balancer import N_SHOWN, TrainedBalancer, cost_of_filters
from .unpaired import translated, unpaired_batches

# the authors', for images of any size; the slides have six blocks too
OFFICIAL_SIZES = {
    "n_epochs": 200,
    "batch_size": 1,
    "n_generator_filters": 64,
    "n_blocks": 6,
    "n_discriminator_filters": 64,
    "n_discriminator_layers": 3,
}
# on two cores a step takes a fifth of a second for faces of 48 x 48; few steps need high rates
QUICK = {
    "n_epochs": 1,
    "max_steps_per_epoch": 100,
    "batch_size": 8,
    "n_generator_filters": 16,
    "n_discriminator_layers": 3,  # with 2 D's patches of 34 pixels told happy from neutral faces too late
    "learning_rate": 5e-4,
    "cycle_weight": 3.0,
}
# role of each network of a pair -> its name in `networks`
ROLES = {
    "to_target": "generator",
    "to_source": "generator",
    "source_discriminator": "discriminator",
    "target_discriminator": "discriminator",
}
AVERAGE = "average_to_target"  # the role of a further generator, with `ema_momentum`


@dataclass(kw_only=True, eq=False, repr=False)
class Translation(TrainedBalancer, HasParents, HasTransform, HasSourceClass):
    """Images of a source class A, translated into each class B that is to get new images.

    Each class that `sampling_strategy_` adds images to has generators G: A -> B and F: B -> A with a discriminator
    each, trained in a stage of their own; no other class can be sampled, and nothing is trained if all are balanced.
    `source_class` is A (None: the largest class). No images can be added to it: ValueError. New images of B are G(a).
    Each a is used equally often and moved as in training, so that few new images are the same.

    The networks see and make images without their brightness and contrast, which a translated image has from its
    original (`models.intensities`); images of a single colour are left out. An epoch of a pair shows each image of its
    smaller class once, and as many of the other class, or ends after `max_steps_per_epoch`. A pair takes `n_epochs` or,
    if these are more, as many as `min_steps` fill. During the last `decay_fraction` of them the learning rates fall
    linearly to 0. In training, images are moved by up to `shift_fraction` of their sides, with reflection at the
    border, and with `horizontal_flip` half of them are mirrored.

    `n_generator_filters` and `n_blocks`, `n_discriminator_filters` and `n_discriminator_layers` are the sizes of
    `networks.cyclegan`; the defaults are ours, for two cores. `cycle_weight` is the slides' lambda. An identity loss
    gets `identity_weight` times lambda; 0 switches it off. With `ema_momentum`, such as .999, new images are made by an
    average of G's weights over the steps (`models.training.averaging`); with `augmentation_strength` D_A and D_B see
    all images through `models.augmentation`, for few images. Images must have sides of at least 8 pixels.
    """

    n_epochs: int = 200
    min_steps: int = 0
    max_steps_per_epoch: int | None = None
    decay_fraction: float = 0.5
    batch_size: int = 4
    source_class: str | int | None = None
    n_generator_filters: int = 32
    n_blocks: int = 4
    n_discriminator_filters: int = 32
    n_discriminator_layers: int = 2
    cycle_weight: float = 10.0
    identity_weight: float = 0.0
    shift_fraction: float = 0.05
    horizontal_flip: bool = False
    ema_momentum: float = 0.0
    augmentation_strength: float = 0.0

    later_parameters = {"ema_momentum": 0.0, "augmentation_strength": 0.0}
    fractions = ("decay_fraction", "shift_fraction", "augmentation_strength")
    weights = ("cycle_weight", "identity_weight")
    choices = {"horizontal_flip": (True, False)}
    smallest_numbers = {
        "min_steps": 0,
        "n_generator_filters": 1,
        "n_blocks": 0,
        "n_discriminator_filters": 1,
        "n_discriminator_layers": 1,
    }

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        return super().arguments(schedule, n_images, flip) | {"horizontal_flip": flip}

    def n_images_seen(self, stage, n_images, n_classes, n_small_classes):
        """All pairs' images of one class, as if the classes were equally large, times the cost of a pass of G.

        With f filters and b blocks G multiplies about 18 f^2 (b + 1) times for each pixel.
        """
        n_steps_per_epoch = n_images / n_classes / self.batch_size
        if self.max_steps_per_epoch is not None:
            n_steps_per_epoch = min(n_steps_per_epoch, self.max_steps_per_epoch)
        n_steps = max(self.n_epochs * n_steps_per_epoch, self.min_steps)
        n_seen = n_steps * self.batch_size * n_small_classes
        cost_of_blocks = (self.n_blocks + 1) / (type(self).n_blocks + 1)
        return n_seen * cost_of_blocks * cost_of_filters(self.n_generator_filters, type(self).n_generator_filters)

    def share_kept(self, stage, n_small_classes):
        """Each pair has a folder of its own."""
        return min(1.0, sum(map(share_kept, Path(self.folder).glob("*"))) / max(1, n_small_classes))

    def networks(self, image_shape, n_classes):
        cyclegan.check_sides(image_shape)
        generator_sizes = self.n_generator_filters, self.n_blocks
        discriminator_sizes = self.n_discriminator_filters, self.n_discriminator_layers
        return {
            "generator": partial(cyclegan.residual_generator, image_shape, *generator_sizes),
            "discriminator": partial(cyclegan.patch_discriminator, image_shape, *discriminator_sizes),
        }

    @abstractmethod
    def _training(self, pair: dict[str, keras.Model], n_steps: int) -> TrainingModel:
        """What trains the networks of a pair, given by ROLES, in so many steps."""

    @abstractmethod
    def _noise(self, seed: tf.Tensor, batch_size: int) -> dict[str, tf.Tensor]:
        """What else is random about a step than its images, from the seed (2,) of the step."""

    def _decaying(self, learning_rate, n_steps):
        return LinearDecay(float(learning_rate), n_steps, round(self.decay_fraction * n_steps))

    def _check_numbers(self):
        super()._check_numbers()
        check_optional(self, "max_steps_per_epoch")
        check_momentum(self.ema_momentum)

    def _fit(self, images, class_indices):
        self.source_index_ = self._chosen_source(class_indices)
        usable = ~is_plain(images)
        for label in (self.source_label_, *filter(self.sampling_strategy_.get, self.sampling_strategy_)):
            if not usable[class_indices == self._class_index(label)].any():
                raise ValueError(f"all images of class {label} are plain: each has a single colour")
        self.source_positions_ = np.flatnonzero(usable & (class_indices == self.source_index_))
        self.source_images_ = taken(images, self.source_positions_)
        super()._fit(images, class_indices)

    def _chosen_source(self, class_indices) -> int:
        classes = self.classes_.tolist()
        if self.source_class is not None and self.source_class not in classes:
            raise ValueError(f"source_class {self.source_class} is not among the classes {classes}")
        largest = int(np.bincount(class_indices).argmax())
        index = largest if self.source_class is None else classes.index(self.source_class)
        if self.sampling_strategy_.get(classes[index]):
            raise ValueError(
                f"images are translated from class {classes[index]}, so none can be added to it: leave it out of "
                "sampling_strategy or choose another source_class"
            )
        return index

    def _build(self, image_shape):
        """The pairs. One's initial weights do not depend on which others there are, so neither do its checkpoints."""
        builders = self.networks(image_shape, len(self.classes_))
        self.pairs_ = {}
        for class_index, label in enumerate(self.classes_.tolist()):
            if self.sampling_strategy_.get(label):
                with seeded(self._seeds(class_index)[0]):
                    self.pairs_[class_index] = {role: builders[name]() for role, name in ROLES.items()}
                    if self.ema_momentum:
                        self.pairs_[class_index][AVERAGE] = builders["generator"]()

    def _seeds(self, class_index: int) -> list[int]:
        """Of a pair: of its initial weights, its classes' orders, its movements and its noise."""
        return np.random.SeedSequence([self.seed_, class_index]).generate_state(5).tolist()

    def _to_target(self, class_index: int) -> keras.Model:
        """G of a pair, or its average."""
        return self._pair(class_index)[AVERAGE if self.ema_momentum else "to_target"]

    def _stages(self, images, class_indices):
        for class_index in self.pairs_:
            targets = taken(images, class_indices == class_index)
            yield self._stage(class_index, taken(targets, ~is_plain(targets)))

    def _stage(self, class_index, targets):
        batch_size = min(self.batch_size, len(self.source_images_), len(targets))
        *_, noise_seed = seeds = self._seeds(class_index)
        steps_per_epoch, batches = self._batches(targets, batch_size, *seeds[1:4])
        if self.max_steps_per_epoch is not None:
            steps_per_epoch = min(steps_per_epoch, self.max_steps_per_epoch)
        n_epochs = max(self.n_epochs, -(-self.min_steps // steps_per_epoch))
        n_steps = n_epochs * steps_per_epoch

        def add_noise(batch):
            progress = tf.cast(batch["step"], tf.float32) / max(1, n_steps - 1)
            seed = tf.stack([noise_seed, batch["step"]])
            numbers = tf.random.stateless_uniform((batch_size, N_NUMBERS), seed + 2)
            return batch | {"progress": progress, "numbers": numbers} | self._noise(seed, batch_size)

        pair = self.pairs_[class_index]
        model = self._training(pair, n_steps)
        if self.ema_momentum:
            model.keep_average(pair["to_target"], pair[AVERAGE], self.ema_momentum)
        return Stage(
            model,
            steps_per_epoch,
            lambda first_step: batches(first_step).map(add_noise),
            name=f"{class_index}-{re.sub(r'[^a-zA-Z0-9]+', '-', str(self.classes_[class_index]))}",
            kind="",
            n_epochs=n_epochs,
            made_now=partial(translated, self._to_target(class_index), self.source_images_[:N_SHOWN]),
        )

    def _batches(self, targets, batch_size, *random_states):
        """`unpaired_batches` of the source class and these targets."""
        movements = self.shift_fraction, self.horizontal_flip
        return unpaired_batches(self.source_images_, targets, batch_size, random_states, *movements)

    def _fingerprint(self, stage, images, class_indices):
        """With another number of epochs it is another training, since its rates fall towards the last one."""
        identity = json.loads(super()._fingerprint(stage, images, class_indices))
        identity["arguments"]["n_epochs"] = int(self.n_epochs)
        return json.dumps(identity, indent=1)

    def _sample(self, class_index, n, random_state):
        generator, rng = self._to_target(class_index), np.random.default_rng(random_state)
        images = self.source_images_[drawn_equally(len(self.source_images_), n, rng)]
        images = moved(images, rng.random((n, 3), np.float32), self.shift_fraction, self.horizontal_flip)
        return translated(generator, np.asarray(images))

    def parents(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        self._pair(class_index)
        return self.source_positions_[drawn_equally(len(self.source_positions_), n, np.random.default_rng(seed))]

    @property
    def source_label_(self):
        return self.classes_.tolist()[self.source_index_]

    def _transform(self, images, class_index, random_state):
        return self.translate(images, self.classes_[class_index])

    def translate(self, images: np.ndarray, label) -> np.ndarray:
        check_like_fitted(images, self.image_shape_)
        return translated(self._to_target(self._class_index(label)), images)

    def recover(self, images: np.ndarray, label) -> np.ndarray:
        check_like_fitted(images, self.image_shape_)
        return translated(self._pair(self._class_index(label))["to_source"], images)

    def _pair(self, class_index):
        label = self.classes_[class_index]
        if class_index == self.source_index_:
            raise ValueError(f"class {label} gets no new images, since images are translated from it")
        if class_index not in self.pairs_:
            raise ValueError(f"class {label} has no generator, since sampling_strategy adds no images to it")
        return self.pairs_[class_index]
