"""What makes a training step over several replicas equal the same step of one replica over the whole batch.

Replica r of R sees the images r, r + R, r + 2R, ... of each batch. Without a `tf.distribute` strategy everything here
is the plain operation, to the bit.
"""
