"""The commands as a user calls them: the console script, the scripts, their help, and how mistakes and failures end."""

import os
import resource
import signal
import subprocess
import sys
import sysconfig
import time
import types
from importlib import metadata
from pathlib import Path

import commands
import pytest
from class_balancing.datasets.image_dataset import DatasetError
from class_balancing.experiments import command_line
from class_balancing.experiments.command_line import DiskFullError, FailedError, UsageError

CONSOLE_SCRIPT = Path(sysconfig.get_path("scripts")) / "class-balancing"
HELP_S = 0.5
HELP_OF_NUMPYS = 3  # on a slow or busy machine as many times what the import of numpy alone takes


@pytest.fixture(scope="module")
def no_tensorflow(tmp_path_factory):
    return commands.without_tensorflow(tmp_path_factory.mktemp("modules"))


@pytest.fixture
def replaced(monkeypatch):
    """Function of a function: `balance` is a command that calls it; what came of it is told as of any command."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def replace(function):
        module = types.SimpleNamespace(parse=lambda prog, arguments: None, main=lambda options: function())
        monkeypatch.setitem(sys.modules, "a_command", module)
        monkeypatch.setitem(command_line.COMMANDS, "balance", ("a_command", "a command of a test"))

    return replace


def raising(error):
    def function():
        raise error

    return function


@pytest.mark.parametrize("is_file", [True, False], ids=["script", "sub-command"])
@pytest.mark.parametrize("command", command_line.COMMANDS)
def test_help_is_quick_and_without_tensorflow(command, is_file, no_tensorflow, tmp_path):
    called = [commands.ROOT / "experiments" / commands.SCRIPTS[command]] if is_file else [CONSOLE_SCRIPT, command]
    for _ in range(3):
        started, used = time.perf_counter(), processor_seconds()
        words = [sys.executable, *called, "--help"]
        finished = subprocess.run(words, capture_output=True, text=True, env=no_tensorflow, cwd=tmp_path)
        # where the machine is busy, what the process waited for others does not count
        duration = min(time.perf_counter() - started, processor_seconds() - used)
        if duration < HELP_S:
            break
        started, used = time.perf_counter(), processor_seconds()
        subprocess.run([sys.executable, "-c", "import numpy"], check=True, env=no_tensorflow, cwd=tmp_path)
        of_numpy = min(time.perf_counter() - started, processor_seconds() - used)
        if duration < HELP_OF_NUMPYS * of_numpy:
            break
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"usage: {' '.join(Path(word).name for word in called)} [-h]")
    assert duration < HELP_S or duration < HELP_OF_NUMPYS * of_numpy


def processor_seconds() -> float:
    """Of the processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("place", ["/proc", "/proc/not/there", os.devnull, f"{os.devnull}/below"])
def test_a_place_that_cannot_be_written_is_told(place):
    with pytest.raises(UsageError, match=rf"^cannot write to {place} \(.+\); choose another folder with --out$"):
        command_line.check_writable(Path(place))


def test_a_place_that_can_be_written_is_not_made(tmp_path):
    before = tmp_path.stat().st_mtime_ns
    command_line.check_writable(tmp_path / "not" / "there")
    assert not list(tmp_path.iterdir())
    if sys.platform == "linux":
        assert tmp_path.stat().st_mtime_ns == before


def test_the_console_script_is_this_packages():
    (script,) = metadata.distribution("class-balancing").entry_points.select(group="console_scripts")
    assert script.name == CONSOLE_SCRIPT.name
    assert script.load() is command_line.main


def test_the_console_script_calls_what_the_script_calls(monkeypatch, capsys):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    arguments = ["--datasets", "digits", "--schedule", "smoke", "--list-cells"]
    monkeypatch.setattr(sys, "argv", [str(CONSOLE_SCRIPT), "tables", *arguments])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 0
    listed = capsys.readouterr().out
    assert "digits-50-geometric-seed0\n" in listed
    assert commands.call("tables", *arguments) == 0
    assert capsys.readouterr().out == listed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["balence"], "class-balancing: argument COMMAND: invalid choice: 'balence' (choose from 'balance', "),
        ([], "class-balancing: the following arguments are required: COMMAND; see --help"),
        (["--fast", "tables"], "class-balancing: the following arguments are required: COMMAND; see --help"),
        (["tables", "--fast"], "class-balancing tables: unrecognized arguments: --fast; see --help"),
        (
            ["judge", "src", "--method", "cvae"],
            "class-balancing judge: unrecognized arguments: --method cvae; see --help",
        ),
        (["tables", "--dry"], "class-balancing tables: unrecognized arguments: --dry; see --help"),
        (["judge"], "class-balancing judge: the following arguments are required: SRC; see --help"),
    ],
)
def test_what_is_no_command_is_one_sentence(words, message, monkeypatch, capsys):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", [str(CONSOLE_SCRIPT), *words])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert len(error.splitlines()) == 1


def test_the_console_script_lists_the_commands(no_tensorflow):
    finished = subprocess.run([CONSOLE_SCRIPT, "--help"], capture_output=True, text=True, check=True, env=no_tensorflow)
    assert finished.stdout.startswith("usage: class-balancing [-h] COMMAND ...")
    for command, (_, text) in command_line.COMMANDS.items():
        assert f"    {command}" in finished.stdout
        assert text in finished.stdout
    finished = subprocess.run([CONSOLE_SCRIPT, "balence"], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert len(finished.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UsageError("give less"), 2, "give less"),
        (DatasetError("no images"), 2, "no images"),
        (FailedError("it diverged"), 1, "it diverged"),
        (FileNotFoundError(2, "No such file", "x"), 2, "cannot use x: No such file; name another file or folder"),
        (DiskFullError("no space"), 1, "no space; what is finished is kept. Make space and continue with: "),
        (OSError(28, "No space left on device"), 1, "the disk is full. Make space and continue with: "),
        (KeyboardInterrupt(), 130, "stopped; what is finished is kept, checkpoints too. Continue with: "),
    ],
)
def test_what_went_wrong_is_one_sentence(error, code, sentence, replaced, capsys):
    replaced(raising(error))
    assert commands.call("balance", "src", "a b") == code
    told = capsys.readouterr().err.strip()
    assert told.startswith(f"balance.py: {sentence}")
    assert len(told.splitlines()) == 1
    if sentence.endswith(": "):
        assert told.endswith(f"{sys.executable} balance.py src 'a b'")


def test_a_lack_of_memory_is_a_sentence_and_other_errors_are_not_hidden(replaced, capsys):
    class ResourceExhaustedError(RuntimeError):
        pass

    of_onednn = RuntimeError("Operation received an exception:Status: 1, message: could not create a primitive")
    for error in (MemoryError(), ResourceExhaustedError("OOM when allocating tensor"), of_onednn):
        replaced(raising(error))
        assert commands.call("balance") == 1
        assert capsys.readouterr().err.startswith("balance.py: out of memory. Continue on a machine with more of it: ")
    replaced(raising(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        command_line.call("balance", "balance.py", [])
    replaced(raising(OSError(3, "No such process")))
    with pytest.raises(OSError, match="No such process"):
        command_line.call("balance", "balance.py", [])


def test_a_reader_that_has_gone_ends_a_command_quietly():
    command = [sys.executable, commands.ROOT / "experiments" / "reproduce_tables.py", "--list-cells", "--seeds", "9999"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""


def test_another_command_is_called_as_this_one_was(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/checkout/experiments/balance.py", "src"])
    for command in ("judge", "benchmark"):
        assert command_line.words_of(command) == [sys.executable, f"/checkout/experiments/{commands.SCRIPTS[command]}"]
    monkeypatch.setattr(sys, "argv", ["/bin/class-balancing", "balance", "src"])
    assert command_line.words_of("judge") == ["/bin/class-balancing", "judge"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_command(sent, replaced, monkeypatch, capsys):
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    replaced(lambda: handlers[sent](sent, None))
    with pytest.raises(SystemExit) as stopped:
        command_line.call("balance", "balance.py", [])
    assert stopped.value.code == 130
    assert "balance.py: stopped; what is finished is kept, checkpoints too. Continue with: " in capsys.readouterr().err


@pytest.mark.slow
def test_a_stopped_run_says_how_to_continue(tmp_path):
    command = [sys.executable, str(commands.ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits"]
    command += ["--methods", "cvae", "--schedule", "quick", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/runs/*-unbalanced-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    started = time.perf_counter()
    _, error = process.communicate(timeout=60)
    assert time.perf_counter() - started < 30
    assert process.returncode == 130
    assert "what is finished is kept, checkpoints too. Continue with:" in error
    assert "experiments/reproduce_tables.py --datasets digits --methods cvae" in error
    assert "Traceback" not in error
