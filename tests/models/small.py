"""Balancers small enough for a test, by name."""

from models import BALANCERS

ARGUMENTS = {
    "cvae": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "cvae_gan": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "bagan": {"n_autoencoder_epochs": 6, "n_epochs": 2, "batch_size": 40, "latent_size": 5, "learning_rate": 1e-3},
}
TRAINED = list(ARGUMENTS)


def balancer(name, **changes):
    return BALANCERS[name](**ARGUMENTS.get(name, {}) | changes)
