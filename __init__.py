"""Class-balancing of image datasets with learned augmentation.

Every method is a class of its own, `METHODS` lists them all, and `check_balancer` checks whether a method of your own
follows the rules. Names are loaded on first use, so importing the package takes no time.
"""

import importlib

_PUBLIC = {
    "AffineTransformer": ".models.spatial_transformers",
    "CPABTransformer": ".models.velocity_fields",
    "Chain": ".models.chain",
    "METHODS": ".models",
    "Autoencoder": ".models.autoencoder",
    "Balancer": ".models.balancer",
    "ConvolutionalAutoencoder": ".models.autoencoder",
    "DenseAutoencoder": ".models.autoencoder",
    "HasLatents": ".models.balancer",
    "HasParents": ".models.balancer",
    "HasSourceClass": ".models.balancer",
    "HasStyles": ".models.balancer",
    "HasTransform": ".models.balancer",
    "ModeCollapseError": ".models.balancer",
    "Stage": ".models.training.fit",
    "TrainedBalancer": ".models.training.trained_balancer",
    "TrainingDivergedError": ".models.training.callbacks",
    "TrainingModel": ".models.training.fit",
    "check_balancer": ".models.contract",
    "collapse_tolerated": ".models.balancer",
}


def __getattr__(name: str):
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name], __name__), name)
    if not name.startswith("_"):
        from .models import METHODS

        for method in METHODS.values():
            if method.class_name == name:
                try:
                    return method.load()
                except AttributeError as error:  # else Python would only say that there is no such name
                    raise ImportError(f"{method.path} cannot be loaded: {error}") from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    from .models import METHODS

    return sorted([*_PUBLIC, *(method.class_name for method in METHODS.values())])
