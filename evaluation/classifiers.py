"""The evaluation classifiers of Tables B.8-B.10, the first two for images of any size, and their training.

Images are float32 in [-1, 1]; outputs are probabilities (batch, n_classes). Layers carry the printed names. The
thesis does not print how they were trained; see DEVIATIONS.md.
"""

import keras
import numpy as np
from keras import layers
from sklearn.utils.class_weight import compute_class_weight

from datasets.batches import batches_in_order, prompt, shuffled_batches
from datasets.image_dataset import ImageDataset
from replication.batch_normalization import BatchNormalization
from replication.dropout import Dropout

NEGATIVE_SLOPE = 0.3
DROPOUT_RATE = 0.3
PREDICTION_BATCH_SIZE = 1000


def mnist_classifier(n_classes: int = 10) -> keras.Model:
    """Table B.8, for 28 x 28 x 1."""
    image = keras.Input((28, 28, 1), name="input_2")
    x = _strided_trunk(image, n_filters=(32, 64, 64), first_convolution=3, first_activation=4)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_7"), name="mnist_classifier")


def vehicles_classifier(n_classes: int = 10) -> keras.Model:
    """Table B.9, for 64 x 64 x 3; ten outputs for three classes, as printed."""
    image = keras.Input((64, 64, 3), name="input_2")
    x = _strided_trunk(image, n_filters=(32, 32, 64, 64), first_convolution=4, first_activation=5)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_9"), name="vehicles_classifier")


def cifar10_classifier(n_classes: int = 10) -> keras.Model:
    """Table B.10, for 32 x 32 x 3."""
    image = keras.Input((32, 32, 3), name="input_2")
    x = image
    for index, n_filters in zip((4, 5, 6, 7), (128, 256, 256, 512), strict=True):
        x = layers.Conv2D(n_filters, 3, 2, "same", name=f"conv2d_{index}")(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"leaky_re_lu_{index}")(x)
        x = BatchNormalization(name=f"batch_normalization_{index}")(x)
        x = Dropout(DROPOUT_RATE, name=f"dropout_{index}")(x)
        if index == 5:
            x = layers.MaxPooling2D(2, name="max_pooling2d_1")(x)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_1"), name="cifar10_classifier")


def scaled_classifier(image_shape: tuple[int, int, int]):
    """Builder of Tables B.8 and B.9 scaled to images of any size; for images of their own size it gives these.

    The shorter side is halved until about four pixels are left; the first half of the convolutions has 32 filters, the
    others 64.
    """

    def build(n_classes: int) -> keras.Model:
        image = keras.Input(image_shape)
        n_convolutions = max(1, round(np.log2(min(image_shape[:2]) / 4)))
        n_filters = [32 if index < n_convolutions // 2 else 64 for index in range(n_convolutions)]
        x = _strided_trunk(image, n_filters, first_convolution=1, first_activation=1)
        return keras.Model(image, _head(x, n_classes, activation="features"), name="scaled_classifier")

    return build


def _strided_trunk(x, n_filters, first_convolution, first_activation):
    for index, n in enumerate(n_filters):
        x = layers.Conv2D(n, 3, 2, "same", name=f"conv2d_{first_convolution + index}")(x)
        x = layers.ReLU(name=f"re_lu_{first_activation + index}")(x)
    return x


def _head(x, n_classes, activation):
    x = layers.Flatten(name="flatten_1")(x)
    x = layers.Dense(64, name="dense_2")(x)
    x = layers.ReLU(name=activation)(x)
    x = layers.Dense(n_classes, name="dense_3")(x)
    return layers.Activation("softmax", name="activation_1")(x)


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
    class_weight: dict[int, float] | None = None,
    steps_per_epoch: int | None = None,
    mixup: bool = False,
    callbacks=(),
) -> tuple[keras.Model, dict]:
    """Train `build(n_classes)` with Adam; the weights of the epoch with the best validation accuracy are restored.

    The learning rate falls from `learning_rate` to `final_learning_rate` along half a cosine; None keeps it.
    Before each validation the first `n_statistics_images` give batch normalisation its means and variances (see
    `StatisticsWithoutDropout`); 0 keeps the moving averages.
    `class_weight` multiplies the loss of each class's images. An epoch ends after `steps_per_epoch` steps (default: one
    pass over the images). `mixup` trains on convex combinations of pairs of images and of their labels (Zhang et al.
    2018, through Keras' layer). Images that do not fill a batch are left out of an epoch,
    each epoch has its own order. Returns the model and Keras' history: for each of loss, accuracy, val_loss and
    val_accuracy a list of values an epoch. The same arguments on the same machine give the same weights. Python's,
    numpy's and TensorFlow's global random generators are seeded with `random_state`.
    """
    keras.utils.set_random_seed(random_state)
    model = build(train.n_classes)
    batch_size = min(batch_size, len(train.labels))
    steps_per_pass, batches = shuffled_batches(train.images, train.labels, batch_size, random_state)
    steps_per_epoch = steps_per_epoch or steps_per_pass
    if final_learning_rate is not None:
        share = final_learning_rate / learning_rate
        learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, n_epochs * steps_per_epoch, share)
    examples = batches(0).map(lambda batch: (batch["images"], batch["labels"]))
    validation_examples = batches_in_order(validation.images, PREDICTION_BATCH_SIZE, validation.labels)
    loss = "sparse_categorical_crossentropy"
    if mixup:
        loss = "categorical_crossentropy"
        examples = _mixed(examples, train.n_classes, random_state)
        validation_examples = _with_one_hot_labels(validation_examples, train.n_classes)
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping("val_accuracy", patience=n_epochs, restore_best_weights=True)
    statistics = [StatisticsWithoutDropout(train.images[:n_statistics_images])] if n_statistics_images else []
    history = model.fit(
        prompt(examples),
        epochs=n_epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,
        class_weight=class_weight,
        validation_data=validation_examples,
        callbacks=[*statistics, best, *callbacks],
        verbose=0,
    )
    return model, history.history


def balanced_class_weight(labels: np.ndarray) -> dict[int, float]:
    """For `train_classifier`: each class weighs as much as any other, and the mean weight of an image is 1."""
    classes = np.unique(labels)
    weights = compute_class_weight("balanced", classes=classes, y=labels)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def _with_one_hot_labels(examples, n_classes: int):
    """(images, labels) batches with labels float32 (batch, n_classes)."""
    return examples.map(lambda images, labels: (images, keras.ops.one_hot(labels, n_classes)))


def _mixed(examples, n_classes: int, random_state: int):
    mix = keras.layers.MixUp(seed=random_state)

    def mixed(images, labels):
        batch = mix({"images": images, "labels": labels}, training=True)
        return batch["images"], batch["labels"]

    return _with_one_hot_labels(examples, n_classes).map(mixed)


class StatisticsWithoutDropout(keras.callbacks.Callback):
    """Before each validation, batch normalisation gets the statistics of `images` passed through without dropout.

    Dropout widens what reaches the next normalisation while training, so that moving averages of the variance are too
    large for prediction, where nothing is dropped (Li et al. 2019, arXiv:1801.05134).
    """

    def __init__(self, images: np.ndarray):
        super().__init__()
        self.images = images

    def on_test_begin(self, logs=None):
        dropouts = [layer for layer in self.model.layers if isinstance(layer, Dropout)]
        normalisations = [layer for layer in self.model.layers if isinstance(layer, BatchNormalization)]
        usual = [layer.rate for layer in dropouts], [layer.momentum for layer in normalisations]
        for layer in dropouts:
            layer.rate = 0.0
        for index, (batch,) in enumerate(batches_in_order(self.images, PREDICTION_BATCH_SIZE)):
            for layer in normalisations:
                layer.momentum = index / (index + 1)  # so that the moving average is the mean over batches
            self.model(batch, training=True)
        for layer, rate in zip(dropouts, usual[0], strict=True):
            layer.rate = rate
        for layer, momentum in zip(normalisations, usual[1], strict=True):
            layer.momentum = momentum


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Predicted labels int64 (n,) of uint8 images."""
    return model.predict(batches_in_order(images, PREDICTION_BATCH_SIZE), verbose=0).argmax(axis=1)


def probabilities_and_features(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 images: probabilities (n, n_classes) and the inputs of the last dense layer (n, n_features), float32."""
    both = keras.Model(model.input, [model.output, model.get_layer("dense_3").input])
    probabilities, features = both.predict(batches_in_order(images, PREDICTION_BATCH_SIZE), verbose=0)
    return probabilities, features
