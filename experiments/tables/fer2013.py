"""What the slides on CycleGAN, Wasserstein GAN and FER2013 ask of it and print of it.

Source: D. Birenbaum, "Data Augmentation Using GANs", slides of project 236754. They print their classifier's hits on
the 3589 test images, before and after faces translated by a CycleGAN were added, and no word of how it was trained, of
how many faces were added, nor which of their three CycleGANs made them; what is chosen here is ours.

Three tasks share the images and the trained networks: "fer2013" judges with the slides' classifier, as printed,
"fer2013-small" compares all methods with a classifier that costs a fortieth, and in "fer2013-synthetic" that one learns
from new images alone (neutral ones by CycleGANs, which translate from these, are other faces translated back), which
the slides leave to future work. All classifiers of a task take as many steps, whatever was added. Every class is filled
up beyond the size of happy, the largest, whose hits rise in the slides too.
"""

from pathlib import Path

from ...datasets.fer2013 import CLASS_NAMES, OFFICIAL_COUNTS
from ...datasets.tasks import SCHEDULES, Classifier, Explanation, Table, Task
from ...models import BASELINE, METHODS
from .thesis_arguments import PHOTO_GEOMETRIC

PUBLISHED = Path(__file__).with_name("published_fer2013.csv")
TRANSLATED = "cyclegan"  # whose row the printed figures with synthetic images stand beside
# slides "Simple Classifier - Results": method -> hits of each emotion, of OFFICIAL_COUNTS["test"] images
PRINTED_HITS = {
    BASELINE: (262, 33, 244, 750, 262, 327, 458),
    TRANSLATED: (282, 36, 271, 767, 271, 328, 423),
}
N_IMAGES_PER_CLASS = 8000
CYCLEGANS = ("cyclegan", "weighted_cyclegan", "wasserstein_cyclegan")
# the slides' methods, the thesis's and what costs next to nothing; others by --methods. ADASYN compares each image of a
# class with all of the dataset, which takes longer than the classifier
COMPARED = (
    BASELINE,
    "geometric",
    "cvae",
    "cvae_gan",
    "bagan",
    *CYCLEGANS,
    "dcgan",
    "wgan_gp",
    "random_oversampling",
    "smote",
    "class_weights",
    "mixup",
)
OVERRIDES = {method: {"source_class": CLASS_NAMES.index("neutral")} for method in CYCLEGANS}  # as in the slides

MEASURED = tuple(range(len(CLASS_NAMES)))
RECALLS = tuple(f"recall_{index}" for index in MEASURED)
N_TRAIN_IMAGES = sum(OFFICIAL_COUNTS["train"])


def _a_pass(batch_size: int) -> dict:
    """Each epoch passes once over as many images as there are without new ones."""
    return {"batch_size": batch_size, "steps_per_epoch": N_TRAIN_IMAGES // batch_size, "learning_rate": 1e-3}


# few epochs: small batches, a falling rate, and no dropout
SHORT = _a_pass(32) | {"final_learning_rate": 0.0, "dropout_factor": 0.0}
SMOKE = _a_pass(64) | {"n_epochs": 1, "steps_per_epoch": 8}

SAME_TEST_IMAGES = (
    "The slides' test images are the official ones, as ours where Table F.5 has the official numbers, but what they "
    "predict for each is not known: intervals take them for other images, which makes them too wide for any figure to "
    "agree."
)
OF_SIX_CLASSES = "means over the six classes that they make, without neutral, from which they translate"
RECOVERED_NEUTRAL = "CycleGANs' neutral faces are real ones of other emotions, as second generators recover them."

_NETWORKS = "class_balancing.models.networks.fer2013"
SLIDES_CLASSIFIER = Classifier(
    f"{_NETWORKS}:slides_classifier",
    {
        "smoke": SMOKE,
        "quick": SHORT | {"n_epochs": 2, "n_statistics_images": 2000},
        "thesis": _a_pass(64) | {"n_epochs": 100},
    },
    seconds_per_1000_images=16.0,
)
SMALL_CLASSIFIER = Classifier(
    f"{_NETWORKS}:small_classifier",
    {
        "smoke": SMOKE,
        "quick": SHORT | {"n_epochs": 3, "learning_rate": 4e-3},
        "thesis": _a_pass(64) | {"n_epochs": 40, "final_learning_rate": 0.0},
    },
    seconds_per_1000_images=0.45,
)

# number of the table -> caption, path of the builder; the slides number none
PRINTED_NETWORKS = {
    "E.1": ("Simple classifier for FER2013 dataset", f"{_NETWORKS}:slides_classifier"),
    "E.2": ("Surreal (paper) classifier for FER2013 dataset", f"{_NETWORKS}:paper_classifier"),
    "E.3": ("VGG19 classifier for FER2013 dataset, whose layers are not printed", f"{_NETWORKS}:vgg19_classifier"),
}


def _task(name: str, label: str, **facts) -> Task:
    return Task(
        name=name,
        dataset="fer2013",
        label=label,
        load="class_balancing.datasets.fer2013:load",
        image_shape=(48, 48, 1),
        class_names=CLASS_NAMES,
        n_train_images=N_TRAIN_IMAGES,
        measured=MEASURED,
        measured_label="all emotions",
        official_split=True,
        n_images_per_class=N_IMAGES_PER_CLASS,
        arguments={schedule: {"geometric": PHOTO_GEOMETRIC} for schedule in SCHEDULES},
        overrides=OVERRIDES,
        is_mirrored=True,  # a face in a mirror shows the same emotion
        keeps_predictions=True,
        images_are_private=True,  # the competition's terms allow no redistribution
        further_tables="class_balancing.experiments.tables.fer2013_tables:tables",
        n_seeds={"smoke": 1, "quick": 2, "thesis": 3},
        **facts,
    )


TASKS = [
    _task(
        "fer2013",
        "FER2013",
        classifier=SLIDES_CLASSIFIER,
        methods=(TRANSLATED,),
        tables=(Table("F.1", ("accuracy", *RECALLS), (SAME_TEST_IMAGES,)),),
        published=PUBLISHED,
        explanations=(
            Explanation(
                "After 2000 steps a pair CycleGAN's images are hardly taken for their emotion, and outweigh its real "
                "ones; the slides do not say how long theirs were trained.",
                methods=(TRANSLATED,),
            ),
            Explanation("Our classifier is trained for 2 epochs; the slides do not say how long theirs was."),
        ),
    ),
    _task(
        "fer2013-small",
        "FER2013, small classifier",
        classifier=SMALL_CLASSIFIER,
        methods=COMPARED,
        tables=(
            Table("F.2", ("accuracy", "balanced_accuracy", *RECALLS)),
            Table("F.3", ("ssim", "ssim_to_originals"), (f"CycleGANs: {OF_SIX_CLASSES}.",)),
        ),
        shown_filters=("faces", "confidence"),
    ),
    _task(
        "fer2013-synthetic",
        "FER2013, new images alone",
        classifier=SMALL_CLASSIFIER,
        methods=tuple(name for name in COMPARED if METHODS[name].makes_images),
        tables=(Table("F.4", ("accuracy", "balanced_accuracy", *RECALLS), (RECOVERED_NEUTRAL,)),),
        n_new_only={"smoke": 20, "quick": 2000, "thesis": 5000},
        baseline_task="fer2013-small",
    ),
]
