import os
import subprocess
import sys
import threading

import pytest
from class_balancing.experiments.command_line import UsageError
from class_balancing.experiments.running import locks

HOLD = "import fcntl, sys; lock = open(sys.argv[1], 'a+'); fcntl.flock(lock, fcntl.LOCK_EX); print(flush=True); input()"


def test_a_folder_is_held_against_other_processes_and_free_after_they_end(tmp_path, capsys):
    lock = tmp_path / "out" / ".lock"
    with locks.held(tmp_path / "out", wait=False):
        assert f"process {os.getpid()} on " in lock.read_text()
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        busy = rf"out is in use by another run \(process {os.getpid()} on .*\); wait for it or choose another folder"
        with pytest.raises(locks.BusyError, match=busy), locks.held(tmp_path / "out", wait=False):
            pass
        other.kill()
    with locks.held(tmp_path / "out", wait=False):
        assert lock.exists()


def test_who_waits_for_a_folder_gets_it_once_the_other_has_ended(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    entered = threading.Event()

    def wait():
        with locks.held(tmp_path, wait=True):
            entered.set()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        assert not entered.wait(0.5)
        other.kill()
    assert entered.wait(10)
    waiting.join(10)


def test_a_disk_without_locks_is_a_sentence(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    sentence = f"{tmp_path} cannot be locked \\(No locks available\\)"
    with pytest.raises(UsageError, match=sentence), locks.held(tmp_path, wait=True):
        pass
