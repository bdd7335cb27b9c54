"""What style transfer makes of a few images of a class, and which pixels decide about them, kept for figures."""

import copy
from pathlib import Path

import numpy as np
from sklearn.base import clone

from ...datasets.files import write_archive
from ...models.influence import MAPS, guide
from ...models.networks.style import VGG19_MIN_SIDE, vgg19_file
from ...models.style_transfer import NETWORKS, StyleTransfer

N_SHOWN = 4
STYLE_WEIGHTS = (0.1, 0.5, 2.0, 8.0)
NUMBERS_OF_STYLES = ("style", "second style", "third style")
N_TIMES_FROM_NOISE = 5  # as many iterations
FADED = 0.8  # how white pixels become that a map does not pick


def save(folder: Path, balancer: StyleTransfer, label) -> None:
    """Write `styles.npz` and `influences.npz`, name of each row -> uint8 (4, height, width, channels).

    Both are of the same images of class `label`. `balancer` has the default network and styles.
    """
    members = np.flatnonzero(balancer.classes_[balancer.class_indices_] == label)
    n = min(N_SHOWN, len(members))
    write_archive(folder / "styles.npz", styled(balancer, label, n, min(len(NUMBERS_OF_STYLES), len(members) - 1)))
    write_archive(folder / "influences.npz", influences(balancer, label, n))


def styled(balancer: StyleTransfer, label, n: int, n_styles: int) -> dict[str, np.ndarray]:
    """Rows of `n` images, their styles, and both together, where everything but what the row names is the balancer's.

    There is a row of VGG19 if its file is in Keras' cache and it takes such images.
    """

    def made(**changes) -> np.ndarray:
        return _changed(balancer, **changes).sample(label, n, 0)

    long = N_TIMES_FROM_NOISE * balancer.n_iterations
    styles = balancer.images_[_changed(balancer, n_styles=n_styles).styles(label, n, 0)]  # (n, n_styles, height, ...)
    has_vgg19 = vgg19_file().is_file() and min(balancer.image_shape_[:2]) >= VGG19_MIN_SIDE
    others = [name for name in NETWORKS if name == "random" or (name == "vgg19" and has_vgg19)]
    return (
        {"content": balancer.images_[balancer.parents(label, n, 0)], NUMBERS_OF_STYLES[0]: styles[:, 0]}
        | {f"style weight {weight:g}": made(style_weight=weight) for weight in STYLE_WEIGHTS}
        | {f"network {name}": _fitted_again(balancer, name).sample(label, n, 0) for name in others}
        | {"start both": made(start="both"), "start noise": made(start="noise")}
        | {f"start noise, {long} iterations": made(start="noise", n_iterations=long)}
        | {f"guided by {name}": made(guided_by=name) for name in MAPS}
        | dict(zip(NUMBERS_OF_STYLES[1:], np.moveaxis(styles[:, 1:], 1, 0), strict=False))
        | {f"{n_styles} styles": made(n_styles=n_styles)}
    )


def influences(balancer: StyleTransfer, label, n: int) -> dict[str, np.ndarray]:
    """Rows of `n` images, and for each map how much a pixel decides, white being most, and the quarter that it picks.

    Pixels that are not picked are faded.
    """
    indices = balancer.parents(label, n, 0)
    images = balancer.images_[indices]
    rows = {"content": images}
    for name, influence in MAPS.items():
        found = influence(balancer.classifier_, images, balancer.class_indices_[indices])
        least, most = (end(found, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
        grey = np.round(255 * (found - least) / np.maximum(most - least, 1e-12)).astype(np.uint8)
        is_picked = guide(found, images.shape[1:3])[..., None] > 0
        faded = np.round((1 - FADED) * images + FADED * 255).astype(np.uint8)
        rows[name] = np.repeat(grey[..., None], images.shape[-1], axis=-1)
        rows[f"{name}, picked"] = np.where(is_picked, images, faded)
    return rows


def _changed(balancer: StyleTransfer, **changes) -> StyleTransfer:
    """The fitted balancer with other parameters, which its networks do not depend on."""
    return copy.copy(balancer).set_params(verbose=0, **changes)


def _fitted_again(balancer: StyleTransfer, network: str) -> StyleTransfer:
    """The balancer with a network that is not trained."""
    other = clone(balancer).set_params(network=network, folder=None, verbose=0)
    return other.fit(balancer.images_, balancer.classes_[balancer.class_indices_])
