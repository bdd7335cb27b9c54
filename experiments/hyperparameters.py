"""All numbers of an experiment; values only. Each says where it comes from.

`METHODS[schedule][dataset][method]` are the keyword arguments of a balancer, `CLASSIFIERS[schedule][dataset]` those of
`evaluation.classifiers.train_classifier`. What the thesis does not print is chosen by us, see DEVIATIONS.md.
"""

SCHEDULES = ("smoke", "quick", "thesis")

# section 5.2: "number four", ships, cars
MINORITY = {"mnist": 4, "cifar10": 8, "vehicles": 1, "digits": 4}
# Tables B.8, B.10 and B.9
CLASSIFIER_BUILDER = {
    "mnist": "mnist_classifier",
    "cifar10": "cifar10_classifier",
    "vehicles": "vehicles_classifier",
    "digits": "mnist_classifier",
}
# Of pixels, for SSIM; [-1, 1] where nothing stands here. Ours: the printed SSIM of originals tells, see DEVIATIONS.md
SSIM_RANGE = {"vehicles": [0.0, 1.0]}

TEST_FRACTION = 0.30  # section 5.2
VALIDATION_FRACTION = 0.25  # section 5.3
SPLIT_RANDOM_STATE = 0  # section 5.2: always the same split; the value is ours
TRAINING_RANDOM_STATE = 0  # ours

_DIGITS_GEOMETRIC = {  # ours
    "rotation_degrees": 15.0,
    "shift_fraction": 0.15,
    "brightness": 0.0,
    "colour": 0.0,
    "noise": 0.0,
    "horizontal_flip": False,
    "vertical_flip": False,
    "fill_mode": "constant",
    "fill_value": 0,
}
# ours; ships and cars look the same in a mirror
_PHOTO_GEOMETRIC = _DIGITS_GEOMETRIC | {"brightness": 0.2, "horizontal_flip": True, "fill_mode": "nearest"}

_RIVALS = {"random_oversampling": {}, "smote": {"n_neighbors": 5}, "adasyn": {"n_neighbors": 5}}


def _changed(methods: dict, **changes: dict) -> dict:
    return {method: values | changes.get(method, {}) for method, values in methods.items()}


_THESIS_MNIST = {
    "geometric": _DIGITS_GEOMETRIC,
    # section 4.2; the CVAE is not printed and takes CVAE-GAN's values
    "cvae": {"n_epochs": 1500, "batch_size": 300, "learning_rate": 2e-4, "latent_size": 55, "lambda_1": 300.0},
    # section 4.2; lambda_2 to lambda_4 are the paper's
    "cvae_gan": {
        "n_epochs": 1500,
        "batch_size": 300,
        "learning_rate": 2e-4,
        "latent_size": 55,
        "lambda_1": 300.0,
        "lambda_2": 1.0,
        "lambda_3": 1e-3,
        "lambda_4": 1e-3,
        "centre_momentum": 0.9,  # ours
    },
    # section 4.3
    "bagan": {
        "n_autoencoder_epochs": 300,
        "n_epochs": 800,
        "batch_size": 275,
        "learning_rate": 5e-5,
        "latent_size": 10,
        "head": "sigmoid",  # Table B.6
    },
    **_RIVALS,
}

# sections 4.2 and 4.3
_CIFAR10_CVAE = {"n_epochs": 5000, "batch_size": 256, "learning_rate": 3e-4, "latent_size": 128, "lambda_1": 50.0}
_THESIS_CIFAR10 = _changed(
    _THESIS_MNIST,
    geometric=_PHOTO_GEOMETRIC,
    cvae=_CIFAR10_CVAE,
    cvae_gan=_CIFAR10_CVAE,
    bagan={"n_autoencoder_epochs": 800, "n_epochs": 2000, "latent_size": 40, "optimizer": "adam"},
)

# sections 4.2 and 4.3
_VEHICLES_CVAE = {"n_epochs": 3000, "batch_size": 200, "learning_rate": 2e-4, "latent_size": 128, "lambda_1": 100.0}
_THESIS_VEHICLES = _changed(
    _THESIS_MNIST,
    geometric=_PHOTO_GEOMETRIC,
    cvae=_VEHICLES_CVAE,
    cvae_gan=_VEHICLES_CVAE,
    bagan={
        "n_autoencoder_epochs": 1200,
        "n_epochs": 2500,
        "batch_size": 220,
        "learning_rate": 2e-4,
        "latent_size": 20,
        "optimizer": "rmsprop",
    },
)

# few images: smaller batches, or its images would all be alike
_SMOKE_BAGAN = {"n_autoencoder_epochs": 2, "n_epochs": 2, "batch_size": 33, "learning_rate": 1e-4}

METHODS = {
    # every path in minutes; the figures mean nothing
    "smoke": {
        "mnist": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 1, "batch_size": 600},
            cvae_gan={"n_epochs": 1, "batch_size": 600},
            bagan={"n_autoencoder_epochs": 1, "n_epochs": 1},
        ),
        "cifar10": _changed(
            _THESIS_CIFAR10,
            cvae={"n_epochs": 1, "batch_size": 500},
            cvae_gan={"n_epochs": 1, "batch_size": 500},
            bagan={"n_autoencoder_epochs": 1, "n_epochs": 1},
        ),
        "vehicles": _changed(
            _THESIS_VEHICLES,
            cvae={"n_epochs": 1},
            cvae_gan={"n_epochs": 1},
            bagan=_SMOKE_BAGAN,
        ),
        "digits": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 2},
            cvae_gan={"n_epochs": 2},
            bagan=_SMOKE_BAGAN,
        ),
    },
    # ours: fewer epochs, more and larger steps
    "quick": {
        "mnist": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 8, "batch_size": 100, "learning_rate": 1e-3},
            cvae_gan={"n_epochs": 6, "batch_size": 100, "learning_rate": 5e-4},
            bagan={"n_autoencoder_epochs": 6, "n_epochs": 12, "batch_size": 110, "learning_rate": 1e-4},
        ),
        "cifar10": _changed(
            _THESIS_CIFAR10,
            cvae={"n_epochs": 8, "batch_size": 64, "learning_rate": 1e-3},
            cvae_gan={"n_epochs": 4, "batch_size": 64, "learning_rate": 5e-4},
            bagan={"n_autoencoder_epochs": 12, "n_epochs": 16, "batch_size": 110, "learning_rate": 1e-4},
        ),
        "vehicles": _changed(
            _THESIS_VEHICLES,
            cvae={"n_epochs": 60, "batch_size": 25, "learning_rate": 5e-4},
            cvae_gan={"n_epochs": 25, "batch_size": 25, "learning_rate": 5e-4},
            bagan={"n_autoencoder_epochs": 60, "n_epochs": 80, "batch_size": 44},
        ),
        "digits": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 12, "batch_size": 30, "learning_rate": 1e-3},
            cvae_gan={"n_epochs": 8, "batch_size": 30, "learning_rate": 1e-3},
            bagan={"n_autoencoder_epochs": 20, "n_epochs": 25, "batch_size": 33, "learning_rate": 1e-4},
        ),
    },
    "thesis": {
        "mnist": _THESIS_MNIST,
        "cifar10": _THESIS_CIFAR10,
        "vehicles": _THESIS_VEHICLES,
        "digits": _THESIS_MNIST,
    },
}

# Not printed; the optimiser (Adam) and its learning rate are those of TensorFlow's tutorial that the thesis cites.
CLASSIFIERS = {
    "smoke": {
        "mnist": {"n_epochs": 1, "batch_size": 128, "learning_rate": 1e-3},
        "cifar10": {"n_epochs": 1, "batch_size": 128, "learning_rate": 1e-3},
        "vehicles": {"n_epochs": 2, "batch_size": 32, "learning_rate": 1e-3},
        "digits": {"n_epochs": 2, "batch_size": 32, "learning_rate": 1e-3},
    },
    "quick": {
        "mnist": {"n_epochs": 8, "batch_size": 128, "learning_rate": 1e-3},
        "cifar10": {
            "n_epochs": 6,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "final_learning_rate": 0.0,
            "n_statistics_images": 5000,
        },
        "vehicles": {"n_epochs": 30, "batch_size": 32, "learning_rate": 1e-3},
        "digits": {"n_epochs": 12, "batch_size": 32, "learning_rate": 1e-3},
    },
    "thesis": {
        "mnist": {"n_epochs": 20, "batch_size": 64, "learning_rate": 1e-3},
        "cifar10": {"n_epochs": 40, "batch_size": 64, "learning_rate": 1e-3},
        "vehicles": {"n_epochs": 60, "batch_size": 32, "learning_rate": 1e-3},
        "digits": {"n_epochs": 40, "batch_size": 32, "learning_rate": 1e-3},
    },
}

# ours; the thesis trained each classifier once
N_SEEDS = {
    "smoke": {"mnist": 1, "cifar10": 1, "vehicles": 1, "digits": 1},
    "quick": {"mnist": 3, "cifar10": 2, "vehicles": 3, "digits": 3},
    "thesis": {"mnist": 3, "cifar10": 3, "vehicles": 3, "digits": 3},
}

# Seconds for 1000 images through one epoch on two cores of the reference machine (experiments/benchmark.py)
_SECONDS_28_GREY = {"cvae": 0.7, "cvae_gan": 2.6, "bagan_autoencoder": 0.4, "bagan": 0.6, "classifier": 0.1}
SECONDS_PER_1000_IMAGES = {
    "mnist": _SECONDS_28_GREY,
    "cifar10": {"cvae": 0.9, "cvae_gan": 4.7, "bagan_autoencoder": 0.45, "bagan": 0.6, "classifier": 0.83},
    "vehicles": {"cvae": 4.7, "cvae_gan": 21.0, "bagan_autoencoder": 2.0, "bagan": 2.3, "classifier": 0.4},
    "digits": _SECONDS_28_GREY,
}
