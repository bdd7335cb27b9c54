"""What the thesis leaves open, and the forms that each of its methods could have had."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...datasets.tasks import Task
from ..tables import TASKS

SCHEDULES = ("smoke", "quick")
N_TRAININGS = {"smoke": 1, "quick": 2}
N_NEW_IMAGES = {"smoke": 20, "quick": 1000}  # that are measured


@dataclass(frozen=True, eq=False)
class Form:
    """A form of a method: its class, as "package.module:class", and arguments that differ from the others'."""

    made_by: str
    arguments: Mapping = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Forms, in words, of a method on a task of the tables; the first is what was chosen.

    `shorter` are constructor arguments of all of them, instead of those that the thesis prints.
    """

    name: str
    question: str
    task: Task
    method: str
    shorter: Mapping
    forms: Mapping[str, Form]

    def arguments(self, form: str, schedule: str) -> dict:
        """Constructor arguments of a form; under "smoke" each stage has one epoch."""
        shorter = self.shorter
        if schedule == "smoke":
            shorter = {name: 1 if name.endswith("epochs") else value for name, value in shorter.items()}
        return dict(self.task.arguments["thesis"][self.method]) | shorter | self.forms[form].arguments


_CVAE, _CVAE_GAN, _BAGAN = (
    "class_balancing.models.cvae:CVAE",
    "class_balancing.models.cvae_gan:CVAEGAN",
    "class_balancing.models.bagan:BAGAN",
)
_FORMS = "class_balancing.experiments.choices.forms"
COMPARISONS = [
    Comparison(
        "cvae_weight",
        "The weight of CVAE's KL divergence",
        TASKS["mnist-50"],
        "cvae",
        {"n_epochs": 4, "batch_size": 100, "learning_rate": 1e-3},
        {
            "as much as the squared error": Form(_CVAE, {"lambda_1": 27.5}),
            "twice that, the evidence lower bound": Form(_CVAE, {"lambda_1": 55.0}),
            "lambda_1 of CVAE-GAN, 11 times that": Form(_CVAE, {"lambda_1": 300.0}),
        },
    ),
    Comparison(
        "centre_gradients",
        "The gradient of CVAE-GAN's moving feature centres",
        TASKS["mnist-50"],
        "cvae_gan",
        {"n_epochs": 2, "batch_size": 100, "learning_rate": 5e-4},
        {
            "that of the batch's mean": Form(_CVAE_GAN),
            # of two losses that reach G alone: the same as a tenth of their weights
            "that of the average, a tenth": Form(_CVAE_GAN, {"lambda_3": 1e-4, "lambda_4": 1e-4}),
        },
    ),
    Comparison(
        "bagan_step",
        "BAGAN's adversarial stage",
        TASKS["vehicles-50"],
        "bagan",
        {"n_autoencoder_epochs": 28, "n_epochs": 12, "batch_size": 44},
        {
            "D first, new latents, softmax": Form(_BAGAN),
            "sigmoid": Form(_BAGAN, {"head": "sigmoid"}),
            "latents that D has seen": Form(f"{_FORMS}:BAGANWithSeenLatents"),
            "both at once": Form(f"{_FORMS}:BAGANAtOnce"),
            "all three, as in version 0.2.0": Form(f"{_FORMS}:FirstBAGAN", {"head": "sigmoid"}),
            "none, the decoder alone": Form(_BAGAN, {"n_epochs": 0}),
        },
    ),
    Comparison(
        "cifar10_classifier",
        "CVAE-GAN's C for CIFAR-10",
        TASKS["cifar10-50"],
        "cvae_gan",
        {"n_epochs": 2, "batch_size": 64, "learning_rate": 5e-4},
        {
            "after Table B.10": Form(_CVAE_GAN),
            "after Table B.3": Form(f"{_FORMS}:CVAEGANWithBlocks"),
        },
    ),
]
