"""The committed results of schedule `quick`: all there, and shown as they were measured."""

from pathlib import Path

import pandas as pd
import pytest
from class_balancing.datasets.files import read_json
from class_balancing.experiments.autoencoders import results
from class_balancing.experiments.autoencoders.plan import Plan

REFERENCE = Path(__file__).resolve().parents[3] / "reports" / "reference" / "autoencoders"
PLAN = Plan(REFERENCE, ("digits", "mnist"), "quick")


def test_every_piece_of_the_plan_has_a_record_of_its_configuration_and_no_other_is_there():
    records = {PLAN.record(piece): PLAN.configuration(piece) for piece in PLAN.pieces()}
    for path, configuration in records.items():
        assert read_json(path)["configuration"] == configuration
    assert set((REFERENCE / "runs").glob("*.json")) == records.keys()


def test_the_table_of_measurements_is_what_was_measured():
    shown = pd.read_csv(REFERENCE / "results.csv")
    measured = results.collect(results.records_of(PLAN))
    assert len(shown) == len(measured)
    for name in ("use", "method", "metric"):
        assert shown[name].tolist() == measured[name].tolist()
    assert shown["value"].tolist() == pytest.approx(measured["value"].tolist())


def test_networks_reconstruct_better_than_the_mean_image():
    found = pd.read_csv(REFERENCE / "results.csv").query("use == 'reconstruction' and metric == 'psnr'")
    mean = found.groupby(["dataset", "method"])["value"].mean()
    for dataset, method in mean.index:
        assert method == "mean_image" or mean[dataset, method] > mean[dataset, "mean_image"] + 5
