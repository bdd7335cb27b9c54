"""Calls of the project's commands: in this process, or as a script or module in one of its own."""

import os
import pickle
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import pytest
from class_balancing.experiments import command_line

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {
    "balance": "balance.py",
    "judge": "judge.py",
    "tables": "reproduce_tables.py",
    "study": "study.py",
    "choices": "compare_choices.py",
    "architectures": "reproduce_architectures.py",
    "autoencoder": "autoencoder.py",
    "style": "style.py",
    "benchmark": "benchmark.py",
}


def run(script, *arguments, **keywords):
    """The finished process of a script that is run as a file."""
    command = [sys.executable, str(ROOT / "experiments" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **keywords)


def call(command: str, *arguments) -> int:
    """The exit code of a command that is called in this process, in all else as its script calls it."""
    script, words = SCRIPTS[command], [str(argument) for argument in arguments]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signal, "signal", lambda *_: None)
        patched.setattr(sys, "argv", [script, *words])
        with pytest.raises(SystemExit) as stopped:
            command_line.call(command, script, words)
    return stopped.value.code


def refusal(capsys, command: str, *arguments) -> str:
    """The one sentence on standard error that a call with a mistake ends with; before it nothing is said."""
    assert call(command, *arguments) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith(f"{SCRIPTS[command]}: ")
    assert len(error.strip().splitlines()) == 1
    return error.strip()


def without_tensorflow(folder: Path, *paths: Path) -> dict[str, str]:
    """Environment of a process that ends where it imports TensorFlow; `paths` are importable too."""
    for name in ("tensorflow", "keras"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')\n")
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, *paths)))}


class WorkersHere:
    """Stands for the pool of processes that runs cells: runs them at once in this process, which has TensorFlow."""

    def __init__(self, n_jobs, initializer, initargs):
        from class_balancing.experiments.running import worker

        _, plan, images, *_ = initargs
        datasets, groups = pickle.loads(images.read_bytes())
        worker._runner = worker.Runner(plan, datasets, groups, verbose=0)

    def submit(self, function, *arguments) -> futures.Future:
        future = futures.Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, kill_workers): ...
