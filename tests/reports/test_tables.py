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


def test_a_row_has_its_interval_and_its_mark():
    row = summary_of([0.982, 0.982, 0.982])
    assert (row["half_width"], row["mark"]) == (pytest.approx(1.96 * 0.001 * np.sqrt(2), abs=1e-5), "agrees")
    assert "(printed 0.9830) ✓" in tables.markdown(summary_of([0.982, 0.982]).to_frame().T, "Caption", [])
    assert summary_of([0.97, 0.97, 0.97])["mark"] == "differs"
    assert summary_of([0.96, 0.99])["mark"] == "cannot tell"
    assert summary_of([0.97, 0.97], printed=np.nan)["mark"] == ""


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
