"""Which lines of TensorFlow are hidden, and that nothing else is."""

import os
import subprocess
import sys

import pytest

STAMP = "0000 00:00:1795650745.249004   22424"
HIDDEN = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    f"I{STAMP} port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results.\n"
    f"E{STAMP} util.cc:131] oneDNN supports DT_INT32 only on platforms with AVX-512. Falling back to the default.\n"
)
TOLD = (
    f"E{STAMP} cuda_dnn.cc:1] Could not create cudnn handle\n"
    f"W{STAMP} port.cc:153] oneDNN custom operations are off.\n"
    "WARNING: All log messages before absl::InitializeLog() is called are lost\n"
)
WRITING = f"""
import os
for line in {(HIDDEN + TOLD + HIDDEN).splitlines(keepends=True)!r}:
    os.write(2, line.encode())
"""
BLOCK = f"""
import os, sys
from class_balancing.experiments import start_up_lines
print("before", file=sys.stderr)
with start_up_lines.hidden():
    {"    ".join(WRITING.splitlines(keepends=True))}
    print("within", file=sys.stderr)
    os.write(2, b"no end of line")
    ENDING
print("after", file=sys.stderr)
"""
IMPORTING = """
import sys
from class_balancing.experiments import command_line
command_line.prepare_tensorflow()
assert "tensorflow" not in sys.modules
import tensorflow
assert tensorflow.__spec__.loader is tensorflow.__loader__ and hasattr(tensorflow.__loader__, "get_source")
assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("class_balancing")]
print("imported", file=sys.stderr)
"""
ONEDNN = """
import os
from class_balancing.experiments import command_line
command_line.prepare_tensorflow()
print(os.environ["TF_ENABLE_ONEDNN_OPTS"])
"""


def error_of(program, **environment) -> tuple[int, str]:
    """Exit code and standard error of a process."""
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)
    return finished.returncode, finished.stderr


def test_exactly_these_lines_are_hidden():
    assert error_of(BLOCK.replace("ENDING", "pass")) == (0, f"before\n{TOLD}within\nno end of lineafter\n")


def test_what_was_written_before_an_error_is_not_lost():
    code, error = error_of(BLOCK.replace("ENDING", "raise ImportError('no such library')"))
    assert code == 1
    assert error.startswith(f"before\n{TOLD}within\nno end of lineTraceback")
    assert error.endswith("ImportError: no such library\n")


def test_what_was_written_before_the_process_died_is_not_lost():
    command = [sys.executable, "-c", BLOCK.replace("ENDING", "os.abort()")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.read() == f"before\n{TOLD}within\nno end of line"
    assert process.returncode < 0


@pytest.mark.parametrize(("level", "hidden"), [(None, ""), ("2", ""), ("3", ""), ("0", HIDDEN), ("1", HIDDEN)])
def test_tensorflow_is_imported_without_them_unless_all_is_asked_for(level, hidden, tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text(WRITING)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    assert error_of(IMPORTING, **environment) == (0, f"{hidden}{TOLD}{hidden}imported\n")


@pytest.mark.parametrize(("asked", "used"), [(None, "1"), ("0", "0")])
def test_onednn_is_used_unless_it_is_switched_off(asked, used, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    environment = os.environ | ({"TF_ENABLE_ONEDNN_OPTS": asked} if asked else {})
    words = [sys.executable, "-c", ONEDNN]
    assert subprocess.run(words, env=environment, capture_output=True, text=True).stdout.strip() == used


def test_where_standard_error_is_closed_there_is_nothing_to_hide():
    program = "from class_balancing.experiments import start_up_lines\nwith start_up_lines.hidden():\n    print('done')"
    words = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program]
    assert subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=60).stdout == "done\n"
