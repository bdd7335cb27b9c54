"""What `pip install` puts into somebody's environment."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_holds_one_package_that_lives_beside_another_called_datasets(tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "tests", "reference", "build", "*.egg-info"))
    modules = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"class_balancing"}
    assert {f"class_balancing/{name}" for name in modules} <= set(names), "every module is in the wheel"
    for name in ("published.csv", "published_fer2013.csv"):
        assert f"class_balancing/experiments/tables/{name}" in names

    subprocess.run([*pip, "install", "--no-deps", "--no-compile", "--target", site, wheel], check=True)
    (site / "datasets").mkdir()
    (site / "datasets" / "__init__.py").write_text("WHOSE = 'another project'")
    script = (
        "import class_balancing, datasets\n"
        "from class_balancing import SMOTE, METHODS\n"
        "from class_balancing.datasets import digits\n"
        "from class_balancing.experiments.tables import TASKS\n"
        "assert datasets.WHOSE == 'another project'\n"
        "assert TASKS['mnist-50'].published.exists()\n"
        "print(class_balancing.__file__)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(finished.stdout.strip()).is_relative_to(site)
    assert (site / "bin" / "class-balancing").exists()
