"""The most memory that a command takes, whatever the process of the tests has taken."""

import subprocess
import sys

# a process starts with the peak of the one that started it, so a small one is put between
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


def peak_bytes(script, *arguments) -> int:
    """Of a Python script with these arguments, which must succeed."""
    command = [sys.executable, "-c", MEASURE, sys.executable, str(script), *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return int(finished.stdout)
