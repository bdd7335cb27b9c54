"""The command `reproduce_tables.py` for the digits, made so small that a cell takes a second or two."""

import fnmatch
import os
import resource
import signal
import sys
from dataclasses import replace

import commands
import small_tasks
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.experiments import command_line, tables

DIGITS = ("--datasets", "digits", "--dropped", "75", "--schedule", "smoke")
# of few steps, which is enough to see whether they are continued
ARGUMENTS = {
    "cvae": {"n_epochs": 2, "batch_size": 140, "learning_rate": 1e-3, "latent_size": 4, "lambda_1": 1.0},
    "bagan": {"n_autoencoder_epochs": 2, "n_epochs": 2, "batch_size": 110, "learning_rate": 1e-3, "latent_size": 4},
}


def load(data_dir=None) -> ImageDataset:
    """Every other pixel of few digits, 14 x 14."""
    whole = small_tasks.load(data_dir)
    return ImageDataset(whole.name, whole.images[:, ::2, ::2], whole.labels, whole.class_names)


def reproduce(arguments, *, changes=None, in_one_process=False, death=None, max_bytes=None) -> None:
    """Call the command for the tiny digits and exit with its code.

    `changes`: method -> constructor arguments that are other than ours. `in_one_process`: cells run in the process of
    the command. `death`: see `die_at`. Of `max_bytes` of memory each process may have no more.
    """
    from class_balancing.experiments.running import workers
    from class_balancing.experiments.tables import architectures
    from class_balancing.reports import figures

    methods = {name: values | (changes or {}).get(name, {}) for name, values in ARGUMENTS.items()}
    for name, task in small_tasks.TASKS.items():
        of_all = {schedule: values | methods for schedule, values in task.arguments.items()}
        tables.TASKS[name] = replace(task, load="tiny_tables:load", image_shape=(14, 14, 1), arguments=of_all)
    architectures.rendered_networks = lambda tasks: []  # none: they are the same in every run and take seconds
    figures.DOTS_PER_INCH = 20
    if in_one_process:
        workers.ProcessPoolExecutor = commands.WorkersHere
    if death:
        die_at(*death)
    if max_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
    reproduce_digits(arguments)


def reproduce_digits(arguments) -> None:
    """Call the command for the digits and exit with its code."""
    sys.argv = ["reproduce_tables.py", *DIGITS, *map(str, arguments)]
    command_line.call("tables", "reproduce_tables.py", sys.argv[1:])


def die_at(pattern: str, is_whole: bool) -> None:
    """Let this process kill itself when it writes a file whose path is like the pattern: half of it, or all of it."""
    replace_file = os.replace

    def replace_and_die(source, target):
        is_last = fnmatch.fnmatch(target, pattern)
        if is_last and not is_whole:
            os.truncate(source, os.stat(source).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        replace_file(source, target)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_and_die
