"""The README's claims that a program can check."""

import re
from pathlib import Path

import pytest
from class_balancing.models import FAMILIES, METHODS

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("build", "results", "site-packages")  # of a user's; README's first command writes results
TEXTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in LEFT_OUT for part in path.relative_to(ROOT).parts)
)


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("| ")]) <= 155, "without its tables"


def test_the_table_of_methods_is_that_of_the_program():
    lines = (ROOT / "README.md").read_text().splitlines()
    shown = [line for line in lines if re.match(r"\| `\w+` \| `\w+` \|", line)]
    assert shown == [
        f"| `{method.name}` | `{method.class_name}` | {method.label} | {method.source} | {FAMILIES[method.family]} |"
        for method in METHODS.values()
    ]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_exist(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target
