"""The study's tasks: of each dataset all classes alike, and two classes at five percentages of the others' images;
FER2013 also as it is.

The small classes are one that the sources made small and one that is harder or easier to tell from the others:

- digits and MNIST: 4, the thesis's, which is mistaken for 9; 8, which is mistaken for 3, 5 and 9.
- CIFAR-10: ships, the thesis's, easy on their water; cats, the hardest class, mistaken for dogs.
- Vehicles: cars, the thesis's, the only ones seen from behind; airplanes, seen from the side as motorcycles are.
- FER2013: disgust, by far the rarest, mistaken for anger; happy, the easiest emotion and the most frequent.

All seeds have the same training images, and networks are trained once for all seeds, with a fifth of the epochs of
`judge.py`, about a minute, since two cores train hundreds of them. Every classifier takes as many steps and keeps its
last weights, so that nothing is chosen by validation.
"""

from dataclasses import dataclass

from ...datasets import cifar10, fer2013, vehicles
from ...datasets.tasks import Classifier, Task
from ...models import METHODS as ALL_METHODS
from .data import FER2013_KEPT, N_KEPT, SIDE_PIXELS

BALANCED = 100
PERCENTS = (50, 25, 10, 5, 2)
DIGITS, PHOTOGRAPHS = "handwritten digits", "photographs"
KINDS = (DIGITS, PHOTOGRAPHS)
METRIC = "balanced_accuracy"
PROTOCOL = "clean"
NETWORK_SHARE = 0.2
N_STEPS = {"smoke": 30, "quick": 400}
N_SEEDS = {"smoke": 3, "quick": 5}
SCHEDULES = tuple(N_STEPS)
# against the judge's 64 and 1e-3 these reach more in as many steps, in three fifths of the time
BATCH = {"batch_size": 32, "learning_rate": 2e-3, "final_learning_rate": 0.0}
CLASSIFIER_SCHEDULES = {name: BATCH | {"n_epochs": 1, "steps_per_epoch": n} for name, n in N_STEPS.items()}
# DeepSMOTE's three forms count as one method
METHODS = tuple(name for name in ALL_METHODS if name not in ("deep_smote_unpenalised", "deep_smote_permuted"))


@dataclass(frozen=True)
class Studied:
    """A task, and its place in tables: the dataset and small class, the percentage (None: as it is), the kind."""

    task: Task
    column: str
    percent: int | None
    kind: str

    @property
    def is_balanced(self) -> bool:
        return self.percent == BALANCED

    @property
    def n_small(self) -> int:
        """Training images of the smallest class."""
        return min(self.task.kept_per_class)


def _task(dataset: str, name: str, small: int, kept: tuple[int, ...], **facts) -> Task:
    height, width, _ = facts["image_shape"]
    return Task(
        name=name,
        dataset=dataset,
        load=f"class_balancing.experiments.studies.data:{dataset}",
        n_train_images=sum(kept),
        kept_per_class=kept,
        measured=(small,),
        measured_label=facts["class_names"][small],
        official_split=True,
        keeps_predictions=True,
        network_share=NETWORK_SHARE,
        classifier=Classifier("scaled_classifier", CLASSIFIER_SCHEDULES, max(0.1, 0.4 * height * width / 64**2)),
        methods=METHODS,
        tables=(),
        n_seeds=N_SEEDS,
        **facts,
    )


def _imbalances(dataset: str, kind: str, small_classes: tuple[str, ...], **facts) -> list[Studied]:
    """A task in which nothing is small, and one for each of these classes and each percentage."""
    n, names, label = N_KEPT[dataset], facts["class_names"], facts["label"]
    task = _task(
        dataset,
        f"{dataset}-{BALANCED}",
        names.index(small_classes[0]),
        (n,) * len(names),
        n_images_per_class=n,
        **facts,
    )
    found = [Studied(task, f"{label}, balanced", BALANCED, kind)]
    for small in small_classes:
        for percent in PERCENTS:
            kept = tuple(n * percent // 100 if name == small else n for name in names)
            task = _task(
                dataset, f"{dataset}-{small}-{percent}", names.index(small), kept, n_images_per_class=n, **facts
            )
            found.append(Studied(task, f"{label}, {small}", percent, kind))
    return found


_FER2013 = {
    "label": "FER2013",
    "image_shape": (SIDE_PIXELS, SIDE_PIXELS, 1),
    "class_names": fer2013.CLASS_NAMES,
    "is_mirrored": True,
    "images_are_private": True,
}
_DIGITS = {"image_shape": (28, 28, 1), "class_names": tuple("0123456789")}
_COLOURED = {"image_shape": (SIDE_PIXELS, SIDE_PIXELS, 3), "is_mirrored": True}
_CIFAR10 = _COLOURED | {"label": "CIFAR-10", "class_names": cifar10.CLASS_NAMES}
_VEHICLES = _COLOURED | {"label": "Vehicles", "class_names": vehicles.CLASS_NAMES}

STUDIED = {
    studied.task.name: studied
    for studied in (
        *_imbalances("digits", DIGITS, ("4", "8"), label="digits", **_DIGITS),
        *_imbalances("mnist", DIGITS, ("4", "8"), label="MNIST", **_DIGITS),
        *_imbalances("cifar10", PHOTOGRAPHS, ("ship", "cat"), **_CIFAR10),
        *_imbalances("vehicles", PHOTOGRAPHS, ("cars", "airplanes"), **_VEHICLES),
        *_imbalances("fer2013", PHOTOGRAPHS, ("disgust", "happy"), **_FER2013),
        Studied(
            _task("fer2013", "fer2013-as-it-is", FER2013_KEPT.index(min(FER2013_KEPT)), FER2013_KEPT, **_FER2013),
            "FER2013, as it is",
            None,
            PHOTOGRAPHS,
        ),
    )
}
DATASETS = tuple(dict.fromkeys(studied.task.dataset for studied in STUDIED.values()))
