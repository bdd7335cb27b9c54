"""Which trainings a run has, where each goes, and about how long they take."""

import pkgutil
from dataclasses import dataclass
from pathlib import Path

from ...datasets.files import read_json
from ..running.plan import SECONDS_TO_START, digest
from .comparisons import N_NEW_IMAGES, N_TRAININGS, Comparison


@dataclass(frozen=True)
class Trial:
    """One training of a form of a comparison's method."""

    comparison: Comparison
    form: str
    random_state: int


@dataclass(frozen=True)
class Plan:
    """The trials of some comparisons below one folder."""

    out: Path
    schedule: str
    comparisons: tuple[Comparison, ...]

    @property
    def n_new_images(self) -> int:
        return N_NEW_IMAGES[self.schedule]

    def trials(self) -> list[Trial]:
        """Those of the first random state of each comparison before those of the next."""
        return [
            Trial(comparison, form, random_state)
            for comparison in self.comparisons
            for random_state in range(N_TRAININGS[self.schedule])
            for form in comparison.forms
        ]

    def unfinished(self) -> list[Trial]:
        return [trial for trial in self.trials() if not self.is_finished(trial)]

    def configuration(self, trial: Trial) -> dict:
        """All that decides a trial's result on a given machine and version, besides the images."""
        comparison, task = trial.comparison, trial.comparison.task
        of_task = {"ssim_range": list(task.ssim_range)} if task.ssim_range else {}
        return of_task | {
            "comparison": comparison.name,
            "task": task.name,
            "made_by": comparison.forms[trial.form].made_by,
            "arguments": comparison.arguments(trial.form, self.schedule),
            "random_state": trial.random_state,
            "n_new_images": self.n_new_images,
            "classifier": {"network": task.classifier.network} | task.classifier.schedules[self.schedule],
        }

    def record(self, trial: Trial) -> Path:
        """The trial's file; a changed configuration gets another one, so no old result is taken for a new one."""
        name = f"{trial.comparison.name}-{trial.random_state}-{digest(self.configuration(trial))}.json"
        return self.out / "runs" / name

    def pictures(self, trial: Trial) -> Path:
        return self.record(trial).with_suffix(".png")

    def training_folder(self, trial: Trial) -> Path:
        return self.record(trial).with_suffix("")

    def is_finished(self, trial: Trial) -> bool:
        return read_json(self.record(trial)) is not None  # a damaged record is set aside

    def balancer(self, trial: Trial):
        """The trial's form, not fitted."""
        return pkgutil.resolve_name(trial.comparison.forms[trial.form].made_by)(
            **trial.comparison.arguments(trial.form, self.schedule),
            random_state=trial.random_state,
            folder=self.training_folder(trial),
            verbose=1,
        )

    def remaining_seconds(self) -> float:
        """Estimate for the trials that are not finished, without what their checkpoints hold."""
        seconds = 0.0
        for trial in self.unfinished():
            task = trial.comparison.task
            balancer = self.balancer(trial)
            seconds += SECONDS_TO_START + balancer.fit_seconds(task.n_train_images, task.image_shape, task.n_classes, 1)
        return seconds
