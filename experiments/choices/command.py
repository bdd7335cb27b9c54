"""Compare what we chose where the thesis says nothing or contradicts itself with what it could have been, in short
trainings of the same length on the thesis's data.
"""

from pathlib import Path

from ..command_line import FailedError, Parser
from ..running import locks, run_folder
from ..running.plan import duration
from .comparisons import COMPARISONS, SCHEDULES
from .plan import Plan

DEFAULT_OUT = "results/choices"
NAMES = tuple(comparison.name for comparison in COMPARISONS)
WRITTEN = ("choices.md", "choices.tex", "choices.csv", "figures", "runs")


def parse(prog: str, arguments=None):
    parser = Parser(prog, description=__doc__)
    parser.add_argument(
        "--comparisons", nargs="+", choices=NAMES, default=NAMES, metavar="NAME",
        help=f"which of {', '.join(NAMES)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="quick",
        help="smoke: every path, figures without meaning; quick: the comparison; --dry-run shows how long "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_data_dir()
    parser.add_out(DEFAULT_OUT)
    parser.add_dry_run()
    return parser.parse_args(arguments)


def main(options) -> int:
    plan = Plan(Path(options.out), options.schedule, tuple(c for c in COMPARISONS if c.name in options.comparisons))
    check_folder(plan, {})
    if options.dry_run:
        print_plan(plan)
        return 0
    tasks = {trial.comparison.task.dataset: trial.comparison.task for trial in plan.unfinished()}
    datasets = {name: task.dataset_in(options.data_dir) for name, task in tasks.items()}
    with locks.held(plan.out, wait=False):
        run_folder.write(plan.out, check_folder(plan, datasets))
        print_plan(plan)
        diverged = []
        if datasets:
            from .runner import Runner

            diverged = Runner(plan, datasets).run_all()
        from . import write

        write.write_all(Plan(plan.out, plan.schedule, tuple(COMPARISONS)))
    if diverged:
        raise FailedError("; ".join(diverged))
    print(f"The table is in {plan.out / 'choices.md'}.\nNext: look at the pictures in {plan.out / 'figures'}.")
    return 0


def check_folder(plan: Plan, datasets: dict) -> dict:
    """What the folder's `run.json` will hold; see `run_folder.check`."""
    return run_folder.check(plan.out, WRITTEN, {"schedule": plan.schedule, "command": "choices"}, {}, datasets)


def print_plan(plan: Plan) -> None:
    print(f"Plan: schedule {plan.schedule}, into {plan.out}")
    width = max(len(comparison.name) for comparison in plan.comparisons)
    for comparison in plan.comparisons:
        own = [trial for trial in plan.trials() if trial.comparison is comparison]
        finished = f"{sum(map(plan.is_finished, own))} of {len(own)} trainings finished"
        print(f"{comparison.name:{width}}  {len(comparison.forms)} forms, {finished}")
    left = duration(plan.remaining_seconds())
    print(f"About {left} to go on two cores like the reference machine's.", flush=True)
