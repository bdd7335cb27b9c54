"""The command `class-balancing`, and what all command lines share: how mistakes are reported and how runs end.

A user's mistake is one clear sentence and exit code 2.
"""

import argparse
import errno
import importlib
import logging
import os
import shlex
import signal
import sys
import tempfile
import warnings
from pathlib import Path

from . import start_up_lines

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
LARGEST_SEED = 2**32 - 1  # of Keras and numpy
KILLED = "the process was killed, perhaps because memory ran out"


# sub-command -> its module in this package, which has parse(prog, arguments) and main(options), and what it does
COMMANDS = {
    "balance": (".folders.balance", "add new images to the small classes of a folder"),
    "judge": (".folders.judge", "measure whether that helps a classifier"),
    "tables": (".tables.command", "regenerate the sources' tables"),
    "study": (".studies.command", "judge every method on five datasets at many imbalances"),
    "choices": (".choices.command", "compare what the thesis leaves open"),
    "architectures": (".tables.architectures", "regenerate the tables and diagrams of the networks"),
    "autoencoder": (".autoencoders.command", "measure the uses of autoencoders beside classic methods"),
    "style": (".styles.command", "give one picture the style of others"),
    "benchmark": (".tables.benchmark", "time a training step of each method"),
}


class UsageError(Exception):
    """A user's mistake; the message is one sentence that says what to do."""


class DiskFullError(Exception):
    """No space is left; the message says where."""


class FailedError(Exception):
    """The run failed through no mistake of the user; the message says how."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, and whose options must be written in full."""

    def __init__(self, prog: str, **keywords):
        super().__init__(prog, allow_abbrev=False, **keywords)

    def error(self, message):
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see --help\n")

    def add_data_dir(self) -> None:
        """The option of all commands that read datasets by name."""
        self.add_argument(
            "--data-dir",
            metavar="DIR",
            help="where the datasets' official files are (default: the environment variable DATASETS_DIR)",
        )

    def add_out(self, default: str) -> None:
        """The option of all commands that write results into a folder."""
        self.add_argument("--out", default=default, metavar="DIR", help="where results go (default: %(default)s)")

    def add_dry_run(self) -> None:
        """The option of all commands that have a plan."""
        self.add_argument("--dry-run", action="store_true", help="print the plan and stop")


def main() -> None:
    """The console script `class-balancing`."""
    parser = Parser("class-balancing", description="Class-balancing of image datasets with learned augmentation.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    chosen = parser.parse_args(sys.argv[1:2]).command
    call(chosen, f"class-balancing {chosen}", sys.argv[2:])


def call(command: str, prog: str, arguments: list[str] | None = None) -> None:
    """Run one of COMMANDS and exit with its code; mistakes of the user print one sentence instead of a traceback.

    `prog` is what it was called as. SIGINT and SIGTERM stop it; it then prints the command that continues.
    """
    from ..datasets.image_dataset import DatasetError

    prepare_tensorflow()
    warnings.formatwarning = lambda message, *_: f"{prog}: {message}\n"
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        module = importlib.import_module(COMMANDS[command][0], __package__)
        sys.exit(module.main(module.parse(prog, arguments)))
    except (UsageError, DatasetError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except FailedError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:  # whoever read the output is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except DiskFullError as error:
        print(f"{prog}: {error}; what is finished is kept. Make space and continue with: {_command()}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except OSError as error:
        if is_full_disk(error):
            print(f"{prog}: the disk is full. Make space and continue with: {_command()}", file=sys.stderr)
            sys.exit(EXIT_FAILED)
        if error.filename is None or error.strerror is None:
            raise  # no file that the user named
        print(f"{prog}: cannot use {error.filename}: {error.strerror}; name another file or folder", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(f"{prog}: out of memory. Continue on a machine with more of it: {_command()}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt as error:
        from tqdm import tqdm

        for bar in list(getattr(tqdm, "_instances", ())):
            bar.close()
        left = str(error) or "what is finished is kept, checkpoints too. Continue with"
        print(f"\n{prog}: stopped; {left}: {_command()}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def is_full_disk(error: BaseException | None) -> bool:
    """Whether the error, or one that caused it, means that a disk is full."""
    if error is None:
        return False
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error)
    return full or is_full_disk(error.__cause__ or error.__context__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, TensorFlow (which is not imported for this) or its library oneDNN ran out of memory."""
    of_onednn = "exception:Status: 1," in str(error)  # dnnl_out_of_memory
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError" or of_onednn


def prepare_tensorflow() -> None:
    """What TensorFlow is to know before it is imported; who has set these variables has decided otherwise.

    Its advice is silenced, such as that on retracing: every cell has its own networks. Of TF_CPP_MIN_LOG_LEVEL 0 and 1
    let all of it through. It uses the kernels of oneDNN on every processor: by itself it does so on those alone that
    have instructions for neural networks, and is slower on others.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") not in ("0", "1"):
        start_up_lines.hide()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def words_of(command: str) -> list[str]:
    """The words of a shell that call another of COMMANDS in the way that this process was called."""
    if sys.argv[0].endswith(".py"):
        return [sys.executable, str(Path(sys.argv[0]).with_name(f"{command}.py"))]
    return [sys.argv[0], command]


def _command() -> str:
    return shlex.join([sys.executable, *sys.argv])


def percentage(text: str) -> int:
    """argparse type: a whole number from 1 to 99."""
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"a percentage must be a whole number from 1 to 99, got {text!r}")
    return int(text)


def method_name(text: str) -> str:
    """argparse type: a method's name, or those of a chain joined by "+"."""
    from ..models import named

    try:
        return named(text).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """argparse type: a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def seed(text: str) -> int:
    """argparse type: a whole number from 0 to LARGEST_SEED."""
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {LARGEST_SEED}, got {text!r}")
    return int(text)


def check_writable(folder: Path, remedy: str = "choose another folder with --out") -> None:
    """Raise UsageError if nothing can be written to the folder, which need not exist, and is not made."""
    from ..datasets.files import existing

    try:
        with tempfile.TemporaryFile(dir=existing(folder)):  # which on Linux has no name
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}); {remedy}") from error
