"""Images of one set that are also in another, almost unchanged, such as training images among the test images."""

from collections.abc import Iterator
from typing import NamedTuple

import imagehash
import numpy as np
from PIL import Image

from .stored_images import StoredImages, in_parts, taken

N_BITS = 64
MAX_BITS = 4
MAX_DISTANCE = 12.0
CHUNK_PAIRS = 4_000_000
CHUNK_VALUES = 10_000_000
PAIRS_AT_ONCE = 10_000


class NearDuplicates(NamedTuple):
    """Pairs of indices int64 (n_pairs, 2), and the distance float64 (n_pairs,) of each.

    Distances are root mean squared differences of pixels, 0..255. `is_complete` says whether all pairs were sought.
    """

    pairs: np.ndarray
    distances: np.ndarray
    is_complete: bool


def near_duplicates(
    images: np.ndarray | StoredImages,
    first: np.ndarray,
    second: np.ndarray,
    max_bits: int = MAX_BITS,
    max_distance: float = MAX_DISTANCE,
    max_alike: int | None = None,
    known_hashes: np.ndarray | None = None,
) -> NearDuplicates:
    """Pairs of near duplicates across two sets of indices into `images` uint8 (n, height, width, channels).

    `known_hashes` are the images' `hashes`, for more than one search. Column 0 is from `first`, column 1 from `second`,
    in their order. Pairs must differ in at most `max_bits` of the 64 bits of their perceptual hashes
    (`imagehash.phash`: the signs of low frequencies, blind to brightness and contrast), and, since hashes of simple
    images collide, by at most `max_distance`. The search ends after about `max_alike` pairs whose hashes are alike
    (None: never), since of frames of one film each is a near duplicate of each.

    The defaults come from planted and real pairs of MNIST, CIFAR-10 and Vehicles. Images that are re-encoded as JPEG,
    made three levels brighter, or enlarged and shrunk back differ in up to 4 bits, and by less than 12 down to JPEG
    quality 75; detailed images that are shrunk and enlarged back differ by 15 or more and are missed. Within these
    limits Vehicles holds successive frames of the same car, CIFAR-10 nothing, and MNIST pairs of ones that the eye can
    hardly tell apart. Up to 24, CIFAR-10's pairs are still the same photograph in other colours or crops, while MNIST's
    ones are merely similar.
    """
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    pairs, distances, n_alike = [np.zeros((0, 2), np.int64)], [np.zeros(0)], 0
    if known_hashes is None:
        of_sets = [hashes(taken(images, indices)) for indices in (first, second)]
    else:
        of_sets = [known_hashes[indices] for indices in (first, second)]
    for places in _alike(*of_sets, max_bits):
        if max_alike is not None and n_alike >= max_alike:
            return NearDuplicates(np.concatenate(pairs), np.concatenate(distances), is_complete=False)
        candidates = np.stack([first[places[:, 0]], second[places[:, 1]]], axis=1)
        found = _distances(images, candidates)
        confirmed = found <= max_distance
        pairs.append(candidates[confirmed])
        distances.append(found[confirmed])
        n_alike += len(candidates)
    return NearDuplicates(np.concatenate(pairs), np.concatenate(distances), is_complete=True)


def hashes(images: np.ndarray | StoredImages) -> np.ndarray:
    """Perceptual hash uint64 (n,) of each image."""
    found = np.zeros((len(images), N_BITS // 8), np.uint8)
    start = 0
    for part in in_parts(images, "hashing images"):
        for row, image in enumerate(part, start):
            found[row] = np.packbits(imagehash.phash(_pillow(image)).hash)
        start += len(part)
    return found.view(np.uint64).ravel()


def _pillow(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _alike(first: np.ndarray, second: np.ndarray, max_bits: int) -> Iterator[np.ndarray]:
    """Places (n, 2) in both of hashes uint64 that differ in at most `max_bits`, in their order, some at a time.

    If the bits are cut into more bands than may differ, at least one band is the same in both: only such hashes are
    compared.
    """
    bands = np.array_split(np.arange(N_BITS, dtype=np.uint64), min(max_bits + 1, N_BITS))
    masks = [np.bitwise_or.reduce(np.uint64(1) << band) for band in bands]
    orders = [np.argsort(second & mask, kind="stable") for mask in masks]
    bounds = [
        [np.searchsorted((second & mask)[order], first & mask, side) for side in ("left", "right")]
        for mask, order in zip(masks, orders, strict=True)
    ]
    n_candidates = np.cumsum(sum(high - low for low, high in bounds))
    start = 0
    while start < len(first):
        done = n_candidates[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(n_candidates, done + CHUNK_PAIRS, "right")))
        found = [np.zeros((0, 2), np.int64)]
        for order, (low, high) in zip(orders, bounds, strict=True):
            counts = (high - low)[start:stop]
            rows = np.repeat(np.arange(start, stop), counts)
            within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            columns = order[low[rows] + within]
            near = np.bitwise_count(first[rows] ^ second[columns]) <= max_bits
            found.append(np.stack([rows[near], columns[near]], axis=1))
        numbers = np.unique(np.concatenate(found) @ [len(second), 1])  # a pair may be alike in several bands
        places = np.stack(np.divmod(numbers, max(1, len(second))), axis=1)
        for begin in range(0, len(places), PAIRS_AT_ONCE):
            yield places[begin : begin + PAIRS_AT_ONCE]
        start = stop


def _distances(images: np.ndarray | StoredImages, pairs: np.ndarray) -> np.ndarray:
    n_pairs = max(1, CHUNK_VALUES // max(1, int(np.prod(images.shape[1:]))))
    distances = [np.zeros(0)]
    for start in range(0, len(pairs), n_pairs):
        a, b = pairs[start : start + n_pairs].T
        differences = images[a].astype(np.int32) - images[b]
        distances.append(np.sqrt(np.square(differences).mean(axis=(1, 2, 3))))
    return np.concatenate(distances)
