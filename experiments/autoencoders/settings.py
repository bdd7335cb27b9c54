"""What each schedule measures, and how long it trains; no source prints a number, all are ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes of codes are in numbers, noise levels standard deviations in pixel values, None means all.

    `code_size` is for reconstruction and features. Denoising and enhancement have the larger `restoration_code_size`,
    since their codes only serve to tell images from noise, and one class's autoencoders the smaller
    `one_class_code_size`, so that other classes do not pass.
    """

    n_seeds: int = 3
    n_train_images: int | None = None
    n_test_images: int | None = None
    n_steps: Mapping[str, int]  # network -> training steps
    n_one_class_steps: int
    n_filters: int  # of the convolutional autoencoder
    batch_size: int = 64
    code_size: int = 32
    restoration_code_size: int = 128
    one_class_code_size: int = 8
    noise_levels: tuple[int, ...] = (25, 50, 100)
    code_sizes: tuple[int, ...] = (8, 16, 32, 64, 128)
    jpeg_qualities: tuple[int, ...] = (1, 5, 10, 20, 30, 50, 70, 80, 90, 95)
    numbers_of_labels: tuple[int, ...] = (100, 0)  # 0: all
    classes: tuple[int, ...] = field(default=tuple(range(10)))


SETTINGS = {
    "smoke": Settings(
        n_seeds=1,
        n_train_images=400,
        n_test_images=200,
        n_steps={"dense": 20, "convolutional": 10},
        n_one_class_steps=10,
        n_filters=4,
        noise_levels=(50,),
        code_sizes=(8, 32),
        jpeg_qualities=(10, 90),
        classes=(0, 1),
    ),
    "quick": Settings(
        n_train_images=20_000,
        n_steps={"dense": 2500, "convolutional": 1000},
        n_one_class_steps=400,
        n_filters=8,
    ),
    "thesis": Settings(
        n_steps={"dense": 50_000, "convolutional": 50_000},
        n_one_class_steps=5000,
        n_filters=32,
    ),
}
NETWORKS = ("dense", "convolutional")
