"""Trains the forms, measures their new images and keeps what they yield."""

import shutil
import time
from functools import cache

import numpy as np
import tensorflow as tf

from ...datasets import pictures
from ...datasets.files import write_json
from ...datasets.image_dataset import ImageDataset
from ...evaluation import classifiers, protocol
from ...evaluation.ssim import DEFAULT_RANGE, pairwise_ssim
from ...models.balancer import collapse_tolerated
from ...models.networks.classifiers import builder
from ...models.training.callbacks import TrainingDivergedError
from ..running.environment import environment
from ..running.plan import Pace, duration
from .plan import Plan, Trial

N_SHOWN = 10


class Runner:
    """Runs the trials of a plan on these datasets, and continues what was stopped."""

    def __init__(self, plan: Plan, datasets: dict[str, ImageDataset]):
        self.plan = plan
        self.datasets = datasets
        self.tasks = {comparison.task.name: comparison.task for comparison in plan.comparisons}
        self.environment = environment(tf.distribute.get_strategy())
        self.parts = cache(self._parts)
        self.judge = cache(self._judge)

    def run_all(self) -> list[str]:
        """Run all unfinished trials and delete the checkpoints of finished ones; returns which diverged, and where."""
        trials, pace = self.plan.trials(), Pace(self.plan.remaining_seconds())
        (self.plan.out / "runs").mkdir(exist_ok=True)
        diverged = []
        for n_done, trial in enumerate(trials, 1):
            if self.plan.is_finished(trial):
                shutil.rmtree(self.plan.training_folder(trial), ignore_errors=True)
                continue
            try:
                values = self.run(trial)
            except TrainingDivergedError as error:
                diverged.append(f"{trial.comparison.name}, {trial.form}: {error}")
                continue
            shutil.rmtree(self.plan.training_folder(trial), ignore_errors=True)
            words = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            left = duration(pace.left(self.plan.remaining_seconds()))
            print(f"[{n_done}/{len(trials)}] {trial.comparison.name}, {trial.form}: {words} (about {left} left)",
                  flush=True)  # fmt: skip
        return diverged

    def run(self, trial: Trial) -> dict[str, float]:
        """Train a form, measure its images of the measured class, and write the record; returns the values."""
        plan, task = self.plan, trial.comparison.task
        parts, (label,) = self.parts(task.name), task.measured
        started = time.perf_counter()
        balancer = plan.balancer(trial).fit(parts.train.images, parts.train.labels)
        training_s = time.perf_counter() - started
        with collapse_tolerated():  # which a form may well do
            new = balancer.sample(label, plan.n_new_images)
        originals = parts.train.images[parts.train.labels == label]
        value_range = task.ssim_range or DEFAULT_RANGE
        values = {
            "ssim": pairwise_ssim(new, random_state=0, value_range=value_range).mean,
            "ssim_of_originals": pairwise_ssim(originals, random_state=0, value_range=value_range).mean,
            "named": float((classifiers.predict(self.judge(task.name), new) == label).mean()),
        }
        if hasattr(balancer, "classifier_"):
            predicted = classifiers.predict(balancer.classifier_, parts.test.images)
            values["accuracy_of_c"] = float((predicted == parts.test.labels).mean())
        pictures.save(plan.pictures(trial), np.stack([new[:N_SHOWN], originals[:N_SHOWN]]))
        last = balancer.history_.groupby("stage", sort=False).last().drop(columns="seconds")
        record = {
            "configuration": plan.configuration(trial),
            "form": trial.form,
            "images": {"train": parts.train.digest, "test": parts.test.digest},
            "values": values,
            "last_losses": {stage: row.dropna().to_dict() for stage, row in last.iterrows()},
            "training_s": training_s,
            "environment": self.environment,
        }
        write_json(plan.record(trial), record)
        return values

    def _parts(self, name: str) -> protocol.Parts:
        task = self.tasks[name]
        return protocol.parts(self.datasets[task.dataset], task, "thesis")

    def _judge(self, name: str):
        """A classifier of the training images, which names new ones."""
        task, parts = self.tasks[name], self.parts(name)
        learned = protocol.with_validation(parts.train, parts.validation, task)
        schedule = task.classifier.schedules[self.plan.schedule]
        print(f"{task.title}: training the classifier that names new images", flush=True)
        return classifiers.train_classifier(builder(task.classifier.network), *learned, random_state=0, **schedule)[0]
