"""Time one training step of each trained method against this machine's own peak.

GFLOP are counted from the networks' layers, two operations for each multiplication with a weight: once for each pass
forward, backward to the inputs and backward to the weights that the step needs ("GFLOP"), and for comparison three
times every forward pass ("3 x forward"). The peak is the best float32 matrix product that the process measures first.

Of methods that learn transformations: the time to learn from 500 images of one class, to make its first 1000 images,
which includes compiling, and to make 1000 more.
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import time

from ...models import METHODS
from ..command_line import EXIT_FAILED, KILLED, Parser, positive, words_of
from . import TASKS

CHOICES = tuple(name for name, method in METHODS.items() if method.takes_time)
MIN_BATCH_SIZE = 20
STEPS_PER_EPOCH = 5
MATRIX_SIDE = 4000
N_LEARNED_FROM, N_MADE = 500, 1000
N_PRODUCTS = 8
TASK_OF_DATASET = {task.dataset: task for task in TASKS.values()}


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=CHOICES, default=CHOICES, metavar="NAME",
                        help=f"which of {', '.join(CHOICES)} (default: all)")  # fmt: skip
    parser.add_argument(
        "--dataset", choices=TASK_OF_DATASET, default="mnist",
        help="whose image size and printed hyperparameters networks have; methods without any learn from digits",
    )  # fmt: skip
    parser.add_argument(
        "--batch-size", type=batch_size, help="images per step of networks, at least 20 (default: as printed)"
    )
    parser.add_argument("--steps", type=positive, default=10, help="steps of networks to time (default: %(default)s)")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(options) -> int:
    if options.stage is not None:
        print(
            json.dumps(measure(options.methods[0], options.stage, options.dataset, options.batch_size, options.steps))
        )
        return 0
    trained = [name for name in options.methods if METHODS[name].family == "network"]
    for method in options.methods:
        if method not in trained:
            print_times(method, *learning_times(method))
    if trained:
        return print_steps(trained, options)
    return 0


def learning_times(method: str) -> tuple[float, float, float]:
    """Seconds to learn from 500 images of 28 x 28 pixels, to make 1000, and to make 1000 more."""
    from ...datasets import digits

    images = digits.load().images[: N_LEARNED_FROM + 2]
    labels = [0] * N_LEARNED_FROM + [1] * 2
    balancer = METHODS[method].load()()
    started = [time.perf_counter()]
    balancer.fit(images, labels)
    for seed in (0, 1):
        started.append(time.perf_counter())
        balancer.sample(0, N_MADE, random_state=seed)
    started.append(time.perf_counter())
    return tuple(end - start for start, end in itertools.pairwise(started))


def print_times(method: str, fit_s: float, first_s: float, again_s: float) -> None:
    print(
        f"{method}: learned from {N_LEARNED_FROM} images in {fit_s:.1f} s, made {N_MADE} in {first_s:.1f} s, "
        f"{N_MADE} more in {again_s:.1f} s",
        flush=True,
    )


def print_steps(methods: list[str], options) -> int:
    print(f"{'method':18} {'batch':>5} {'s/step':>7} {'images/s':>9} {'s/1000':>7} {'peak':>12} {'GFLOP':>6} "
          f"{'of peak':>8} {'3 x forward':>12} {'of peak':>8} {'memory':>9}")  # fmt: skip
    for method in methods:
        for stage in METHODS[method].load().epochs_of_stage:  # each in a process of its own, for its own peak memory
            command = [*words_of("benchmark"), "--methods", method, "--stage", stage, "--dataset", options.dataset]
            command += ["--steps", str(options.steps)]
            command += ["--batch-size", str(options.batch_size)] if options.batch_size else []
            finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if finished.returncode < 0:
                print(f"{method}: {KILLED}", file=sys.stderr)
            if finished.returncode:  # the process has said why
                return EXIT_FAILED
            print_row(" ".join(filter(None, (method, stage))), json.loads(finished.stdout))
    return 0


def print_row(name: str, row: dict) -> None:
    share, forward_share = (row[count] / row["step_s"] / row["peak"] for count in ("gflop", "forward_gflop"))
    per_second = row["batch_size"] / row["step_s"]
    print(f"{name:18} {row['batch_size']:5} {row['step_s']:7.3f} {per_second:9.0f} {1000 / per_second:7.2f} "
          f"{row['peak']:4.0f} GFLOP/s {row['gflop']:6.1f} {share:8.0%} {row['forward_gflop']:12.1f} "
          f"{forward_share:8.0%} {row['memory_gib']:5.2f} GiB", flush=True)  # fmt: skip


def batch_size(text: str) -> int:
    """argparse type: a whole number of at least 20, so that every class has images."""
    if positive(text) < MIN_BATCH_SIZE:
        raise argparse.ArgumentTypeError(f"a batch needs at least {MIN_BATCH_SIZE} images, got {text}")
    return int(text)


def measure(method: str, stage: str, dataset: str, batch_size: int | None, n_steps: int) -> dict:
    """Mean seconds per step after a first epoch as warm-up, counted GFLOP per step, peak, and peak memory."""
    import numpy as np

    peak = matrix_multiplication_gflops()
    task, made = TASK_OF_DATASET[dataset], METHODS[method].load()
    epochs = dict.fromkeys(made.epochs_of_stage.values(), 0)
    epochs[made.epochs_of_stage[stage]] = 1 + -(-n_steps // STEPS_PER_EPOCH)
    stages = []

    class Observed(made):
        def _stages(self, images, class_indices):
            for observed in super()._stages(images, class_indices):
                stages.append(observed)
                yield observed

    balancer = Observed(**task.arguments.get("thesis", {}).get(method, {}) | epochs)
    labels = class_labels(STEPS_PER_EPOCH * (batch_size or balancer.batch_size), task.n_classes)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), *task.image_shape), dtype=np.uint8)
    balancer.set_params(batch_size=batch_size or balancer.batch_size, sampling_strategy={1: len(labels)})
    balancer.fit(images, labels)
    measured = next(observed for observed in stages if observed.epochs_of == stage)
    operations = [
        (2 * balancer.batch_size * multiplications(network), *counts) for network, *counts in measured.model.passes()
    ]
    history = balancer.history_[balancer.history_["stage"] == measured.name]
    return {
        "batch_size": balancer.batch_size,
        "step_s": float(history["seconds"][1:].mean()) / measured.steps_per_epoch,
        "gflop": sum(cost * n_passes for cost, _, n_passes in operations) / 1e9,
        "forward_gflop": 3 * sum(cost * n_forward for cost, n_forward, _ in operations) / 1e9,
        "peak": peak,
        "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (2**30 if sys.platform == "darwin" else 2**20),
    }


def class_labels(n_images: int, n_classes: int):
    """Labels (n,) of so many images or more, nearly all of the first two classes, but two or more of each class.

    Methods that learn from two classes at a time need as many images of each as a batch has.
    """
    import numpy as np

    few = np.arange(2 * n_classes) % n_classes
    return np.concatenate([few, np.arange(max(n_images - len(few), 2 * n_classes)) % 2])


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


def multiplications(network) -> int:
    """Number of multiplications in one forward pass of one image."""
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
