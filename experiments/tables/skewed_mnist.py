"""DeepSMOTE's published imbalance of MNIST, with what costs less beside it.

Source: D. Dablain et al., "DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data" (2021), and its code: 4000
training images of the first class down to 40 of the last. The paper's figures are of other classifiers and splits; none
is printed here. All seeds have the same training images, and the networks are trained once.
"""

from ...datasets.tasks import SCHEDULES, Classifier, Table, Task
from ...models import BASELINE
from . import few_images
from .thesis_arguments import DIGITS_GEOMETRIC

PRINTED_NETWORKS = {}  # its autoencoder is drawn with the other networks of methods
COUNTS = (4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40)
PENALTIES = ("deep_smote_unpenalised", "deep_smote", "deep_smote_permuted")
METHODS = (
    BASELINE,
    "random_oversampling",
    "class_weights",
    "geometric",
    *few_images.LEARNED,
    "smote",
    *PENALTIES,
)
METRIC = "balanced_accuracy"

TASKS = [
    Task(
        name="skewed_mnist",
        dataset="skewed_mnist",
        label="MNIST, DeepSMOTE's imbalance",
        load="class_balancing.datasets.mnist:load",
        image_shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        n_train_images=sum(COUNTS),
        kept_per_class=COUNTS,
        measured=tuple(range(len(COUNTS))),
        measured_label="all classes",
        official_split=True,
        classifier=Classifier("scaled_classifier", few_images.CLASSIFIER_SCHEDULES, 0.1),
        methods=METHODS,
        tables=(Table("G.6", (METRIC, "f1_minority", "g_mean")), Table("G.7", ("ssim",))),
        arguments={schedule: {"geometric": DIGITS_GEOMETRIC} for schedule in SCHEDULES},
        overrides={name: {"latent_size": 300} for name in PENALTIES},  # the authors', of grey images
        keeps_predictions=True,
        further_tables="class_balancing.experiments.tables.verdict_tables:of_skewed_mnist",
        n_seeds=few_images.N_SEEDS,
    )
]
