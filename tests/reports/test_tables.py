import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from class_balancing.reports import tables
from class_balancing.reports.latex import escape


def results(**changes):
    row = {
        "table": "C.3",
        "dataset": "MNIST",
        "task": "mnist-50",
        "method": "bagan",
        "label": "BAGAN",
        "seed": 0,
        "metric": "accuracy",
        "metric_label": "Accuracy",
        "value": 0.98,
        "printed": 0.983,
        "standard_error": 0.001,
        "failed": False,
    }
    return row | changes


def summary_of(values, **changes):
    frame = pd.DataFrame([results(seed=seed, value=value, **changes) for seed, value in enumerate(values)])
    return tables.summarise(frame).iloc[0]


def test_mean_and_deviation_over_seeds():
    row = summary_of([0.98, 0.982, 0.984])
    assert (row["mean"], row["sd"], row["n_seeds"]) == (pytest.approx(0.982), pytest.approx(0.002), 3)


@pytest.mark.parametrize(
    ("values", "standard_error", "consistent"),
    [
        ([0.983, 0.983], 0.001, True),
        ([0.980, 0.980], 0.001, False),  # 3 > 1.96 * sqrt(2)
        ([0.9805, 0.9805], 0.001, True),
        ([0.976, 0.984], 0.0, True),  # the seeds spread
    ],
)
def test_consistency_counts_seeds_and_both_test_sets(values, standard_error, consistent):
    assert summary_of(values, standard_error=standard_error)["consistent"] == consistent


def test_consistency_of_ssim_counts_the_sampling_error_once():
    values = [0.170, 0.172, 0.174]  # sd .002, so 1.96 * .002 * sqrt(4/3) = .0045
    for printed, consistent in ((0.1764, True), (0.1768, False)):
        row = summary_of(values, metric="ssim", printed=printed, standard_error=0.002)
        assert row["consistent"] == consistent


def test_seeds_that_are_missing_are_told():
    frame = pd.DataFrame([results(seed=0), results(seed=1, value=0.982), results(seed=2, value=np.nan)])
    assert "0.9810 ± 0.0014, 2 of 3 seeds (printed" in tables.markdown(tables.summarise(frame), "Caption", [])


def test_failed_and_missing_cells_say_so():
    frame = pd.DataFrame(
        [
            results(method="cvae", label="CVAE", failed=True, value=np.nan),
            results(value=np.nan),
            results(method="geometric", label="geom. trans.", value=0.97, printed=np.nan),
        ]
    )
    text = tables.markdown(tables.summarise(frame), "Caption", ["a note"])
    assert "| CVAE | failed |" in text
    assert "| BAGAN | not run (printed 0.9830) |" in text
    assert "| geom. trans. | 0.9700 |" in text
    assert "- a note" in text


def test_ssim_tables_have_methods_as_columns():
    frame = pd.DataFrame([results(method=name, label=name.upper(), metric="ssim") for name in ("original", "cvae")])
    text = tables.markdown(tables.summarise(frame), "Caption", [])
    assert "| | ORIGINAL | CVAE |" in text
    assert text.count("| MNIST |") == 1


def test_scores_of_several_datasets_have_a_column_each():
    values = {"few": 0.5, "many": 0.75}
    frame = pd.DataFrame([results(dataset=name, value=value, printed=np.nan) for name, value in values.items()])
    text = tables.markdown(tables.summarise(frame), "caption", [])
    assert "| | Accuracy, few | Accuracy, many |" in text
    assert "| BAGAN | 0.5000 | 0.7500 |" in text


def test_special_characters_are_escaped():
    assert escape("50 % of a_b & ±") == "50 \\% of a\\_b \\& $\\pm$"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_alone_and_in_one_document(tmp_path):
    import keras
    from class_balancing.reports import architecture

    frame = pd.DataFrame([results(), results(metric="f1_minority", metric_label="F1 score", value=0.9)])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    (tmp_path / "a.tex").write_text(tables.latex(tables.summarise(frame), "50 % & more", ["note ± ✓ ✗ a_b"]))
    (tmp_path / "b.tex").write_text(architecture.latex(model, "Network"))
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage{array,graphicx,longtable}\\def\\insidedocument{}"
        "\\begin{document}\\input{a}\\input{b}\\end{document}"
    )
    for name in ("a", "b", "all"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout[-2000:]
