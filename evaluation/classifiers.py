"""Training of the classifiers that judge; the thesis does not print how its own were trained (DEVIATIONS.md).

Networks take images float32 (batch, height, width, channels) in [-1, 1] and give probabilities (batch, n_classes).
"""

import functools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ..datasets.batches import batches_in_order, prompt, shuffled_batches
from ..datasets.image_dataset import ImageDataset
from .best_epoch import BestEpoch

PREDICTION_BATCH_SIZE = 1000
N_COMPILED = 4  # networks that are kept with what was traced of them
METRICS = {"accuracy": "metrics", "balanced_accuracy": "weighted_metrics"}  # how Keras calls what gives them


def train_classifier(
    build,
    train: ImageDataset,
    validation: ImageDataset,
    *,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    random_state: int,
    final_learning_rate: float | None = None,
    n_statistics_images: int = 0,
    validation_metric: str = "accuracy",
    dropout_factor: float = 1.0,
    class_weight: dict[int, float] | None = None,
    steps_per_epoch: int | None = None,
    change: Callable[[int], Callable] | None = None,
    loss: Callable | None = None,
    adjust: Callable | None = None,
    callbacks=(),
    kept: Path | None = None,
) -> tuple[keras.Model, dict]:
    """Train `build(n_classes, image_shape)` with Adam; the weights of the epoch with the best validation accuracy are
    restored, by the `validation_metric` "balanced_accuracy" of that in which all classes count alike, while "accuracy"
    of the history is weighted as the loss is.

    The learning rate falls from `learning_rate` to `final_learning_rate` along half a cosine; None keeps it.
    Before each validation the first `n_statistics_images` give batch normalisation its means and variances (see
    `StatisticsWithoutDropout`); 0 keeps the moving averages. `dropout_factor` multiplies the rates of dropout layers,
    since in few epochs a network learns too little rather than too much.
    `class_weight` multiplies the loss of each class's images, of mixed ones its mean. An epoch ends after
    `steps_per_epoch` steps (default: one pass over the images); images that do not fill a batch are left out of it, and
    each epoch has its own order. `change(random_state)` is a function of batches {"images", "labels" (one-hot), "step"}
    that gives the images and labels to learn from. `loss(labels, probabilities)`, of one-hot labels, takes the place of
    the cross-entropy; `adjust(probabilities)` is applied to what the trained model gives.

    A training of long epochs leaves its state in the file `kept`, and continues from it if it is there (`BestEpoch`).

    Returns the model and Keras' history: for each of loss, accuracy, val_loss and val_accuracy a list of values per
    epoch. The same arguments on the same machine give the same weights. Python's, numpy's and TensorFlow's global
    random generators are seeded with `random_state`.
    """
    batch_size = min(batch_size, len(train.labels))
    steps_per_pass, batches = shuffled_batches(train.images, train.labels, batch_size, random_state)
    steps_per_epoch = steps_per_epoch or steps_per_pass
    is_plain = change is None and loss is None
    loss = loss or ("sparse_categorical_crossentropy" if is_plain else "categorical_crossentropy")
    network = build, train.n_classes, train.images.shape[1:], dropout_factor
    compiled, optimizer_state = _compiled(
        *network, learning_rate, final_learning_rate, n_epochs * steps_per_epoch, loss, METRICS[validation_metric]
    )
    keras.utils.set_random_seed(random_state)
    model = _built(*network)
    _copy_state(model, compiled)
    for variable, value in zip(compiled.optimizer.variables, optimizer_state, strict=True):
        variable.assign(value)
    best = BestEpoch(kept)
    n_epochs_done = best.restore(compiled)

    examples = batches(n_epochs_done * steps_per_epoch)
    validation_examples = batches_in_order(validation.images, PREDICTION_BATCH_SIZE, validation.labels)
    if validation_metric == "balanced_accuracy":
        shares = 1 / np.maximum(np.bincount(validation.labels, minlength=train.n_classes), 1)
        shares = np.float32(shares / shares[validation.labels].mean())
        validation_examples = validation_examples.map(
            lambda images, labels: (images, labels, keras.ops.take(shares, labels))
        )
    if is_plain:
        examples = examples.map(_images_and_labels)
    else:
        examples = _with_one_hot_labels(examples, train.n_classes)
        examples = examples.map(_images_and_labels if change is None else change(random_state))
        if class_weight:  # Keras would weight a mixed image by its larger class alone
            weights = np.array([class_weight.get(label, 0.0) for label in range(train.n_classes)], np.float32)
            examples = examples.map(lambda images, labels: (images, labels, keras.ops.matmul(labels, weights)))
            class_weight = None
        validation_examples = validation_examples.map(
            lambda images, labels, *weights: (images, keras.ops.one_hot(labels, train.n_classes), *weights)
        )
    statistics = [StatisticsWithoutDropout(train.images[:n_statistics_images])] if n_statistics_images else []
    compiled.fit(
        prompt(examples),
        initial_epoch=n_epochs_done,
        epochs=n_epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,
        class_weight=class_weight,
        validation_data=validation_examples,
        callbacks=[*statistics, best, *callbacks],
        verbose=0,
    )
    _copy_state(compiled, model)
    return model if adjust is None else keras.Model(model.inputs[0], adjust(model.outputs[0])), best.history


@functools.lru_cache(maxsize=N_COMPILED)
def _compiled(
    build, n_classes, image_shape, dropout_factor, learning_rate, final_learning_rate, n_steps, loss, metrics
) -> tuple[keras.Model, list[np.ndarray]]:
    """A network to train, and the values of its optimizer's variables before the first step.

    The next classifier of the same kind is trained in it again: to trace a step takes as long as hundreds of steps.
    """
    model = _built(build, n_classes, image_shape, dropout_factor)
    if final_learning_rate is not None:
        share = final_learning_rate / learning_rate
        learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps, share)
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, **{metrics: ["accuracy"]})
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


def _built(build, n_classes, image_shape, dropout_factor) -> keras.Model:
    model = build(n_classes, image_shape)
    for layer in _layers_of(model, keras.layers.Dropout):
        layer.rate *= dropout_factor
    return model


def _copy_state(source: keras.Model, target: keras.Model) -> None:
    """Weights and the states of random layers, between networks of the same layers."""
    for value, variable in zip(source.variables, target.variables, strict=True):
        variable.assign(value)


def _with_one_hot_labels(examples, n_classes: int):
    """Batches {"images", "labels", ...} with labels float32 (batch, n_classes)."""
    return examples.map(lambda batch: batch | {"labels": keras.ops.one_hot(batch["labels"], n_classes)})


def _images_and_labels(batch):
    return batch["images"], batch["labels"]


def _layers_of(model: keras.Model, kind: type) -> list:
    return [layer for layer in model.layers if isinstance(layer, kind)]


class StatisticsWithoutDropout(keras.callbacks.Callback):
    """Before each validation, batch normalisation gets the statistics of `images` passed through without dropout.

    While training, dropout widens the distribution that reaches the next normalisation, so moving averages of the
    variance are too large for prediction, where nothing is dropped (Li et al. 2019, arXiv:1801.05134).
    """

    def __init__(self, images: np.ndarray):
        super().__init__()
        self.images = images

    def on_test_begin(self, logs=None):
        dropouts = _layers_of(self.model, keras.layers.Dropout)
        normalisations = _layers_of(self.model, keras.layers.BatchNormalization)
        usual = [layer.rate for layer in dropouts], [layer.momentum for layer in normalisations]
        try:
            for layer in dropouts:
                layer.rate = 0.0
            for index, (batch,) in enumerate(batches_in_order(self.images, PREDICTION_BATCH_SIZE)):
                for layer in normalisations:
                    layer.momentum = index / (index + 1)  # so that the moving average is the mean over batches
                self.model(batch, training=True)
        finally:
            for layer, rate in zip(dropouts, usual[0], strict=True):
                layer.rate = rate
            for layer, momentum in zip(normalisations, usual[1], strict=True):
                layer.momentum = momentum


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Predicted labels int64 (n,) of uint8 images."""
    if not len(images):
        return np.zeros(0, np.int64)
    return model.predict(batches_in_order(images, PREDICTION_BATCH_SIZE), verbose=0).argmax(axis=1)


def probabilities_and_features(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 images: probabilities (n, n_classes) and the inputs of the last dense layer (n, n_features), float32."""
    both = keras.Model(model.inputs[0], [model.outputs[0], _layers_of(model, keras.layers.Dense)[-1].input])
    probabilities, features = both.predict(batches_in_order(images, PREDICTION_BATCH_SIZE), verbose=0)
    return probabilities, features


def features(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The second of `probabilities_and_features`."""
    return probabilities_and_features(model, images)[1]
