"""Translation, what the CycleGANs share: their pairs and batches, resuming, new images and their parents."""

import numpy as np
import pandas as pd
import pytest
from class_balancing import CycleGAN, WassersteinCycleGAN, WeightedCycleGAN
from class_balancing.models.intensities import is_plain, standardised
from class_balancing.models.training import callbacks
from PIL import Image
from small_balancers import balancer

pytestmark = pytest.mark.usefixtures("eagerly")


def test_batches_hold_both_classes_and_an_epoch_is_counted_by_the_smaller(few_digits):
    """30 images of class 0 and 10 of class 4 in batches of 5: after two steps all of the smaller class were shown."""
    made = balancer("cyclegan", n_epochs=0, shift_fraction=0.0).fit(few_digits.images, few_digits.labels)
    steps, batches = made._batches(few_digits.images[few_digits.labels == 4], 5, 1, 2, 3)
    assert steps == 2
    found = list(batches(0).take(6))
    for name, label, n_steps in (("source", 0, 6), ("target", 4, 2)):
        shown = np.concatenate([batch[name] for batch in found[:n_steps]])
        originals = standardised(few_digits.images[few_digits.labels == label] / np.float32(127.5) - 1)[0]
        np.testing.assert_allclose(in_order(shown), in_order(np.array(originals)), atol=1e-5)
    later = next(iter(batches(4)))
    np.testing.assert_array_equal(later["source"], found[4]["source"])
    np.testing.assert_array_equal(later["target"], found[4]["target"])


def in_order(images):
    """Images sorted by a number that is different for each of them."""
    weights = np.random.default_rng(0).random(images[0].size)
    return images[np.argsort(images.reshape(len(images), -1) @ weights)]


def test_networks_see_images_without_brightness_and_contrast():
    image = np.array([[[[0.0], [0.25]], [[0.5], [0.25]]]], np.float32)
    for brightness, contrast in ((0.0, 1.0), (-0.5, 0.5), (0.25, 2.0)):
        shown, means, deviations = standardised(brightness + contrast * image)
        assert np.ravel(shown).tolist() == [-1.0, 0.0, 1.0, 0.0]
        assert (np.ravel(means), np.ravel(deviations)) == (brightness + contrast * 0.25, contrast * 0.25)
    plain, means, _ = standardised(np.full((1, 4, 4, 3), 0.5, np.float32))
    assert np.ravel(means) == 0.5
    assert not np.any(plain)


def test_images_of_one_colour_are_plain():
    images = np.full((4, 6, 5, 3), 7, np.uint8)
    images[1] = 7, 200, 90
    images[2, 3, 4, 1] = 8
    images[3] = np.random.default_rng(0).integers(0, 256, (6, 5, 3))
    assert is_plain(images).tolist() == [True, True, False, False]


def test_plain_images_take_no_part(few_digits):
    """Gradients at them are infinite after a few normalisations."""
    images = few_digits.images.copy()
    images[np.flatnonzero(few_digits.labels == 0)[:20]] = 7
    images[np.flatnonzero(few_digits.labels == 4)[:5]] = 0
    made = balancer("cyclegan").fit(images, few_digits.labels)
    assert len(made.source_images_) == 10
    assert (images[made.parents(4, 30)] != 7).any(axis=(1, 2, 3)).all()
    assert made.history_["epoch"].tolist() == [1, 2]
    images[few_digits.labels == 4] = 0
    with pytest.raises(ValueError, match="all images of class 4 are plain"):
        balancer("cyclegan").fit(images, few_digits.labels)


def test_an_epoch_may_end_early(few_digits):
    made = balancer("cyclegan", n_epochs=1, min_steps=4, max_steps_per_epoch=1).fit(
        few_digits.images, few_digits.labels
    )
    assert made.history_["epoch"].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="max_steps_per_epoch must be None or at least 1, got 0"):
        balancer("cyclegan", max_steps_per_epoch=0).fit(few_digits.images, few_digits.labels)


def test_critics_get_other_images_for_each_of_their_steps(few_digits):
    made = balancer("wasserstein_cyclegan", n_epochs=0, n_critic_steps=3, shift_fraction=0.0)
    made.fit(few_digits.images, few_digits.labels)
    plain = balancer("cyclegan", n_epochs=0, shift_fraction=0.0).fit(few_digits.images, few_digits.labels)
    fours = few_digits.images[few_digits.labels == 4]
    steps, grouped = made._batches(fours, 5, 1, 2, 3)
    _, single = plain._batches(fours, 5, 1, 2, 3)
    assert steps == 2
    (batch,), parts = grouped(2).take(1), list(single(6).take(3))
    assert batch["step"] == 2
    assert batch["source"].shape == (5, 3, 28, 28, 1)
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(batch["source"][:, index], part["source"])
        np.testing.assert_array_equal(batch["target"][:, index], part["target"])


@pytest.fixture(scope="module")
def fitted(few_digits):
    return balancer("cyclegan", n_epochs=0).fit(few_digits.images, few_digits.labels)


def test_new_images_are_translations_of_the_source_class_used_equally_often(fitted, few_digits):
    parents = fitted.parents(4, 70, random_state=5)
    assert (few_digits.labels[parents] == 0).all(), "the first of the three largest classes"
    counts = np.bincount(parents, minlength=len(few_digits.labels))[few_digits.labels == 0]
    assert sorted(counts) == [2] * 20 + [3] * 10
    images = fitted.sample(4, 70, random_state=5)
    alike = (images == fitted.translate(few_digits.images[parents], 4)).all(axis=(1, 2, 3))
    assert 0 < alike.sum() < 35, "each is moved, some of them by nothing"
    assert len({image.tobytes() for image in images}) > 60
    both = np.concatenate([fitted.sample(4, 30, random_state=seed) for seed in (7, 8)])
    assert len({image.tobytes() for image in both}) > 50, "the same faces, in two rounds"
    assert (fitted.parents(4, 70, random_state=6) != parents).any()


def test_recovered_images_come_from_the_other_generator(fitted, few_digits):
    fours = few_digits.images[few_digits.labels == 4]
    inputs, means, deviations = standardised(fours / np.float32(127.5) - 1)
    expected = np.clip(means + deviations * fitted.pairs_[3]["to_source"](inputs), -1, 1)
    found = fitted.recover(fours, 4)
    assert (found.shape, found.dtype) == (fours.shape, np.uint8)
    assert np.abs(found / 127.5 - 1.0 - expected).max() < 1 / 127.5


def test_classes_without_a_generator_are_refused(fitted, few_digits):
    for use in (fitted.sample, fitted.parents):
        with pytest.raises(ValueError, match="class 0 gets no new images, since images are translated from it"):
            use(0, 1)
        with pytest.raises(ValueError, match="class 1 has no generator, since sampling_strategy adds no images to it"):
            use(1, 1)
    for use in (fitted.translate, fitted.recover):
        with pytest.raises(ValueError, match="class 1 has no generator"):
            use(few_digits.images[:1], 1)
        with pytest.raises(ValueError, match="class 7 was not among the fitted classes"):
            use(few_digits.images[:1], 7)
    assert fitted.sample(0, 0).shape == (0, 28, 28, 1)


def test_the_source_class_is_chosen_and_every_wanted_class_has_a_pair(few_digits):
    made = balancer("cyclegan", n_epochs=0, source_class=4, sampling_strategy={0: 31, 2: 33})
    made.fit(few_digits.images, few_digits.labels)
    assert set(made.pairs_) == {0, 2}
    assert (few_digits.labels[made.parents(2, 5)] == 4).all()
    words = np.array([f"number {label}" for label in few_digits.labels])
    made = balancer("cyclegan", n_epochs=0, source_class="number 2").fit(few_digits.images, words)
    assert (words[made.parents("number 4", 5)] == "number 2").all()


def test_a_source_class_that_cannot_be_one_is_refused(few_digits):
    with pytest.raises(ValueError, match=r"source_class 3 is not among the classes \[0, 1, 2, 4\]"):
        balancer("cyclegan", source_class=3).fit(few_digits.images, few_digits.labels)
    message = "images are translated from class {}, so none can be added to it: leave it out of sampling_strategy"
    with pytest.raises(ValueError, match=message.format(4)):
        balancer("cyclegan", source_class=4).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match=message.format(0)):
        balancer("cyclegan", sampling_strategy={0: 31}).fit(few_digits.images, few_digits.labels)


def test_balanced_classes_need_no_training(few_digits):
    three = few_digits.labels < 4
    made = balancer("cyclegan").fit(few_digits.images[three], few_digits.labels[three])
    assert made.pairs_ == {}
    assert len(made.history_) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_steps", -1), ("n_blocks", 0.5), ("n_generator_filters", 0), ("n_pooled_images", -1), ("n_epochs", -1)],
)
def test_numbers_that_are_none_are_refused(name, value, few_digits):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least"):
        balancer("cyclegan", **{name: value}).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="shift_fraction must lie between 0 and 1"):
        balancer("cyclegan", shift_fraction=1.5).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="real_label must lie above 0 and at most be 1, got 9"):
        balancer("cyclegan", real_label=9).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="gamma_final must lie between 0 and 1"):
        balancer("weighted_cyclegan", gamma_final=2.0).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="n_critic_steps must be a whole number of at least 1"):
        balancer("wasserstein_cyclegan", n_critic_steps=0).fit(few_digits.images, few_digits.labels)


@pytest.mark.slow
def test_a_run_of_two_pairs_that_was_killed_twice_continues_to_the_same_weights(few_digits, tmp_path, monkeypatch):
    """In the third epoch of each pair, with full pools; an epoch is a step."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE_OF_TIME", 1e9)
    few = few_digits.take(np.flatnonzero((few_digits.labels != 2) | (np.arange(100) % 3 == 0)))

    def fit(**changes):
        made = balancer("weighted_cyclegan", n_epochs=4, batch_size=10, sampling_strategy={2: 30, 4: 30}, **changes)
        return made.fit(few.images, few.labels)

    class Killed(BaseException):
        pass

    on_epoch_begin = callbacks.History.on_epoch_begin

    def kill(stage):
        def stop(self, epoch, logs=None):
            on_epoch_begin(self, epoch, logs)
            if epoch == 2 and self.path.parent.name == stage:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(callbacks.History, "on_epoch_begin", stop)
            with pytest.raises(Killed):
                fit(folder=tmp_path)

    straight = fit()
    assert straight.history_["stage"].tolist() == ["2-2"] * 4 + ["3-4"] * 4
    kill("2-2")
    kill("3-4")
    resumed = fit(folder=tmp_path)
    for class_index in (2, 3):
        for role, network in straight.pairs_[class_index].items():
            for a, b in zip(network.get_weights(), resumed.pairs_[class_index][role].get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    duration = {"columns": "seconds"}
    pd.testing.assert_frame_equal(
        resumed.history_.drop(**duration), straight.history_.drop(**duration), check_exact=True
    )


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_a_pair_does_not_depend_on_which_other_pairs_there_are(few_digits):
    both, one = (
        balancer("cyclegan", n_epochs=1, max_steps_per_epoch=1, sampling_strategy=wanted).fit(
            few_digits.images, few_digits.labels
        )
        for wanted in ({2: 31, 4: 12}, {4: 12})
    )
    np.testing.assert_array_equal(both.sample(4, 5), one.sample(4, 5))
    first, second = (pair["to_target"].get_weights()[0] for pair in both.pairs_.values())
    assert (first != second).any()


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_rates_depend_on_the_number_of_epochs_and_so_do_folders(few_digits, tmp_path):
    balancer("cyclegan", n_epochs=1, folder=tmp_path).fit(few_digits.images, few_digits.labels)
    with pytest.raises(ValueError, match="other arguments or images"):
        balancer("cyclegan", n_epochs=2, folder=tmp_path).fit(few_digits.images, few_digits.labels)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_small_classes_take_enough_steps(few_digits):
    made = balancer("cyclegan", n_epochs=1, min_steps=5).fit(few_digits.images, few_digits.labels)
    assert made.history_["epoch"].tolist() == [1, 2, 3], "of two steps each"


def test_the_thesis_schedule_has_the_authors_sizes():
    for method in (CycleGAN, WeightedCycleGAN, WassersteinCycleGAN):
        made = method(**method.arguments("thesis", 28_709, flip=True))
        builders = made.networks((48, 48, 1), 7)
        assert builders["generator"]().count_params() == 7_825_153
        assert builders["discriminator"]().count_params() == 2_762_689
        assert (made.n_epochs, made.decay_fraction, made.batch_size) == (200, 0.5, 1)
        small = method().networks((48, 48, 1), 7)
        assert small["generator"]().count_params() == 1_368_449
        assert small["discriminator"]().count_params() == 166_625


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_pictures_show_what_a_generator_makes_meanwhile(few_digits, tmp_path):
    made = balancer("cyclegan", n_epochs=9, max_steps_per_epoch=1, folder=tmp_path)
    made.fit(few_digits.images, few_digits.labels)
    files = sorted(tmp_path.rglob("made-*.png"))
    assert [file.stem for file in files] == [f"made-{epoch:06d}" for epoch in (2, 3, 4, 6, 8, 9)]
    with Image.open(files[-1]) as picture:
        last = np.stack(np.split(np.asarray(picture), picture.width // 28, axis=1))[..., None]
    np.testing.assert_array_equal(last, made.translate(made.source_images_[:12], 4))
