"""Methods one after another, as one method (section 4 of the paper on style transfer; the slides' future work)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import clone

from .balancer import Balancer, HasParents, HasSourceClass, HasStyles, HasTransform
from .inputs import check_resumable


@dataclass(kw_only=True, eq=False, repr=False)
class Chain(Balancer, HasParents, HasStyles):
    """New images are made by the first of `methods`, and each of the others transforms them in turn.

    `methods` are two or more unfitted balancers, of which all but the first have `transform`. Clones of them are fitted
    to the originals, each on its own, with the chain's `random_state`; `methods_` are the fitted ones. Where one
    translates from a source class, those before it make images of that class: faces from noise, then an emotion.

    With a seed, the first makes what its `sample` makes with that seed, so its parents are the chain's; the k-th after
    it gets the seed `later_seed(seed, k)`. Of `parents` all are -1 if the first method's images have none, `styles` are
    (n, 0) if no method has any. `folder` keeps checkpoints of each method that trains networks, `verbose` above 0 shows
    the bars of those that have one. `fit` raises ValueError if the methods cannot be chained, or with a `folder` if
    `random_state` is no whole number.
    """

    methods: Sequence[Balancer] = ()
    folder: str | Path | None = None
    verbose: int = 0

    @property
    def min_side_pixels(self):
        self.check_methods()
        return max(method.min_side_pixels for method in self.methods)

    @property
    def min_images(self):
        self.check_methods()
        return max(method.min_images for method in self.methods)

    @property
    def source_classes(self):
        return tuple(label for method in self.methods for label in method.source_classes)

    def fit_seconds(self, *asked):
        seconds = 0.0
        for place, method in enumerate(self.methods):
            seconds += self._set_known(clone(method), folder=self._folder_of(place)).fit_seconds(*asked)
        return seconds

    def sample_seconds(self, n, image_shape):
        return sum(method.sample_seconds(n, image_shape) for method in self.methods)

    def n_bytes_held(self, *asked):
        return max(method.n_bytes_held(*asked) for method in self.methods)

    def check_methods(self) -> None:
        """Raise ValueError if the methods cannot be chained."""
        if len(self.methods) < 2:
            raise ValueError(f"a chain needs at least two methods, got {len(self.methods)}")
        for method in self.methods:
            if not isinstance(method, Balancer):
                raise ValueError(f"methods must be balancers such as Geometric(), got {method!r}")
        for method in self.methods[1:]:
            if not isinstance(method, HasTransform):
                raise ValueError(f"{type(method).__name__} does not transform images, so it can only come first")
        styled = [type(method).__name__ for method in self.methods if isinstance(method, HasStyles)]
        if len(styled) > 1:
            raise ValueError(f"only one method of a chain may have styles, got {', '.join(styled)}")

    def _fit(self, images, class_indices):
        self.check_methods()
        check_resumable(self)
        labels, counts = self.classes_[class_indices], np.bincount(class_indices)
        wanted = self.sampling_strategy_
        self.methods_ = []
        for place, method in reversed(list(enumerate(self.methods))):
            totals = {label: int(counts[self._class_index(label)]) + n for label, n in wanted.items()}
            fitted = clone(method).set_params(sampling_strategy=totals, random_state=self.seed_)
            self._set_known(fitted, folder=self._folder_of(place), verbose=self.verbose).fit(images, labels)
            # where it was fitted is not part of what was learned
            self.methods_.insert(0, self._set_known(fitted, folder=None, verbose=0))
            if isinstance(fitted, HasSourceClass):
                wanted = {fitted.source_label_: sum(wanted.values())}

    def _folder_of(self, place: int) -> Path | None:
        """Of the checkpoints of the method at the place, counted from 0."""
        return Path(self.folder) / f"{place + 1}-{type(self.methods[place]).__name__}" if self.folder else None

    def _sample(self, class_index, n, random_state):
        for method in self.methods_:
            self._set_known(method, verbose=self.verbose)
        labels = self._labels(class_index)
        images = self.methods_[0].sample(labels[0], n, random_state)
        for place in range(1, len(self.methods_)):
            images = self.methods_[place].transform(images, labels[place], later_seed(random_state, place))
        return images

    def parents(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        first = self.methods_[0]
        return first.parents(self._labels(class_index)[0], n, seed) if isinstance(first, HasParents) else np.full(n, -1)

    def styles(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        labels = self._labels(class_index)
        if isinstance(self.methods_[0], HasStyles):
            return self.methods_[0].styles(labels[0], n, seed)
        for place in range(1, len(self.methods_)):
            if isinstance(self.methods_[place], HasStyles):
                return self.methods_[place].styles_of_transformed(labels[place], n, later_seed(seed, place))
        return np.empty((n, 0), np.int64)

    def _labels(self, class_index) -> list:
        """Of which class each method makes images, so that the last makes those of the class."""
        labels = [self.classes_.tolist()[class_index]]
        for method in self.methods_[:0:-1]:
            labels.insert(0, method.source_label_ if isinstance(method, HasSourceClass) else labels[0])
        return labels

    @staticmethod
    def _set_known(method: Balancer, **values) -> Balancer:
        """Set those of the parameters that the method has."""
        return method.set_params(**{name: value for name, value in values.items() if name in method.get_params()})


def later_seed(random_state: int, place: int) -> int:
    """The seed of the method at the place, counted from 0, of a chain that samples with `random_state`."""
    return int(np.random.default_rng([random_state, place]).integers(2**31))
