"""Balancers small enough for a test, by name."""

from class_balancing.models import METHODS

PAIRS = {
    "n_epochs": 2,
    "batch_size": 5,
    "n_generator_filters": 4,
    "n_blocks": 1,
    "n_discriminator_filters": 4,
    "n_discriminator_layers": 1,
}
ARGUMENTS = {
    "affine": {"max_pairs": 10, "n_iterations": 3},
    "cpab": {"max_pairs": 10, "n_iterations": 3, "n_cells": (2, 2)},
    "cvae": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "cvae_gan": {"n_epochs": 2, "batch_size": 40, "latent_size": 5},
    "bagan": {"n_autoencoder_epochs": 6, "n_epochs": 2, "batch_size": 40, "latent_size": 5, "learning_rate": 1e-3},
    "cyclegan": PAIRS | {"n_pooled_images": 8},
    "weighted_cyclegan": PAIRS | {"n_pooled_images": 8},
    "wasserstein_cyclegan": PAIRS,
    "dcgan": {"n_epochs": 2, "batch_size": 25, "latent_size": 5, "n_filters": 8, "n_ramp_steps": 1},
    "wgan_gp": {"n_epochs": 2, "batch_size": 25, "latent_size": 5, "n_filters": 8, "n_critic_steps": 2},
    "deep_smote": {"n_epochs": 2, "batch_size": 40, "latent_size": 5, "n_filters": 4},
    "style_transfer": {"n_epochs": 2, "batch_size": 40, "n_iterations": 1},
    "flow_matching": {"n_epochs": 2, "batch_size": 40, "widths": (8, 16), "n_sampling_steps": 2},
    "latent_flow": {"n_epochs": 2, "batch_size": 40, "width": 16, "n_components": 20, "n_sampling_steps": 2},
}
# changes for tests that need no more than a step or two, after which images must not be all alike
ONE_STEP = {
    "cvae": {"n_epochs": 1, "batch_size": 100},
    "cvae_gan": {"n_epochs": 1, "batch_size": 100},
    "bagan": {"n_autoencoder_epochs": 1, "n_epochs": 1, "batch_size": 100, "learning_rate": 1e-2},
    "cyclegan": {"n_epochs": 1, "batch_size": 10},
    "weighted_cyclegan": {"n_epochs": 1, "batch_size": 10},
    "wasserstein_cyclegan": {"n_epochs": 1, "batch_size": 10, "n_critic_steps": 1},
    "dcgan": {"n_epochs": 1, "batch_size": 50, "latent_size": 100, "n_filters": 64, "n_ramp_steps": 0},
    "wgan_gp": {"n_epochs": 1, "batch_size": 50, "latent_size": 100, "n_filters": 64, "n_critic_steps": 1},
    "deep_smote": {"n_epochs": 1, "batch_size": 50, "n_filters": 8, "learning_rate": 1e-2},
    "style_transfer": {"n_epochs": 1, "batch_size": 50},
    "flow_matching": {"n_epochs": 1, "batch_size": 50},
    "latent_flow": {"n_epochs": 1, "batch_size": 50},
}
for _arguments in (ARGUMENTS, ONE_STEP):
    _arguments |= dict.fromkeys(("deep_smote_unpenalised", "deep_smote_permuted"), _arguments["deep_smote"])
BALANCERS = [name for name, method in METHODS.items() if method.makes_images]
# the forms of DeepSMOTE differ by a term of the loss, which tests of their own look at
TRAINED = [name for name, method in METHODS.items() if method.family == "network" and "deep_smote_" not in name]


def balancer(name, **changes):
    return METHODS[name].load()(**ARGUMENTS.get(name, {}) | changes)


def bagan_batch():
    """A batch of BAGAN's adversarial stage: 6 real images of 3 classes, 2 fakes, 8 latents of 4 numbers for G."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    return {
        "images": tf.constant(rng.uniform(-1, 1, (6, 28, 28, 1)), tf.float32),
        "labels": tf.constant([0, 1, 2, 0, 1, 2]),
        "fake_latent": tf.constant(rng.standard_normal((2, 4)), tf.float32),
        "latent": tf.constant(rng.standard_normal((8, 4)), tf.float32),
        "latent_labels": tf.constant([0, 1, 2, 0, 1, 2, 0, 1]),
        "real_numbers": tf.zeros((6, 7)),
        "fake_numbers": tf.zeros((2, 7)),
        "generated_numbers": tf.zeros((8, 7)),
    }
