"""The CycleGANs: closed forms of their losses, the pool, who learns from what."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing import CycleGAN, WeightedCycleGAN
from class_balancing.models import cyclegan, cycles, weighted_cyclegan
from fits import minimised_and_logged
from small_balancers import balancer

FAMILY = ("cyclegan", "weighted_cyclegan", "wasserstein_cyclegan")
pytestmark = pytest.mark.usefixtures("eagerly")


def constant(value):
    return tf.fill((2, 3, 3, 1), value)


def test_a_discriminator_that_cannot_tell_has_the_loss_of_a_quarter():
    half = constant(0.5)
    assert float(cyclegan.discriminator_loss(half, half, 1.0)) == pytest.approx(0.25)
    assert float(cyclegan.generator_loss(half)) == pytest.approx(0.25)


def test_the_best_constant_with_soft_labels_is_half_the_label():
    values = np.linspace(0, 1, 101)
    found = [float(cyclegan.discriminator_loss(constant(v), constant(v), 0.9)) for v in values]
    assert values[np.argmin(found)] == pytest.approx(0.45)
    assert min(found) == pytest.approx(0.2025)


def test_real_and_fake_scores_have_targets_of_their_own():
    assert float(cyclegan.discriminator_loss(constant(0.9), constant(0.0), 0.9)) == pytest.approx(0.0)
    assert float(cyclegan.discriminator_loss(constant(0.0), constant(1.0), 0.9)) == pytest.approx(0.5 * (0.81 + 1.0))
    assert float(cyclegan.generator_loss(constant(1.0))) == 0.0


def identities():
    image = keras.Input((8, 8, 1))
    network = keras.Model(image, keras.layers.Identity()(image))
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 4, name="features")])
    return dict.fromkeys(("to_target", "to_source"), network) | dict.fromkeys(
        ("source_discriminator", "target_discriminator"), discriminator
    )


def images_of(seed, *shape):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, shape), tf.float32)


def test_networks_that_change_nothing_have_no_cycle_or_identity_loss():
    adam = keras.optimizers.Adam
    weights = {"cycle_weight": 10.0, "identity_weight": 0.5, "augmentation_strength": 0.0}
    model = cycles.CyclesTraining((), identities(), (adam(), adam()), **weights)
    source, target = images_of(0, 2, 8, 8, 1), images_of(1, 2, 8, 8, 1)
    made = model.cycles(source, target)
    assert float(cycles.absolute_distance(source, made.recovered_source)) == 0.0
    assert float(cycles.absolute_distance(target, made.recovered_target)) == 0.0
    assert float(model.identity_loss(source, target)) == 0.0
    np.testing.assert_array_equal(made.fake_target, source)


def test_distances_are_means_over_pixels():
    assert float(cycles.absolute_distance(constant(0.25), constant(-0.5))) == pytest.approx(0.75)


class TestWeightedCycleLoss:
    images, recovered = constant(0.0), constant(0.5)
    features, recovered_features = tf.zeros((2, 2, 2, 4)), tf.fill((2, 2, 2, 4), 3.0)

    def loss(self, realness, gamma):
        arguments = self.images, self.recovered, self.features, self.recovered_features
        return float(weighted_cyclegan.weighted_cycle_loss(tf.constant(realness), *arguments, gamma))

    def test_gamma_goes_from_pixels_to_features(self):
        assert self.loss([1.0, 1.0], 0.0) == pytest.approx(0.5)
        assert self.loss([1.0, 1.0], 1.0) == pytest.approx(3.0)
        assert self.loss([1.0, 1.0], 0.9) == pytest.approx(0.9 * 3.0 + 0.1 * 0.5)

    def test_each_image_has_its_own_weight(self):
        assert self.loss([1.0, 0.0], 0.0) == pytest.approx(0.25)
        assert self.loss([0.0, 0.0], 0.5) == 0.0

    def test_without_its_ingredients_it_is_the_plain_loss(self):
        images, recovered = images_of(0, 3, 8, 8, 1), images_of(1, 3, 8, 8, 1)
        features = tf.zeros((3, 2, 2, 4)), tf.ones((3, 2, 2, 4))
        found = weighted_cyclegan.weighted_cycle_loss(tf.ones(3), images, recovered, *features, 0.0)
        assert float(found) == pytest.approx(float(cycles.absolute_distance(images, recovered)))


def test_realness_is_bounded_and_has_no_gradient():
    scores = tf.constant([-1.0, 0.5, 3.0])[:, None, None, None] * tf.ones((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(scores)
        realness = weighted_cyclegan.bounded_realness(scores, 0.0)
    assert realness.numpy().tolist() == [0.0, 0.5, 1.0]
    assert tape.gradient(realness, scores) is None
    assert weighted_cyclegan.bounded_realness(scores, 1.0).numpy().tolist() == [1.0, 1.0, 1.0]


def test_gamma_and_lambda_go_linearly_over_the_whole_training(few_digits):
    """Gamma never reaches 1; lambda never 0."""
    progress = progress_of_steps(few_digits, n_epochs=6)
    assert progress == pytest.approx(np.linspace(0, 1, 12))
    made = WeightedCycleGAN()
    gammas = [weighted_cyclegan.linear_course(made.gamma_initial, made.gamma_final, p) for p in progress]
    weights = [weighted_cyclegan.linear_course(made.cycle_weight, made.cycle_weight_final, p) for p in progress]
    assert gammas == pytest.approx(np.linspace(0, 0.9, 12))
    assert weights == pytest.approx(np.linspace(10, 5, 12))


def progress_of_steps(few_digits, **arguments):
    made = balancer("weighted_cyclegan", **arguments)
    stages = []

    class Observed(type(made)):
        def _stages(self, images, class_indices):
            stages.extend(super()._stages(images, class_indices))
            return iter(())

    Observed(**made.get_params()).fit(few_digits.images, few_digits.labels)
    (stage,) = stages
    n_steps = stage.n_epochs * stage.steps_per_epoch
    return [float(batch["progress"]) for batch in stage.batches(0).take(n_steps)]


def numbered(first, n):
    return tf.range(first, first + n, dtype=tf.float32)[:, None, None, None]  # (n, 1, 1, 1)


class TestPool:
    never, always = tf.fill((4,), 0.9), tf.zeros(4)
    slots = tf.constant([5, 0, 3, 9])

    def after(self, n_steps, swaps):
        pool, seen = tf.fill((6, 1, 1, 1), -1.0), []
        for step in range(n_steps):
            passed_on, pool = cyclegan.pooled(pool, numbered(4 * step, 4), step, swaps, self.slots)
            seen += passed_on.numpy().ravel().tolist()
        return seen, pool.numpy().ravel().tolist()

    def test_the_first_images_pass_and_fill_the_pool(self):
        for swaps in (self.never, self.always):
            seen, pool = self.after(2, swaps)
            assert seen == list(range(8))
            assert pool == [0, 1, 2, 3, 4, 5]

    def test_then_images_are_swapped_for_older_ones(self):
        seen, pool = self.after(3, self.always)
        assert seen[8:] == [5, 0, 3, 11], "slot 9 does not exist"
        assert pool == [9, 1, 2, 10, 4, 8]

    def test_or_pass(self):
        seen, pool = self.after(3, self.never)
        assert seen == list(range(12))
        assert pool == [0, 1, 2, 3, 4, 5]

    def test_half_of_them(self):
        noise = CycleGAN(n_pooled_images=50)._noise
        draws = [noise(tf.constant([3, step], tf.int64), 40) for step in range(50)]
        swaps = np.concatenate([draw["swaps"] for draw in draws])  # (2000, 2)
        assert abs((swaps < 0.5).mean() - 0.5) < 0.03
        assert abs(np.corrcoef(swaps.T)[0, 1]) < 0.07
        for draw in draws:
            assert [len(set(column)) for column in draw["slots"].numpy().T] == [40, 40]
        counts = np.bincount(np.concatenate([draw["slots"] for draw in draws]).ravel())
        assert len(counts) == 50
        assert counts.min() > 60, "of 80 expected each"


def test_a_pool_smaller_than_a_batch_swaps_no_more_than_it_holds():
    draw = CycleGAN(n_pooled_images=2)._noise(tf.constant([3, 0], tf.int64), 4)
    assert all(sorted(column) == [0, 1, 2, 3] for column in draw["slots"].numpy().T.tolist())


@pytest.fixture
def training(few_digits):
    """Function of a method's name: the training of one small pair and its first batch."""

    def made(name, **changes):
        chosen = balancer(name, **changes)

        class Untrained(type(chosen)):
            def _stages(self, images, class_indices):
                self.stages_seen = list(super()._stages(images, class_indices))
                return iter(())

        fitted = Untrained(**chosen.get_params()).fit(few_digits.images, few_digits.labels)
        (stage,) = fitted.stages_seen
        stage.model.build_optimizers()
        return stage.model, next(iter(stage.batches(0)))

    return made


def test_cyclegans_generators_minimise_the_weighted_sum(training, monkeypatch):
    model, batch = training("cyclegan", identity_weight=0.5)
    minimised, logs = minimised_and_logged(model, batch, monkeypatch)
    found = dict(minimised)  # the last of each optimizer
    expected = logs["L_GAN"] + 10 * (logs["L_cyc"] + 0.5 * logs["L_id"])
    assert found["generators"] == pytest.approx(expected, rel=1e-5)
    assert found["discriminators"] == pytest.approx(logs["L_D_A"] + logs["L_D_B"], rel=1e-5)
    assert min(logs.values()) > 0


def test_wasserstein_cyclegan_minimises_the_weighted_sums_and_the_penalty(training, monkeypatch):
    model, batch = training("wasserstein_cyclegan", identity_weight=0.5)
    minimised, logs = minimised_and_logged(model, batch, monkeypatch)
    found = dict(minimised)  # the last of each optimizer
    expected = 0.1 * logs["L_GAN"] + 10 * (logs["L_cyc"] + 0.5 * logs["L_id"])
    assert found["generators"] == pytest.approx(expected, rel=1e-5)
    expected = logs["L_D_A"] + logs["L_D_B"] + 10 * logs["L_GP"]
    assert found["discriminators"] == pytest.approx(expected, rel=1e-5)
    assert logs["L_GP"] > 0


def test_the_soft_label_is_that_of_both_discriminators(training, monkeypatch):
    asked, loss = [], cyclegan.discriminator_loss
    monkeypatch.setattr(cyclegan, "discriminator_loss", lambda *given: asked.append(given[2]) or loss(*given))
    model, batch = training("cyclegan", real_label=0.7)
    model.train_step(batch)
    assert asked == [0.7, 0.7]


def moved_networks(model, step):
    roles = ("to_target", "to_source", "source_discriminator", "target_discriminator")
    before = {role: getattr(model, role).get_weights() for role in roles}
    step()
    after = {role: getattr(model, role).get_weights() for role in roles}
    return {r for r in roles if any((a != b).any() for a, b in zip(before[r], after[r], strict=True))}


@pytest.mark.parametrize("name", FAMILY)
def test_a_step_of_the_discriminators_leaves_the_generators_alone(name, training, monkeypatch):
    model, batch = training(name)
    minimise = type(model).minimise
    discriminators, generators = {"source_discriminator", "target_discriminator"}, {"to_target", "to_source"}
    for optimizer, networks in (("discriminators", discriminators), ("generators", generators)):
        monkeypatch.setattr(
            model,
            "minimise",
            lambda name, *rest, chosen=optimizer: minimise(model, name, *rest) if name == chosen else None,
        )
        assert moved_networks(model, lambda: model.train_step(batch)) == networks


@pytest.mark.parametrize("name", ["cyclegan", "wasserstein_cyclegan"])
def test_each_discriminator_sees_images_of_its_own_class_and_those_translated_into_it(name, training, monkeypatch):
    model, batch = training(name)
    source, target = batch["source"], batch["target"]
    if name == "wasserstein_cyclegan":
        source, target = source[:, -1], target[:, -1]
    seen = {"source_discriminator": [], "target_discriminator": []}
    for role, images in seen.items():
        network = getattr(model, role)

        def watched(given, training=None, network=network, images=images):
            images.append(np.array(given))
            return network(given, training=training)

        object.__setattr__(model, role, watched)
    monkeypatch.setattr(model, "minimise", lambda *_: None)
    model.train_step(batch)
    for role, real, fake in (
        ("source_discriminator", source, model.to_source(target)),
        ("target_discriminator", target, model.to_target(source)),
    ):
        assert any(np.array_equal(images, real) for images in seen[role])
        assert any(np.allclose(images, fake, atol=1e-5) for images in seen[role])
        other = target if role == "source_discriminator" else source
        assert not any(np.array_equal(images, other) for images in seen[role])


class TestWeightedCycleGANTraining:
    def by_hand(self, model, batch, gamma=0.0, smallest=0.0, changed=lambda images: images):
        """Each D weighs and compares the images of its own class."""
        total, made = 0.0, model.cycles(batch["source"], batch["target"])
        for network, images, recovered in (
            (model.source_discriminator, batch["source"], made.recovered_source),
            (model.target_discriminator, batch["target"], made.recovered_target),
        ):
            with_features = keras.Model(network.input, [network.output, network.get_layer("features").output])
            scores, features = (np.array(found) for found in with_features(changed(images), training=True))
            _, others = (np.array(found) for found in with_features(changed(recovered), training=True))
            of_pixels = np.abs(np.array(recovered) - np.array(images)).mean(axis=(1, 2, 3))
            compared = gamma * np.abs(others - features).mean(axis=(1, 2, 3)) + (1 - gamma) * of_pixels
            total += (scores.mean(axis=(1, 2, 3)).clip(smallest, 1) * compared).mean()
        return float(total), made

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({}, {"gamma": 0.45}),
            ({"gamma_final": 0.0}, {}),
            ({"min_realness": 1.0}, {"gamma": 0.45, "smallest": 1.0}),
            ({"gamma_initial": 0.9}, {"gamma": 0.9}),
        ],
    )
    def test_each_discriminator_weighs_and_compares_its_own_class(self, training, arguments, expected):
        model, batch = training("weighted_cyclegan", **arguments)
        batch = batch | {"progress": tf.constant(0.5)}
        total, made = self.by_hand(model, batch, **expected)
        assert total > 0
        assert float(model.cycle_loss(batch, made)) == pytest.approx(total, rel=1e-4)

    def test_lambda_falls_unless_it_is_told_not_to(self, training):
        model, batch = training("weighted_cyclegan")
        assert float(model.weight_of_cycles(batch | {"progress": tf.constant(0.5)})) == pytest.approx(7.5)
        model, _ = training("weighted_cyclegan", cycle_weight_final=10.0)
        assert float(model.weight_of_cycles(batch | {"progress": tf.constant(0.5)})) == pytest.approx(10.0)

    def test_discriminators_compare_images_as_they_see_them_while_they_learn(self, training):
        model, batch = training("weighted_cyclegan", augmentation_strength=1.0)
        total, made = self.by_hand(model, batch, changed=lambda images: model.seen(images, batch))
        assert float(model.cycle_loss(batch, made)) == pytest.approx(total, rel=1e-4)
        unchanged, _ = self.by_hand(model, batch)
        assert unchanged != pytest.approx(total, rel=1e-2)


@pytest.mark.slow
def test_weighted_cyclegan_with_all_switched_off_is_cyclegan(training):
    plain, batch = training("cyclegan")
    weighted, same_batch = training("weighted_cyclegan", gamma_final=0.0, cycle_weight_final=10.0, min_realness=1.0)
    np.testing.assert_array_equal(batch["source"], same_batch["source"])
    plain.train_step(batch)
    weighted.train_step(batch)
    for role in ("to_target", "source_discriminator"):
        for a, b in zip(getattr(plain, role).get_weights(), getattr(weighted, role).get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    changed, _ = training("weighted_cyclegan")
    later = batch | {"progress": tf.constant(1.0)}
    changed.train_step(later)
    assert (changed.to_target.get_weights()[0] != weighted.to_target.get_weights()[0]).any()


def test_the_rate_is_constant_then_falls_to_zero():
    rates = [float(cycles.LinearDecay(2e-4, 200, 100)(step)) for step in (0, 99, 100, 150, 199, 200, 300)]
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 2e-6, 0.0, 0.0])
    assert float(cycles.LinearDecay(1e-4, 10, 0)(9)) == pytest.approx(1e-4)


def test_generators_and_discriminators_have_rates_of_their_own(training):
    model, _ = training("cyclegan")
    assert float(model.optimizers["generators"].learning_rate) == pytest.approx(2e-4)
    assert float(model.optimizers["discriminators"].learning_rate) == pytest.approx(1e-4)


def test_the_pool_is_part_of_the_state(training):
    model, batch = training("cyclegan")
    assert [tuple(pool.shape) for pool in model.pools] == [(8, 28, 28, 1)] * 2
    assert {id(pool) for pool in model.pools} <= {id(variable) for variable in model.state()}
    model.train_step(batch)
    assert [int((np.array(pool) != 0).any(axis=(1, 2, 3)).sum()) for pool in model.pools] == [5, 5]


def test_identity_loss_is_computed_only_with_a_weight(training):
    without, batch = training("cyclegan")
    assert float(without.train_step(batch)["L_id"]) == 0.0
    with_one, _ = training("cyclegan", identity_weight=0.5)
    assert float(with_one.train_step(batch)["L_id"]) > 0.0
