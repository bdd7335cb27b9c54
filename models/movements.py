"""Small changes after which an image is still one of its class, for training with few images."""

import tensorflow as tf


def moved(images, uniform, shift_fraction: float, horizontal_flip: bool):
    """Each image (n, height, width, channels) of any type moved, and perhaps mirrored, by three numbers in [0, 1).

    `uniform` (n, 3) decides about rows, columns and mirroring: whole pixels up to `shift_fraction` of the sides, with
    reflection at the border, and with `horizontal_flip` an image of two, by chance, from left to right.
    """
    height, width = images.shape[1:3]
    rows, columns = (
        _moved_positions(side, uniform[:, axis], min(int(shift_fraction * side), side - 1))
        for axis, side in enumerate((height, width))
    )
    if horizontal_flip:
        columns = tf.where(uniform[:, 2:] < 0.5, columns, columns[:, ::-1])
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _moved_positions(side: int, uniform, max_shift: int):
    """Positions (n, side) along an axis, moved by up to `max_shift` pixels and reflected at both ends."""
    shift = tf.cast(tf.floor(uniform * (2 * max_shift + 1)), tf.int32) - max_shift
    moved = tf.abs(tf.range(side) + shift[:, None])
    return (side - 1) - tf.abs((side - 1) - moved)
