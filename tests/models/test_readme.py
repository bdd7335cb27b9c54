"""The README's method keeps its own promise."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readmes_method_keeps_the_rules():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    (example,) = (code for code in blocks if "class Mirrored" in code)
    exec(compile(example, README, "exec"), {"__name__": "readme"})
