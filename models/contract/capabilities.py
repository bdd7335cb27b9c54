"""The rules of what some balancers can do besides: name parents and styles, transform images, find latents."""

import numpy as np

from ..balancer import HasLatents, HasParents, HasSourceClass, HasStyles, HasTransform
from .fits import fit_once, minority
from .requirements import N_SAMPLED, require, require_refused, same


def check_parents(balancer, images, labels):
    fitted, (label, _) = fit_once(balancer, images, labels).balancer, minority(labels)
    if not isinstance(fitted, HasParents):
        return
    parents = fitted.parents(label, N_SAMPLED, random_state=7)
    require((parents.dtype, parents.shape) == (np.int64, (N_SAMPLED,)), f"parents must be int64 ({N_SAMPLED},)")
    require(same(parents, fitted.parents(label, N_SAMPLED, random_state=7)), "parents must be the same again")
    require(parents.min() >= -1 and parents.max() < len(images), "parents must be indices of fitted images, or -1")


def check_styles(balancer, images, labels):
    fitted, (label, _) = fit_once(balancer, images, labels).balancer, minority(labels)
    if not isinstance(fitted, HasStyles):
        return
    styles = fitted.styles(label, N_SAMPLED, random_state=7)
    require(styles.dtype == np.int64 or styles.dtype.kind == "U", "styles must be int64 or strings")
    require(styles.ndim == 2 and len(styles) == N_SAMPLED, f"styles must be ({N_SAMPLED}, n_styles)")
    require(same(styles, fitted.styles(label, N_SAMPLED, random_state=7)), "styles must be the same again")
    is_index = styles.dtype == np.int64 and styles.size
    require(not is_index or (styles.min() >= 0 and styles.max() < len(images)), "styles must index fitted images")


def check_transform(balancer, images, labels):
    fitted, (label, _) = fit_once(balancer, images, labels).balancer, minority(labels)
    if not isinstance(fitted, HasTransform):
        return
    given = images[labels == (fitted.source_label_ if isinstance(fitted, HasSourceClass) else label)][:3]
    before = given.copy()
    made = fitted.transform(given, label, random_state=7)
    require((made.dtype, made.shape) == (given.dtype, given.shape), "transform must give an image for each one")
    require(not same(made, given), "transform must change images")
    require(same(given, before), "transform must not change the array of images that it is given")
    require(same(made, fitted.transform(given, label, random_state=7)), "transform must give the same images again")
    require(same(fitted.transform(given[:0], label), given[:0]), "transform must give none for no images")
    require_refused("transforming for a class that was not fitted", fitted.transform, given, int(labels.max()) + 1)
    require_refused("transforming images of another shape", fitted.transform, given[:, 1:], label)


def check_latents(balancer, images, labels):
    fitted, (label, _) = fit_once(balancer, images, labels).balancer, minority(labels)
    if not isinstance(fitted, HasLatents):
        return
    few = images[labels == label][:3]
    latents = fitted.encode(few, label)
    require(latents.dtype == np.float32, f"encode must give float32, not {latents.dtype}")
    require(latents.ndim == 2 and len(latents) == len(few), f"encode must give (n, latent_size), not {latents.shape}")
    made = fitted.decode(latents, label)
    require((made.dtype, made.shape) == (few.dtype, few.shape), "decode must give uint8 images of the fitted shape")
    for what, function, given in (("encoding", fitted.encode, few), ("decoding", fitted.decode, latents)):
        require_refused(f"{what} for a class that was not fitted", function, given, int(labels.max()) + 1)


CHECKS = [check_parents, check_styles, check_transform, check_latents]
