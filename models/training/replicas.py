"""Sums and means over the whole batch, wherever its images are; differentiable."""

import tensorflow as tf
from keras import ops


def n_replicas() -> int:
    """Number of replicas of the `tf.distribute` strategy that the caller is in; 1 without one."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_index():
    """Which replica the caller is, counted from 0."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def all_sum(values):
    """Sum of a tensor over the replicas."""
    return values if n_replicas() == 1 else tf.distribute.get_replica_context().all_reduce("SUM", values)


def batch_mean(values, axis=None):
    """Mean of `values` (batch, ...) over the whole batch: over all axes, or with axis=0 over the batch axis only."""
    if n_replicas() == 1:
        return ops.mean(values, axis=axis)
    n_images = all_sum(ops.cast(ops.shape(values)[0], values.dtype))
    means = all_sum(ops.sum(values, axis=0)) / n_images  # (...)
    return means if axis == 0 else ops.mean(means)


def same_everywhere(number: int) -> bool:
    """Whether all machines of the strategy call this with the same number; to be called outside of a step.

    All get the same answer. Numbers are whole and below 2^40, so that float64 adds them exactly.
    """
    if n_replicas() == 1:
        return True
    strategy = tf.distribute.get_strategy()

    @tf.function
    def count():
        return strategy.run(lambda: n_unlike_mean(tf.constant(number, tf.float64)))

    return float(strategy.experimental_local_results(count())[0]) == 0


def n_unlike_mean(number):
    """On how many replicas the float64 scalar differs from its mean over the replicas: 0 if all are the same."""
    return all_sum(tf.cast(number != all_sum(number) / n_replicas(), tf.float64))


def of_one_replica(batch: dict, replica: int) -> dict:
    """The replica's part of each tensor (batch, ...) of the dictionary; every replica gets the scalars."""
    return {name: value[replica :: n_replicas()] if value.shape.rank else value for name, value in batch.items()}


def whole_batch(values):
    """The rows (batch, ...) of all replicas in the order of the undivided batch: what `of_one_replica` divided."""
    if n_replicas() == 1:
        return values
    n_here = tf.shape(values)[0]
    n_rows = tf.cast(all_sum(tf.cast(n_here, tf.float64)), tf.int32)
    own = replica_index() + n_replicas() * tf.range(n_here)  # (batch here,)
    return all_sum(tf.scatter_nd(own[:, None], values, tf.concat([[n_rows], tf.shape(values)[1:]], 0)))


def distributed(batches):
    """A tf.data.Dataset of whole batches as one that gives each replica of the current strategy its part.

    Every machine makes the whole batches and keeps the parts of its own replicas. With one replica it is the same
    dataset.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return batches

    def of_this_machine(context):
        n_here = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * n_here

        def parts(batch):
            own = [tf.data.Dataset.from_tensors(of_one_replica(batch, first + k)) for k in range(n_here)]
            return own[0] if n_here == 1 else _chained(own)

        return batches.flat_map(parts)

    return strategy.distribute_datasets_from_function(of_this_machine)


def _chained(datasets):
    chained = datasets[0]
    for dataset in datasets[1:]:
        chained = chained.concatenate(dataset)
    return chained
