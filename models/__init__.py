"""Methods that make new images of a class, or change how a classifier learns. TensorFlow is not imported here."""

import contextlib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass

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
        module = importlib.import_module(self.path.partition(":")[0], __name__)
        return getattr(module, self.class_name)

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


METHODS = {
    fields[0]: Method(*fields)
    for fields in (
        ("unbalanced", ".classifier_methods:Unbalanced", "Unbalanced original", "thesis, 5.3", "baseline"),
        ("geometric", ".geometric:Geometric", "geom. trans.", "thesis, 1.1", "classic"),
        ("affine", ".affine:Affine", "learned affine", "poster on learned augmentation", "learned"),
        ("cpab", ".cpab:CPAB", "CPAB", "poster on learned augmentation; Freifeld et al. 2017", "learned"),
        ("cvae", ".cvae:CVAE", "CVAE", "thesis, 1.4; Sohn et al. 2015", "network"),
        ("cvae_gan", ".cvae_gan:CVAEGAN", "CVAE-GAN", "thesis, 3.2; Bao et al. 2017", "network"),
        ("bagan", ".bagan:BAGAN", "BAGAN", "thesis, 3.3; Mariani et al. 2018", "network"),
        ("cyclegan", ".cyclegan:CycleGAN", "CycleGAN", "slides on FER2013, A; Zhu et al. 2017", "network"),
        (
            "weighted_cyclegan",
            ".weighted_cyclegan:WeightedCycleGAN",
            "weighted CycleGAN",
            "slides on FER2013, A; Wang and Lin 2024",
            "network",
        ),
        (
            "wasserstein_cyclegan",
            ".wasserstein_cyclegan:WassersteinCycleGAN",
            "Wasserstein CycleGAN",
            "slides on FER2013, A; Gulrajani et al. 2017",
            "network",
        ),
        ("dcgan", ".dcgan:DCGAN", "DCGAN", "slides on FER2013, B; Radford et al. 2016", "network"),
        ("wgan_gp", ".wgan_gp:WGANGP", "WGAN-GP", "slides on FER2013, B; Gulrajani et al. 2017", "network"),
        ("deep_smote", ".deep_smote:DeepSMOTE", "DeepSMOTE", "Dablain et al. 2021", "network"),
        (
            "deep_smote_unpenalised",
            ".deep_smote:UnpenalisedDeepSMOTE",
            "DeepSMOTE without penalty",
            "Dablain et al. 2021",
            "network",
        ),
        (
            "deep_smote_permuted",
            ".deep_smote:PermutedDeepSMOTE",
            "DeepSMOTE as published",
            "Dablain et al. 2021",
            "network",
        ),
        (
            "style_transfer",
            ".style_transfer:StyleTransfer",
            "style transfer",
            "paper on style transfer; Gatys et al. 2016",
            "network",
        ),
        (
            "flow_matching",
            ".flow_matching:FlowMatching",
            "flow matching",
            "Lipman et al. 2023",
            "network",
        ),
        ("latent_flow", ".latent_flow:LatentFlow", "latent flow", "Lipman et al. 2023", "network"),
        ("random_oversampling", ".interpolation:RandomOversampling", "random oversampling", "thesis, 1.2", "classic"),
        ("smote", ".interpolation:SMOTE", "SMOTE", "thesis, 1.2; Chawla et al. 2002", "classic"),
        ("adasyn", ".interpolation:ADASYN", "ADASYN", "thesis, 1.2; He et al. 2008", "classic"),
        ("class_weights", ".classifier_methods:ClassWeights", "class weights", "scikit-learn", "classifier"),
        (
            "effective_numbers",
            ".classifier_methods:EffectiveNumbers",
            "class-balanced weights",
            "Cui et al. 2019",
            "classifier",
        ),
        (
            "logit_adjustment",
            ".classifier_losses:LogitAdjustment",
            "logit adjustment",
            "Menon et al. 2021",
            "classifier",
        ),
        (
            "balanced_softmax",
            ".classifier_losses:BalancedSoftmax",
            "balanced softmax",
            "Ren et al. 2020; Menon et al. 2021",
            "classifier",
        ),
        ("focal_loss", ".classifier_losses:FocalLoss", "focal loss", "Lin et al. 2017", "classifier"),
        ("mixup", ".classifier_batches:Mixup", "mixup", "Zhang et al. 2018", "classifier"),
        ("remix", ".classifier_batches:Remix", "Remix", "Chou et al. 2020", "classifier"),
        ("cutmix", ".classifier_batches:CutMix", "CutMix", "Yun et al. 2019", "classifier"),
        ("rand_augment", ".classifier_batches:RandAugment", "RandAugment", "Cubuk et al. 2020", "classifier"),
    )
}
BASELINE = "unbalanced"
CHAINED = "+"


def named(name: str) -> Method:
    """One of METHODS, or the chain of several that make images, whose names are joined by "+".

    Raises ValueError if there is no such method, or if a chain names one twice or one that makes no images.
    """
    names = name.split(CHAINED)
    if unknown := [name for name in names if name not in METHODS]:
        raise ValueError(f"no method is called {unknown[0]!r}; there are {', '.join(METHODS)}")
    links = tuple(METHODS[name] for name in names)
    if len(links) == 1:
        return links[0]
    if len(set(names)) < len(names):
        raise ValueError(f"the chain {name} names a method twice")
    for link in links:
        if not link.makes_images:
            raise ValueError(f"{link.name} makes no images, so it cannot be chained")
    family = next(family for family in reversed(FAMILIES) if family in {link.family for link in links})
    text = " + ".join(link.label for link in links)
    sources = "; ".join(dict.fromkeys(link.source for link in links))
    return Chained(name, ".chain:Chain", text, sources, family, links)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of methods in the order of METHODS, after them chains; each once."""
    names = set(names)
    return [name for name in METHODS if name in names] + sorted(names - METHODS.keys())
