import sys

import pytest
from class_balancing.experiments.tables import benchmark


@pytest.mark.parametrize(
    ("process", "message"),
    [
        ("echo 'benchmark.py: out of memory' >&2; exit 1", "benchmark.py: out of memory"),
        ("kill -9 $$", "cvae: the process was killed"),
    ],
)
def test_a_benchmark_that_fails_is_a_sentence(process, message, tmp_path, monkeypatch, capfd):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{process}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "argv", ["benchmark.py"])
    benchmark.METHODS["cvae"].load()
    capfd.readouterr()  # what TensorFlow says when it is imported
    assert benchmark.main(benchmark.parse("benchmark.py", ["--methods", "cvae", "cvae_gan"])) == 1
    error = capfd.readouterr().err
    assert error.startswith(message)
    assert len(error.splitlines()) == 1


def test_each_stage_has_a_row(monkeypatch, capsys):
    row = {"batch_size": 20, "step_s": 0.5, "gflop": 10.0, "forward_gflop": 12.0, "peak": 100.0, "memory_gib": 1.0}
    asked = []

    def run(command, **_):
        asked.append(command[command.index("--methods") :])
        return benchmark.subprocess.CompletedProcess(command, 0, benchmark.json.dumps(row))

    monkeypatch.setattr(benchmark.subprocess, "run", run)
    options = benchmark.parse("benchmark.py", ["--methods", "cvae", "bagan", "--batch-size", "20", "--steps", "3"])
    assert benchmark.main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["cvae", "bagan autoencoder", "bagan adversarial"]
    assert "0.500" in lines[1]
    assert "20%" in lines[1], "10 GFLOP in half a second are a fifth of the peak"
    assert asked[1][:4] == ["--methods", "bagan", "--stage", "autoencoder"]
    assert asked[1][-4:] == ["--steps", "3", "--batch-size", "20"]


@pytest.mark.parametrize("dataset", ["digits", "options_cifar10"])
def test_a_step_is_measured(dataset, monkeypatch):
    monkeypatch.setattr(benchmark, "MATRIX_SIDE", 200)
    found = benchmark.measure("cvae", "", dataset, batch_size=20, n_steps=1)
    assert found["batch_size"] == 20
    assert min(found.values()) > 0
    assert found["gflop"] <= found["forward_gflop"]


@pytest.mark.parametrize("text", ["19", "0", "many"])
def test_small_batches_are_refused(text, capsys):
    with pytest.raises(SystemExit):
        benchmark.parse("benchmark.py", ["--batch-size", text])
    assert "at least" in capsys.readouterr().err


def test_what_learns_transformations_is_timed_as_a_whole(monkeypatch, capsys):
    made = benchmark.METHODS["affine"].load()
    asked = []

    class Small(made):
        def _fit(self, images, class_indices):
            asked.append((class_indices == 0).sum())
            self.set_params(n_iterations=2, max_pairs=10)
            super()._fit(images, class_indices)

        def _sample(self, class_index, n, random_state):
            asked.append(n)
            return super()._sample(class_index, n, random_state)

    monkeypatch.setattr(benchmark, "METHODS", {"affine": benchmark.METHODS["affine"]})
    monkeypatch.setattr(type(benchmark.METHODS["affine"]), "load", lambda method: Small)
    assert benchmark.main(benchmark.parse("benchmark.py", ["--methods", "affine"])) == 0
    assert asked == [500, 1000, 1000]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("affine: learned from 500 images in ")
    assert "made 1000 in" in line
