"""New images of a class in rounds, so that no more than those of one round need to be in memory."""

from collections.abc import Iterator

import numpy as np

from ...datasets.stored_images import n_bytes

MAX_BYTES_IN_A_ROUND = 10_000 * 64 * 64 * 3


def rounds(n: int, image_shape: tuple[int, ...], random_state: int) -> Iterator[tuple[int, int]]:
    """(how many images, seed) of each round that makes new images (n, *image_shape).

    The first has the seed `random_state`, so what one round can hold is made as by `sample` with it; the seeds of the
    others are derived from it.
    """
    size = size_of_round(image_shape)
    for number, start in enumerate(range(0, n, size)):
        yield min(size, n - start), round_seed(random_state, number) if number else random_state


def size_of_round(image_shape: tuple[int, ...]) -> int:
    """How many images of this shape (height, width, channels) a round makes at most."""
    return max(1, MAX_BYTES_IN_A_ROUND // n_bytes(1, image_shape))


def round_seed(random_state: int, number: int) -> int:
    """The seed of a round, by its number."""
    return int(np.random.default_rng([random_state, number]).integers(2**31))
