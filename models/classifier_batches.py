"""Changes of a classifier's batches while it learns, which cost next to nothing.

A change is a function of {"images": float32 (batch, height, width, channels) in [-1, 1], "labels": one-hot (batch,
n_classes), "step": ()} that gives the changed images and labels; all that is random follows from seed and step.
"""

import numbers
from dataclasses import dataclass

import numpy as np

from .classifier_methods import ABOVE_ZERO, AT_LEAST_ZERO, ClassifierMethod, class_counts


@dataclass(kw_only=True, eq=False, repr=False)
class Mixup(ClassifierMethod):
    """Convex combinations of pairs of images and of their labels, with shares from Beta(alpha, alpha).

    Zhang et al. 2018, arXiv:1710.09412. Keras' layer is not used: its random state is not that of a step, so a training
    that goes on after a kill would mix other pairs.
    """

    alpha: float = 0.2

    def classifier_arguments(self, labels):
        self._check("alpha", lambda alpha: 0 < alpha < np.inf, ABOVE_ZERO)
        return {"change": self.change}

    def change(self, random_state: int):
        def mixed(batch):
            shares, order = _share_and_order(batch, random_state, self.alpha)
            return _combined(batch, order, shares, shares)

        return mixed


@dataclass(kw_only=True, eq=False, repr=False)
class Remix(ClassifierMethod):
    """Mixup whose labels lean to the rarer class of a pair (Chou et al. 2020, arXiv:2007.03943).

    An image that is mixed of a share lambda of class i and 1 - lambda of class j is called j alone if i has at least
    `kappa` times as many images and lambda is less than `tau`, i alone the other way round, and else lambda i.
    """

    alpha: float = 1.0
    kappa: float = 3.0
    tau: float = 0.5

    corrects_prior = True  # the labels learned from are more often of rare classes than the images are

    def classifier_arguments(self, labels):
        self._check("alpha", lambda alpha: 0 < alpha < np.inf, ABOVE_ZERO)
        self._check("kappa", lambda kappa: 1 <= kappa < np.inf, "a number of at least 1")
        self._check("tau", lambda tau: 0 <= tau <= 1, "between 0 and 1")
        counts = class_counts(labels)
        return {"change": lambda random_state: self.change(random_state, counts)}

    def change(self, random_state: int, counts: np.ndarray):
        import tensorflow as tf

        def mixed(batch):
            shares, order = _share_and_order(batch, random_state, self.alpha)
            ratio = tf.linalg.matvec(batch["labels"], counts.astype(np.float32))
            ratio /= tf.gather(ratio, order)  # (batch,)
            return _combined(batch, order, shares, remixed_shares(shares, ratio, self.kappa, self.tau))

        return mixed


def remixed_shares(shares, ratio, kappa: float, tau: float):
    """Label's share of the first image of each pair (n,): 0, 1 or that of the image; `ratio` is n_i / n_j."""
    import tensorflow as tf

    only_other = (ratio >= kappa) & (shares < tau)
    only_first = (ratio <= 1.0 / kappa) & (1.0 - shares < tau)
    return tf.where(only_other, 0.0, tf.where(only_first, 1.0, shares))


@dataclass(kw_only=True, eq=False, repr=False)
class CutMix(ClassifierMethod):
    """A rectangle of another image is pasted in; labels are mixed by the pixels of each (Yun et al. 2019).

    The rectangle's area has a share from Beta(alpha, alpha) before what lies outside of the image is cut off.
    """

    alpha: float = 1.0

    def classifier_arguments(self, labels):
        self._check("alpha", lambda alpha: 0 < alpha < np.inf, ABOVE_ZERO)
        return {"change": self.change}

    def change(self, random_state: int):
        import tensorflow as tf

        def mixed(batch):
            images, labels = batch["images"], batch["labels"]
            shares, order = _share_and_order(batch, random_state, self.alpha)
            seed = tf.stack([tf.cast(random_state, tf.int64), batch["step"]]) + 2
            centres = tf.random.stateless_uniform((2, tf.shape(images)[0]), seed)
            inside = [
                _within(side, centre, tf.sqrt(1.0 - shares))
                for side, centre in zip(images.shape[1:3], tf.unstack(centres), strict=True)
            ]
            mask = inside[0][:, :, None, None] * inside[1][:, None, :, None]  # (batch, height, width, 1)
            kept = 1.0 - tf.reduce_mean(mask, axis=(1, 2))  # (batch, 1)
            return (
                (1.0 - mask) * images + mask * tf.gather(images, order),
                kept * labels + (1.0 - kept) * tf.gather(labels, order),
            )

        return mixed


def _share_and_order(batch, random_state: int, alpha: float):
    """A share from Beta(alpha, alpha) for each image, float32 (batch,), and with which other one it is mixed."""
    import tensorflow as tf

    n = tf.shape(batch["images"])[0]
    seed = tf.stack([tf.cast(random_state, tf.int64), batch["step"]])
    gammas = tf.random.stateless_gamma((2, n), seed, alpha)
    order = tf.argsort(tf.random.stateless_uniform((n,), seed + 1))
    return gammas[0] / tf.maximum(gammas[0] + gammas[1], 1e-12), order


def _combined(batch, order, of_images, of_labels):
    """Images and labels, each with its share (batch,) of the first ones, and else of those in this `order`."""
    import tensorflow as tf

    images, labels = batch["images"], batch["labels"]
    of_images, of_labels = of_images[:, None, None, None], of_labels[:, None]
    return (
        of_images * images + (1.0 - of_images) * tf.gather(images, order),
        of_labels * labels + (1.0 - of_labels) * tf.gather(labels, order),
    )


def _within(side: int, centre, share):
    """(batch, side) with ones where a pixel's middle lies in an interval about the centre; all in parts of the side."""
    import tensorflow as tf

    middles = (tf.range(side, dtype=tf.float32) + 0.5) / side
    return tf.cast(tf.abs(middles - centre[:, None]) < share[:, None] / 2, tf.float32)


@dataclass(kw_only=True, eq=False, repr=False)
class RandAugment(ClassifierMethod):
    """Each image gets `n_changes` of eight changes, drawn anew (Cubuk et al. 2020, arXiv:1909.13719).

    Two draws may be the same change, as in the paper, and then add up. At `strength` 1 each is: turned by up to 15
    degrees, sheared by .15 and moved by a tenth in either direction, brightness, contrast and saturation changed by a
    fifth. Small images bear no more. Flips are not among them, nor posterising and other changes of the original's that
    need whole numbers.
    """

    n_changes: int = 2
    strength: float = 1.0

    def classifier_arguments(self, labels):
        is_whole = isinstance(self.n_changes, numbers.Integral)
        self._check("n_changes", lambda n_changes: is_whole and n_changes >= 1, "a whole number of at least 1")
        self._check("strength", lambda strength: 0 <= strength < np.inf, AT_LEAST_ZERO)
        return {"change": self.change}

    def change(self, random_state: int):
        import tensorflow as tf

        def changed(batch):
            images = batch["images"]
            seed = tf.stack([tf.cast(random_state, tf.int64), batch["step"]])
            n = tf.shape(images)[0]
            chosen = tf.random.stateless_uniform((n, self.n_changes), seed, 0, len(LARGEST), tf.int32)
            signed = tf.random.stateless_uniform((n, self.n_changes), seed + 1, -self.strength, self.strength)
            amounts = tf.reduce_sum(tf.one_hot(chosen, len(LARGEST)) * signed[:, :, None], axis=1)  # (batch, 8)
            return slightly_changed(images, amounts), batch["labels"]

        return changed


# change -> its size at 1
LARGEST = {
    "rotation": np.deg2rad(15.0),
    "shear_x": 0.15,
    "shear_y": 0.15,
    "shift_x": 0.1,
    "shift_y": 0.1,
    "brightness": 0.4,  # in a range of 2
    "contrast": 0.2,
    "saturation": 0.2,
}


def slightly_changed(images, amounts):
    """Images (batch, height, width, channels) in [-1, 1] with each of LARGEST in `amounts` (batch, 8) of its size."""
    import tensorflow as tf
    from keras import ops

    from .augmentation import brightened, contrasted, saturated

    height, width = images.shape[1:3]
    sizes = amounts * np.array(list(LARGEST.values()), np.float32)
    angle, shear_x, shear_y, shift_x, shift_y, brightness, contrast, saturation = tf.unstack(sizes, axis=1)
    a, b = tf.cos(angle) - shear_y * tf.sin(angle), shear_x * tf.cos(angle) - tf.sin(angle)
    c, d = tf.sin(angle) + shear_y * tf.cos(angle), tf.cos(angle) + shear_x * tf.sin(angle)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    to_x = centre_x + shift_x * width - a * centre_x - b * centre_y
    to_y = centre_y + shift_y * height - c * centre_x - d * centre_y
    zero = tf.zeros_like(a)
    maps = tf.stack([a, b, to_x, c, d, to_y, zero, zero], axis=1)  # (batch, 8), from output to input pixels
    images = ops.image.affine_transform(
        images, maps, interpolation="bilinear", fill_mode="nearest", data_format="channels_last"
    )
    images = contrasted(saturated(images, 1.0 + saturation), 1.0 + contrast)
    return tf.clip_by_value(brightened(images, brightness), -1.0, 1.0)
