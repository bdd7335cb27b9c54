"""The digits' tasks made small: fewer images, a classifier and networks that are trained in less than a second."""

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
from class_balancing.datasets import digits
from class_balancing.datasets.tasks import SCHEDULES, Classifier, Explanation
from class_balancing.experiments.tables import thesis

N_IMAGES = 600
PUBLISHED = Path(__file__).with_name("small_tasks_published.csv")
CLASSIFIER_ARGUMENTS = {"n_epochs": 1, "batch_size": 64, "learning_rate": 1e-2}


def load(data_dir=None):
    return digits.load(data_dir).take(range(N_IMAGES))


def classifier(n_classes, image_shape):
    import keras

    image = keras.Input(image_shape)
    x = keras.layers.Flatten()(image)
    x = keras.layers.Dense(64, "relu", name="features")(x)
    return keras.Model(image, keras.layers.Dense(n_classes, "softmax", name="dense_3")(x))


def quick_training():
    """A function that stands for `evaluation.classifiers.train_classifier`, with the same arguments.

    Only the last layer learns: a class is known by its mean of the features that the other layers give untrained.
    """
    import keras
    from class_balancing.evaluation import classifiers

    signature = inspect.signature(classifiers.train_classifier)

    def train_classifier(*given, **named):
        arguments = signature.bind(*given, **named).arguments
        train = arguments["train"]
        assert len(arguments["validation"].labels), "or the real one would fail"
        keras.utils.set_random_seed(arguments["random_state"])
        model = arguments["build"](train.n_classes, train.images.shape[1:])
        _, features = classifiers.probabilities_and_features(model, train.images)
        means = np.stack([features[train.labels == label].mean(axis=0) for label in range(train.n_classes)])
        model.get_layer("dense_3").set_weights([2 * means.T, -(means**2).sum(axis=1)])
        return model, {"loss": [0.0], "val_accuracy": [0.0]}

    return train_classifier


def _small(task):
    arguments = task.arguments["smoke"]
    small = arguments | {"cvae": arguments["cvae"] | {"n_epochs": 2, "batch_size": 420}}
    return replace(
        task,
        load="small_tasks:load",
        n_train_images=round(0.7 * N_IMAGES),
        classifier=Classifier("small_tasks:classifier", dict.fromkeys(SCHEDULES, CLASSIFIER_ARGUMENTS), 0.1),
        arguments=task.arguments | {"smoke": small},
        published=PUBLISHED,
        explanations=(Explanation("Few images.", methods=("geometric",), metrics=("accuracy",)),),
    )


TASKS = {task.name: _small(task) for task in thesis.TASKS if task.dataset == "digits"}
