"""The equations of the paper on neural style transfer (after Gatys et al. 2016) as pure functions on tensors.

Features are (batch, height, width, channels); channels are the equations' i and j, of which there are N, positions
their k, of which there are M = height * width. Losses are (batch,), one for each image, since images are optimised
independently of each other.
"""

from keras import ops


def gram_matrix(features):
    """Eq. 1, G_ij = sum over positions k of F_ik F_jk: (batch, channels, channels)."""
    flat = _positions_in_a_row(features)
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)


def guided_gram_matrix(features, guide):
    """Eq. 1 of T * F (Gatys et al. 2017): position k counts T_k^2 times; `guide` is T (batch, height, width).

    If the mean of T^2 is 1, the result is as large as that of all positions.
    """
    return gram_matrix(features * ops.expand_dims(guide, -1))


def layer_style_loss(gram, target, n_positions):
    """Eq. 2, E_l = sum_ij (G_ij - A_ij)^2 / (4 N^2 M^2), of Gram matrices (batch, N, N) over M positions."""
    n_channels = gram.shape[-1]
    return ops.sum(ops.square(gram - target), axis=(1, 2)) / (4.0 * (n_channels * n_positions) ** 2)


def style_loss(layer_losses, layer_weights):
    """Eq. 3, sum over layers of w_l E_l, from each layer's E_l (batch,) and w_l."""
    return sum(weight * loss for weight, loss in zip(layer_weights, layer_losses, strict=True))


def content_loss(features, content):
    """Eq. 4, 1/2 sum over channels and positions of (F_ij - P_ij)^2."""
    return 0.5 * ops.sum(ops.square(features - content), axis=(1, 2, 3))


def total_loss(content, style, content_weight, style_weight):
    """Eq. 5, alpha L_content + beta L_style."""
    return content_weight * content + style_weight * style


def _positions_in_a_row(features):
    shape = ops.shape(features)
    return ops.reshape(features, (shape[0], shape[1] * shape[2], features.shape[-1]))  # (batch, M, N)
