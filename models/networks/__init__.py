"""Functional builders of every network; one file per family."""

from . import thesis_mnist
from .scaled import Scaled


def networks_for(image_shape: tuple[int, int, int]):
    """Builders for images (height, width, channels): the thesis's own tables for 28 x 28 x 1, else scaled ones.

    Raises ValueError for sides under 8 pixels.
    """
    return thesis_mnist if tuple(image_shape) == thesis_mnist.IMAGE_SHAPE else Scaled(image_shape)
