"""All numbers of an experiment; values only. Each says where it comes from.

`METHODS[schedule][dataset][method]` are the keyword arguments of a balancer, `CLASSIFIERS[schedule][dataset]` those of
`evaluation.classifiers.train_classifier`. What the thesis does not print is chosen by us, see DEVIATIONS.md.
"""

SCHEDULES = ("smoke", "quick", "thesis")

MINORITY = {"mnist": 4, "digits": 4}  # section 5.2: "number four"
CLASSIFIER_BUILDER = {"mnist": "mnist_classifier", "digits": "mnist_classifier"}  # Table B.8

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

_THESIS_MNIST = {
    "geometric": _DIGITS_GEOMETRIC,
    # section 4.2; the CVAE is not printed and takes CVAE-GAN's values
    "cvae": {"n_epochs": 1500, "batch_size": 300, "learning_rate": 2e-4, "latent_size": 55, "lambda_1": 300.0},
    # section 4.2
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
        "head": "sigmoid",
    },
}


def _changed(methods: dict, **changes: dict) -> dict:
    return {method: values | changes.get(method, {}) for method, values in methods.items()}


METHODS = {
    # every path in minutes; the figures mean nothing
    "smoke": {
        "mnist": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 1, "batch_size": 600},
            cvae_gan={"n_epochs": 1, "batch_size": 600},
            bagan={"n_autoencoder_epochs": 1, "n_epochs": 1},
        ),
        "digits": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 2},
            cvae_gan={"n_epochs": 2},
            bagan={"n_autoencoder_epochs": 2, "n_epochs": 2},
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
        "digits": _changed(
            _THESIS_MNIST,
            cvae={"n_epochs": 12, "batch_size": 30, "learning_rate": 1e-3},
            cvae_gan={"n_epochs": 8, "batch_size": 30, "learning_rate": 1e-3},
            bagan={"n_autoencoder_epochs": 20, "n_epochs": 25, "batch_size": 33, "learning_rate": 1e-4},
        ),
    },
    "thesis": {"mnist": _THESIS_MNIST, "digits": _THESIS_MNIST},
}

# Not printed; the optimiser (Adam) and its learning rate are those of TensorFlow's tutorial that the thesis cites.
CLASSIFIERS = {
    "smoke": {
        "mnist": {"n_epochs": 1, "batch_size": 128, "learning_rate": 1e-3},
        "digits": {"n_epochs": 2, "batch_size": 32, "learning_rate": 1e-3},
    },
    "quick": {
        "mnist": {"n_epochs": 8, "batch_size": 128, "learning_rate": 1e-3},
        "digits": {"n_epochs": 12, "batch_size": 32, "learning_rate": 1e-3},
    },
    "thesis": {
        "mnist": {"n_epochs": 20, "batch_size": 64, "learning_rate": 1e-3},
        "digits": {"n_epochs": 40, "batch_size": 32, "learning_rate": 1e-3},
    },
}

N_SEEDS = {"smoke": 1, "quick": 3, "thesis": 3}  # ours; the thesis trained each classifier once

# Seconds for 1000 images through one epoch on two cores of the reference machine (experiments/benchmark.py)
SECONDS_PER_1000_IMAGES = {
    "cvae": 0.7,
    "cvae_gan": 2.6,
    "bagan_autoencoder": 0.4,
    "bagan": 0.6,
    "classifier": 0.1,
}
