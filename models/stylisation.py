"""Images optimised until they have the content of one image and the style of others (Gatys et al. 2016)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import optimize

from ..datasets.pixels import to_network, to_pixels
from . import style_losses
from .feature_extractors import FeatureExtractor
from .influence import guide
from .training.fit import graphs_as_written

OPTIMIZERS = ("adam", "lbfgs")
STARTS = ("content", "noise", "both")
MOMENTUM, SQUARES_MOMENTUM, NEGLIGIBLE_GRADIENT = 0.9, 0.999, 1e-7  # Adam's, as Keras has them
NEGLIGIBLE_SHARE, NEGLIGIBLE = 1e-8, 1e-12  # of a layer's own size, and for layers without any: rounding
# number of iterations done, images by then, L_content and L_style (2, batch) last computed: Adam's are one step older
Callback = Callable[[int, tf.Tensor, tf.Tensor], None]


class Wanted(NamedTuple):
    """What each image of a batch is to have, by layer, and what the layer's losses are divided by, (batch,).

    The unit of style is E_l of the content image, so that L_style is 1 there. The unit of content is L_content of an
    image with the content image's mean features everywhere, so that L_content is 1 where nothing is left of it. Neither
    depends on where the optimisation starts.
    """

    content: dict[str, tf.Tensor]  # (batch, height, width, channels)
    content_units: dict[str, tf.Tensor]
    grams: dict[str, tf.Tensor]  # (batch, channels, channels)
    style_units: dict[str, tf.Tensor]


class Stylisation:
    """The optimisation of pixels with an extractor's features; images are float32 tensors in [-1, 1]."""

    def __init__(self, extractor: FeatureExtractor):
        self.extractor = extractor
        self._features = tf.function(lambda images: extractor.network(images, training=False))
        self._step = tf.function(self._adam_step)
        self._losses_and_gradient = tf.function(self._differentiated)

    def wanted(
        self,
        contents: tf.Tensor,
        styles: Sequence[tf.Tensor],
        shares: np.ndarray,
        influences: Sequence[np.ndarray] | None = None,
    ) -> Wanted:
        """The content of `contents` (batch, height, width, channels) and the mean Gram matrices of `styles`.

        Each of `styles` is a batch as large, of any height and width: the first, second, ... style of each content.
        `shares` (batch, n_styles) are their convex weights. `influences` holds for each of `styles` a map (batch,
        height, width), whose most influential quarter guides its Gram matrices.
        """
        of_contents = self._features(contents)
        target = Wanted({}, {}, {}, {})
        for layer in self.extractor.content_layers:
            found = target.content[layer] = of_contents[layer]
            mean = tf.reduce_mean(found, (1, 2), keepdims=True)
            target.content_units[layer] = _unit(style_losses.content_loss, found, mean)
        for number, images in enumerate(styles):
            features = self._features(images)
            for layer in self.extractor.style_layers:
                style = features[layer]
                if influences is None:
                    gram = style_losses.gram_matrix(style)
                else:
                    gram = style_losses.guided_gram_matrix(style, guide(influences[number], style.shape[1:3]))
                as_many = _n_positions(of_contents[layer]) / _n_positions(style)  # as of an image of the content's size
                share = tf.constant(shares[:, number, None, None] * as_many, tf.float32)
                target.grams[layer] = target.grams.get(layer, 0.0) + share * gram
        for layer, gram in target.grams.items():
            found = of_contents[layer]
            target.style_units[layer] = _unit(
                style_losses.layer_style_loss, gram, style_losses.gram_matrix(found), _n_positions(found)
            )
        return target

    def losses(self, images: tf.Tensor, target: Wanted) -> tuple[tf.Tensor, tf.Tensor]:
        """L_content and L_style (batch,): means over layers of eq. 4 and eq. 2, each in its unit."""
        features = self.extractor.network(images, training=False)
        of_contents = [
            style_losses.content_loss(features[layer], content) / target.content_units[layer]
            for layer, content in target.content.items()
        ]
        of_styles = []
        for layer, gram in target.grams.items():
            found = style_losses.gram_matrix(features[layer])
            loss = style_losses.layer_style_loss(found, gram, _n_positions(features[layer]))
            of_styles.append(loss / target.style_units[layer])
        return tf.add_n(of_contents) / len(of_contents), style_losses.style_loss(of_styles, _equal(len(of_styles)))

    def by_adam(
        self,
        images: tf.Tensor,
        target: Wanted,
        weights: tuple[float, float],
        n_iterations: int,
        learning_rate: float,
        callback: Callback | None = None,
    ) -> tf.Tensor:
        """The images after all iterations of Adam, which takes every image on its own.

        `weights` are alpha of content and beta of style. `learning_rate`, of pixels in [0, 1], falls to 0 along half a
        cosine.
        """
        mean, square = tf.zeros_like(images), tf.zeros_like(images)
        for iteration in range(n_iterations):
            rate = learning_rate * (1.0 + np.cos(np.pi * iteration / n_iterations))  # of pixels in [-1, 1]
            numbers = tf.constant([*weights, rate, iteration + 1], tf.float32)
            with graphs_as_written():
                images, mean, square, losses = self._step(images, mean, square, target, numbers)
            if callback:
                callback(iteration + 1, images, losses)
        return images

    def by_lbfgs(
        self,
        images: tf.Tensor,
        target: Wanted,
        weights: tuple[float, float],
        n_iterations: int,
        callback: Callback | None = None,
    ) -> tf.Tensor:
        """The images after SciPy's L-BFGS-B, which may need fewer iterations.

        All images of a batch would take steps of one size, so it is meant for a single one.
        """
        numbers = tf.constant(weights, tf.float32)
        n_done, losses = 0, None

        def tensor(pixels):
            return tf.constant(pixels.reshape(images.shape), tf.float32)

        def value_and_gradient(pixels):
            nonlocal losses
            with graphs_as_written():
                total, losses, gradient = self._losses_and_gradient(tensor(pixels), target, numbers)
            return float(total), gradient.numpy().astype(np.float64).ravel()

        def after_iteration(pixels):
            nonlocal n_done
            n_done += 1
            if callback:
                callback(n_done, tensor(pixels), losses)

        found = optimize.minimize(
            value_and_gradient,
            images.numpy().astype(np.float64).ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(-1.0, 1.0),
            callback=after_iteration,
            # the more pixels there are, the smaller is the gradient of each, so it cannot say when to stop
            options={"maxiter": n_iterations, "maxfun": 2 * n_iterations, "gtol": 0.0},
        )
        return tensor(found.x)

    def _differentiated(self, images, target, weights):
        with tf.GradientTape() as tape:
            tape.watch(images)
            losses = self.losses(images, target)
            total = tf.reduce_sum(style_losses.total_loss(*losses, weights[0], weights[1]))
        return total, tf.stack(losses), tape.gradient(total, images)  # images of a batch do not touch each other

    def _adam_step(self, images, mean, square, target, numbers):
        rate, n_done = numbers[2], numbers[3]
        _, losses, gradient = self._differentiated(images, target, numbers)
        mean = MOMENTUM * mean + (1.0 - MOMENTUM) * gradient
        square = SQUARES_MOMENTUM * square + (1.0 - SQUARES_MOMENTUM) * tf.square(gradient)
        towards = mean / (1.0 - MOMENTUM**n_done)
        scale = tf.sqrt(square / (1.0 - SQUARES_MOMENTUM**n_done)) + NEGLIGIBLE_GRADIENT
        return tf.clip_by_value(images - rate * towards / scale, -1.0, 1.0), mean, square, losses


def transfer(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    extractor: FeatureExtractor,
    *,
    shares: Sequence[float] | None = None,
    content_weight: float = 1.0,
    style_weight: float = 1.0,
    start: str = "content",
    optimizer: str = "lbfgs",
    n_iterations: int = 100,
    learning_rate: float = 0.02,
    random_state: int = 0,
    callback: Callable[[int, np.ndarray, tuple[float, float]], None] | None = None,
) -> np.ndarray:
    """One picture with the content of one and the style of others, of any sizes: uint8 (height, width, channels).

    `shares` say how much each style counts (None: equally). The other arguments are those of `StyleTransfer`; the
    `learning_rate` is Adam's. After each iteration `callback` gets how many are done, the picture by then, and
    (L_content, L_style), which Adam computes before the iteration. Raises ValueError for pictures that the extractor
    cannot take, unknown options, and shares that are negative or all 0.
    """
    for picture in (content, *styles):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != extractor.n_channels:
            wanted = f"uint8 (height, width, {extractor.n_channels})"
            raise ValueError(f"pictures must be {wanted} for this network, got {picture.dtype} {picture.shape}")
        if min(picture.shape[:2]) < extractor.min_side_pixels:
            size = f"{picture.shape[0]} x {picture.shape[1]}"
            raise ValueError(f"pictures must have sides of at least {extractor.min_side_pixels} pixels, got {size}")
    for name, value, choices in (("start", start, STARTS), ("optimizer", optimizer, OPTIMIZERS)):
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    shares = np.ones(len(styles)) if shares is None else np.asarray(shares, float)
    if shares.shape != (len(styles),) or len(styles) == 0 or not (shares.min() >= 0 and 0 < shares.sum() < np.inf):
        raise ValueError(f"there must be a style or more, each with a share that is not negative, got {shares}")
    stylisation, contents = Stylisation(extractor), to_network(content[None])
    target = stylisation.wanted(contents, [to_network(style[None]) for style in styles], shares[None] / shares.sum())
    given = started(contents, start, np.random.default_rng(random_state)), target, (content_weight, style_weight)
    report = callback and (
        lambda n_done, images, losses: callback(n_done, to_pixels(images)[0], tuple(losses.numpy()[:, 0].tolist()))
    )
    if optimizer == "lbfgs":
        found = stylisation.by_lbfgs(*given, n_iterations, report)
    else:
        found = stylisation.by_adam(*given, n_iterations, learning_rate, report)
    return to_pixels(found)[0]


def started(contents: tf.Tensor, start: str, rng: np.random.Generator) -> tf.Tensor:
    """Where to begin: at the content, at uniform noise, or at the mean of both."""
    if start == "content":
        return contents
    noise = tf.constant(rng.uniform(-1.0, 1.0, contents.shape), tf.float32)
    return noise if start == "noise" else 0.5 * (contents + noise)


def _n_positions(features) -> int:
    return features.shape[1] * features.shape[2]


def _equal(n: int) -> list[float]:
    return [1.0 / n] * n


def _unit(loss, found, other, *sizes):
    """`loss` between the two, to divide by: where they hardly differ it is no smaller than rounding."""
    return tf.maximum(loss(found, other, *sizes), NEGLIGIBLE_SHARE * loss(found, 0.0 * found, *sizes) + NEGLIGIBLE)
