"""What the poster on learned data augmentation does not measure: whether learned transformations help a classifier.

Source: A. Sabbah et al., "Learned Data Augmentation", poster, Technical University of Denmark, after S. Hauberg et al.,
"Dreaming More Data" (2016). The poster shows new digits of MNIST and prints no number; everything here is ours. Of each
class 10, 50 or 200 training images are kept, other ones for each seed, and filled up to 1000 by each method. All
classifiers take as many steps and keep their last weights, so that nothing is chosen by validation.
"""

from ...datasets import cifar10
from ...datasets.tasks import SCHEDULES, Classifier, Table, Task
from ...models import BASELINE
from .thesis_arguments import DIGITS_GEOMETRIC, PHOTO_GEOMETRIC

PRINTED_NETWORKS = {}  # the poster has none
KEPT = (10, 50, 200)
N_IMAGES_PER_CLASS = 1000
LEARNED = ("affine", "cpab")
METHODS = (BASELINE, "random_oversampling", "geometric", *LEARNED)
N_SEEDS = {"smoke": 1, "quick": 5, "thesis": 10}
METRIC = "accuracy"

STEPS = {"batch_size": 64, "learning_rate": 1e-3, "final_learning_rate": 0.0, "n_epochs": 1}
CLASSIFIER_SCHEDULES = {
    "smoke": STEPS | {"steps_per_epoch": 8},
    "quick": STEPS | {"steps_per_epoch": 1500},
    "thesis": STEPS | {"steps_per_epoch": 10_000},
}


def _tasks(dataset: str, label: str, seconds_per_1000_images: float, tables: tuple[Table, ...], **facts) -> list[Task]:
    n_classes = len(facts["class_names"])
    return [
        Task(
            name=f"{dataset}-{n}",
            dataset=dataset,
            label=f"{label}, {n} of each class",
            measured=tuple(range(n_classes)),
            measured_label="all classes",
            n_train_images=n * n_classes,
            kept_per_class=(n,) * n_classes,
            is_redrawn=True,
            n_images_per_class=N_IMAGES_PER_CLASS,
            official_split=True,
            classifier=Classifier("scaled_classifier", CLASSIFIER_SCHEDULES, seconds_per_1000_images),
            methods=METHODS,
            tables=tables,
            keeps_predictions=True,
            further_tables="class_balancing.experiments.tables.verdict_tables:of_few_images",
            n_seeds=N_SEEDS,
            **facts,
        )
        for n in KEPT
    ]


TASKS = [
    *_tasks(
        "few_mnist",
        "MNIST",
        0.1,
        (Table("G.1", (METRIC,)), Table("G.2", ("ssim",))),
        load="class_balancing.datasets.mnist:load",
        image_shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        arguments={schedule: {"geometric": DIGITS_GEOMETRIC} for schedule in SCHEDULES},
    ),
    *_tasks(
        "few_cifar10",
        "CIFAR-10",
        0.15,
        (Table("G.3", (METRIC,)), Table("G.4", ("ssim",))),
        load="class_balancing.datasets.cifar10:load",
        image_shape=(32, 32, 3),
        class_names=cifar10.CLASS_NAMES,
        arguments={schedule: {"geometric": PHOTO_GEOMETRIC} for schedule in SCHEDULES},
        is_mirrored=True,
    ),
]
