"""Functions run in processes of their own, which need not import TensorFlow: they are forked from one that has.

That one has used TensorFlow for nothing yet, so each process may still choose its devices, die, or lack memory.
"""

import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

import pytest

CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
CONTEXT.set_forkserver_preload(
    [
        f"class_balancing.{name}"
        for name in (
            "experiments.folders.judge",
            "experiments.running.workers",
            "experiments.tables.command",
            "experiments.tables.figures",
            "experiments.tables.write",
            "models.bagan",
            "models.cvae",
            "models.cvae_gan",
            "models.geometric",
            "models.interpolation",
        )
    ]
)


class Forked:
    """A process that calls a helper module's function with some arguments, and with more environment variables.

    It leads a group of processes, of which those that it starts are members.
    """

    def __init__(self, function, *args, environment=None, **keywords):
        self._temporary = tempfile.TemporaryDirectory(prefix="forked-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.process = CONTEXT.Process(target=_run, args=(self.folder, environment or {}, function, args, keywords))
        self.process.start()

    def is_running(self) -> bool:
        return self.process.is_alive()

    def kill(self, whole_group: bool) -> None:
        (os.killpg if whole_group else os.kill)(self.process.pid, signal.SIGKILL)

    def wait(self, timeout_s: float = 300) -> int:
        """The exit code, or a signal's number with a minus."""
        self.process.join(timeout_s)
        if self.process.is_alive():
            self.kill(whole_group=True)
            pytest.fail(f"did not end within {timeout_s} s:\n{self.stdout}\n{self.stderr}")
        return self.process.exitcode

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()


def cluster(n_machines: int) -> list[dict[str, str]]:
    """Environment variables of each process of a cluster on this machine; the first is the chief."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(n_machines)]
    addresses = ["{}:{}".format(*server.getsockname()) for server in servers]
    for server in servers:
        server.close()
    tasks = [{"type": "worker", "index": index} for index in range(n_machines)]
    return [{"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})} for task in tasks]


def _run(folder, environment, function, args, keywords):
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ |= environment
    function(*args, **keywords)
