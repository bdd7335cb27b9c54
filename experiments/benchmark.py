"""Time one training step of each trained method on MNIST-sized images against this machine's own peak.

GFLOP are counted from the networks' layers: two operations for each multiplication with a weight, once for each pass
forward, backward to the inputs and backward to the weights that the step needs. The peak is the best float32 matrix
multiplication that this process measures before.
"""

import argparse
import json
import subprocess
import sys
import time

from experiments.command_line import Parser, call, positive

METHODS = ("cvae", "cvae_gan", "bagan_autoencoder", "bagan")
PRINTED_BATCH = {"cvae": 300, "cvae_gan": 300, "bagan_autoencoder": 275, "bagan": 275}
STEPS_PER_EPOCH = 5
MATRIX_SIDE = 4000
N_PRODUCTS = 8


def main() -> int:
    parser = Parser("benchmark.py", description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="NAME",
                        help=f"which of {', '.join(METHODS)} (default: all)")  # fmt: skip
    parser.add_argument("--batch-size", type=positive, help="images a step (default: the thesis's)")
    parser.add_argument("--steps", type=positive, default=10, help="steps to time (default: %(default)s)")
    parser.add_argument("--one", choices=METHODS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        batch_size = options.batch_size or PRINTED_BATCH[options.one]
        print(json.dumps(measure(options.one, batch_size, options.steps)))
        return 0
    print(f"{'method':18} {'batch':>5} {'s/step':>7} {'images/s':>9} {'GFLOP':>7} {'GFLOP/s':>8} "
          f"{'peak':>7} {'of peak':>8} {'memory':>9}")  # fmt: skip
    for method in options.methods:  # each in a process of its own, for its own peak memory
        size = ["--batch-size", str(options.batch_size)] if options.batch_size else []
        command = [sys.executable, __file__, "--one", method, "--steps", str(options.steps), *size]
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        row = json.loads(finished.stdout)
        rate = row["gflop"] / row["step_s"]
        print(f"{method:18} {row['batch_size']:5} {row['step_s']:7.3f} {row['batch_size'] / row['step_s']:9.0f} "
              f"{row['gflop']:7.1f} {rate:8.0f} {row['peak']:7.0f} {rate / row['peak']:8.0%} "
              f"{row['memory_gib']:6.2f} GiB", flush=True)  # fmt: skip
    return 0


def measure(method: str, batch_size: int, n_steps: int) -> dict:
    """Mean seconds a step after a first epoch that warms up, counted GFLOP a step, peak, and peak memory."""
    import resource

    import numpy as np

    from models import BAGAN, CVAE, CVAEGAN

    peak = matrix_multiplication_gflops()
    n_epochs = 1 + -(-n_steps // STEPS_PER_EPOCH)
    balancer = {
        "cvae": lambda: CVAE(n_epochs=n_epochs, batch_size=batch_size),
        "cvae_gan": lambda: CVAEGAN(n_epochs=n_epochs, batch_size=batch_size),
        "bagan_autoencoder": lambda: BAGAN(n_autoencoder_epochs=n_epochs, n_epochs=0, batch_size=batch_size),
        "bagan": lambda: BAGAN(n_autoencoder_epochs=0, n_epochs=n_epochs, batch_size=batch_size),
    }[method]()
    n_images = STEPS_PER_EPOCH * batch_size
    images = np.random.default_rng(0).integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)
    balancer.fit(images, np.arange(n_images) % 10)
    history = balancer.autoencoder_history_ if method == "bagan_autoencoder" else balancer.history_
    return {
        "batch_size": batch_size,
        "step_s": float(history["seconds"][1:].mean()) / STEPS_PER_EPOCH,
        "gflop": gflop_a_step(method, balancer, batch_size),
        "peak": peak,
        "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def matrix_multiplication_gflops() -> float:
    """The best of several float32 matrix products, in GFLOP/s."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((MATRIX_SIDE, MATRIX_SIDE), (0, 0))
    durations = []
    for _ in range(N_PRODUCTS):
        started = time.perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        durations.append(time.perf_counter() - started)
    return 2 * MATRIX_SIDE**3 / min(durations) / 1e9


def gflop_a_step(method: str, balancer, batch_size: int) -> float:
    """Passes of each network in one step, each pass costing what its multiplications cost."""
    if method == "cvae":
        passes = [(balancer.encoder_, 3), (balancer.decoder_, 3)]
    elif method == "cvae_gan":
        # E: once; G: twice. D and C: forward for three batches; backward to weights for three (D) or one (C), to
        # inputs for the same and, for G's losses, for two more
        passes = [(balancer.encoder_, 3), (balancer.generator_, 6), (balancer.discriminator_, 11)]
        passes.append((balancer.classifier_, 7))
    elif method == "bagan_autoencoder":
        passes = [(balancer.encoder_, 3), (balancer.decoder_, 3)]
    else:
        # D: its own batch and the rest of G's forward, its own backward, G's backward to inputs
        other = 1 - 1 / (len(balancer.classes_) + 1)
        passes = [(balancer.generator_, 3), (balancer.discriminator_, 4 + other)]
    return batch_size * sum(n * multiplications(network) for network, n in passes) * 2 / 1e9


def multiplications(network) -> int:
    """Of one forward pass of one image."""
    total = 0
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            total += layer.kernel.shape[0] * layer.kernel.shape[1]
        elif kind in ("Conv2D", "Conv2DTranspose"):
            _, height, width, _ = (layer.output if kind == "Conv2D" else layer.input).shape
            kernel_height, kernel_width, n_in, n_out = layer.kernel.shape
            total += height * width * kernel_height * kernel_width * n_in * n_out
    return total


if __name__ == "__main__":
    call(main, "benchmark.py")
