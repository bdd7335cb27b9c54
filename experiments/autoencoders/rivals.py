"""Classic methods on uint8 images (n, height, width, channels)."""

import io

import numpy as np

from ...evaluation.restoration import psnr

N_IMAGES_TO_CHOOSE = 500
WINDOW_SIDES_PIXELS = (3, 5, 7)


def rounded(values: np.ndarray) -> np.ndarray:
    """Pixel values as uint8; those outside 0..255 are clipped."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


class PCA:
    """scikit-learn's principal components of images."""

    def __init__(self, images: np.ndarray, n_components: int):
        from sklearn import decomposition

        self.image_shape = images.shape[1:]
        vectors = _vectors(images)
        solver = "full" if len(vectors) < vectors.shape[1] else "covariance_eigh"  # the quicker of two exact ones
        self.components = decomposition.PCA(n_components, svd_solver=solver).fit(vectors)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """(n, n_components)."""
        return self.components.transform(_vectors(images))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return rounded(self.components.inverse_transform(codes).reshape(-1, *self.image_shape))

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images))

    def errors(self, images: np.ndarray) -> np.ndarray:
        """Mean squared error of each image, not rounded; (n,)."""
        vectors = _vectors(images)
        projected = self.components.inverse_transform(self.components.transform(vectors))
        return np.square(vectors - projected).mean(axis=1)


def _vectors(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)


def with_noise(images: np.ndarray, noise: float, random_state: int) -> np.ndarray:
    """Gaussian noise of this standard deviation in pixel values is added; the result is rounded and clipped."""
    return rounded(images + noise * np.random.default_rng(random_state).standard_normal(images.shape))


def median_filtered(images: np.ndarray, side_pixels: int) -> np.ndarray:
    """The median in square windows of each channel; at the border images are mirrored."""
    from scipy import ndimage

    return ndimage.median_filter(images, size=(1, side_pixels, side_pixels, 1), mode="reflect")


def best_median_side(noisy: np.ndarray, originals: np.ndarray) -> int:
    """The window's side, in pixels, with the highest PSNR on the first images."""
    noisy, originals = noisy[:N_IMAGES_TO_CHOOSE], originals[:N_IMAGES_TO_CHOOSE]
    return max(WINDOW_SIDES_PIXELS, key=lambda side: psnr(median_filtered(noisy, side), originals).mean())


def half_resolution(images: np.ndarray) -> np.ndarray:
    """Each 2 x 2 pixels averaged; an odd side is halved upwards."""
    from PIL import Image

    height, width = images.shape[1:3]
    return _resized(images, (-(-height // 2), -(-width // 2)), Image.Resampling.BOX)


def enlarged(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bicubic."""
    from PIL import Image

    return _resized(images, (height, width), Image.Resampling.BICUBIC)


def _resized(images, size, resampling) -> np.ndarray:
    height, width = size
    resized = [np.asarray(_picture(image).resize((width, height), resampling)) for image in images]
    return np.stack(resized).reshape(len(images), height, width, images.shape[-1])


def jpeg(images: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The decoded images, and of each file its bytes and those of its compressed pixels alone.

    The rest of a file, tables and markers, is the same for all images of a quality, so that a receiver may know it.
    """
    from PIL import Image

    decoded, n_bytes, n_bytes_of_pixels = [], [], []
    for image in images:
        file = io.BytesIO()
        _picture(image).save(file, "JPEG", quality=quality)
        content = file.getvalue()
        n_bytes.append(len(content))
        n_bytes_of_pixels.append(len(content) - _start_of_pixels(content) - 2)  # two end the file
        decoded.append(np.asarray(Image.open(file)))
    return np.stack(decoded).reshape(images.shape), np.array(n_bytes), np.array(n_bytes_of_pixels)


def _start_of_pixels(content: bytes) -> int:
    """Where a JPEG file's compressed pixels begin: after the segment "start of scan"."""
    position = 2
    while True:
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        is_scan = content[position + 1] == 0xDA
        position += 2 + length
        if is_scan:
            return position


def _picture(image: np.ndarray):
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


class EightBits:
    """Codes (n, code_size) as bytes and back; the range of each number is that of the training images' codes."""

    def __init__(self, training_codes: np.ndarray):
        self.low = training_codes.min(axis=0)
        spread = training_codes.max(axis=0) - self.low
        self.step = np.where(spread > 0, spread, 1.0) / 255

    def quantise(self, codes: np.ndarray) -> np.ndarray:
        """uint8; numbers outside of the range are clipped."""
        return rounded((codes - self.low) / self.step)

    def restore(self, quantised: np.ndarray) -> np.ndarray:
        return self.low + quantised * self.step
