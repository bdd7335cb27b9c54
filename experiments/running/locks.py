"""Folders that only one process at a time works in, even among machines that share the file system."""

import contextlib
import fcntl
import os
import socket
import sys
from pathlib import Path

from ..command_line import UsageError


class BusyError(UsageError):
    """Another process works in the folder; the message says which."""


@contextlib.contextmanager
def held(folder: Path, wait: bool):
    """Hold the folder, created if missing, against other processes; the system frees it however this one ends.

    If another process holds it, waits, saying so on standard error, or raises BusyError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            busy = f"{folder} is in use by another run ({lock.read().strip() or 'unknown'})"
            if not wait:
                raise BusyError(f"{busy}; wait for it or choose another folder") from None
            print(f"{busy}; waiting for it.", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be locked ({error.strerror}); choose a folder on another disk"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        lock.flush()
        yield
