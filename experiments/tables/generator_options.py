"""Whether averaged weights and differentiable augmentation make the GANs' images better, which no source measures.

Sources: Yazıcı et al. 2019 (arXiv:1806.04498) for averages of a generator's weights, Zhao et al. 2020
(arXiv:2006.10738) for augmentation of all that the discriminator sees. Of one class 50 training images are kept. All
seeds have the same training images, each network is trained once, for a part of the epochs that it would choose.
"""

from ...datasets import cifar10, vehicles
from ...datasets.tasks import Classifier, Table, Task
from ...models import BASELINE
from .styled import CLASSIFIER_SCHEDULES

PRINTED_NETWORKS = {}  # those of the methods
GANS = ("cvae_gan", "bagan", "cyclegan", "weighted_cyclegan", "wasserstein_cyclegan", "dcgan", "wgan_gp")
AVERAGED, AUGMENTED = {"ema_momentum": 0.999}, {"augmentation_strength": 1.0}
NEITHER = {"ema_momentum": 0.0, "augmentation_strength": 0.0}
OPTIONS = {
    "neither": NEITHER,
    "averaged": NEITHER | AVERAGED,
    "augmented": NEITHER | AUGMENTED,
    "both": AVERAGED | AUGMENTED,
}
TABLE, QUALITY_TABLE = "J.2", "J.3"
N_SEEDS = {"smoke": 1, "quick": 2, "thesis": 5}


def _tasks(source, class_name: str, n_others: int, seconds_per_1000_images: float, share: float, **facts) -> list[Task]:
    """A task for each of OPTIONS: of a class of a dataset, whose module is `source`, 50 images, else `n_others`."""
    dataset = f"options_{source.__name__.rpartition('.')[2]}"
    kept = tuple(50 if each == class_name else n_others for each in source.CLASS_NAMES)
    label = facts.pop("label")
    return [
        Task(
            name=f"{dataset}-{option}",
            dataset=dataset,
            label=f"{label}, 50 {class_name}, {option}",
            load=f"{source.__name__}:load",
            class_names=source.CLASS_NAMES,
            measured=(source.CLASS_NAMES.index(class_name),),
            measured_label=class_name,
            n_train_images=sum(kept),
            kept_per_class=kept,
            n_images_per_class=n_others,
            is_mirrored=True,
            overrides=dict.fromkeys(GANS, values),
            network_share=share,
            classifier=Classifier("scaled_classifier", CLASSIFIER_SCHEDULES, seconds_per_1000_images),
            methods=(BASELINE, *GANS),
            tables=(Table(TABLE, ("accuracy", "f1_minority")),),
            baseline_task=f"{dataset}-neither",
            is_audited=True,
            further_tables="class_balancing.experiments.tables.quality:of_options",
            n_seeds=N_SEEDS,
            **facts,
        )
        for option, values in OPTIONS.items()
    ]


TASKS = [
    *_tasks(vehicles, "cars", 400, 0.6, 0.25, label="Vehicles", image_shape=(64, 64, 3), ssim_range=(0.0, 1.0)),
    *_tasks(cifar10, "ship", 500, 0.15, 0.5, label="CIFAR-10", image_shape=(32, 32, 3), official_split=True),
]
