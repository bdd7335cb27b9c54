"""TensorFlow without the lines that its C++ code writes to standard error at every start, whatever the log level.

Everything else that it writes is passed on, also if it ends the process.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import re
import signal
import sys

HIDDEN = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR\n"
    rb"|I0000 .* port\.cc:\d+\] oneDNN custom operations are on\. .*\n"
    rb"|E0000 .* util\.cc:\d+\] oneDNN supports DT_INT32 only on platforms with AVX-512\. Falling back .*\n"
)


def hide() -> None:
    """Let this process import TensorFlow without them, whichever of its modules imports it first."""
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


@contextlib.contextmanager
def hidden():
    """Within the block whole lines of standard error go through another process, which leaves out those HIDDEN."""
    if sys.stderr is None:  # closed, and so is nothing to be left out of it
        yield
        return
    sys.stderr.flush()
    unfiltered = os.dup(2)
    lines, written = os.pipe()
    process = os.fork()
    if not process:
        os.close(written)
        _pass_on(lines, unfiltered)
    os.close(lines)
    os.dup2(written, 2)
    os.close(written)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(unfiltered, 2)  # which was the last that could write to the other process, so this one ends
        os.close(unfiltered)
        os.waitpid(process, 0)


def _pass_on(source: int, target: int) -> None:
    """In the other process: it outlives this one's death, so that the reason is not lost."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with os.fdopen(source, "rb") as lines, os.fdopen(target, "wb", buffering=0) as passed_on:
            for line in lines:
                if not HIDDEN.fullmatch(line):
                    passed_on.write(line)
    finally:
        os._exit(0)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow once, as all others do."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        with hidden():
            self.loader.exec_module(module)
