"""Images of one official part that stand in another part too, so that scores on it are too good."""

import hashlib

import numpy as np
import pandas as pd

from .image_dataset import ImageDataset
from .near_duplicates import near_duplicates

PAIRS_OF_PARTS = (("train", "validation"), ("train", "test"), ("validation", "test"))


def n_repeated(images: np.ndarray) -> int:
    """How many of the images (n, height, width, channels) equal an earlier one in every pixel."""
    return len(images) - len(set(_hashes(images)))


def repeated_across_parts(dataset: ImageDataset) -> pd.DataFrame:
    """A row for each pair of images of two official parts that are the same or nearly so.

    Columns: first, second (positions in the dataset), first_part, second_part, is_exact (equal in every pixel, found by
    hash), distance (root mean squared difference of pixels, 0..255; see `near_duplicates`) and same_label. Sorted by
    parts and positions.
    """
    frames = []
    for first_part, second_part in PAIRS_OF_PARTS:
        first, second = (np.flatnonzero(dataset.official_parts == part) for part in (first_part, second_part))
        exact = _equal_pairs(dataset.images, first, second)
        near, distances, _ = near_duplicates(dataset.images, first, second)
        found = dict(zip(map(tuple, near.tolist()), distances.tolist(), strict=True)) | dict.fromkeys(exact, 0.0)
        pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
        frame = pd.DataFrame(pairs, columns=["first", "second"])
        frame["first_part"], frame["second_part"] = first_part, second_part
        frame["is_exact"] = np.array([pair in exact for pair in sorted(found)], bool)
        frame["distance"] = np.array([found[pair] for pair in sorted(found)], float)
        frame["same_label"] = dataset.labels[pairs[:, 0]] == dataset.labels[pairs[:, 1]]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def repeated_test_images(dataset: ImageDataset, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which test images stand in the training or validation part too: exactly, and exactly or nearly.

    Two of bool (n_test,), in the order of the test images in the dataset, which is that of predictions. `pairs` are
    those of `repeated_across_parts`.
    """
    test = np.flatnonzero(dataset.official_parts == "test")
    of_test = pairs[pairs["second_part"] == "test"]
    return np.isin(test, of_test["second"][of_test["is_exact"]]), np.isin(test, of_test["second"])


def count_repeated(dataset: ImageDataset, pairs: pd.DataFrame) -> pd.DataFrame:
    """Numbers of images that stand in another part too, a row a pair of parts.

    Columns: part, repeated_in, n_images (of the part), n_exact, n_near (exact ones among them), n_other_label (images
    whose label differs from that of one of their near duplicates).
    """
    rows = []
    for first_part, second_part in PAIRS_OF_PARTS:
        own = pairs[(pairs["first_part"] == first_part) & (pairs["second_part"] == second_part)]
        rows.append(
            {
                "part": second_part,
                "repeated_in": first_part,
                "n_images": int((dataset.official_parts == second_part).sum()),
                "n_exact": own["second"][own["is_exact"]].nunique(),
                "n_near": own["second"].nunique(),
                "n_other_label": own["second"][~own["same_label"]].nunique(),
            }
        )
    return pd.DataFrame(rows)


def _hashes(images: np.ndarray) -> list[bytes]:
    return [hashlib.blake2b(np.ascontiguousarray(image), digest_size=16).digest() for image in images]


def _equal_pairs(images: np.ndarray, first: np.ndarray, second: np.ndarray) -> set[tuple[int, int]]:
    """Every (position of `first`, position of `second`) whose images are equal."""
    places = {}
    for position, found in zip(first.tolist(), _hashes(images[first]), strict=True):
        places.setdefault(found, []).append(position)
    hashes = zip(second.tolist(), _hashes(images[second]), strict=True)
    return {(earlier, position) for position, found in hashes for earlier in places.get(found, ())}
