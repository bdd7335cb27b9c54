"""What is measured at a time, and what a measurement yields."""

from dataclasses import asdict, dataclass, field

import numpy as np

from ...datasets.image_dataset import ImageDataset
from ...evaluation import restoration

N_SHOWN = 10
USUAL_LEARNING_RATE = 1e-3
LABELS = {
    "dense": "dense autoencoder",
    "convolutional": "convolutional autoencoder",
    "dense_squared": "dense autoencoder, squared error",
    "dense_absolute": "dense autoencoder, absolute error",
    "convolutional_squared": "convolutional autoencoder, squared error",
    "convolutional_absolute": "convolutional autoencoder, absolute error",
    "pca": "PCA",
    "mean_image": "mean image",
    "noisy": "noisy image",
    "median": "median filter",
    "bicubic": "bicubic",
    "jpeg": "JPEG",
    "pixels": "pixels",
    "class_mean": "distance to the class mean",
}


@dataclass(frozen=True)
class Network:
    """An autoencoder and what it learns from: all training images, or those of one class, `label`.

    With `noise`, a standard deviation in pixel values, it sees noisy images, and if it `enlarges`, images of half the
    resolution. `kind` and `distance` are those of `models.autoencoder.Autoencoder`.
    """

    kind: str
    code_size: int
    distance: str = "squared"
    noise: float = 0.0
    label: int | None = None
    enlarges: bool = False
    learning_rate: float = USUAL_LEARNING_RATE

    @property
    def configuration(self) -> dict:
        """All that decides about it, but a learning rate that is the usual one."""
        values = asdict(self)
        if self.learning_rate == USUAL_LEARNING_RATE:
            del values["learning_rate"]
        return values


@dataclass(frozen=True)
class Asked:
    """A method in one setting, a whole number whose meaning is the use's. It is repeated for each seed if it trains a
    network or draws at random.
    """

    method: str
    setting: int
    network: Network | None = None
    is_random: bool = False

    @property
    def is_repeated(self) -> bool:
        return self.network is not None or self.is_random


@dataclass(frozen=True)
class Piece:
    """One measurement."""

    dataset: str
    use: str
    asked: Asked
    seed: int

    def __str__(self):
        return f"{self.dataset}-{self.use}-{self.asked.method}-{self.asked.setting}-seed{self.seed}"


@dataclass(frozen=True)
class Measured:
    """Values by metric, and rows of `N_SHOWN` or fewer uint8 images (n, height, width, channels) by what they show."""

    values: dict[str, float]
    shown: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A column: `best` is "max", "min", or "" where no value is better than another."""

    name: str
    heading: str
    n_decimals: int
    best: str = "max"


@dataclass(frozen=True)
class Parts:
    """A dataset's images to learn from and to measure on."""

    train: ImageDataset
    test: ImageDataset

    @property
    def shown(self) -> np.ndarray:
        """Indices of the first test image of each class."""
        return np.unique(self.test.labels, return_index=True)[1][:N_SHOWN]


PSNR = Metric("psnr", "PSNR, dB", 2)
SSIM = Metric("ssim", "SSIM", 4)


def closeness(images: np.ndarray, originals: np.ndarray) -> dict[str, float]:
    """Mean PSNR and SSIM of uint8 images."""
    return {"psnr": float(restoration.psnr(images, originals).mean()),
            "ssim": float(restoration.ssim(images, originals).mean())}  # fmt: skip
