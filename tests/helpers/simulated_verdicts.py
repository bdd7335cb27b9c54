"""Simulations of the judge on classifiers that are made of coins; takes minutes.

`python tests/helpers/simulated_verdicts.py` writes what it finds to tests/evaluation/simulated_verdicts.csv, with a
hash of the program that gives the verdicts, so that the tests need not repeat what has not changed.
"""

import ast
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from class_balancing.evaluation import verdict
from joblib import Parallel, delayed

RECORD = Path(__file__).resolve().parents[1] / "evaluation" / "simulated_verdicts.csv"
MINORITY = 2
N_DRAWS = 300  # of the bootstrap, fewer than usual
N_TABLES = 400
N_PLANTED_TABLES = 200
PLANTED_COUNTS = (900, 700, 300)


def program_hash() -> str:
    """Of the code in evaluation/verdict.py and in this file, whatever their comments and docstrings say."""
    found = hashlib.sha256()
    for path in (verdict.__file__, __file__):
        tree = ast.parse(Path(path).read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                del body[0]
        found.update(ast.dump(tree).encode())
    return found.hexdigest()


def predictions(rng, true, difficulty, n_seeds, seed_spread, effect=0.0):
    """Those of classifiers whose success depends on the image, the seed (on each class separately) and chance."""
    ability = 1.8 + effect + seed_spread * rng.standard_normal((n_seeds, 3))[:, true]
    hit = rng.random((n_seeds, len(true))) < 1 / (1 + np.exp(difficulty - ability))
    return np.where(hit, true, (true + rng.integers(1, 3, hit.shape)) % 3)


def table(rng, n_seeds=5, seed_spread=0.3, counts=(150, 110, 40), effects=(0.0,)):
    """Verdicts on methods with these effects against a baseline without."""
    true = np.repeat(np.arange(3), counts)
    difficulty = 1.2 * rng.standard_normal(len(true))
    predicted = {"nothing": predictions(rng, true, difficulty, n_seeds, seed_spread)}
    for index, effect in enumerate(effects):
        predicted[f"method {index}"] = predictions(rng, true, difficulty, n_seeds, seed_spread, effect)
    return verdict.compare(true, predicted, "nothing", MINORITY, random_state=int(rng.integers(2**31)))


def wrong_tables(n_seeds, seed_spread, n_methods, n_tables=N_TABLES) -> dict:
    """Share of tables on equal methods that hold a wrong verdict."""
    rng, effects = np.random.default_rng(1), (0.0,) * n_methods
    wrong = [
        (table(rng, n_seeds, seed_spread, effects=effects)["verdict"] != "no evidence").any() for _ in range(n_tables)
    ]
    setting = f"{n_seeds} seeds, spread {seed_spread}, {n_methods} methods"
    return {"kind": "equal methods", "setting": setting, "share": float(np.mean(wrong))}


def wrong_tables_of_agreeing_seeds(counts, n_tables=N_TABLES) -> dict:
    """As above, where all seeds of a method agree on every image and only the test images differ."""
    rng, true, wrong = np.random.default_rng(3), np.repeat(np.arange(3), counts), []
    for _ in range(n_tables):
        hits = {name: rng.random(len(true)) < 0.6 for name in ("nothing", "method 0", "method 1")}
        predicted = {name: np.tile(np.where(hit, true, (true + 1) % 3), (5, 1)) for name, hit in hits.items()}
        found = verdict.compare(true, predicted, "nothing", MINORITY, random_state=int(rng.integers(2**31)))
        wrong.append((found["verdict"] != "no evidence").any())
    return {"kind": "equal methods", "setting": f"agreeing seeds, test images {counts}", "share": float(np.mean(wrong))}


def found_improvements(n_seeds, effect, n_others) -> dict:
    """Share of tables that call a planted improvement helped; the planted one and what is said to be found."""
    rng = np.random.default_rng(2)
    true_effect = np.mean([_accuracy_of(rng, effect) - _accuracy_of(rng, 0.0) for _ in range(N_PLANTED_TABLES)])
    effects = (effect, *(0.0,) * n_others)
    tables = [table(rng, n_seeds, 0.3, PLANTED_COUNTS, effects) for _ in range(N_PLANTED_TABLES)]
    rows = [found[found["metric"] == "accuracy"].set_index("method").loc["method 0"] for found in tables]
    return {
        "kind": "planted improvement",
        "setting": f"{n_seeds} seeds, {1 + n_others} methods",
        "share": float(np.mean([row["verdict"] == "helped" for row in rows])),
        "planted": float(true_effect),
        "stated": float(np.median([row["smallest_effect"] for row in rows])),
    }


def _accuracy_of(rng, effect):
    true = np.repeat(np.arange(3), PLANTED_COUNTS)
    difficulty = 1.2 * rng.standard_normal(len(true))
    return (predictions(rng, true, difficulty, 20, 0.3, effect) == true).mean()


SIMULATIONS = [
    *((wrong_tables, setting) for setting in ((5, 0.3, 1), (5, 0.8, 1), (3, 0.6, 1), (10, 0.5, 1), (5, 0.5, 6))),
    *((wrong_tables_of_agreeing_seeds, (counts,)) for counts in ((150, 110, 40), (40, 30, verdict.MIN_UNITS))),
    *((found_improvements, setting) for setting in ((5, 0.62, 0), (10, 0.475, 6))),
]


def run(simulation, setting) -> dict:
    verdict.N_DRAWS = N_DRAWS
    return simulation(*setting)


if __name__ == "__main__":
    rows = Parallel(n_jobs=2, verbose=10)(delayed(run)(*simulation) for simulation in SIMULATIONS)
    pd.DataFrame(rows).assign(program=program_hash()).to_csv(RECORD, index=False)
    print(pd.DataFrame(rows).to_string())
