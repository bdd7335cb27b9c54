"""How worker processes start: TensorFlow is imported when it has been told how."""

import signal
import threading

from .. import command_line


def start(*arguments) -> None:
    """Tell it, then call `worker.start`."""
    prepare()
    command_line.prepare_tensorflow()
    from . import worker

    worker.start(*arguments)


def prepare() -> None:
    """Let this process be killed at any moment, when its command is stopped, without a word and without a trace."""
    from tqdm import tqdm

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the terminal sends to the command, too
    tqdm.set_lock(threading.RLock())  # its own one is a semaphore among processes, which would be left
