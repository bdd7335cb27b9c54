"""Learn which deformations a class shows, then draw new ones (Hauberg et al. 2016; the poster on learned augmentation).

For pairs of images x_m, x_n of a class that look alike, theta is found that minimises

    J(theta) = mean over p of (x_n(p) - x_m(T(p)))^2 + w / 2 theta' C^-1 theta,

a Gaussian N(0, S_y) is fitted to the thetas of each class y, and a new image is x_i(T(p)) with theta drawn from it.
Deviations from the poster, which draws one theta for all images, around their mean, and compares all pairs of images,
are in DEVIATIONS.md.
"""

import numbers
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats
from sklearn.covariance import OAS
from sklearn.neighbors import NearestNeighbors
from tqdm import tqdm

from ..datasets.batches import drawn_equally
from ..datasets.pixels import n_at_once, to_network, to_pixels
from .alignment import Alignment
from .balancer import Balancer, HasParents, HasTransform
from .spatial_transformers import SpatialTransformer

MAX_COMPARED_IMAGES = 1000  # of a class, among which near neighbours are sought
IMAGES_AT_ONCE = 250
SECONDS_PER_NEW_PIXEL = 2.5e-7  # on the reference machine
SMALLEST_IMPROVEMENT = 0.1  # of the squared difference, else a pair is left out
LARGEST_MOVE = 0.5  # of the square, of any pixel, else a pair is left out
PAIRS_PER_PARAMETER = 4  # with fewer a class borrows from all classes' covariance
DRAWN_PROBABILITY = 0.95  # deformations beyond this quantile of their length are not drawn


@dataclass(kw_only=True, eq=False, repr=False)
class LearnedTransformations(Balancer, HasParents, HasTransform):
    """Each new image is an original of its class, deformed like images of the class differ from each other.

    Pairs are images and their `n_neighbors` nearest ones (Euclidean, of the same class), of a class at most
    `max_pairs`, and as many of all classes together that `sampling_strategy_` adds no images to. Adam takes
    `n_iterations` steps of `learning_rate`, which falls to 0, on all pairs at once, in the first half on blurred images
    (`Alignment`). `prior_weight` is w. Pairs whose squared difference falls by less than a tenth or that move a pixel
    by more than half of the image are left out. The covariance S_y is shrunk (OAS) around a mean of 0, since the two
    orders of a pair have opposite thetas, and mixed with that of all classes where a class has fewer than four pairs
    for each parameter. Draws beyond the 95 % quantile of their Mahalanobis length are drawn again. Originals are used
    equally often. With `verbose` above 0 a bar shows the time left.

    Fitted: `covariances_` (n_classes, d, d), and for each class `pairs_` int (n, 2), indices m and n of fitted images,
    and their `thetas_` (n, d). A class needs two images; ValueError if there are fewer or if all are alike.
    """

    n_neighbors: int = 5
    max_pairs: int = 1000
    n_iterations: int = 100
    learning_rate: float = 1e-2
    prior_weight: float = 1e-3
    verbose: int = 0

    seconds_per_1000_pairs: ClassVar[float]  # 100 iterations, on the reference machine

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        return {"max_pairs": 50, "n_iterations": 20} if schedule == "smoke" else {}

    def fit_seconds(self, n_images, image_shape, n_classes, n_small_classes):
        n_full = n_small_classes + (n_small_classes < n_classes)
        n_pairs = min(self.n_neighbors * n_images, self.max_pairs * n_full)
        return self.seconds_per_1000_pairs * n_pairs / 1000 * self.n_iterations / 100

    def sample_seconds(self, n, image_shape):
        height, width, _ = image_shape
        return SECONDS_PER_NEW_PIXEL * n * height * width

    @abstractmethod
    def transformer(self, image_shape: tuple[int, int, int]) -> SpatialTransformer:
        """The deformations of images (height, width, channels). Raises ValueError for images that it cannot deform."""

    @property
    def min_images(self):
        return 2

    def _fit(self, images, class_indices):
        for name in ("n_neighbors", "max_pairs", "n_iterations"):
            if not isinstance(getattr(self, name), numbers.Integral) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {getattr(self, name)!r}")
        for name in ("learning_rate", "prior_weight"):
            if not isinstance(getattr(self, name), numbers.Real):
                raise ValueError(f"{name} must be a number, got {getattr(self, name)!r}")
        if not 0 < self.learning_rate <= 1:
            raise ValueError(f"learning_rate must be above 0 and at most 1, got {self.learning_rate}")
        if not 0 <= self.prior_weight < np.inf:
            raise ValueError(f"prior_weight must be at least 0, got {self.prior_weight}")
        transformer = self.transformer(images.shape[1:])
        self.images_, self.class_indices_ = images, class_indices
        for label in [label for label, n in self.sampling_strategy_.items() if n]:
            self._members(self._class_index(label))
        pairs = self._pairs()
        thetas, is_good = self._aligned(transformer, images, pairs)
        if is_good.sum() < 2:  # one has no covariance
            raise ValueError(
                f"{type(self).__name__} found no two images of a class that a deformation brings closer together: "
                "images of a class are all alike or too different"
            )
        chosen = [is_good & (class_indices[pairs[:, 0]] == index) for index in range(len(self.classes_))]
        self.pairs_, self.thetas_ = [pairs[good] for good in chosen], [thetas[good] for good in chosen]
        self.covariances_ = _covariances(self.thetas_)

    def _members(self, class_index) -> np.ndarray:
        """Indices of a class's images; raises ValueError if there are too few to learn from."""
        members = np.flatnonzero(self.class_indices_ == class_index)
        if len(members) < self.min_images:
            label = self.classes_[class_index]
            raise ValueError(f"class {label} has {len(members)} image; {type(self).__name__} needs {self.min_images}")
        return members

    def _pairs(self) -> np.ndarray:
        """int (n, 2): an image, which is to be deformed, and one of the nearest ones of its class."""
        rng = np.random.default_rng(self.seed_)
        wanted = [self.sampling_strategy_.get(label, 0) > 0 for label in self.classes_.tolist()]
        n_of_others = max(1, self.max_pairs // max(1, wanted.count(False)))
        found = []
        for class_index, is_wanted in enumerate(wanted):
            members = np.flatnonzero(self.class_indices_ == class_index)
            found.append(self._pairs_among(members, self.max_pairs if is_wanted else n_of_others, rng))
        return np.concatenate(found)

    def _pairs_among(self, members: np.ndarray, n: int, rng) -> np.ndarray:
        """At most `n` pairs of one class."""
        if len(members) > MAX_COMPARED_IMAGES:
            members = np.sort(rng.choice(members, MAX_COMPARED_IMAGES, replace=False))
        k = min(self.n_neighbors, len(members) - 1)
        if k < 1:
            return np.empty((0, 2), np.int64)
        flat = self.images_[members].reshape(len(members), -1).astype(np.float32)
        _, neighbours = NearestNeighbors(n_neighbors=k).fit(flat).kneighbors()  # (n, k), without the image itself
        pairs = np.stack([np.repeat(members, k), members[neighbours.ravel()]], axis=1)
        return pairs[np.sort(rng.permutation(len(pairs))[:n])]

    def _aligned(self, transformer, images, pairs) -> tuple[np.ndarray, np.ndarray]:
        """theta (n, d) of each pair (n, 2), and whether it is worth keeping, bool (n,)."""
        alignment = Alignment(transformer, self.n_iterations, self.learning_rate, self.prior_weight, self.seed_)
        thetas, is_good = np.empty((0, transformer.n_parameters), np.float32), np.empty(0, bool)
        with tqdm(total=len(pairs), desc=type(self).__name__, unit="pair", disable=not self.verbose) as bar:
            for part in alignment.parts(images, pairs):
                is_closer = part.after < (1.0 - SMALLEST_IMPROVEMENT) * part.before
                thetas = np.concatenate([thetas, part.thetas])
                is_good = np.concatenate([is_good, is_closer & (part.largest_move <= LARGEST_MOVE)])
                bar.update(len(part.thetas))
        return thetas, is_good

    def _sample(self, class_index, n, random_state):
        return self._transform(self.images_[self._drawn(class_index, n, random_state)], class_index, random_state)

    def _transform(self, images, class_index, random_state):
        thetas = self.draw(self.classes_[class_index], len(images), random_state)
        return deformed(self.transformer(self.image_shape_), images, thetas)

    def parents(self, label, n: int, random_state=None):
        return self._drawn(*self._asked(label, n, random_state))

    def _drawn(self, class_index, n, random_state) -> np.ndarray:
        members = self._members(class_index)
        return members[drawn_equally(len(members), n, np.random.default_rng(random_state))]

    def draw(self, label, n: int, random_state=None) -> np.ndarray:
        """theta float32 (n, d) of `n` deformations of a class: those of `sample` with the same arguments."""
        class_index, n, seed = self._asked(label, n, random_state)
        rng = np.random.default_rng([seed, class_index])
        n_parameters = self.covariances_.shape[1]
        limit = stats.chi2.ppf(DRAWN_PROBABILITY, n_parameters)
        drawn = np.empty((0, n_parameters))
        while len(drawn) < n:
            more = rng.standard_normal((2 * n, n_parameters))
            drawn = np.concatenate([drawn, more[np.square(more).sum(axis=1) <= limit]])
        values, vectors = np.linalg.eigh(self.covariances_[class_index])
        return np.float32(drawn[:n] * np.sqrt(np.maximum(values, 0.0)) @ vectors.T)


def deformed(transformer: SpatialTransformer, images: np.ndarray, thetas: np.ndarray) -> np.ndarray:
    """uint8 images (n, height, width, channels), each deformed by its theta (n, d)."""
    size, parts = n_at_once(IMAGES_AT_ONCE, images.shape[1:]), []
    for start in range(0, len(images), size):
        filled_up = np.arange(start, start + size) % len(images)  # all parts alike are compiled once
        parts.append(to_pixels(transformer(to_network(images[filled_up]), thetas[filled_up])))
    return np.concatenate(parts)[: len(images)]


def _covariances(thetas_of_class: list[np.ndarray]) -> np.ndarray:
    """(n_classes, d, d): of each class, with few pairs a mixture with that of all classes."""
    pooled = OAS(assume_centered=True).fit(np.concatenate(thetas_of_class)).covariance_
    found = []
    for thetas in thetas_of_class:
        own = OAS(assume_centered=True).fit(thetas).covariance_ if len(thetas) > 1 else pooled
        share = min(1.0, len(thetas) / (PAIRS_PER_PARAMETER * pooled.shape[0]))
        found.append(share * own + (1.0 - share) * pooled)
    return np.array(found)
