"""Simulations of the judge, on classifiers made of coins and on real ones; takes half an hour on two cores.

`python tests/helpers/simulated_verdicts.py` writes what it finds to tests/evaluation/simulated_verdicts.csv, with a
hash of the programs that give verdicts, so that the tests need not repeat what has not changed. The design that is
compared with is a single split whose seeds' variance is each method's own, corrected for three metrics by Bonferroni.
"""

import ast
import hashlib
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from class_balancing.evaluation import racing, verdict
from joblib import Parallel, delayed
from scipy.optimize import brentq
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier

RECORD = Path(__file__).resolve().parents[1] / "evaluation" / "simulated_verdicts.csv"
METRIC, MINORITY = "balanced_accuracy", 2
SEEDS, METHODS = (3, 5, 10), (1, 4, 9)
COUNTS = ((150, 110, 40), (40, 30, verdict.MIN_UNITS))  # test images of each class
SPREADS = ((0.0,), (0.5,), (1.5,), (0.3, 0.3, 0.3, 1.5))  # of the baseline and the methods in turn
N_TABLES = {1: 800, 4: 400, 9: 300}
DIGITS = (80, 60, 25)  # images of each class of digits, by remainder modulo 3
OLD_SEEDS, MOST_SEEDS = 15, 6  # 15 classifiers each on a single split, or on 5 folds 2 seeds and up to 6


def program_hash() -> str:
    """Of the code that gives verdicts and of this file, whatever their comments and docstrings say."""
    found = hashlib.sha256()
    for path in (verdict.__file__, racing.__file__, __file__):
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


def is_wrong(table: pd.DataFrame, among=None) -> bool:
    """Whether a table on equal methods has a verdict, on one of those that are named."""
    rows = table if among is None else table[table["method"].isin(among)]
    return bool((rows["verdict"] != verdict.NO_EVIDENCE).any())


class Coins:
    """Classifiers whose success depends on the image, the seed (on each class separately) and chance.

    `spreads` are those of abilities over seeds, of the baseline 0 and the methods 1, 2... in turn; all methods are
    right equally often on average.
    """

    def __init__(self, rng, counts, spreads):
        self.rng, self.spreads, self.true = rng, spreads, np.repeat(np.arange(3), counts)
        self.difficulty = 1.2 * rng.standard_normal(len(self.true))

    def predicted(self, method: int, n_seeds: int) -> np.ndarray:
        spread = self.spreads[method % len(self.spreads)]
        ability = ABILITIES[spread] + spread * self.rng.standard_normal((n_seeds, 3))[:, self.true]
        hit = self.rng.random((n_seeds, len(self.true))) < 1 / (1 + np.exp(self.difficulty - ability))
        return np.where(hit, self.true, (self.true + self.rng.integers(1, 3, hit.shape)) % 3)


def ability_of(spread: float) -> float:
    """The mean ability at which classifiers of this spread are right as often as those of ability 1.8 without any."""
    image, seed = np.random.default_rng(0).standard_normal((2, 20_000))

    def level(ability, spread):
        return (1 / (1 + np.exp(1.2 * image - ability - spread * seed))).mean()

    return brentq(lambda ability: level(ability, spread) - level(1.8, 0.0), 1.0, 6.0)


ABILITIES = {spread: ability_of(spread) for spread in {spread for spreads in SPREADS for spread in spreads}}


def equal_coins(n_seeds, n_methods, counts, spreads) -> dict:
    rng, wrong = np.random.default_rng(1), []
    for _ in range(N_TABLES[n_methods]):
        coins = Coins(rng, counts, spreads)
        predicted = {str(method): coins.predicted(method, n_seeds) for method in range(n_methods + 1)}
        wrong.append(is_wrong(verdict.compare(coins.true, predicted, "0", MINORITY, METRIC)))
    setting = f"{n_seeds} seeds, {n_methods} methods, test images {counts}, spreads {spreads}"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def nearly_perfect(n_seeds, n_methods, error_rate) -> dict:
    """All images but six are always named right, and these six half of the time."""
    rng, wrong, true = np.random.default_rng(9), [], np.repeat(np.arange(3), COUNTS[0])
    for _ in range(2000):
        is_hard = np.isin(np.arange(len(true)), rng.choice(len(true), 6, replace=False))
        is_hit = ~is_hard | (rng.random((n_methods + 1, n_seeds, len(true))) < 0.5)
        predicted = dict(zip(map(str, range(n_methods + 1)), np.where(is_hit, true, (true + 1) % 3), strict=True))
        wrong.append(is_wrong(verdict.compare(true, predicted, "0", MINORITY, METRIC, error_rate=error_rate)))
    setting = f"nearly perfect classifiers, {n_seeds} seeds, {n_methods} methods, error rate {error_rate}"
    return {"kind": f"equal methods at {error_rate}", "setting": setting, "n": len(wrong), "share": np.mean(wrong)}


def few_noisy_among_quiet(n_seeds, n_methods, n_noisy) -> dict:
    """Most methods are the baseline, which seeds do not change; the others are right as often, but vary by seed."""
    rng, wrong = np.random.default_rng(7), []
    for _ in range(800):
        coins = Coins(rng, (900, 700, 400), SPREADS[1])
        quiet = np.tile(coins.predicted(0, 1), (n_seeds, 1))
        hit = quiet == coins.true
        of_class = np.array([hit[:, coins.true == label].mean() for label in range(3)])[coins.true]
        predicted = {str(method): quiet for method in range(n_methods + 1 - n_noisy)}
        for method in range(n_methods + 1 - n_noisy, n_methods + 1):
            gained = 0.05 * rng.standard_normal((n_seeds, 3))[:, coins.true]  # share of the class, lost if negative
            chance = np.abs(gained) / np.where(hit, of_class, 1 - of_class)
            is_changed = ((gained > 0) != hit) & (rng.random(hit.shape) < chance)
            others = np.where(hit, (coins.true + 1) % 3, coins.true)
            predicted[str(method)] = np.where(is_changed, others, quiet)
        wrong.append(is_wrong(verdict.compare(coins.true, predicted, "0", MINORITY, METRIC)))
    setting = f"{n_seeds} seeds, {n_methods} methods of which {n_noisy} vary by seed"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def equal_coins_raced(n_seeds, n_methods, spreads) -> dict:
    rng, wrong = np.random.default_rng(2), []
    for _ in range(N_TABLES[n_methods]):
        coins = Coins(rng, COUNTS[0], spreads)
        predicted = {method: coins.predicted(method, n_seeds) for method in range(n_methods + 1)}
        table, _ = raced(coins.true, None, n_seeds, 3, n_methods, lambda method, n, given=predicted: given[method][:n])
        wrong.append(is_wrong(table))
    setting = f"raced, up to {n_seeds} seeds, {n_methods} methods, spreads {spreads}"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def equal_coins_of_trainings(n_seeds, n_trainings, n_methods) -> dict:
    """Methods whose seeds differ by the luck of their networks' training alone."""
    rng, wrong = np.random.default_rng(6), []
    of_seeds = np.arange(n_seeds) % n_trainings
    for _ in range(N_TABLES[n_methods]):
        coins = Coins(rng, COUNTS[0], SPREADS[1])
        predicted = {str(method): coins.predicted(method, n_trainings)[of_seeds] for method in range(1, n_methods + 1)}
        predicted["0"] = coins.predicted(0, n_seeds)
        trainings = dict.fromkeys(list(predicted)[:-1], n_trainings)
        found = verdict.compare(coins.true, predicted, "0", MINORITY, METRIC, n_trainings=trainings)
        wrong.append(is_wrong(found))
    setting = f"{n_seeds} seeds of {n_trainings} trainings, {n_methods} methods"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def equal_coins_on_fewer_folds(n_seeds, n_methods, n_of_few, n_few, spread) -> dict:
    """Of five folds the last `n_of_few` methods are tried on `n_few` alone."""
    rng, wrong, n_folds = np.random.default_rng(8), [], 5
    for _ in range(N_TABLES[n_methods]):
        coins = [Coins(rng, np.array(COUNTS[0]) // n_folds, (spread,)) for _ in range(n_folds)]
        true = np.concatenate([of_fold.true for of_fold in coins])
        folds = np.repeat(np.arange(n_folds), len(coins[0].true))
        predicted = {}
        for method in range(n_methods + 1):
            of_method = np.concatenate([of_fold.predicted(method, n_seeds) for of_fold in coins], axis=1)
            is_tried = (folds < n_few) | (method <= n_methods - n_of_few)
            predicted[str(method)] = np.where(is_tried, of_method, verdict.NOT_PREDICTED)
        wrong.append(is_wrong(verdict.compare(true, predicted, "0", MINORITY, METRIC, folds=folds)))
    setting = f"{n_seeds} seeds, {n_methods} methods of which {n_of_few} on {n_few} of {n_folds} folds, spread {spread}"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def raced(true, folds, n_seeds, first, n_methods, predicted) -> tuple[pd.DataFrame, dict[str, int]]:
    """The last table and how many seeds each method got; `predicted(method, n)` are those of its first n seeds."""
    looks = racing.looks(n_seeds, first)
    seeds = dict.fromkeys(map(str, range(1, n_methods + 1)), 0)

    def look_at(asked, error_rate):
        seeds.update(asked)
        found = {"0": predicted(0, max(seeds.values()))}
        found |= {name: predicted(int(name), n) for name, n in seeds.items()}
        return verdict.compare(true, found, "0", MINORITY, METRIC, folds=folds, error_rate=error_rate)

    racing.race(looks, list(seeds), look_at)
    return look_at({}, racing.error_rate(n_seeds, looks)), seeds


class RealClassifiers:
    """Classifiers of a sample of handwritten digits, in three classes by the remainder modulo 3.

    Each learns from a bootstrap sample with noise added, `noise` by method. With `kept` below 1 each method learns only
    from so large a part of the images, drawn for the method once: methods are equal on average over samples, but not on
    this one, as when each had its networks trained once.
    """

    def __init__(self, rng, kind: str, n_folds: int, noise, kept: float = 1.0):
        pixels, digits = load_digits(return_X_y=True)
        chosen = [rng.choice(np.flatnonzero(digits % 3 == label), n, replace=False) for label, n in enumerate(DIGITS)]
        self.rng, self.kind, self.noise = rng, kind, noise
        self.images, self.labels = pixels[np.concatenate(chosen)] / 16, np.repeat(np.arange(3), DIGITS)
        seed = int(rng.integers(2**31))
        if n_folds == 1:
            splitter = StratifiedShuffleSplit(1, test_size=0.3, random_state=seed)
        else:
            splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        self.splits = list(splitter.split(self.images, self.labels))
        tested = [test for _, test in self.splits]
        self.true = self.labels[np.concatenate(tested)]
        self.folds = np.repeat(np.arange(n_folds), list(map(len, tested))) if n_folds > 1 else None
        self.is_kept = rng.random((len(noise), len(self.labels))) < kept
        self.known, self.n_trained = {}, 0

    def predicted(self, method: int, n_seeds: int) -> np.ndarray:
        return np.array([self._of_seed(method, seed) for seed in range(n_seeds)])

    def _of_seed(self, method, seed):
        if (method, seed) not in self.known:
            self.known[method, seed] = np.concatenate([self._of_fold(method, *split) for split in self.splits])
        return self.known[method, seed]

    def _of_fold(self, method, train, test):
        self.n_trained += 1
        train = train[self.is_kept[method, train]]
        members = [train[self.labels[train] == label] for label in range(3)]
        drawn = np.concatenate([self.rng.choice(of_class, len(of_class)) for of_class in members])
        noise = self.noise[method] * self.rng.standard_normal((len(drawn), self.images.shape[1]))
        model = KNeighborsClassifier(3) if self.kind == "neighbours" else None
        model = model or LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
        return model.fit(self.images[drawn] + noise, self.labels[drawn]).predict(self.images[test])


def equal_classifiers(kind, n_folds, n_seeds, kept) -> dict:
    rng, wrong, n_methods = np.random.default_rng(3), [], 4
    for _ in range(200):
        real = RealClassifiers(rng, kind, n_folds, np.zeros(1 + n_methods), kept)
        predicted = {str(method): real.predicted(method, n_seeds) for method in range(1 + n_methods)}
        wrong.append(is_wrong(verdict.compare(real.true, predicted, "0", MINORITY, METRIC, folds=real.folds)))
    setting = f"real classifiers ({kind}), {n_folds} folds, {n_seeds} seeds, {kept:.0%} of the training images each"
    return {"kind": "equal methods", "setting": setting, "n": len(wrong), "share": float(np.mean(wrong))}


def planted(noise: float) -> dict:
    """How often the first of eight methods is called helpful that learns from less noisy images than the others do.

    By the single split with 15 seeds each, and by folds and racing, on the same samples and for about as many trained
    classifiers: `share_old`, `share`.
    """
    rng, rows, n_methods = np.random.default_rng(4), [], 8
    levels = [0.6, noise, *(0.6,) * (n_methods - 1)]
    for _ in range(100):
        sample = int(rng.integers(2**31))
        split = RealClassifiers(np.random.default_rng(sample), "discriminant", 1, levels)
        old = _single_split(split, n_methods)
        folded = RealClassifiers(np.random.default_rng(sample), "discriminant", 5, levels)
        new, _ = raced(folded.true, folded.folds, MOST_SEEDS, 2, n_methods, folded.predicted)
        of_new = new.set_index("method").loc["1"]
        others = list(map(str, range(2, n_methods + 1)))
        rows.append(
            {
                "share_old": old.set_index("method").loc["1", "verdict"] == verdict.HELPED,
                "share": of_new["verdict"] == verdict.HELPED,
                "trained_old": split.n_trained,
                "trained": folded.n_trained,
                "stated_old": old.set_index("method").loc["1", "smallest_effect"],
                "stated": of_new["smallest_effect"],
                "planted": of_new["difference"],
                "wrong": is_wrong(new, others),
            }
        )
    found = pd.DataFrame(rows).mean().round(4).to_dict()
    return {"kind": "planted improvement", "setting": f"noise {noise} instead of 0.6", "n": len(rows)} | found


def _single_split(real: RealClassifiers, n_methods: int) -> pd.DataFrame:
    """The design before: no fold, own variances, the noise of single predictions in both, Bonferroni over 3 metrics."""
    images = verdict._TestImages(real.true, None, None, MINORITY, METRIC)
    of_baseline, rows = images.measured(real.predicted(0, OLD_SEEDS)), []
    for method in range(1, n_methods + 1):
        of_method = images.measured(real.predicted(method, OLD_SEEDS))
        values, added = (mine - other for mine, other in zip(of_method, of_baseline, strict=True))
        seed_variance, image_variance = values.var(ddof=1) / OLD_SEEDS, images.variance(added.mean(axis=0))
        freedoms = OLD_SEEDS - 1, OLD_SEEDS - 1, images.fewest - 1
        test = verdict._Test(float(values.mean()), (float(seed_variance), 0.0), image_variance, freedoms)
        rows.append({"method": str(method)} | test.row(verdict.ERROR_RATE / n_methods / 3))
    return pd.DataFrame(rows)


def coins_with_an_improvement(n_seeds, n_methods, gain) -> dict:
    """Whether an improvement of the stated smallest effect is found with the stated power."""
    rng, rows = np.random.default_rng(5), []
    for _ in range(300):
        coins = Coins(rng, (900, 700, 300), (0.3,))
        predicted = {str(method): coins.predicted(method, n_seeds) for method in range(1 + n_methods)}
        improved = rng.random(predicted["1"].shape) < gain
        predicted["1"] = np.where(improved, coins.true, predicted["1"])
        table = verdict.compare(coins.true, predicted, "0", MINORITY, METRIC)
        rows.append(table.set_index("method").loc["1"])
    return {
        "kind": "stated power",
        "setting": f"{n_seeds} seeds, {n_methods} methods",
        "n": len(rows),
        "share": float(np.mean([row["verdict"] == verdict.HELPED for row in rows])),
        "planted": float(np.mean([row["difference"] for row in rows])),
        "stated": float(np.median([row["smallest_effect"] for row in rows])),
    }


SIMULATIONS = [
    *((equal_coins, setting) for setting in itertools.product(SEEDS, METHODS, COUNTS, SPREADS)),
    *((nearly_perfect, setting) for setting in itertools.product((3, 5), (1, 4), (0.05, 0.005))),
    *((equal_coins_of_trainings, (n_seeds, 3, n_methods)) for n_seeds in (3, 4, 5) for n_methods in (1, 4)),
    *((few_noisy_among_quiet, setting) for setting in ((3, 2, 1), (3, 8, 2), (3, 12, 2), (5, 12, 2), (3, 28, 3))),
    *(
        (equal_coins_on_fewer_folds, (n_seeds, n_methods, n_of_few, n_few, spread))
        for n_seeds, n_few in ((3, 1), (2, 2), (5, 2))
        for n_methods, n_of_few in ((4, 1), (9, 3))
        for spread in SPREADS[1] + SPREADS[2]
    ),
    *((equal_coins_raced, setting) for setting in itertools.product((5, 10), (4, 9), SPREADS[1:3])),
    *(
        (equal_classifiers, ("discriminant", *design))
        for design in ((5, 2, 1.0), (5, 5, 1.0), (5, 2, 0.8), (3, 3, 0.8))
    ),
    *((equal_classifiers, ("neighbours", *design)) for design in ((5, 5, 1.0), (5, 5, 0.8), (10, 2, 0.8))),
    *((planted, (noise,)) for noise in (0.6, 0.4, 0.3, 0.2, 0.0)),
    *((coins_with_an_improvement, setting) for setting in ((5, 1, 0.25), (10, 7, 0.215))),
]


def run(simulation, setting) -> dict:
    warnings.simplefilter("ignore")
    return simulation(*setting)


if __name__ == "__main__":
    rows = Parallel(n_jobs=2, verbose=10)(delayed(run)(*simulation) for simulation in SIMULATIONS)
    pd.DataFrame(rows).assign(program=program_hash()).to_csv(RECORD, index=False)
    print(pd.DataFrame(rows).to_string())
