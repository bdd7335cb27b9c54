"""Methods that make new images of a class, or change how a classifier learns. TensorFlow is not imported here."""

from collections.abc import Iterable

from .method import FAMILIES, Chained, Combined, Method

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
JOINED = "+"


def named(name: str) -> Method:
    """One of METHODS, or several joined by "+": a chain of those that make images, then ways to train the classifier.

    Raises ValueError if there is no such method, one is named twice, one that makes images follows one that makes none,
    the baseline is joined to others, or two ways to train the classifier exclude each other.
    """
    names = name.split(JOINED)
    if unknown := [name for name in names if name not in METHODS]:
        raise ValueError(f"no method is called {unknown[0]!r}; there are {', '.join(METHODS)}")
    joined = [METHODS[name] for name in names]
    if len(joined) == 1:
        return joined[0]
    if len(set(names)) < len(names):
        raise ValueError(f"{name} names a method twice")
    if BASELINE in names:
        raise ValueError(f"{name}: {BASELINE} is nothing that could be joined to other methods")
    links = tuple(method for method in joined if method.makes_images)
    ways = tuple(method for method in joined if not method.makes_images)
    if tuple(joined) != links + ways:
        raise ValueError(f"{name}: what makes images comes before what does not")
    images_by = _chained(links) if len(links) > 1 else links[0] if links else None
    if not ways:
        return images_by
    return _combined(images_by, ways)


def _chained(links: tuple[Method, ...]) -> Chained:
    return Chained(path=".chain:Chain", family=_family(links), links=links, **_texts(links))


def _combined(images_by: Method | None, ways: tuple[Method, ...]) -> Combined:
    joined = (images_by, *ways) if images_by else ways
    family = images_by.family if images_by else ways[0].family
    found = Combined(path="", family=family, images_by=images_by, classifier_methods=ways, **_texts(joined))
    found.check()
    return found


def _family(methods: tuple[Method, ...]) -> str:
    """The one of the methods' that takes longest."""
    return next(family for family in reversed(FAMILIES) if family in {method.family for method in methods})


def _texts(methods: tuple[Method, ...]) -> dict[str, str]:
    return {
        "name": JOINED.join(method.name for method in methods),
        "label": " + ".join(method.label for method in methods),
        "source": "; ".join(dict.fromkeys(method.source for method in methods)),
    }


def in_order(names: Iterable[str]) -> list[str]:
    """Names of methods in the order of METHODS, after them joined ones; each once."""
    names = set(names)
    return [name for name in METHODS if name in names] + sorted(names - METHODS.keys())
