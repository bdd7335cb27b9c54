"""What a user's mistake gets: one sentence on standard error, exit code 2, nothing half-written."""

import os
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from experiments import benchmark, command_line, grid, locks, reproduce_tables
from experiments.command_line import UsageError

ROOT = Path(__file__).resolve().parents[2]


def run(script, *arguments, **keywords):
    command = [sys.executable, str(ROOT / "experiments" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **keywords)


@pytest.mark.parametrize(
    "script", ["balance.py", "benchmark.py", "judge.py", "reproduce_architectures.py", "reproduce_tables.py"]
)
def test_help_is_quick(script):
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        finished = run(script, "--help")
        durations.append(time.perf_counter() - started)
        assert finished.returncode == 0
        assert finished.stdout.startswith(f"usage: {script}")
    assert min(durations) < 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "imagenet"], "invalid choice: 'imagenet'"),
        (["--methods", "magic"], "invalid choice: 'magic'"),
        (["--schedule", "fast"], "invalid choice: 'fast'"),
        (["--protocol", "dirty"], "invalid choice: 'dirty'"),
        (["--dropped", "100"], "a percentage must be a whole number from 1 to 99, got '100'"),
        (["--dropped", "0"], "from 1 to 99"),
        (["--dropped", "half"], "from 1 to 99"),
        (["--seeds", "0"], "at least 1"),
        (["--devices", "0"], "expected auto, cpu, gpu or a number of devices, got '0'"),
        (["--jobs", "0"], "at least 1"),
        (["--cell", "mnist-50-magic-seed0"], "no cell is called 'mnist-50-magic-seed0'"),
        (["--cell", "digits-50-balanced_original-seed0"], "no cell is called"),
        (["--cell", "digits-0-geometric-seed0"], "no cell is called"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--datasets", "digits", "--dropped", "1"], "leaves 126 images and lacks 1"),
        (["--datasets", "digits", "--dropped", "99", "--protocol", "clean"], "leaves too few images to split"),
        (["--data-dir", "x" * 300], "cannot use"),
        (["--data-dir", "no/such/folder", "--schedule", "smoke"], "no MNIST file found in no/such/folder"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message, tmp_path):
    finished = run("reproduce_tables.py", *arguments, "--out", tmp_path / "out", cwd=tmp_path)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert finished.stderr.startswith("reproduce_tables.py: ")
    assert len(finished.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("script", ["reproduce_tables.py", "reproduce_architectures.py"])
def test_a_folder_that_cannot_be_written_is_named(script, tmp_path):
    (tmp_path / "file").write_text("mine")
    extra = ["--datasets", "digits", "--schedule", "smoke"] if script == "reproduce_tables.py" else []
    finished = run(script, *extra, "--out", tmp_path / "file" / "out")
    assert finished.returncode == 2
    assert f"cannot write to {tmp_path / 'file' / 'out'}" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_dataset_file_is_named(tmp_path, mnist_folder):
    shutil.copytree(Path(mnist_folder) / "mnist", tmp_path / "mnist")
    damaged = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    finished = run("reproduce_tables.py", "--schedule", "smoke", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert finished.returncode == 2
    assert f"{damaged} is damaged" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_gpu_that_is_not_there_is_told(tmp_path):
    arguments = ("--datasets", "digits", "--devices", "gpu", "--out", tmp_path)
    finished = run("reproduce_tables.py", *arguments, env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"})
    assert finished.returncode == 2
    assert "--devices gpu: TensorFlow finds no GPU; use auto or cpu" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": 3}', '{"cluster": {"worker": ["a:1", "b:1"]}}'])
def test_a_cluster_that_cannot_be_read_is_told(text, tmp_path):
    environment = os.environ | {"TF_CONFIG": text}
    finished = run("reproduce_tables.py", "--datasets", "digits", "--jobs", "2", "--out", tmp_path, env=environment)
    assert finished.returncode == 2
    assert "the environment variable TF_CONFIG is not what TensorFlow expects" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["index.html", "figures"])
def test_a_folder_with_files_of_the_same_names_is_refused(name, tmp_path):
    (tmp_path / name).mkdir() if name == "figures" else (tmp_path / name).write_text("mine")
    finished = run("reproduce_tables.py", "--datasets", "digits", "--schedule", "smoke", "--out", tmp_path)
    assert finished.returncode == 2
    assert f"holds {name}, which this program did not write" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_disk_without_locks_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.fcntl, "flock", lambda *_: raising(OSError(37, "No locks available")))
    sentence = f"{tmp_path} cannot be locked \\(No locks available\\)"
    with pytest.raises(UsageError, match=sentence), locks.held(tmp_path, wait=True):
        pass


def test_a_lack_of_memory_is_a_sentence_and_other_errors_are_not_hidden(capsys, monkeypatch):
    class ResourceExhaustedError(RuntimeError):
        pass

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    of_onednn = RuntimeError("Operation received an exception:Status: 1, message: could not create a primitive")
    for error in (MemoryError(), ResourceExhaustedError("OOM when allocating tensor"), of_onednn):
        with pytest.raises(SystemExit) as stopped:
            command_line.call(lambda error=error: raising(error), "balance.py")
        assert stopped.value.code == 1
        assert "balance.py: out of memory. On a machine with more of it" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="a bug"):
        command_line.call(lambda: raising(RuntimeError("a bug")), "balance.py")
    with pytest.raises(OSError, match="No such process"):
        command_line.call(lambda: raising(OSError(3, "No such process")), "balance.py")


def raising(error):
    raise error


def test_a_folder_of_another_schedule_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"schedule": "quick", "protocol": "clean"}')
    finished = run("reproduce_tables.py", "--datasets", "digits", "--schedule", "smoke", "--out", tmp_path)
    assert finished.returncode == 2
    assert "holds tables of schedule quick, protocol clean" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(("content", "message"), [('{"sch', "is damaged"), ('{"a": 1}', "is not of this program")])
def test_a_damaged_run_file_is_named(content, message, tmp_path):
    (tmp_path / "run.json").write_text(content)
    finished = run("reproduce_tables.py", "--dry-run", "--out", tmp_path)
    assert finished.returncode == 2
    assert f"run.json {message}" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_folder_of_other_images_is_refused(tmp_path):
    held = '{"schedule": "smoke", "protocol": "thesis", "datasets": {"digits": "0123456789abcdef"}}'
    (tmp_path / "run.json").write_text(held)
    finished = run("reproduce_tables.py", "--datasets", "digits", "--schedule", "smoke", "--out", tmp_path)
    assert finished.returncode == 2
    assert "holds results of other digits images than those found now" in finished.stderr
    assert (tmp_path / "run.json").read_text() == held


def test_too_few_images_for_smote_are_told_before_any_training(tmp_path):
    arguments = ("--datasets", "digits", "--schedule", "smoke", "--dropped", "97", "--out", tmp_path / "out")
    finished = run("reproduce_tables.py", *arguments)
    assert finished.returncode == 2
    assert "leaves 4 images and lacks" in finished.stderr
    assert "at least 6 and 4 are needed" in finished.stderr
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_too_long_is_a_sentence(tmp_path):
    finished = run("reproduce_tables.py", "--datasets", "digits", "--dry-run", "--out", tmp_path / ("x" * 300))
    assert finished.returncode == 2
    assert len(finished.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_stopped_run_says_how_to_continue(sent, tmp_path):
    command = [sys.executable, str(ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits"]
    command += ["--methods", "cvae", "--schedule", "quick", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/runs/*-unbalanced-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sent)
    started = time.perf_counter()
    _, error = process.communicate(timeout=60)
    assert time.perf_counter() - started < 30
    assert process.returncode == 130
    assert "what is finished is kept, checkpoints too. Continue with:" in error
    assert "experiments/reproduce_tables.py --datasets digits --methods cvae" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("process", "message"),
    [("echo 'benchmark.py: out of memory' >&2; exit 1", "out of memory"), ("kill -9 $$", "the process was killed")],
)
def test_a_benchmark_that_fails_is_a_sentence(process, message, tmp_path, monkeypatch, capfd):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{process}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "argv", ["benchmark.py"])
    assert benchmark.main() == 1
    error = capfd.readouterr().err
    assert error.startswith(f"benchmark.py: {message}")
    assert len(error.splitlines()) == 1


def test_the_clean_protocol_is_recommended_after_the_thesiss_only():
    assert "--protocol clean --out results-clean" in reproduce_tables.next_step(Path("results"), "thesis")
    step = reproduce_tables.next_step(Path("results"), "clean")
    assert step == "Next: open results/index.html in a browser."


def test_machines_compare_which_cells_are_finished(monkeypatch, tmp_path):
    import tensorflow as tf

    from replication import collectives

    cells = grid.cells(["digits"], [50], ["smote"], {"digits": 2})
    compared = []
    monkeypatch.setattr(collectives, "same_everywhere", lambda number: compared.append(number) or len(compared) < 4)
    options = reproduce_tables.parse(["--out", str(tmp_path)])
    for finished in (cells[:1], cells[:1], cells[1:2]):
        runner = types.SimpleNamespace(
            strategy=tf.distribute.get_strategy(), cached=lambda cell, known=finished: {} if cell in known else None
        )
        assert reproduce_tables.begins_together(runner, cells, options)
    assert compared[0] == compared[1] != compared[2]
    assert max(compared) < 2**40
    with pytest.raises(UsageError, match="the machines see different results"):
        reproduce_tables.begins_together(runner, cells, options)


def test_dry_run_prints_the_plan_and_writes_nothing(tmp_path):
    finished = run("reproduce_tables.py", "--dry-run", "--out", tmp_path / "out")
    assert finished.returncode == 0
    cells = ("mnist-50-cvae_gan", "mnist-0-balanced_original", "cifar10-75-smote")
    for text in (*cells, "0 of 3 seeds finished", "0 of 2 seeds finished", "About "):
        assert text in finished.stdout
    assert not (tmp_path / "out").exists()


def test_architectures_are_written_without_graphviz_too(tmp_path):
    finished = run("reproduce_architectures.py", "--out", tmp_path, env={"PATH": "/nonexistent", "HOME": str(tmp_path)})
    assert finished.returncode == 0
    assert "graphviz is missing" in finished.stderr
    assert sorted(path.name for path in tmp_path.glob("B.*.md")) == sorted(f"B.{n}.md" for n in range(1, 11))
    assert not list(tmp_path.glob("*.png"))
    text = (tmp_path / "B.2.md").read_text()
    assert "| 12 | dropout (Dropout) | (256,) | Dropout Rate: 0.3 | 0 | flatten_2 |" in text
    assert "Total parameters: 371713" in text
    reference = ROOT / "reports" / "reference" / "architectures"
    written, kept = (
        {path.name: path.read_text() for ending in ("md", "tex") for path in folder.glob(f"*.{ending}")}
        for folder in (tmp_path, reference)
    )
    assert written == kept
    assert {path.stem for path in reference.iterdir()} == {name.rpartition(".")[0] for name in written}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")
def test_every_network_gets_a_diagram(tmp_path):
    assert run("reproduce_architectures.py", "--out", tmp_path).returncode == 0
    for number in range(1, 11):
        assert (tmp_path / f"B.{number}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (tmp_path / f"B.{number}.svg").read_text()
    assert "conv2d_transpose_3" in (tmp_path / "B.1.svg").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes below /proc")
def test_no_process_outlives_a_killed_run(tmp_path):
    command = [sys.executable, str(ROOT / "experiments" / "reproduce_tables.py"), "--datasets", "digits"]
    command += ["--methods", "cvae", "--schedule", "quick", "--jobs", "2", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("out/runs/*-unbalanced-*")):
        assert process.poll() is None
        time.sleep(0.05)
    workers = [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(workers) >= 2
    process.kill()
    process.wait()
    for _ in range(200):
        if not any(is_running(worker) for worker in workers):
            return
        time.sleep(0.1)
    pytest.fail("a worker is still running")


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False
