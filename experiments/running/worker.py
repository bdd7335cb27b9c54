"""What a worker process does: it runs cells, one after the other, and says what became of each."""

import os
import pickle
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from ...datasets.files import write_atomically
from ..command_line import EXIT_FAILED, DiskFullError, is_full_disk, is_out_of_memory
from . import devices
from .cell import Cell
from .locks import BusyError
from .runner import Runner

MAX_LETTERS = 300  # of an error message
OUT_OF_MEMORY = "out of memory; use a machine with more, or fewer --jobs"
_runner: Runner  # of this process


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: its record, or the error and its log, or neither if another process has it."""

    cell: Cell
    record: dict | None = None
    error: str | None = None
    log: Path | None = None

    @property
    def lacked_memory(self) -> bool:
        return self.error == OUT_OF_MEMORY


def start(parent, plan, images, chosen_devices, verbose):
    """In a worker: what it needs for all its cells. It ends with the process `parent`."""
    global _runner
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with images.open("rb") as file:
        datasets, groups = pickle.load(file)
    _runner = Runner(plan, datasets, groups, devices.strategy(chosen_devices), verbose)


def _end_with(parent: int) -> None:
    """End this process soon after its parent, which may have been killed; files are whole at any moment."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(EXIT_FAILED)


def run_group(cells: list[Cell], wait: bool) -> list[Outcome]:
    """In a worker: what became of the cells that no other command computes, up to one that ran out of memory.

    TensorFlow does not recover from that, so the cells after it need another process.
    """
    outcomes = []
    for cell in cells:
        if outcome := attempt(_runner, cell, wait):
            outcomes.append(outcome)
            if outcome.lacked_memory:
                break
    return outcomes


def attempt(runner: Runner, cell: Cell, wait: bool) -> Outcome | None:
    """Run a cell; None if another process has it."""
    try:
        return Outcome(cell, runner.run(cell, wait))
    except BusyError:
        return None
    except Exception as error:  # one failed cell does not stop the others
        if is_full_disk(error):
            raise DiskFullError(f"no space left on the disk of {runner.plan.out}") from error
        return failure(runner, cell, error)


def failure(runner: Runner, cell: Cell, error: Exception) -> Outcome:
    """Write the error to the cell's log, whose last line is for people."""
    log = runner.plan.failure_log(cell)
    log.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(log, "".join(traceback.format_exception(error)) + f"\n{in_a_line(error)}\n")
    return Outcome(cell, error=in_a_line(error), log=log)


def in_a_line(error: Exception) -> str:
    """An error in one line, for people."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:MAX_LETTERS]
