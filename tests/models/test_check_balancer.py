"""check_balancer passes a sound balancer and finds what is wrong with each broken one."""

import time

import numpy as np
import pytest
from class_balancing import Balancer, HasLatents, HasParents, HasStyles, HasTransform, check_balancer
from class_balancing.models.contract.checks import CHECKS


class Sound(Balancer):
    """Originals with a little noise: takes no time and keeps all rules."""

    def __init__(self, *, sampling_strategy="auto", random_state=0):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def _fit(self, images, class_indices):
        self.images_of_class_ = [images[class_indices == index] for index in range(len(self.classes_))]

    def _sample(self, class_index, n, random_state):
        rng = np.random.default_rng(random_state)
        originals = self.images_of_class_[class_index]
        chosen = originals[rng.integers(len(originals), size=n)]
        return chosen ^ rng.integers(1, 4, chosen.shape, dtype=np.uint8)


class DoesMoreInItsConstructor(Sound):
    def __init__(self, *, sampling_strategy="auto", random_state=0):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.seed = 0


class ConvertsItsParameters(Sound):
    def __init__(self, *, sampling_strategy="auto", random_state=0):
        super().__init__(sampling_strategy=sampling_strategy, random_state=int(random_state))


class ChangesItsParameters(Sound):
    def _fit(self, images, class_indices):
        super()._fit(images, class_indices)
        self.random_state = 5


class ReversesOriginals(Sound):
    def fit_resample(self, images, labels):
        made, made_labels = super().fit_resample(images, labels)
        return np.concatenate([images[::-1], made[len(images) :]]), made_labels


class WritesIntoItsInput(Sound):
    def fit(self, images, labels):
        super().fit(images, labels)
        images[0] = 0
        return self


class AddsOneTooFew(Sound):
    def fit_resample(self, images, labels):
        made, made_labels = super().fit_resample(images, labels)
        return made[:-1], made_labels[:-1]


class GivesFloat64(Sound):
    def fit_resample(self, images, labels):
        made, made_labels = super().fit_resample(images, labels)
        return (made if made.dtype == np.uint8 else made.astype(np.float64)), made_labels


class GivesFloat32(Sound):
    def fit_resample(self, images, labels):
        made, made_labels = super().fit_resample(images, labels)
        return (made if made.dtype == np.uint8 else made.astype(np.float32)), made_labels


class TakesIntegersOnly(Sound):
    def fit(self, images, labels):
        return super().fit(images, np.asarray(labels).astype(int))


class KnowsOneSeed(Sound):
    def _sample(self, class_index, n, random_state):
        return super()._sample(class_index, n, 0)


class KnowsNoSeed(Sound):
    def _sample(self, class_index, n, random_state):
        return super()._sample(class_index, n, None)


class LearnsSomethingElseEachTime(Sound):
    def _fit(self, images, class_indices):
        noise = np.random.default_rng().integers(0, 8, images.shape, dtype=np.uint8)
        super()._fit(images ^ noise, class_indices)


class AlwaysGivesAnImage(Sound):
    def sample(self, label, n, random_state=None):
        return super().sample(label, max(n, 1), random_state)


class Copies(Sound):
    def _sample(self, class_index, n, random_state):
        originals = self.images_of_class_[class_index]
        return originals[np.random.default_rng(random_state).integers(len(originals), size=n)]


class RepeatsOneImage(Sound):
    def sample(self, label, n, random_state=None):
        return super().sample(label, min(n, 1), random_state).repeat(max(n, 1), axis=0)


class IgnoresDictionaries(Sound):
    def fit(self, images, labels):
        super().fit(images, labels)
        if isinstance(self.sampling_strategy, dict):
            self.sampling_strategy_ = dict.fromkeys(self.classes_.tolist(), 1)
        return self


class IgnoresMinority(Sound):
    def fit(self, images, labels):
        super().fit(images, labels)
        if self.sampling_strategy == "minority":
            self.sampling_strategy_ = dict.fromkeys(self.classes_.tolist(), 1)
        return self


class TakesAnyNumbers(Sound):
    def fit(self, images, labels):
        return super().fit(images if images.dtype == np.uint8 else np.clip(images, 0, 1), labels)


class TakesUnknownClasses(Sound):
    def sample(self, label, n, random_state=None):
        if hasattr(self, "classes_") and label not in self.classes_:
            label = self.classes_[0]
        return super().sample(label, n, random_state)


class SamplesUnfitted(Sound):
    def sample(self, label, n, random_state=None):
        return super().sample(label, n, random_state) if hasattr(self, "classes_") else np.zeros((n, 4, 4, 1), np.uint8)


class DrawsFromTheGlobalGenerator(Sound):
    def _sample(self, class_index, n, random_state):
        np.random.random()
        return super()._sample(class_index, n, random_state)


class KeepsStateThatIsNotSaved(Sound):
    def _fit(self, images, class_indices):
        super()._fit(images, class_indices)
        self.noise = 1

    def _sample(self, class_index, n, random_state):
        return super()._sample(class_index, n, random_state + self.noise)


class SavesTheTime(Sound):
    def save(self, path):
        self.saved_ = time.perf_counter()
        super().save(path)


class NamesParentsThatWereNotFitted(Sound, HasParents):
    def parents(self, label, n, random_state=None):
        return np.full(n, 10_000)


class NamesStylesThatWereNotFitted(Sound, HasStyles):
    def styles(self, label, n, random_state=None):
        return np.full((n, 1), 10_000)


class TransformsIntoNothingElse(Sound, HasTransform):
    def _transform(self, images, class_index, random_state):
        return images


class DecodesToFloats(Sound, HasLatents):
    def encode(self, images, label):
        self._class_index(label)
        return images.reshape(len(images), -1).astype(np.float32)

    def decode(self, latent, label):
        self._class_index(label)
        return latent.reshape(-1, *self.image_shape_)


BROKEN = [
    (DoesMoreInItsConstructor, "check_constructor"),
    (ConvertsItsParameters, "check_constructor"),
    (ChangesItsParameters, "check_parameters_after_fit"),
    (ReversesOriginals, "check_originals"),
    (WritesIntoItsInput, "check_input_arrays"),
    (AddsOneTooFew, "check_counts"),
    (GivesFloat64, "check_float32_images"),
    (GivesFloat32, "check_float64_images"),
    (TakesIntegersOnly, "check_string_labels"),
    (KnowsOneSeed, "check_random_state"),
    (KnowsNoSeed, "check_random_state"),
    (LearnsSomethingElseEachTime, "check_refit"),
    (AlwaysGivesAnImage, "check_empty_sample"),
    (Copies, "check_no_copies"),
    (RepeatsOneImage, "check_variety"),
    (IgnoresDictionaries, "check_strategy_dictionary"),
    (IgnoresMinority, "check_strategy_minority"),
    (TakesAnyNumbers, "check_wrong_input"),
    (TakesUnknownClasses, "check_unknown_class"),
    (SamplesUnfitted, "check_unfitted"),
    (DrawsFromTheGlobalGenerator, "check_global_random_state"),
    (KeepsStateThatIsNotSaved, "check_saving"),
    (SavesTheTime, "check_saving"),
    (NamesParentsThatWereNotFitted, "check_parents"),
    (NamesStylesThatWereNotFitted, "check_styles"),
    (TransformsIntoNothingElse, "check_transform"),
    (DecodesToFloats, "check_latents"),
]


@pytest.fixture
def noise():
    """25 images of class 3 and 7 of class 5, (32, 4, 4, 1)."""
    images = np.random.default_rng(0).integers(0, 256, (32, 4, 4, 1), dtype=np.uint8)
    return images, np.array([3] * 25 + [5] * 7)


def test_a_sound_balancer_passes(noise):
    check_balancer(Sound())
    check_balancer(Sound(sampling_strategy={"cat": 3}, random_state=None), *noise)


@pytest.mark.parametrize(("broken", "check"), BROKEN)
def test_a_broken_balancer_fails_the_check_that_it_breaks(broken, check, noise):
    with pytest.raises(AssertionError, match=rf"^{broken.__name__} breaks rules:[\s\S]*\n- {check}: "):
        check_balancer(broken(), *noise)


def test_every_check_finds_something():
    assert {check for _, check in BROKEN} == {check.__name__ for check in CHECKS}


def test_expected_failures_may_fail_and_must(noise):
    check_balancer(Copies(), *noise, expected_failures={"check_no_copies": "copying is what it does"})
    with pytest.raises(AssertionError, match="check_no_copies: holds, though expected to fail because of nothing"):
        check_balancer(Sound(), *noise, expected_failures={"check_no_copies": "of nothing"})
    with pytest.raises(ValueError, match="no check is called check_copies"):
        check_balancer(Sound(), *noise, expected_failures={"check_copies": "of a slip"})


def test_all_broken_rules_are_named_at_once(noise):
    with pytest.raises(AssertionError) as raised:
        check_balancer(KnowsNoSeed(), *noise)
    assert {"- check_random_state", "- check_refit", "- check_saving"} <= {
        line.split(":")[0] for line in str(raised.value).splitlines()
    }


def test_data_that_cannot_tell_are_refused(noise):
    images, labels = noise
    with pytest.raises(ValueError, match="needs uint8 images and integer labels, got float64, int64"):
        check_balancer(Sound(), images / 255, labels)
    with pytest.raises(ValueError, match="a class with at least two images fewer"):
        check_balancer(Sound(), images[:10], np.arange(10) % 2)


class CopiesIfAsked(Copies):
    def __init__(self, *, copies=True, sampling_strategy="auto", random_state=0):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.copies = copies

    def _sample(self, class_index, n, random_state):
        images = super()._sample(class_index, n, random_state)
        return images if self.copies else images ^ 1


def test_parameters_that_changed_since_are_checked(noise):
    made = CopiesIfAsked()
    with pytest.raises(AssertionError, match="check_no_copies"):
        check_balancer(made, *noise)
    made.set_params(copies=False)
    check_balancer(made, *noise)
