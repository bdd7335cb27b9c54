"""Small fits in a process of its own: on one device, on two logical ones, or as a worker of the cluster in TF_CONFIG.

Everything is float64, and the learning rate is small: so what is left of rounding cannot grow to what an error would
make. Networks have a convolution where the real ones have many, all with the same layers after them, because most of
the time goes into tracing them for each device.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

SIDE_PIXELS = 8
N_IMAGES = 120
LEARNING_RATE = 2e-5
N_AUTOENCODER_EPOCHS = 4
# of one pair: 40 images of each class, and a pool that is full before the last epoch
OF_CYCLEGANS = {
    "sampling_strategy": {1: 41},
    "n_generator_filters": 4,
    "n_blocks": 0,
    "n_discriminator_filters": 4,
    "n_discriminator_layers": 1,
    "horizontal_flip": True,
}
OF_METHODS = {
    "weighted_cyclegan": OF_CYCLEGANS,
    "wasserstein_cyclegan": OF_CYCLEGANS,
    "dcgan": {"n_filters": 4},
    "wgan_gp": {"n_filters": 4, "n_critic_steps": 2},
    "deep_smote": {"n_filters": 4, "latent_size": 5},
    "latent_flow": {"n_components": 10, "width": 16, "n_blocks": 1},
}


@dataclass(frozen=True)
class Fit:
    """`out` gets what was learned, `folder` holds the checkpoints; of a cluster `n_devices` are all that it has."""

    method: str
    batch_size: int
    n_epochs: int
    n_devices: int
    out: Path
    folder: Path


def fit_all(fits: list[Fit]) -> None:
    """Fit one after the other; writes of each all weights, the optimizers' averages (which hold the gradients' sizes)
    and each stage's losses of its last epoch.
    """
    import tensorflow as tf
    from class_balancing.models import flows
    from class_balancing.models.training import fit as training

    if "TF_CONFIG" in os.environ:
        strategies = dict.fromkeys([one.n_devices for one in fits], tf.distribute.MultiWorkerMirroredStrategy())
    else:
        (processor,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategies = {1: tf.distribute.get_strategy(), 2: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])}
    keras.config.set_floatx("float64")
    shorten_networks()
    flows.LARGEST_GRADIENT_NORM = 0.01  # so that gradients are clipped
    distributed = training.distributed
    training.distributed = lambda batches: distributed(as_float64(batches))
    for one in fits:
        keras.utils.clear_session()  # so that names count from the beginning, whatever was fitted before
        with strategies[one.n_devices].scope():
            np.savez(one.out, **learned(one))


def shorten_networks() -> None:
    from class_balancing.models.networks import scaled

    convolution = scaled._vgg_convolution
    scaled.MAX_FILTERS = 8
    scaled.Scaled.n_halvings = property(lambda self: 0, lambda self, n: None)  # CycleGAN's networks count them too
    scaled.vgg_trunk = lambda x, activation: keras.layers.MaxPooling2D(2)(convolution(x, 8, "same", activation))

    def bagan_trunk(x):
        x = keras.layers.Conv2D(8, 3, 2, "same", activation="leaky_relu")(x)
        return keras.layers.Flatten()(scaled.Dropout(scaled.DROPOUT_RATE)(x))

    scaled._bagan_trunk = bagan_trunk


def as_float64(batches):
    import tensorflow as tf

    return batches.map(
        lambda batch: {name: tf.cast(v, tf.float64) if v.dtype == tf.float32 else v for name, v in batch.items()}
    )


def learned(fit: Fit) -> dict[str, np.ndarray]:
    from class_balancing.models import METHODS

    made = METHODS[fit.method].load()
    models = []

    class Observed(made):
        def _stages(self, images, class_indices):
            for stage in super()._stages(images, class_indices):
                models.append(stage.model)
                yield stage

    arguments = {"n_epochs": fit.n_epochs, "batch_size": fit.batch_size, "learning_rate": LEARNING_RATE}
    if "n_autoencoder_epochs" in made.epochs_of_stage.values():
        arguments |= {"n_autoencoder_epochs": N_AUTOENCODER_EPOCHS}
    arguments |= OF_METHODS.get(fit.method, {})
    images = np.random.default_rng(0).integers(0, 256, (N_IMAGES, SIDE_PIXELS, SIDE_PIXELS, 1)).astype(np.uint8)
    balancer = Observed(folder=fit.folder, **arguments).fit(images, np.arange(N_IMAGES) % 3)
    found = {
        f"{model.name} {variable.path} {index}": variable.numpy()
        for model in models
        for index, variable in enumerate(model.state())
        if "seed_generator" not in variable.path
    }
    for stage, history in balancer.history_.groupby("stage"):
        last = history.drop(columns=["stage", "seconds"]).iloc[-1].dropna()
        found |= {f"loss {stage} {name}": value for name, value in last.items()}
    return found
