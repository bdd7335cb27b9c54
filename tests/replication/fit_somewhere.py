"""A small fit in its own process: on one device, on several logical ones, or as a worker of the cluster in TF_CONFIG.

Usage: fit_somewhere.py METHOD BATCH_SIZE N_EPOCHS N_DEVICES OUT.npz FOLDER. Writes all weights, the optimizers'
averages (which hold the gradients' sizes) and the last epoch's losses. Everything is float64, and the learning rate is
small: so what is left of rounding cannot grow to what an error would make.
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

SIDE_PIXELS = 8
N_IMAGES = 120
LEARNING_RATE = 2e-5
N_AUTOENCODER_EPOCHS = 4


def strategy(n_devices: int):
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if n_devices == 1:
        return tf.distribute.get_strategy()
    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * n_devices)
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(n_devices)])


def as_float64(batches):
    return batches.map(
        lambda batch: {name: tf.cast(v, tf.float64) if v.dtype == tf.float32 else v for name, v in batch.items()}
    )


def main(method: str, batch_size: str, n_epochs: str, n_devices: str, out: str, folder: str):
    chosen = strategy(int(n_devices))  # before anything else starts TensorFlow
    from models import BALANCERS, training

    keras.config.set_floatx("float64")
    distributed = training.distributed
    training.distributed = lambda batches: distributed(as_float64(batches))
    models = []
    compile_model = training.TrainingModel.compile

    def compile_and_keep(model, optimizer):
        models.append(model)
        compile_model(model, optimizer)

    training.TrainingModel.compile = compile_and_keep
    arguments = {"n_epochs": int(n_epochs), "batch_size": int(batch_size), "learning_rate": LEARNING_RATE}
    if method == "bagan":
        arguments |= {"n_autoencoder_epochs": N_AUTOENCODER_EPOCHS}
    images = np.random.default_rng(0).integers(0, 256, (N_IMAGES, SIDE_PIXELS, SIDE_PIXELS, 1)).astype(np.uint8)
    with chosen.scope():
        balancer = BALANCERS[method](folder=folder, **arguments).fit(images, np.arange(N_IMAGES) % 3)
    found = {
        f"{model.name} {variable.path} {index}": variable.numpy()
        for model in models
        for index, variable in enumerate([*model.variables, *model.optimizer.variables])
        if "seed_generator" not in variable.path
    }
    histories = [value for name, value in vars(balancer).items() if name.endswith("history_")]
    for history in histories:
        found |= {f"loss {name}": value for name, value in history.drop(columns="seconds").iloc[-1].items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
