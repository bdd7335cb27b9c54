"""What the paper on style transfer claims and does not measure: whether it helps, alone and with what costs nothing.

Source: S. Shinde, "Neural Style Transfer for Data Augmentation". It prints no number; everything here is ours. Of one
class few training images are kept, other ones for each seed, and filled up to as many as the others have, by copies,
geometric transformations, style transfer, or style transfer and then geometric transformations (its section 4). All
classifiers take as many steps and keep their last weights.
"""

from ...datasets import cifar10, fer2013, vehicles
from ...datasets.tasks import SCHEDULES, Classifier, Table, Task
from ...models import BASELINE
from . import few_images
from .thesis_arguments import PHOTO_GEOMETRIC

PRINTED_NETWORKS = {}  # the paper has none
STYLED = ("style_transfer", "style_transfer+geometric")
METHODS = (BASELINE, "random_oversampling", "geometric", *STYLED)
METRICS = ("accuracy", "f1_minority")
SIMILARITY = Table("I.4", ("ssim", "ssim_to_originals"))
N_SEEDS = {"smoke": 1, "quick": 3, "thesis": 5}
CLASSIFIER_SCHEDULES = few_images.CLASSIFIER_SCHEDULES | {"quick": few_images.STEPS | {"steps_per_epoch": 1000}}
SMOKE_ARGUMENTS = {"style_transfer": {"n_epochs": 1, "n_iterations": 2}}


def _task(source, class_name: str, n_kept: int, n_others: int, seconds_per_1000_images: float, **facts) -> Task:
    """Of a class of a dataset, whose module is `source`, `n_kept` images, and `n_others` of each other class."""
    name = f"styled_{source.__name__.rpartition('.')[2]}"
    kept = tuple(n_kept if each == class_name else n_others for each in source.CLASS_NAMES)
    arguments = {schedule: {"geometric": PHOTO_GEOMETRIC} for schedule in SCHEDULES}
    return Task(
        name=name,
        dataset=name,
        load=f"{source.__name__}:load",
        class_names=source.CLASS_NAMES,
        measured=(source.CLASS_NAMES.index(class_name),),
        n_train_images=sum(kept),
        kept_per_class=kept,
        is_redrawn=True,
        n_images_per_class=n_others,
        is_mirrored=True,
        arguments=arguments | {"smoke": arguments["smoke"] | SMOKE_ARGUMENTS},
        classifier=Classifier("scaled_classifier", CLASSIFIER_SCHEDULES, seconds_per_1000_images),
        methods=METHODS,
        keeps_predictions=True,
        further_tables="class_balancing.experiments.tables.styled_tables:tables",
        n_seeds=N_SEEDS,
        **facts,
    )


TASKS = [
    _task(
        cifar10,
        "ship",
        50,
        500,
        0.15,
        label="CIFAR-10, 50 ships",
        measured_label="ships",
        image_shape=(32, 32, 3),
        official_split=True,
        tables=(Table("I.1", (*METRICS, "recall_8")), SIMILARITY),
    ),
    _task(
        vehicles,
        "cars",
        50,
        400,
        0.6,
        label="Vehicles, 50 cars",
        measured_label="cars",
        image_shape=(64, 64, 3),
        tables=(Table("I.2", (*METRICS, "recall_1")), SIMILARITY),
    ),
    # about as rare among the others as in the whole dataset, whose 436 would be nearly the same ones for each seed
    _task(
        fer2013,
        "disgust",
        100,
        1000,
        0.3,
        label="FER2013, 100 of disgust",
        measured_label="disgust",
        image_shape=(48, 48, 1),
        official_split=True,
        tables=(Table("I.3", (*METRICS, "recall_1")), SIMILARITY),
        images_are_private=True,  # the competition's terms allow no redistribution
    ),
]
