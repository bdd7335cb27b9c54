"""scikit-learn's digits (Alpaydin, Kaynak 1998): 1,797 handwritten digits that need no download, CC BY 4.0."""

import numpy as np

from .image_dataset import ImageDataset

SIDE_PIXELS = 28
MARGIN_PIXELS = 4


def load(data_dir: str | None = None) -> ImageDataset:
    """The 8 x 8 images in 17 grey levels, enlarged to 20 x 20 and centred on 28 x 28 black pixels, like MNIST's.

    `data_dir` is not used. Interpolation is bicubic.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    raw = load_digits()
    inner = SIDE_PIXELS - 2 * MARGIN_PIXELS
    grey = np.rint(raw.images * (255 / 16)).astype(np.uint8)  # (n, 8, 8)
    enlarged = [Image.fromarray(image).resize((inner, inner), Image.Resampling.BICUBIC) for image in grey]
    margins = ((0, 0), (MARGIN_PIXELS, MARGIN_PIXELS), (MARGIN_PIXELS, MARGIN_PIXELS))
    images = np.pad(np.stack([np.asarray(image) for image in enlarged]), margins)[..., None]
    return ImageDataset("digits", images, raw.target.astype(np.int64), tuple("0123456789"))
