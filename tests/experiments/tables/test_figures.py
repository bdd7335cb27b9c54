"""What figures show of several classes, and of learned transformations."""

from types import SimpleNamespace

import numpy as np
import pytest
from class_balancing.datasets import pictures
from class_balancing.experiments.running.cell import Cell
from class_balancing.experiments.tables import TASKS, figures

TASK = TASKS["few_mnist-10"]


@pytest.fixture
def runner(tmp_path):
    plan = SimpleNamespace(out=tmp_path, folder=lambda cell: tmp_path / str(cell))
    (tmp_path / "figures").mkdir()
    return SimpleNamespace(plan=plan)


def test_a_row_of_samples_has_one_image_of_each_class(runner, tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (10, 12, 28, 28, 1)).astype(np.uint8)
    cells = [Cell(TASK.name, "cpab", seed) for seed in (0, 1)]
    for cell in cells:
        (tmp_path / str(cell)).mkdir()
        pictures.save(tmp_path / str(cell) / "samples.png", rows if cell.seed == 0 else rows[::-1])
    found = figures._samples(runner, cells, TASK)
    assert list(found) == ["CPAB, 1", "CPAB, 2", "CPAB, 3"]
    np.testing.assert_array_equal(found["CPAB, 2"], rows[:, 1])


def test_fields_and_typical_deformations_have_a_row_for_each_class(runner, tmp_path, monkeypatch):
    cell, shown = Cell(TASK.name, "affine", 0), {}
    (tmp_path / str(cell)).mkdir()
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).astype(np.uint8)
    axes = np.stack([[[image] * 5] * 3 for image in images])
    np.savez(
        tmp_path / str(cell) / "deformations.npz",
        image=images,
        target=images,
        deformed=images,
        field=np.zeros((2, 10, 10, 2)),
        axes=axes,
        labels=[3, 7],
    )
    monkeypatch.setattr(figures.figures, "image_rows", lambda rows, title, path: shown.update(rows))
    figures._write_deformations(runner, cell, TASK, lambda start, task, name: tmp_path / f"{start}-{name}.png")
    assert {name: len(row) for name, row in shown.items()} == {"3": 15, "7": 15}
    assert (tmp_path / "deformations-few_mnist-10-affine.png").stat().st_size > 1000


def test_a_stage_in_a_chain_is_not_taken_for_a_class(tmp_path):
    def named(*folders):
        return figures._stage(tmp_path.joinpath(*folders, "history.csv"), tmp_path, TASKS["fer2013-small"])

    assert named() == ""
    assert named("1-1") == "disgust", "a CycleGAN trains a stage for each class"
    assert named("1-StyleTransfer") == "1-StyleTransfer"
    assert named("2-CycleGAN", "1-1") == "2-CycleGAN-disgust"
