"""The thesis's equations as pure functions on tensors.

Every loss is one scalar, the mean over the batch of what its equation says for one image; each docstring states how
pixels, features and latent dimensions are reduced. With several replicas the mean is that over the whole batch, the
same scalar on each. Images are (batch, height, width, channels) float32, features (batch, n_features), labels (batch,)
int.
"""

from keras import ops

from .training.replicas import all_sum, batch_mean

EPSILON = 1e-7


def kl_divergence(mean, log_variance):
    """Eq. 1.2, KL(N(mean, sigma^2) || N(0, 1)), averaged over latent dimensions and batch.

    The print lacks the factor 1/2 and the square inside the logarithm, and sums over latent dimensions (DEVIATIONS.md);
    this is the closed form 1/2 (sigma^2 + mean^2 - log sigma^2 - 1).
    """
    return batch_mean(0.5 * (ops.exp(log_variance) + ops.square(mean) - log_variance - 1.0))


def half_squared_distance(a, b):
    """1/2 ||a - b||^2, summed over all but the batch axis, averaged over the batch."""
    difference = ops.reshape(a - b, (ops.shape(a)[0], -1))  # (batch, everything else)
    return batch_mean(0.5 * ops.sum(ops.square(difference), axis=-1))


def minus_log(probability):
    """-log p, averaged over the batch; probabilities (batch, 1) below 1e-7 count as 1e-7."""
    return -batch_mean(ops.log(ops.clip(probability, EPSILON, 1.0)))


def discriminator_loss(real, reconstructed, generated):
    """Eq. 3.1, L_D; the arguments are D's probabilities (batch, 1) for x_r, x_f and x_p."""
    return minus_log(real) + minus_log(1.0 - reconstructed) + minus_log(1.0 - generated)


def mean_feature_loss(real_centre, generated_centre):
    """Eq. 3.2, L_GD = 1/2 ||centre_r - centre_p||^2; centres (n_features,), summed over features."""
    return 0.5 * ops.sum(ops.square(real_centre - generated_centre))


def class_mean_feature_loss(real_centres, generated_centres):
    """Eq. 3.3, L_GC: eq. 3.2 summed over classes; centres (n_classes, n_features)."""
    return 0.5 * ops.sum(ops.square(real_centres - generated_centres))


def reconstruction_loss(real, reconstructed, real_d, reconstructed_d, real_c, reconstructed_c):
    """Eq. 3.4, L_G: images and the features f_D, f_C, each summed over pixels or features."""
    return (
        half_squared_distance(real, reconstructed)
        + half_squared_distance(real_d, reconstructed_d)
        + half_squared_distance(real_c, reconstructed_c)
    )


def classification_loss(labels, probabilities):
    """Eq. 3.5, L_C = -log P(c_r | x_r); probabilities (batch, n_classes).

    The rows are divided by their sum first, as Keras' sparse categorical cross-entropy does, which gives
    BAGAN's sigmoid head (Table B.6) its meaning and leaves a softmax as it is.
    """
    probabilities = ops.clip(probabilities, EPSILON, 1.0)
    probabilities = probabilities / ops.sum(probabilities, axis=-1, keepdims=True)
    chosen = ops.take_along_axis(probabilities, ops.expand_dims(labels, -1), axis=-1)  # (batch, 1)
    return -batch_mean(ops.log(chosen))


def cvae_gan_loss(l_d, l_c, l_kl, l_g, l_gd, l_gc, *, lambda_1, lambda_2, lambda_3, lambda_4):
    """Eq. 3.6, the six-term sum. Which network minimises which terms is decided by the training step."""
    return l_d + l_c + lambda_1 * l_kl + lambda_2 * l_g + lambda_3 * l_gd + lambda_4 * l_gc


def moving_average(history, batch_mean, momentum):
    """Feature centre after a batch, with the gradient of the batch's mean (DEVIATIONS.md).

    The average's own gradient would be (1 - momentum) of that, so that the losses of centres would hardly count; none
    flows through the history.
    """
    average = momentum * history + (1.0 - momentum) * batch_mean
    return batch_mean + ops.stop_gradient(average - batch_mean)


def class_moving_average(history, features, labels, momentum):
    """Per-class feature centres (n_classes, n_features) after a batch.

    Classes that the batch does not contain keep their history, without a gradient.
    """
    members = ops.one_hot(labels, ops.shape(history)[0], dtype=features.dtype)  # (batch, n_classes)
    counts = ops.expand_dims(all_sum(ops.sum(members, axis=0)), -1)  # (n_classes, 1)
    batch_means = all_sum(ops.matmul(ops.transpose(members), features)) / ops.maximum(counts, 1.0)
    return ops.where(counts > 0, moving_average(history, batch_means, momentum), ops.stop_gradient(history))
