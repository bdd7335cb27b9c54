"""Balancers small enough for a test, by name."""

from class_balancing.models import METHODS

ARGUMENTS = {
    "cvae": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "cvae_gan": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "bagan": {"n_autoencoder_epochs": 6, "n_epochs": 2, "batch_size": 40, "latent_size": 5, "learning_rate": 1e-3},
}
# changes for tests that need no more than a step; BAGAN's images must not be all alike after it
ONE_STEP = {
    "cvae": {"n_epochs": 1, "batch_size": 100},
    "cvae_gan": {"n_epochs": 1, "batch_size": 100},
    "bagan": {"n_autoencoder_epochs": 1, "n_epochs": 1, "batch_size": 100, "learning_rate": 1e-2},
}
BALANCERS = [name for name, method in METHODS.items() if method.makes_images]
TRAINED = [name for name, method in METHODS.items() if method.family == "network"]


def balancer(name, **changes):
    return METHODS[name].load()(**ARGUMENTS.get(name, {}) | changes)
