"""Time one training step of each trained method against this machine's own peak.

GFLOP are counted from the networks' layers, two operations for each multiplication with a weight: once for each pass
forward, backward to the inputs and backward to the weights that the step needs ("GFLOP"), and for comparison three
times every forward pass ("3 x forward"). The peak is the best float32 matrix product that the process measures before.
"""

import argparse
import json
import subprocess
import sys
import time

from experiments import grid
from experiments.command_line import EXIT_FAILED, KILLED, Parser, call, positive
from experiments.hyperparameters import METHODS as PRINTED

METHODS = ("cvae", "cvae_gan", "bagan_autoencoder", "bagan")
MIN_BATCH_SIZE = 20
STEPS_PER_EPOCH = 5
MATRIX_SIDE = 4000
N_PRODUCTS = 8


def main() -> int:
    parser = Parser("benchmark.py", description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="NAME",
                        help=f"which of {', '.join(METHODS)} (default: all)")  # fmt: skip
    parser.add_argument(
        "--dataset", choices=PRINTED["thesis"], default="mnist", help="whose image size and hyperparameters"
    )
    parser.add_argument("--batch-size", type=batch_size, help="images a step, at least 20 (default: the thesis's)")
    parser.add_argument("--steps", type=positive, default=10, help="steps to time (default: %(default)s)")
    parser.add_argument("--one", choices=METHODS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.dataset, options.batch_size, options.steps)))
        return 0
    print(f"{'method':18} {'batch':>5} {'s/step':>7} {'images/s':>9} {'peak':>12} {'GFLOP':>6} {'of peak':>8} "
          f"{'3 x forward':>12} {'of peak':>8} {'memory':>9}")  # fmt: skip
    for method in options.methods:  # each in a process of its own, for its own peak memory
        n_images = options.batch_size or printed_arguments(method, options.dataset)["batch_size"]
        command = [sys.executable, __file__, "--one", method, "--dataset", options.dataset]
        command += ["--batch-size", str(n_images), "--steps", str(options.steps)]
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if finished.returncode < 0:
            print(f"benchmark.py: {KILLED}", file=sys.stderr)
        if finished.returncode:  # the process has said why
            return EXIT_FAILED
        row = json.loads(finished.stdout)
        share, forward_share = (row[count] / row["step_s"] / row["peak"] for count in ("gflop", "forward_gflop"))
        print(f"{method:18} {n_images:5} {row['step_s']:7.3f} {n_images / row['step_s']:9.0f} "
              f"{row['peak']:4.0f} GFLOP/s {row['gflop']:6.1f} {share:8.0%} {row['forward_gflop']:12.1f} "
              f"{forward_share:8.0%} {row['memory_gib']:5.2f} GiB", flush=True)  # fmt: skip
    return 0


def batch_size(text: str) -> int:
    """argparse type: a whole number of at least 20, so that every class has images."""
    if positive(text) < MIN_BATCH_SIZE:
        raise argparse.ArgumentTypeError(f"a batch needs at least {MIN_BATCH_SIZE} images, got {text}")
    return int(text)


def printed_arguments(method: str, dataset: str) -> dict:
    return PRINTED["thesis"][dataset]["bagan" if method == "bagan_autoencoder" else method]


def measure(method: str, dataset: str, batch_size: int, n_steps: int) -> dict:
    """Mean seconds a step after a first epoch that warms up, counted GFLOP a step, peak, and peak memory."""
    import resource

    import numpy as np

    from models import BALANCERS

    peak = matrix_multiplication_gflops()
    n_epochs = 1 + -(-n_steps // STEPS_PER_EPOCH)
    epochs = {
        "bagan_autoencoder": {"n_autoencoder_epochs": n_epochs, "n_epochs": 0},
        "bagan": {"n_autoencoder_epochs": 0, "n_epochs": n_epochs},
    }.get(method, {"n_epochs": n_epochs})
    arguments = printed_arguments(method, dataset) | epochs | {"batch_size": batch_size}
    balancer = BALANCERS[method.removesuffix("_autoencoder")](**arguments)
    *shape, n_classes = grid.SHAPES[dataset]
    n_images = STEPS_PER_EPOCH * batch_size
    images = np.random.default_rng(0).integers(0, 256, (n_images, *shape), dtype=np.uint8)
    balancer.fit(images, np.arange(n_images) % n_classes)
    history = balancer.autoencoder_history_ if method == "bagan_autoencoder" else balancer.history_
    gflop, forward_gflop = gflop_a_step(method, balancer, batch_size)
    return {
        "step_s": float(history["seconds"][1:].mean()) / STEPS_PER_EPOCH,
        "gflop": gflop,
        "forward_gflop": forward_gflop,
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


def gflop_a_step(method: str, balancer, batch_size: int) -> tuple[float, float]:
    """Cost of the passes that one step needs, and three times that of its forward passes."""
    # (network, forward passes, all passes) in batches; E and the decoder: forward, to inputs, to weights
    if method in ("cvae", "bagan_autoencoder"):
        passes = [(balancer.encoder_, 1, 3), (balancer.decoder_, 1, 3)]
    elif method == "cvae_gan":
        # D and C see three batches. D learns from all, C from one; G's losses go back through two to their inputs
        passes = [(balancer.encoder_, 1, 3), (balancer.generator_, 2, 6)]
        passes += [(balancer.discriminator_, 3, 3 + 6 + 2), (balancer.classifier_, 3, 3 + 2 + 2)]
    else:
        # D sees its own batch and the rest of G's, learns from the first; G's loss goes back through G's batch
        rest = 1 - 1 / (len(balancer.classes_) + 1)
        passes = [(balancer.generator_, 1, 3), (balancer.discriminator_, 1 + rest, 1 + rest + 2 + 1)]
    operations = [(2 * batch_size * multiplications(network), *counts) for network, *counts in passes]
    needed = sum(cost * n_passes for cost, _, n_passes in operations)
    return needed / 1e9, 3 * sum(cost * n_forward for cost, n_forward, _ in operations) / 1e9


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
