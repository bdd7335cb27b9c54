"""Images of one set that are also in another, almost unchanged, such as training images among the test images."""

import imagehash
import numpy as np
from PIL import Image

MAX_BITS = 4
MAX_DISTANCE = 12.0
CHUNK_PAIRS = 4_000_000
CHUNK_VALUES = 10_000_000


def near_duplicates(
    images: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    max_bits: int = MAX_BITS,
    max_distance: float = MAX_DISTANCE,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of near duplicates across two sets of indices into `images` uint8 (n, height, width, channels).

    Returns int64 (n_pairs, 2), column 0 from `first`, column 1 from `second`, in their order, and the distances float64
    (n_pairs,): root mean squared difference of pixels, 0..255. Pairs must differ in at most `max_bits` of the 64 bits
    of their perceptual hashes (`imagehash.phash`: the signs of low frequencies, blind to brightness and contrast), and,
    since hashes of simple images collide, by at most `max_distance`.

    The defaults come from planted and real pairs of MNIST, CIFAR-10 and Vehicles. Images that are re-encoded as JPEG,
    made three levels brighter, or enlarged and shrunk back differ in up to 4 bits, and by less than 12 down to JPEG
    quality 75; detailed images that are shrunk and enlarged back differ by 15 or more and are missed. Within these
    limits Vehicles holds successive frames of the same car, CIFAR-10 nothing, and MNIST pairs of ones that the eye can
    hardly tell apart. Up to 24, CIFAR-10's pairs are still the same photograph in other colours or crops, while MNIST's
    ones are merely similar.
    """
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    hashes_first, hashes_second = _hashes(images[first]), _hashes(images[second])
    n_rows = max(1, CHUNK_PAIRS // max(1, len(second)))
    pairs = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(first), n_rows):
        n_different = np.bitwise_count(hashes_first[start : start + n_rows, None] ^ hashes_second)
        rows, columns = np.nonzero(n_different <= max_bits)
        pairs.append(np.stack([first[start + rows], second[columns]], axis=1))
    pairs = np.concatenate(pairs)
    distances = _distances(images, pairs)
    confirmed = distances <= max_distance
    return pairs[confirmed], distances[confirmed]


def _hashes(images: np.ndarray) -> np.ndarray:
    """uint64 (n,)."""
    bits = [imagehash.phash(_pillow(image)).hash.ravel() for image in images]
    return np.packbits(np.array(bits, bool).reshape(-1, 64), axis=1).view(np.uint64).ravel()


def _pillow(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _distances(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    n_pairs = max(1, CHUNK_VALUES // max(1, images[0].size))
    distances = [np.zeros(0)]
    for start in range(0, len(pairs), n_pairs):
        a, b = pairs[start : start + n_pairs].T
        differences = images[a].astype(np.int32) - images[b]
        distances.append(np.sqrt(np.square(differences).mean(axis=(1, 2, 3))))
    return np.concatenate(distances)
