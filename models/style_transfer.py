"""Neural style transfer as augmentation (the paper on style transfer; Gatys et al. 2016)."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..datasets.batches import batches_in_order, class_balanced_batches, drawn_equally
from ..datasets.loose_pictures import load_pictures
from ..datasets.pixels import n_at_once, to_network, to_pixels
from . import losses
from .balancer import HasParents, HasStyles, HasTransform
from .feature_extractors import FeatureExtractor, after_each_block, of_vgg19
from .influence import MAPS
from .networks import style
from .stylisation import STARTS, Stylisation, started
from .training.fit import Stage, TrainingModel
from .training.prediction import PREDICTION_BATCH_SIZE, predict
from .training.trained_balancer import TrainedBalancer, seconds_of_size

NETWORKS = ("classifier", "vgg19", "random")
STYLES_FROM = ("same class", "other classes", "all")
IMAGES_AT_ONCE = 32


@dataclass(kw_only=True, eq=False, repr=False)
class StyleTransfer(TrainedBalancer, HasParents, HasStyles, HasTransform):
    """Each new image has the content of one original of its class and the style of one or several other images.

    Its pixels are optimised by `n_iterations` of Adam, whose rate, of pixels in [0, 1], falls from
    `pixel_learning_rate` to 0, to minimise eq. 5, `content_weight` L_content + `style_weight` L_style. Each layer's
    loss is divided by what `stylisation.Wanted` says, so that weights mean the same for every network: L_style is 1 for
    the content image, L_content where nothing is left of the content. Layers weigh equally. `start` is where pixels
    begin: at the "content", which keeps it best, at "noise", or at the mean of "both".

    - `style_from`: the images whose styles are used, of the "same class", of "other classes", "all", or a folder of
      pictures. Of `n_styles` for an image the Gram matrices are averaged with random convex weights, uniform over all.
      Originals are used equally often, and so are the styles for each of them; none gets its own style.
    - `network`: where features come from: the "classifier" that `fit` trains on the images (batches of all classes
      equally often), "random" filters of the same layers, or "vgg19", whose file is `vgg19_weights` or in Keras' cache;
      nothing is downloaded. The classifier's are those after each convolution block.
    - `guided_by`: None, or one of `influence.MAPS` ("gradient", "occlusion", "guided backpropagation"): Gram matrices
      of styles count only the quarter of pixels that decides most about the class for that classifier, which `fit`
      trains then for any network. A picture of a folder has the class that the classifier gives it.

    Images need sides of at least 8 pixels, for VGG19 32. `fit` raises ValueError for unknown options, and if there are
    not enough images or pictures for styles.
    """

    n_epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    style_from: str | Path = "same class"
    n_styles: int = 1
    network: str = "classifier"
    vgg19_weights: str | Path | None = None
    guided_by: str | None = None
    start: str = "content"
    content_weight: float = 1.0
    style_weight: float = 0.5
    n_iterations: int = 100
    pixel_learning_rate: float = 0.02

    smallest_numbers = {"n_styles": 1, "n_iterations": 1}
    choices = {"network": NETWORKS, "start": STARTS, "guided_by": (None, *MAPS)}
    weights = ("content_weight", "style_weight")
    sampling_parameters = (
        "style_from", "n_styles", "start", "content_weight", "style_weight", "n_iterations", "pixel_learning_rate",
    )  # fmt: skip
    schedules = {
        "smoke": {"steps": {"n_epochs": 30}, "n_iterations": 10},
        "quick": {"steps": {"n_epochs": 500}, "n_iterations": 50},
        "thesis": {"n_epochs": 100},
    }
    seconds_per_1000_images = {"": {28: 0.5, 32: 0.6, 48: 1.8, 64: 3.5}}
    seconds_per_new_image = {28: 0.08, 32: 0.1, 48: 0.25, 64: 0.45}  # 100 iterations with the classifier's features

    @property
    def _has_classifier(self) -> bool:
        return self.network == "classifier" or self.guided_by is not None

    def fit_seconds(self, n_images, image_shape, n_classes, n_small_classes):
        return super().fit_seconds(n_images, image_shape, n_classes, n_small_classes) if self._has_classifier else 0.0

    def sample_seconds(self, n, image_shape):
        return n * seconds_of_size(self.seconds_per_new_image, image_shape) * self.n_iterations / 100

    @property
    def min_images(self):
        return self.n_styles + 1 if self.style_from == "same class" else 1

    def networks(self, image_shape, n_classes):
        builders = {}
        if self._has_classifier:
            builders["classifier"] = partial(style.style_classifier, n_classes, image_shape)
        if self.network == "random":
            builders["random_filters"] = partial(style.random_filters, image_shape)
        if self.network == "vgg19":
            builders["vgg19"] = partial(style.vgg19, image_shape, self.vgg19_weights)
        return builders

    def _check_numbers(self):
        super()._check_numbers()
        if not self.content_weight and not self.style_weight:
            raise ValueError("content_weight and style_weight are both 0; one must be more")
        if not self._styles_are_fitted and not Path(self.style_from).is_dir():
            choices = f"{', '.join(STYLES_FROM)} or a folder of pictures"
            raise ValueError(f"style_from must be {choices}, got {str(self.style_from)!r}")

    @property
    def _styles_are_fitted(self) -> bool:
        """Whether the styles are among the fitted images, not in a folder."""
        return self.style_from in STYLES_FROM

    def _fit(self, images, class_indices):
        self._check_numbers()
        self.images_, self.class_indices_ = images, class_indices
        if not self._styles_are_fitted:
            self.style_images_, self.style_names_ = load_pictures(self.style_from, images.shape[1:])
        for label, n in self.sampling_strategy_.items():
            class_index = self._class_index(label)
            if n:
                self._candidates(class_index, self._members(class_index)[0])
        super()._fit(images, class_indices)

    def _stages(self, images, class_indices):
        if self._has_classifier:
            model = ClassifierTraining(self.classifier_, float(self.learning_rate))
            batch_size = min(self.batch_size, len(images))
            yield Stage(model, *class_balanced_batches(images, class_indices, batch_size, self.seed_))

    def _sample(self, class_index, n, random_state):
        parents = self._parents(class_index, n, random_state)
        chosen = self._chosen_styles(class_index, parents, random_state)
        return self._stylised(self.images_[parents], chosen, class_index, random_state)

    def _transform(self, images, class_index, random_state):
        chosen = self._chosen_styles(class_index, np.full(len(images), -1), random_state)
        return self._stylised(images, chosen, class_index, random_state)

    def _stylised(self, images, chosen, class_index, random_state):
        """The uint8 images with the styles of chosen pictures, (n, n_styles) indices of `_style_pictures`."""
        n, pictures = len(images), self._style_pictures
        used, of_used = np.unique(chosen, return_inverse=True)
        influences = self._influences(used)[of_used.reshape(chosen.shape)] if self.guided_by else None
        rng = np.random.default_rng([random_state, class_index])
        shares = rng.dirichlet(np.ones(self.n_styles), n)
        size = min(n_at_once(IMAGES_AT_ONCE, images.shape[1:]), n)
        stylisation, made = self._stylisation(), []
        with tqdm(total=n, desc=f"{type(self).__name__}, new images", unit="image", disable=not self.verbose) as bar:
            for begin in range(0, n, size):
                part = np.resize(np.arange(begin, min(begin + size, n)), size)  # filled up: one graph for all parts
                contents = to_network(images[part])
                target = stylisation.wanted(
                    contents,
                    [to_network(pictures[chosen[part, number]]) for number in range(self.n_styles)],
                    shares[part],
                    None if influences is None else np.moveaxis(influences[part], 1, 0),
                )
                found = stylisation.by_adam(
                    started(contents, self.start, rng),
                    target,
                    (self.content_weight, self.style_weight),
                    self.n_iterations,
                    self.pixel_learning_rate,
                )
                made.append(to_pixels(found))
                bar.update(min(size, n - begin))
        return np.concatenate(made)[:n]

    def parents(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        return self._parents(class_index, n, seed)

    def styles(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        return self._named(self._chosen_styles(class_index, self._parents(class_index, n, seed), seed))

    def styles_of_transformed(self, label, n: int, random_state=None):
        """Those that each of `n` images gets from `transform` with the same arguments, as `styles` returns them."""
        class_index, n, seed = self._asked(label, n, random_state)
        return self._named(self._chosen_styles(class_index, np.full(n, -1), seed))

    def _named(self, chosen) -> np.ndarray:
        return chosen if self._styles_are_fitted else np.array(self.style_names_)[chosen]

    def _members(self, class_index) -> np.ndarray:
        return np.flatnonzero(self.class_indices_ == class_index)

    def _parents(self, class_index, n, seed) -> np.ndarray:
        members = self._members(class_index)
        return members[drawn_equally(len(members), n, np.random.default_rng(seed))]

    def _chosen_styles(self, class_index, parents, seed) -> np.ndarray:
        """int64 (n, n_styles), indices of `_style_pictures`: for each parent one random order, over and over.

        Images that are no fitted ones have the parent -1.
        """
        chosen = np.empty((len(parents), self.n_styles), np.int64)
        for parent in np.unique(parents):
            candidates = self._candidates(class_index, parent)
            order = np.random.default_rng([seed, class_index, parent + 1]).permutation(candidates)
            places = np.flatnonzero(parents == parent)
            chosen[places] = np.resize(order, (len(places), self.n_styles))
        return chosen

    def _candidates(self, class_index, parent) -> np.ndarray:
        """Indices of the pictures whose styles a new image of the class may get; ValueError if there are too few."""
        is_candidate = np.ones(len(self._style_pictures), bool)
        if self.style_from in ("same class", "other classes"):
            is_candidate = (self.class_indices_ == class_index) == (self.style_from == "same class")
        if self._styles_are_fitted and parent >= 0:
            is_candidate[parent] = False
        candidates = np.flatnonzero(is_candidate)
        if len(candidates) < self.n_styles:
            raise ValueError(
                f"an image of class {self.classes_[class_index]} cannot get {self.n_styles} styles from "
                f"{self.style_from}: there are {len(candidates)}"
            )
        return candidates

    @property
    def _style_pictures(self) -> np.ndarray:
        return self.images_ if self._styles_are_fitted else self.style_images_

    def _influences(self, indices) -> np.ndarray:
        """Maps of influence (n, height, width) of style pictures."""
        pictures = self._style_pictures[indices]
        if self._styles_are_fitted:
            classes = self.class_indices_[indices]
        else:
            (probabilities,) = predict(self.classifier_, batches_in_order(pictures, PREDICTION_BATCH_SIZE))
            classes = probabilities.argmax(axis=1)
        return MAPS[self.guided_by](self.classifier_, pictures, classes)

    def feature_extractor(self) -> FeatureExtractor:
        """The fitted network's, as `stylisation.transfer` takes it too; raises ValueError before `fit`."""
        self._check_fitted()
        return of_vgg19(self._fitted_network) if self.network == "vgg19" else after_each_block(self._fitted_network)

    @property
    def _fitted_network(self) -> keras.Model:
        return getattr(self, {"classifier": "classifier_", "random": "random_filters_"}.get(self.network, "vgg19_"))

    def _stylisation(self) -> Stylisation:
        """With the fitted network's features; kept, as its graphs take long to make."""
        if getattr(self, "_kept", (None, None))[0] is not self._fitted_network:
            self._kept = self._fitted_network, Stylisation(self.feature_extractor())
        return self._kept[1]


class ClassifierTraining(TrainingModel):
    """One step of a classifier by Adam, on eq. 3.5 of the thesis, the cross-entropy."""

    def __init__(self, classifier, learning_rate):
        super().__init__(("L_C",), {"classifier": (keras.optimizers.Adam(learning_rate), [classifier])})
        self.classifier = classifier

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            probabilities = self.classifier(batch["images"], training=True)
            loss = losses.classification_loss(batch["labels"], probabilities)
        self.minimise("classifier", tape, (loss, [self.classifier]))
        return self.recorded(loss)
