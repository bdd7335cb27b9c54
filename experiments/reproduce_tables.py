"""Regenerate the thesis's Tables C.1-C.8 (MNIST, CIFAR-10, Vehicles) and the same tables for scikit-learn's digits."""

import argparse
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path

from evaluation.protocol import PROTOCOLS
from experiments import devices, grid, hyperparameters, locks, plan
from experiments.command_line import (
    EXIT_FAILED,
    Parser,
    UsageError,
    call,
    percentage,
    positive,
    writable_folder,
)

DEFAULT_OUT = "results"
RUN_FILE = "run.json"
WRITTEN = ("index.html", "results.csv", "tables", "figures", "runs")
THESIS_DATASETS = ("mnist", "cifar10", "vehicles")
MIN_IMAGES_LEFT = 2  # for a class's Gaussian
MIN_IMAGES_MISSING = 4  # two pairs for SSIM


def parse(arguments=None):
    parser = Parser("reproduce_tables.py", description=__doc__)
    parser.add_argument(
        "--datasets", nargs="+", choices=hyperparameters.MINORITY, default=THESIS_DATASETS, metavar="NAME",
        help=f"which of {', '.join(hyperparameters.MINORITY)} (default: {' '.join(THESIS_DATASETS)})",
    )  # fmt: skip
    parser.add_argument(
        "--dropped", nargs="+", type=percentage, default=grid.DROPPED_PERCENT, metavar="PERCENT",
        help="per cent of the minority class to drop (default: 50 75)",
    )  # fmt: skip
    parser.add_argument(
        "--methods", nargs="+", choices=grid.METHODS, default=grid.METHODS, metavar="NAME",
        help=f"which of {', '.join(grid.METHODS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=hyperparameters.SCHEDULES, default="quick",
        help="smoke: every path in minutes, figures without meaning; quick: hours; thesis: as printed, weeks on a "
        "CPU; --dry-run tells how long (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds",
        type=positive,
        metavar="N",
        help="measurements a cell (default: 3, CIFAR-10 under quick: 2; smoke: 1)",
    )
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default="thesis",
        help="thesis: validation cut after balancing; clean: cut before, real images only (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where the datasets' official files are (default: the environment variable DATASETS_DIR)",
    )
    parser.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where results go (default: %(default)s)")
    parser.add_argument(
        "--devices", type=devices.devices, default="auto", metavar="DEVICES",
        help="what trains networks: auto (all GPUs, else the CPU), cpu, gpu or a number of devices; with TF_CONFIG all "
        "devices of its machines (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="cells side by side (default: 1)")
    parser.add_argument("--cell", type=cell_id, metavar="ID", help="run this cell of the plan only, write no tables")
    parser.add_argument("--list-cells", action="store_true", help="print the ID of each cell of the plan and stop")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    options = parser.parse_args(arguments)
    if options.cell:
        options.datasets = [options.cell.dataset]
        options.dropped = [options.cell.dropped] if options.cell.dropped else options.dropped
        options.methods = [name for name in grid.METHODS if name == options.cell.variant]
    if options.jobs > 1 and devices.n_machines() > 1:
        parser.error("--jobs is for one machine, but TF_CONFIG names several")
    options.datasets = list(dict.fromkeys(options.datasets))
    options.dropped = sorted(set(options.dropped))
    defaults = hyperparameters.N_SEEDS[options.schedule]
    options.seeds = {name: options.seeds or defaults[name] for name in options.datasets}
    return options


def cell_id(text: str) -> grid.Cell:
    """argparse type: the cell of this name."""
    try:
        return grid.cell_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> int:
    options = parse()
    cells = grid.cells(options.datasets, options.dropped, options.methods, options.seeds)
    if options.cell:
        cells = [options.cell]
    if options.list_cells:
        print(*cells, sep="\n")
        return 0
    check_folder(Path(options.out), options, {})
    if options.dry_run and not options.data_dir:  # a plan needs no download
        print_plan(cells, options)
        return 0
    from datasets import LOADERS

    datasets = {name: LOADERS[name](options.data_dir) for name in options.datasets}
    check_class_sizes(datasets, options)
    check_folder(Path(options.out), options, datasets)
    if options.dry_run:
        print_plan(cells, options)
        return 0
    out = writable_folder(options.out)
    print_plan(cells, options)
    return run(cells, options, out, datasets)


def check_class_sizes(datasets: dict, options) -> None:
    """Raise UsageError where dropping leaves too few images to learn from or too few to make and measure."""
    for name, dataset in datasets.items():
        minority, minority_name = hyperparameters.MINORITY[name], grid.PRINTED_MINORITIES[name]
        for percent in options.dropped:
            try:
                folds = plan.folds(dataset, name, percent, options.protocol)
            except ValueError as error:
                raise UsageError(
                    f"dropping {percent} % of {minority_name} of {name} leaves too few images to split; "
                    "choose another percentage"
                ) from error
            n_left, n_needed = int((folds.train.labels == minority).sum()), MIN_IMAGES_LEFT
            for method in set(options.methods) & {"smote", "adasyn"}:
                n_needed = hyperparameters.METHODS[options.schedule][name][method]["n_neighbors"] + 1
            if n_left < n_needed or folds.n_missing < MIN_IMAGES_MISSING:
                raise UsageError(
                    f"dropping {percent} % of {minority_name} of {name} leaves {n_left} images and lacks "
                    f"{folds.n_missing}, but at least {n_needed} and {MIN_IMAGES_MISSING} are needed; choose another "
                    "percentage or other --methods"
                )


def check_folder(out: Path, options, datasets: dict) -> dict:
    """What the folder's `run.json` will hold: schedule, protocol, and a hash of each dataset's images.

    Raises UsageError where it already holds others.
    """
    path = out / RUN_FILE
    foreign = [name for name in WRITTEN if not path.exists() and (out / name).exists()]
    if foreign:
        raise UsageError(
            f"{out} holds {foreign[0]}, which this program did not write; choose another folder with --out"
        )
    try:
        held = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise UsageError(f"{path} is damaged; move it away or choose another folder with --out") from error
    chosen = {"schedule": options.schedule, "protocol": options.protocol}
    if held and not chosen.keys() <= held.keys():
        raise UsageError(f"{path} is not of this program; choose another folder with --out")
    if held and {name: held[name] for name in chosen} != chosen:
        raise UsageError(
            f"{out} holds tables of schedule {held['schedule']}, protocol {held['protocol']}; "
            "choose another folder with --out"
        )
    digests = {name: dataset.digest for name, dataset in datasets.items()}
    for name, digest in held.get("datasets", {}).items():
        if digests.setdefault(name, digest) != digest:
            raise UsageError(f"{out} holds results of other {name} images than those found now; choose another --out")
    return chosen | {"datasets": digests}


def print_plan(cells, options) -> None:
    out = Path(options.out)
    print(f"Plan: schedule {options.schedule}, protocol {options.protocol}, into {out}")
    print(f"{'cell':34} {'epochs':42} state")
    for first, seeds in itertools.groupby(cells, key=lambda cell: replace(cell, seed=0)):
        states = [plan.is_finished(cell, options.schedule, options.protocol, out) for cell in seeds]
        name = str(first).rpartition("-")[0]
        print(f"{name:34} {plan.epochs(first, options.schedule):42} {sum(states)} of {len(states)} seeds finished")
    seconds = plan.remaining_seconds(cells, options.schedule, options.protocol, out)
    print(f"About {plan.duration(seconds)} to go on two cores like the reference machine's.", flush=True)


def run(cells, options, out: Path, datasets: dict) -> int:
    from experiments import compile_results, run_cells
    from experiments.runner import Runner, environment

    runner = Runner(out, options.schedule, options.protocol, datasets, devices.strategy(options.devices))
    if devices.n_machines() > 1 and not begins_together(runner, cells, options):
        return EXIT_FAILED if run_cells.train_with_the_chief(runner, cells) else 0
    claim_folder(out, options, datasets)
    earlier = [record for cell in cells if (record := runner.cached(cell))]
    failed = run_cells.run_all(runner, cells, options.jobs, options.devices)
    different = run_cells.other_environments(earlier, environment(runner.strategy))
    if different:
        print(
            f"{len(earlier)} cells were finished before, some in another environment, which can change their last "
            f"bits: {'; '.join(different)}. Another --out computes them again.",
            file=sys.stderr,
        )
    if not options.cell:
        with locks.held(out, wait=True):
            print(flush=True)
            compile_results.write_all(runner, options.dropped, options.seeds)
        print(f"Tables are in {out / 'tables'}, figures in {out / 'figures'}, measurements in {out / 'results.csv'}.")
    if failed:
        print(f"{len(failed)} of {len(cells)} cells failed; the same command tries them again.", file=sys.stderr)
        return EXIT_FAILED
    if options.cell:
        print(f"The cell is in {runner.folder(options.cell)}. Next: the same command without --cell writes the tables.")
    else:
        print(next_step(out, options.protocol))
    return 0


def next_step(out: Path, protocol: str) -> str:
    """What to do after all tables are written."""
    other = f", or run the same with --protocol clean --out {out}-clean" if protocol == "thesis" else ""
    return f"Next: open {out / 'index.html'} in a browser{other}."


def claim_folder(out: Path, options, datasets: dict) -> None:
    """Write `run.json`, unless another run has meanwhile made the folder one of other results."""
    from datasets.files import write_atomically

    with locks.held(out, wait=True):
        write_atomically(out / RUN_FILE, json.dumps(check_folder(out, options, datasets)) + "\n")


def begins_together(runner, cells, options) -> bool:
    """Wait until all machines are here; returns whether this one is the chief.

    Raises UsageError where they do not see the same finished cells.
    """
    from replication.collectives import same_everywhere

    with runner.strategy.scope():
        finished = [str(cell) for cell in cells if runner.cached(cell) is not None]
        if not same_everywhere(int(plan.digest({"finished": finished}), 16)):
            raise UsageError(f"the machines see different results in {options.out}; it must be shared by all of them")
    return runner.strategy.extended.should_checkpoint


if __name__ == "__main__":
    call(main, "reproduce_tables.py")
