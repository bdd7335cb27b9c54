"""The whole command on few digits, and what the committed comparisons ask."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import commands
import numpy as np
import pandas as pd
import pytest
import small_tasks
from class_balancing.datasets.image_dataset import ImageDataset
from class_balancing.evaluation.ssim import pairwise_ssim
from class_balancing.experiments import tables
from class_balancing.experiments.choices import command, comparisons, write
from class_balancing.experiments.choices.comparisons import COMPARISONS, Comparison, Form
from class_balancing.experiments.choices.plan import Plan
from class_balancing.experiments.choices.runner import Runner
from class_balancing.experiments.command_line import EXIT_FAILED
from class_balancing.experiments.tables import thesis
from class_balancing.models import METHODS
from class_balancing.models.cvae_gan import CVAEGAN
from class_balancing.models.training.callbacks import TrainingDivergedError

TASK = replace(
    small_tasks.TASKS["digits-50"], label="MNIST", published=thesis.PUBLISHED
)  # of which the thesis prints figures
ROOT = Path(__file__).resolve().parents[3]
SMALL = [
    Comparison(
        "bagan_step",
        "BAGAN's adversarial stage",
        TASK,
        "bagan",
        {"n_autoencoder_epochs": 9, "n_epochs": 9, "batch_size": 105},
        {
            "softmax": Form("class_balancing.models.bagan:BAGAN"),
            "none": Form("class_balancing.models.bagan:BAGAN", {"n_epochs": 0}),
        },
    ),
    Comparison(
        "latents",
        "CVAE-GAN's latents",
        TASK,
        "cvae_gan",
        {"n_epochs": 9, "batch_size": 210},
        {"three": Form("class_balancing.models.cvae_gan:CVAEGAN", {"latent_size": 3})},
    ),
]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.name)
def test_the_first_form_is_what_the_tables_and_users_get(comparison):
    chosen, *others = [comparison.arguments(form, "quick") for form in comparison.forms]
    method = METHODS[comparison.method]
    assert next(iter(comparison.forms.values())).made_by.endswith(method.load().__name__)
    usual = method.new(**comparison.task.arguments["thesis"][comparison.method]).get_params()
    assert {name: value for name, value in chosen.items() if name not in comparison.shorter} == {
        name: usual[name] for name in chosen if name not in comparison.shorter
    }
    forms = [(form.made_by, *sorted(form.arguments.items())) for form in comparison.forms.values()]
    assert len(set(forms)) == len(forms)
    for other in others:
        assert {name: other[name] for name in comparison.shorter if name != "n_epochs"} == {
            name: chosen[name] for name in comparison.shorter if name != "n_epochs"
        }


def test_forms_of_a_comparison_are_trained_equally_long_but_for_the_decoder_alone():
    lengths = {
        (comparison.name, form): comparison.arguments(form, "quick")["n_epochs"]
        for comparison in COMPARISONS
        for form in comparison.forms
    }
    assert lengths.pop(("bagan_step", "none, the decoder alone")) == 0
    assert all(n == next(c for c in COMPARISONS if c.name == name).shorter["n_epochs"]
               for (name, _), n in lengths.items())  # fmt: skip


@pytest.fixture(scope="module")
def small(untraced, quick_classifiers):
    with pytest.MonkeyPatch.context() as patched:
        for module in (command, comparisons):
            patched.setattr(module, "COMPARISONS", SMALL)
        patched.setattr(command, "NAMES", tuple(comparison.name for comparison in SMALL))
        yield


def call(out, *arguments):
    return commands.call("choices", "--schedule", "smoke", "--out", out, *arguments)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, small):
    out = tmp_path_factory.mktemp("finished")
    assert call(out) == 0
    return out


def test_each_form_has_a_row_and_a_record(finished):
    table = pd.read_csv(finished / "choices.csv")
    assert table["Form"].tolist() == ["softmax", "none", "three"]
    assert table["SSIM"].between(-1, 1).all()
    assert table["Named as the class"].between(0, 1).all()
    assert table["C on test images"].notna().tolist() == [False, False, True]
    assert table["Printed"].tolist() == [0.1727, 0.1727, 0.2058], "of MNIST with half of the class dropped"
    assert table["Each"].tolist() == pytest.approx(table["SSIM"].tolist(), abs=1e-4)
    plan = Plan(finished, "smoke", tuple(SMALL))
    records = {trial.form: json.loads(plan.record(trial).read_text()) for trial in plan.trials()}
    assert records["softmax"]["configuration"]["arguments"]["n_epochs"] == 1
    assert set(records["softmax"]["last_losses"]) == {"autoencoder", "adversarial"}
    assert set(records["none"]["last_losses"]) == {"autoencoder"}
    assert (finished / "figures" / "bagan_step.png").exists()
    assert not [path for path in (finished / "runs").iterdir() if path.is_dir()], "checkpoints of finished trials"


def test_what_is_measured_is_that_of_the_new_images(finished, tmp_path, monkeypatch):
    trial = Plan(tmp_path, "smoke", tuple(SMALL)).trials()[0]
    rng, (label,) = np.random.default_rng(0), TASK.measured
    images = rng.integers(0, 256, (120, 28, 28, 1), dtype=np.uint8)
    made = rng.integers(100, 156, (20, 28, 28, 1), dtype=np.uint8)
    dataset = ImageDataset("made up", images, np.repeat(np.arange(10), 12), TASK.class_names)
    history = pd.DataFrame({"stage": ["adversarial"], "epoch": [1], "seconds": [0.1], "L_D": [1.0]})
    balancer = SimpleNamespace(sample=lambda asked, n: made if asked == label else None, history_=history)
    balancer.fit = lambda *_: balancer
    plan = SimpleNamespace(
        out=tmp_path, schedule="smoke", comparisons=tuple(SMALL), n_new_images=20, balancer=lambda _: balancer
    )
    for name in ("record", "pictures", "configuration"):
        setattr(plan, name, getattr(Plan(tmp_path, "smoke", tuple(SMALL)), name))
    (tmp_path / "runs").mkdir()
    runner = Runner(plan, {})
    runner.parts = lambda _: SimpleNamespace(train=dataset, test=dataset)
    runner.judge = lambda _: "the judge"
    asked = []
    predicted = np.where(np.arange(20) < 5, label, label + 1)
    monkeypatch.setattr(
        "class_balancing.evaluation.classifiers.predict", lambda *given: asked.append(given) or predicted
    )
    values = runner.run(trial)
    assert values == {
        "ssim": pairwise_ssim(made, random_state=0).mean,
        "ssim_of_originals": pairwise_ssim(images[dataset.labels == label], random_state=0).mean,
        "named": 0.25,
    }
    ((judge, judged),) = asked
    assert judge == "the judge"
    np.testing.assert_array_equal(judged, made)
    assert values["ssim"] != values["ssim_of_originals"]


def test_each_training_has_a_seed_of_its_own_and_a_range_of_ssim_is_recorded(tmp_path):
    plan = Plan(tmp_path, "quick", tuple(COMPARISONS))
    trials = plan.trials()
    for trial in trials:
        assert plan.balancer(trial).random_state == trial.random_state
        value_range = trial.comparison.task.ssim_range
        assert plan.configuration(trial).get("ssim_range") == (list(value_range) if value_range else None)
    assert {trial.random_state for trial in trials} == {0, 1}
    assert {trial.comparison.task.ssim_range is None for trial in trials} == {True, False}


def test_questions_that_are_not_finished_are_named(finished, tmp_path):
    plan = Plan(tmp_path, "smoke", tuple(SMALL))
    shutil.copytree(finished / "runs", tmp_path / "runs")
    plan.record(plan.trials()[-1]).unlink()
    write.write_all(plan)
    assert "Not finished yet: CVAE-GAN's latents." in (tmp_path / "choices.md").read_text()
    assert "Not finished yet" not in (finished / "choices.md").read_text()


def test_what_is_finished_is_not_trained_again(finished, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in (finished / "runs").iterdir()}
    assert call(finished) == 0
    output = capsys.readouterr().out
    assert "bagan_step  2 forms, 2 of 2 trainings finished\n" in output
    assert "About 0 s to go" in output
    assert {path.name: path.stat().st_mtime_ns for path in (finished / "runs").iterdir()} == before


def test_a_form_that_diverges_stops_no_other(finished, monkeypatch, tmp_path, capsys):
    plan = Plan(tmp_path, "smoke", tuple(SMALL))
    shutil.copytree(finished / "runs", tmp_path / "runs")
    shutil.copy(finished / "run.json", tmp_path)
    first, _, last = plan.trials()
    for trial in (first, last):
        plan.record(trial).unlink()

    def fit(balancer, *_):
        raise TrainingDivergedError("loss is nan in epoch 1")

    monkeypatch.setattr(CVAEGAN, "fit", fit)
    assert call(tmp_path) == EXIT_FAILED
    assert "latents, three: loss is nan in epoch 1" in capsys.readouterr().err
    assert plan.is_finished(first)
    assert "Not finished yet: CVAE-GAN's latents." in (tmp_path / "choices.md").read_text()


def test_a_damaged_record_is_made_again(finished, capsys):
    plan = Plan(finished, "smoke", tuple(SMALL))
    path = plan.record(plan.trials()[1])
    sound = json.loads(path.read_text())
    path.write_text("{")
    assert call(finished) == 0
    assert "1 of 2 trainings finished" in capsys.readouterr().out
    assert json.loads(path.read_text())["values"] == sound["values"]


def test_a_plan_needs_no_data(tmp_path, capsys):
    assert commands.call("choices", "--dry-run", "--out", tmp_path / "none") == 0
    assert "trainings finished" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_mistakes_are_one_sentence(finished, tmp_path, capsys):
    assert "invalid choice: 'size'" in commands.refusal(capsys, "choices", "--comparisons", "size")
    assert "--schedule quick" in commands.refusal(capsys, "choices", "--out", finished)
    (tmp_path / "choices.md").write_text("mine")
    assert "did not write" in commands.refusal(capsys, "choices", "--out", tmp_path)


def test_the_tables_tasks_are_those_that_the_thesis_prints():
    for comparison in COMPARISONS:
        assert tables.TASKS[comparison.task.name] is comparison.task
        assert comparison.task.dropped_percent == 50


def test_committed_records_are_of_todays_forms_and_make_the_committed_table(tmp_path):
    reference = ROOT / "reports" / "reference" / "choices"
    plan = Plan(reference, "quick", tuple(COMPARISONS))
    finished = {plan.record(trial): plan.configuration(trial) for trial in plan.trials() if plan.is_finished(trial)}
    assert set(finished) == set((reference / "runs").glob("*.json"))
    for path, configuration in finished.items():
        assert json.loads(path.read_text())["configuration"] == configuration
    shutil.copytree(reference / "runs", tmp_path / "runs")
    write.write_all(replace(plan, out=tmp_path))
    assert (tmp_path / "choices.md").read_text() == (reference / "choices.md").read_text()
