"""What a method is to commands, plans and tables, alone or joined to others. TensorFlow is not imported here."""

import contextlib
import importlib
from dataclasses import dataclass

import numpy as np

FAMILIES = {
    "baseline": "the images as they are",
    "classifier": "another way to train the classifier; makes no images",
    "classic": "new images without networks",
    "learned": "new images by transformations learned from pairs of images",
    "network": "new images by trained networks",
}


@dataclass(frozen=True)
class Method:
    """One way to treat an imbalanced dataset.

    `name` is what command lines and records call it, `path` its class as "module:Class" (a module that begins with a
    dot is one of this package), `label` its name in tables and figures, `source` where it is described (with the
    section of the thesis), `family` one of FAMILIES.
    """

    name: str
    path: str
    label: str
    source: str
    family: str

    @property
    def makes_images(self) -> bool:
        """Whether `load` gives a Balancer, not a ClassifierMethod."""
        return self.family in ("classic", "learned", "network")

    @property
    def image_method(self) -> "Method | None":
        """What makes the images, if any are made."""
        return self if self.makes_images else None

    @property
    def classifier_methods(self) -> tuple["Method", ...]:
        """How the classifier is trained, if in another way than usual."""
        return () if self.makes_images else (self,)

    @property
    def takes_time(self) -> bool:
        """Whether `fit` takes long enough to show a bar, with the argument `verbose`, and to be part of a plan."""
        return self.family in ("learned", "network")

    def fit_arguments(self, folder, verbose: int) -> dict:
        """Of these constructor arguments those that the method has: `folder` for checkpoints, and `verbose`."""
        known = {"verbose": verbose} if self.takes_time else {}
        return known | ({"folder": folder} if self.family == "network" else {})

    def fit_scope(self, strategy):
        """The scope to fit in: that of a `tf.distribute` strategy for networks, none for what one device learns."""
        return strategy.scope() if self.family == "network" else contextlib.nullcontext()

    @property
    def class_name(self) -> str:
        return self.path.partition(":")[2]

    def load(self) -> type:
        """The method's class; imports its module, and with most methods TensorFlow."""
        module = importlib.import_module(self.path.partition(":")[0], __package__)
        return getattr(module, self.class_name)

    @property
    def has_source_class(self) -> bool:
        """Whether its class is a HasSourceClass."""
        from .balancer import HasSourceClass

        return issubclass(self.load(), HasSourceClass)

    def new(self, **arguments):
        """The method with these constructor arguments."""
        return self.load()(**arguments)

    def arguments(self, schedule: str, n_images: int, flip: bool) -> dict:
        """Constructor arguments for any `n_images` images, as `Balancer.arguments` returns them."""
        return self.load().arguments(schedule, n_images, flip)


@dataclass(frozen=True)
class Chained(Method):
    """Methods one after another, `links`; constructor arguments of each are under its name."""

    links: tuple[Method, ...]

    def new(self, **arguments):
        of_links = [link.new(**arguments.pop(link.name, {})) for link in self.links]
        return super().new(methods=of_links, **arguments)

    def arguments(self, schedule, n_images, flip):
        return {link.name: link.arguments(schedule, n_images, flip) for link in self.links}

    def fit_arguments(self, folder, verbose):
        return {"folder": folder, "verbose": verbose}

    def fit_scope(self, strategy):
        """None if one of them is learned on one device, as then all are."""
        is_learned = any(link.family == "learned" for link in self.links)
        return contextlib.nullcontext() if is_learned else super().fit_scope(strategy)


@dataclass(frozen=True)
class Combined(Method):
    """New images, or none, and a classifier that learns from them in other ways: `images_by` and `classifier_methods`.

    Constructor arguments are those of `images_by`.
    """

    images_by: Method | None = None
    classifier_methods: tuple[Method, ...] = ()

    @property
    def makes_images(self):
        return self.images_by is not None

    @property
    def image_method(self):
        return self.images_by

    def load(self):
        return self.images_by.load()

    def new(self, **arguments):
        return self.images_by.new(**arguments)

    def arguments(self, schedule, n_images, flip):
        return self.images_by.arguments(schedule, n_images, flip)

    def fit_arguments(self, folder, verbose):
        return self.images_by.fit_arguments(folder, verbose)

    def fit_scope(self, strategy):
        return self.images_by.fit_scope(strategy)

    def check(self) -> None:
        """Raise ValueError if two of the ways to train the classifier set the same argument or both correct a prior."""
        owner = {}
        for way in self.classifier_methods:
            made = way.new()
            for claim in [*made.classifier_arguments(np.array([0, 0, 1])), *["prior"] * made.corrects_prior]:
                first = owner.setdefault(claim, way.name)
                if first != way.name:
                    raise ValueError(f"{self.name}: {first} and {way.name} exclude each other")
