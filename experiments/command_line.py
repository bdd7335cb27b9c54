"""What all command lines share: one clear sentence and exit code 2 for a user's mistake, and the lock of a folder."""

import argparse
import contextlib
import logging
import os
import shlex
import signal
import sys
from pathlib import Path

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class UsageError(Exception):
    """A user's mistake; the message is one sentence that says what to do."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence."""

    def error(self, message):
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see --help\n")


def call(main, prog: str) -> None:
    """Run `main()` and exit with its code; mistakes of the user print one sentence instead of a traceback.

    SIGINT and SIGTERM stop it with the command that continues.
    """
    from datasets.image_dataset import DatasetError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # no advice on retracing: every cell has its own networks
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        sys.exit(main())
    except (UsageError, DatasetError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as error:
        print(f"{prog}: cannot use {error.filename}: {error.strerror}; name another file or folder", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        from tqdm import tqdm

        for bar in list(getattr(tqdm, "_instances", ())):
            bar.close()
        command = shlex.join([sys.executable, *sys.argv])
        print(f"\n{prog}: stopped; finished cells and checkpoints are kept. Continue with: {command}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def percentage(text: str) -> int:
    """argparse type: a whole number from 1 to 99."""
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"a percentage must be a whole number from 1 to 99, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """argparse type: a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def writable_folder(path: str) -> Path:
    """The folder, made if it is missing; raises UsageError where nothing can be written."""
    folder = Path(path)
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}); choose another folder with --out") from error
    return folder


@contextlib.contextmanager
def locked(folder: Path):
    """Hold the folder against other runs; the system frees it when the process ends, however it ends."""
    import fcntl

    with open(folder / ".lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise UsageError(
                f"{folder} is in use by another run (process {lock.read().strip() or 'unknown'}); "
                "wait for it or choose another folder with --out"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
