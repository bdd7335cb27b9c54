"""New images of a class that all pass the filters, made in rounds until there are enough."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...datasets.image_dataset import ImageDataset
from ...models.balancer import Balancer, HasParents, HasStyles
from ..command_line import FailedError
from ..running.filters import Chain, Counts, Originals, in_words, passing
from ..running.plan import Plan, digest
from ..running.rounds import round_seed, rounds, size_of_round
from ..running.runner import Runner
from .task import PROTOCOL, filtering_task

MAX_IN_A_ROUND = 1000
MIN_IN_A_ROUND = 100
MAX_TIMES_WANTED = 20


@dataclass(frozen=True)
class Made:
    """Some images of a class, `parents` and `styles` as the balancer declares them.

    `images` (n, height, width, channels), `parents` (n,), of which -1 is none, `styles` (n, n_styles). The last ones of
    a class that passed filters have `Chain.rates` of the class.
    """

    images: np.ndarray
    parents: np.ndarray
    styles: np.ndarray
    rates: dict

    def take(self, chosen) -> "Made":
        """Those at the indices, or of the slice."""
        return Made(self.images[chosen], self.parents[chosen], self.styles[chosen], self.rates)


def chain(names: tuple[str, ...], dataset: ImageDataset, groups, schedule: str, folder: Path) -> Chain:
    """The filters for a folder's images, of which `filtering_task` sets some aside; trains a classifier if need be."""
    task = filtering_task(dataset.class_names, dataset.labels, groups, dataset.images.shape[1:])
    if groups is not None:  # other groups are split otherwise
        folder = folder / f"groups-{digest({'groups': np.asarray(groups).tolist()})}"
    plan = Plan(folder, {task.name: task}, schedule, PROTOCOL, names)
    return Runner(plan, {task.dataset: dataset}, groups).filters(task.name, names)


def sample(
    balancer: Balancer, name: str, n: int, random_state: int, filters: Chain | None, originals
) -> Iterator[Made]:
    """`n` images of the class that pass all filters, for which `originals` are all that it has, a round at a time.

    The rounds of filters have seeds of their own, derived from `random_state`. Raises FailedError if the first 1000
    images give none, or 20 times as many as wanted (at least 1000) not enough.
    """
    if filters is None:
        for n_of_round, seed in rounds(n, balancer.image_shape_, random_state):
            yield _made(balancer, name, n_of_round, seed)
        return
    label, originals = filters.parts.train.class_names.index(name), Originals(originals)
    max_images = max(MAX_IN_A_ROUND, MAX_TIMES_WANTED * n)
    in_a_round = min(max(n, MIN_IN_A_ROUND), MAX_IN_A_ROUND, size_of_round(balancer.image_shape_))
    counts, n_kept, n_made, number = dict.fromkeys(filters.names, (0, 0)), 0, 0, 0
    while n_kept < n:
        if n_made >= max_images or (n_made >= MAX_IN_A_ROUND and not n_kept):
            raise FailedError(_refusal(filters, label, counts, n))
        n_of_round = min(in_a_round, max_images - n_made)
        made = _made(balancer, name, n_of_round, round_seed(random_state, number))
        kept, of_round = passing(filters.names, made.images, label, originals, filters.classifier)
        counts = {chosen: tuple(np.add(counts[chosen], of_round[chosen]).tolist()) for chosen in filters.names}
        of_all = made.take(kept[: n - n_kept])
        n_kept, n_made, number = n_kept + len(kept), n_made + n_of_round, number + 1
        yield of_all if n_kept < n else replace(of_all, rates=filters.rates({label: counts}))


def _made(balancer: Balancer, name: str, n: int, random_state: int) -> Made:
    asked = name, n, random_state
    parents = balancer.parents(*asked) if isinstance(balancer, HasParents) else np.full(n, -1)
    styles = balancer.styles(*asked) if isinstance(balancer, HasStyles) else np.empty((n, 0), np.int64)
    return Made(balancer.sample(*asked), parents, styles, {})


def _refusal(filters: Chain, label: int, counts: Counts, n: int) -> str:
    name = filters.parts.train.class_names[label]
    new, real = overall(filters.rates({label: counts}), name)
    return (
        f"{' and '.join(filters.names)} passed {new} of the new images of {name} and {real} of real ones, but {n} are "
        "wanted; train longer, or choose another method, other filters or fewer images"
    )


def overall(rates: dict, name: str) -> tuple[str, str]:
    """How many new and how many real images of the class all filters passed, as "3 of 40 (8 %)"."""
    of_filters = [of_classes[name] for of_classes in rates.values()]
    return in_words(of_filters[-1] | {seen: of_filters[0][seen] for seen in ("n_new", "n_real")})
