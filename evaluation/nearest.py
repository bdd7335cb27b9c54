"""Memorisation: how far each new image is from the nearest original, and which new images are copies.

Distances are root mean squared differences of pixels, 0..255 like the pixels themselves; between images that differ by
k everywhere the distance is k. Images are uint8 (n, height, width, channels).
"""

from collections.abc import Iterator

import numpy as np

from ..datasets.pixels import check_pixels, n_at_once
from ..datasets.stored_images import StoredImages, taken

MAX_ORIGINALS_TRIED = 10_000  # of a class, for how close its originals lie to one another
CHUNK_IMAGES = 512
CHUNK_ORIGINALS = 4096
N_EXACT_VALUES = 1024


def nearest(images: np.ndarray, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index int64 (n,) of the nearest original of each image, and the distance float64 (n,) to it.

    Exact: copies have distance 0, and the first of several equally near originals is taken. Needs about 100 MB, however
    many images there are. Raises ValueError if there is no original or images and originals differ in shape.
    """
    return _nearest(len(images), _chunks(images, originals), images)


def nearest_other(images: np.ndarray, chosen: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Like `nearest`, for each image, or those at the indices `chosen`, among all others of the same set.

    Raises ValueError for fewer than two images.
    """
    if len(images) < 2:
        raise ValueError(f"the nearest other image needs at least two images, got {len(images)}")
    some, chosen = (images, np.arange(len(images))) if chosen is None else (taken(images, chosen), chosen)

    def without_itself():
        for rows, columns, squares in _chunks(some, images):
            is_here = (columns[0] <= chosen[rows]) & (chosen[rows] <= columns[-1])
            squares[is_here, chosen[rows][is_here] - columns[0]] = np.inf
            yield rows, columns, squares

    return _nearest(len(some), without_itself(), images)


def near_copies(images: np.ndarray, originals: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Whether each image (bool, (n,)) lies closer to an original than originals lie to one another.

    `limit` is the largest distance of a copy (None: `copy_limit(originals)`). Raises ValueError as `nearest` does.
    """
    _, distances = nearest(images, originals)
    return distances <= (copy_limit(originals) if limit is None else limit)


def copy_limit(originals: np.ndarray, quantile: float = 0.01) -> float:
    """How close to an original an image is taken for its copy.

    It is the k-th smallest of the originals' distances to their nearest other one, k = floor(quantile (m + 1)), where m
    counts those whose nearest other one is not an exact twin: a new image of the same distribution falls within it with
    a probability of about `quantile` (0..1; the rank of a conformal test, Vovk et al. 2005). With too few originals for
    such a limit (k = 0; with the default, fewer than 99) it is 0, so that only exact copies are found; these always
    are. Of more than 10,000 originals so many, drawn at random, are tried among all. Raises ValueError for a quantile
    outside 0..1.
    """
    if not 0.0 <= quantile <= 1.0:
        raise ValueError(f"quantile must lie in 0..1, got {quantile}")
    if len(originals) < 2:
        return 0.0
    chosen = None
    if len(originals) > MAX_ORIGINALS_TRIED:
        chosen = np.sort(np.random.default_rng(0).choice(len(originals), MAX_ORIGINALS_TRIED, replace=False))
    _, distances = nearest_other(originals, chosen)
    between_different = np.sort(distances[distances > 0])
    rank = min(int(quantile * (len(between_different) + 1)), len(between_different))
    return between_different[rank - 1] if rank else 0.0


def _nearest(n: int, chunks: Iterator, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    best = np.full(n, np.inf)
    index = np.zeros(n, np.int64)
    for rows, columns, squares in chunks:
        winner = squares.argmin(axis=1)
        smallest = squares[np.arange(len(rows)), winner]
        closer = smallest < best[rows]
        best[rows[closer]] = smallest[closer]
        index[rows[closer]] = columns[winner[closer]]
    return index, np.sqrt(best / np.prod(images.shape[1:]))


def _chunks(images: np.ndarray, originals: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Indices of some images, indices of some originals, and their squared distances float64, chunk by chunk."""
    check_pixels(images, originals)
    if not len(originals) or images.shape[1:] != originals.shape[1:]:
        raise ValueError(f"no original of shape {images.shape[1:]} to compare with, got originals {originals.shape}")
    n_images, n_originals = (
        n_at_once(n, side.shape[1:]) if isinstance(side, StoredImages) else n  # of arrays only parts are converted
        for side, n in ((images, CHUNK_IMAGES), (originals, CHUNK_ORIGINALS))
    )
    for row in range(0, len(images), n_images):
        some = images[row : row + n_images]
        for column in range(0, len(originals), n_originals):
            others = originals[column : column + n_originals]
            rows, columns = np.arange(row, row + len(some)), np.arange(column, column + len(others))
            yield rows, columns, _squared_distances(some, others)


def _squared_distances(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Sum of squared differences float64 (n_images, n_originals) without rounding.

    ||a - b||² = ||a||² + ||b||² - 2 a·b cancels for near images, so every term is kept an exact integer: pixels are
    moved to -128..127, and 1024 products of those stay within 2^24, up to which float32 holds every integer.
    """
    images, originals = images.reshape(len(images), -1), originals.reshape(len(originals), -1)
    squares = np.zeros((len(images), len(originals)))
    for start in range(0, images.shape[1], N_EXACT_VALUES):
        a, b = (part[:, start : start + N_EXACT_VALUES].astype(np.float32) - 128 for part in (images, originals))
        products = a @ b.T
        products *= -2
        squares += products
        squares += np.square(a).sum(axis=1)[:, None]
        squares += np.square(b).sum(axis=1)
    return squares
