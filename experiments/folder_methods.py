"""The methods with arguments for anyone's images: values, and what follows from the number and size of the images.

Networks take as many steps whatever the number of images, since their batches are what they learn from. All values are
ours; those that schedule `thesis` has of CVAE-GAN and BAGAN are what the thesis prints for its photographs (Vehicles,
sections 4.2 and 4.3).
"""

from pathlib import Path

from experiments import hyperparameters
from experiments.command_line import UsageError

BASELINE = "nothing"  # the images as they are
WITHOUT_IMAGES = (BASELINE, "class_weights", "mixup")
ALWAYS = (*WITHOUT_IMAGES, "random_oversampling", "geometric")  # the cheap rivals that every race has

# beyond `hyperparameters.METHODS["thesis"]["vehicles"]`, which also gives lambdas and momentum
_ADAM = {"optimizer": "adam", "learning_rate": 1e-4}
N_STEPS = {
    "smoke": {"cvae": 20, "cvae_gan": 6, "bagan_autoencoder": 20, "bagan": 20, "classifier": 60},
    "quick": {"cvae": 4000, "cvae_gan": 1500, "bagan_autoencoder": 2500, "bagan": 3000, "classifier": 1500},
}
CHANGES = {
    "cvae": {"batch_size": 50, "learning_rate": 5e-4},
    "cvae_gan": {"batch_size": 25, "learning_rate": 5e-4},
    "bagan": {"batch_size": 50, **_ADAM},
}
THESIS_CLASSIFIER_STEPS = 4000
CLASSIFIER = {"batch_size": 64, "learning_rate": 1e-3, "final_learning_rate": 0.0}
MIN_CLASSIFIER_EPOCHS = {"smoke": 1, "quick": 6, "thesis": 20}
N_VALIDATIONS = 15
MIN_SIDE_PIXELS = 8  # of models.networks
SECONDS_TO_START = 2  # building and tracing a network
REFERENCE_SIDES = {"mnist": 28, "cifar10": 32, "vehicles": 64}


def is_trained(method: str) -> bool:
    """Whether a method trains networks."""
    return method in CHANGES


def arguments(method: str, schedule: str, n_images: int, flip: bool) -> dict:
    """Keyword arguments of the method's class for so many training images.

    `flip` says whether mirrored images are images of the same class.
    """
    values = dict(hyperparameters.METHODS["thesis"]["vehicles"][method])
    if method == "geometric":
        return values | {"horizontal_flip": flip}
    if schedule == "thesis" or not is_trained(method):
        return values
    values |= CHANGES[method]
    steps_an_epoch = max(1, n_images // min(values["batch_size"], n_images))
    values["n_epochs"] = -(-N_STEPS[schedule][method] // steps_an_epoch)
    if method == "bagan":
        values["n_autoencoder_epochs"] = -(-N_STEPS[schedule]["bagan_autoencoder"] // steps_an_epoch)
    return values


def classifier_arguments(schedule: str, n_images: int) -> dict:
    """Of `evaluation.classifiers.train_classifier`, the same for every method: as many steps, whatever was added."""
    steps_a_pass = max(1, n_images // min(CLASSIFIER["batch_size"], n_images))
    n_steps = N_STEPS.get(schedule, {}).get("classifier", THESIS_CLASSIFIER_STEPS)
    n_steps = max(n_steps, MIN_CLASSIFIER_EPOCHS[schedule] * steps_a_pass)
    n_epochs = min(N_VALIDATIONS, n_steps)
    return CLASSIFIER | {"n_epochs": n_epochs, "steps_per_epoch": -(-n_steps // n_epochs)}


def balancer(method: str, schedule: str, n_images: int, flip: bool, folder: Path, verbose: int, **given):
    """The method's unfitted balancer; networks keep their checkpoints in `folder`."""
    from models import BALANCERS

    values = arguments(method, schedule, n_images, flip)
    if is_trained(method):
        values |= {"folder": folder, "verbose": verbose}
    return BALANCERS[method](**values, **given)


def training_seconds(method: str, schedule: str, n_images: int, shape: tuple[int, int]) -> float:
    """Estimate on two cores like the reference machine's."""
    values = arguments(method, schedule, n_images, flip=False)
    cost = _cost(shape)
    per_1000 = values.get("n_epochs", 0) * cost.get(method, 0.0)
    per_1000 += values.get("n_autoencoder_epochs", 0) * cost["bagan_autoencoder"]
    return per_1000 * n_images / 1000


def classifier_seconds(schedule: str, n_images: int, shape: tuple[int, int]) -> float:
    """Estimate for one classifier."""
    values = classifier_arguments(schedule, n_images)
    n_seen = values["n_epochs"] * values["steps_per_epoch"] * min(values["batch_size"], n_images)
    small = hyperparameters.SECONDS_PER_1000_IMAGES["vehicles"]["classifier"] * _area(shape) / 64**2
    return SECONDS_TO_START + n_seen / 1000 * max(0.1, small)


def _cost(shape) -> dict[str, float]:
    """Seconds for 1000 images through one epoch, from the measured dataset of the nearest size."""
    name = min(REFERENCE_SIDES, key=lambda name: abs(REFERENCE_SIDES[name] ** 2 - _area(shape)))
    scale = max(1.0, _area(shape) / REFERENCE_SIDES[name] ** 2)
    return {method: seconds * scale for method, seconds in hyperparameters.SECONDS_PER_1000_IMAGES[name].items()}


def _area(shape) -> int:
    return shape[0] * shape[1]


def check(methods, counts: dict[str, int], shape: tuple[int, int]) -> None:
    """Raise UsageError where a method cannot learn from classes of these counts or images of this (height, width)."""
    smallest = min(counts, key=counts.get)
    for method in methods:
        if is_trained(method) and min(shape) < MIN_SIDE_PIXELS:
            raise UsageError(
                f"{method} needs images of at least {MIN_SIDE_PIXELS} x {MIN_SIDE_PIXELS} pixels, these have "
                f"{shape[0]} x {shape[1]}; give a larger --image-size"
            )
        needed = hyperparameters.METHODS["thesis"]["vehicles"].get(method, {}).get("n_neighbors", 1) + 1
        if counts[smallest] < needed:
            raise UsageError(
                f"class {smallest} has {counts[smallest]} images to learn from, but {method} needs {needed} of every "
                "class; add images or choose another method"
            )
