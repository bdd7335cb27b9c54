"""Flow matching: its equations at their known values, its networks, and both spaces."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from class_balancing import FlowMatching, LatentFlow
from class_balancing.datasets import digits
from class_balancing.datasets.pixels import to_network
from class_balancing.models import flows, latent_flow
from class_balancing.models.layers import UnitVariance
from class_balancing.models.movements import moved
from class_balancing.models.networks import flows as networks
from small_balancers import balancer

MEAN, DEVIATION = 1.0, 0.5


def exact_velocity(x, t, mean=MEAN, deviation=DEVIATION):
    """Of data N(mean, deviation^2)."""
    variance = (1 - t) ** 2 + (t * deviation) ** 2
    return mean + (t * deviation**2 - (1 - t)) / variance * (x - t * mean)


@pytest.mark.parametrize(("n_steps", "expected"), [(8, 1.49978), (10, 1.49989), (20, 1.49998)])
def test_the_midpoint_rule_takes_noise_to_the_data_of_the_exact_gaussian_case(n_steps, expected):
    assert flows.integrated(exact_velocity, np.ones(1), n_steps) == pytest.approx(expected, abs=1e-5)
    noise = np.random.default_rng(0).standard_normal(1000)
    np.testing.assert_allclose(flows.integrated(exact_velocity, noise, 50), MEAN + DEVIATION * noise, atol=1e-4)


def test_the_path_is_straight_and_its_velocity_is_what_the_loss_wants():
    noise, data = tf.constant([[1.0, 2.0]]), tf.constant([[3.0, -2.0]])
    np.testing.assert_allclose(flows.on_path(noise, data, tf.constant([[0.25]])), [[1.5, 1.0]])
    assert float(flows.flow_loss(data - noise, noise, data)) == 0.0
    assert float(flows.flow_loss(tf.zeros_like(data), noise, data)) == (2.0**2 + 4.0**2) / 2


def test_without_training_the_loss_is_that_of_normal_data():
    """1 / ((1 - t)^2 + t^2): what x_t leaves open about x_1 - x_0. At t = 1/2, where x_t says nothing, it is 1 + 1."""
    noise, data = (tf.random.stateless_normal((500, 8, 8, 1), (seed, 0)) for seed in (0, 1))
    network = networks.unet((8, 8, 1), 3, (4, 8))
    for t, expected in ((0.5, 2.0), (0.25, 1.6), (1.0, 1.0)):
        velocities = network([flows.on_path(noise, data, t), tf.fill((500, 1), t), tf.zeros((500, 3))])
        assert float(flows.flow_loss(velocities, noise, data)) == pytest.approx(expected, abs=0.05)
    assert float(flows.flow_loss(tf.zeros_like(data), noise, data)) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_an_untrained_network_has_the_exact_velocity_of_gaussian_data(t):
    """Each feature has a deviation of its own; what a network adds is of the size of what is not known."""
    deviations = np.array([0.01, 0.5, 1.0, 3.0], np.float32)
    for network in (networks.dense(4, 2, 16, 1), networks.unet((2, 4, 4), 2, (4, 8))):
        networks.set_deviations(network, deviations)
        shape = (3, *network.input_shape[0][1:])
        shaped = tf.random.stateless_normal(shape, (0, 0))
        velocity = network([shaped, tf.fill((3, 1), t), tf.one_hot([0, 1, 1], 2)])
        np.testing.assert_allclose(velocity, exact_velocity(shaped.numpy(), t, 0, deviations), rtol=1e-4, atol=1e-5)


def test_features_reach_the_network_with_variance_one():
    layer = UnitVariance()
    noise, data = (np.random.default_rng(seed).standard_normal((5000, 2)).astype(np.float32) for seed in (0, 1))
    for t in (0.0, 0.6, 1.0):
        x = tf.constant((1 - t) * noise + t * data * np.array([0.2, 4.0], np.float32))
        layer([x, tf.fill((5000, 1), t)])
        layer.deviations.assign([0.2, 4.0])
        np.testing.assert_allclose(np.std(layer([x, tf.fill((5000, 1), t)]), axis=0), 1.0, atol=0.05)


def test_guidance_of_one_is_the_velocity_of_the_class_and_more_goes_beyond_it():
    of_class, of_all = np.array([2.0, 1.0]), np.array([1.0, 1.0])
    np.testing.assert_array_equal(flows.guided(of_class, of_all, 1.0), of_class)
    np.testing.assert_array_equal(flows.guided(of_class, of_all, 0.0), of_all)
    np.testing.assert_array_equal(flows.guided(of_class, of_all, 1.5), [2.5, 1.0])


@pytest.mark.parametrize(("guidance", "n_asked"), [(1.0, 3), (1.5, 6)])
def test_without_guidance_nothing_is_asked_without_the_class(guidance, n_asked, monkeypatch):
    asked = []

    def noting(network, *inputs):
        asked.append([len(part) for part in inputs])
        told = [[0, 1]] * 3  # of class 1, then of none
        np.testing.assert_array_equal(inputs[2], told if guidance == 1 else told + [[0, 0]] * 3)
        return inputs[2].sum(axis=1, keepdims=True)

    monkeypatch.setattr(flows, "predict_arrays", noting)
    fitted = FlowMatching(guidance=guidance, n_sampling_steps=1)
    fitted.classes_, fitted.average_velocity_ = np.arange(2), None
    moved = fitted._moved_to_data(np.zeros((3, 1), np.float32), 1)
    assert asked == [[n_asked] * 3] * 2
    np.testing.assert_allclose(moved, guidance)


def test_networks_are_told_the_classes_of_their_images():
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    images = np.uint8(80 * labels[:, None, None, None] + np.random.default_rng(0).integers(0, 40, (60, 12, 12, 1)))
    fitted = FlowMatching(n_epochs=0, widths=(4,), label_dropout=0.0, guidance=1.0, batch_size=24).fit(images, labels)
    (stage,) = fitted._stages(images, labels)
    for batch in stage.batches(0).take(3):
        seen = (fitted._from_space(batch["data"].numpy(), 0).mean(axis=(1, 2, 3)) + 1) * 127.5
        np.testing.assert_array_equal(batch["conditions"], np.eye(3)[(seen // 80).astype(int)])
        assert set((seen // 80).astype(int)) == {0, 1, 2}


@pytest.mark.parametrize("shape", [(14, 14, 4), (16, 16, 12), (5, 9, 3), (1, 2, 7)], ids=str)
def test_velocities_have_the_shape_of_what_is_moved(shape):
    for widths in ((4,), (4, 8), (4, 8, 8)):
        network = networks.unet(shape, 2, widths)
        velocity = network([tf.ones((2, *shape)), tf.zeros((2, 1)), tf.one_hot([0, 1], 2)])
        np.testing.assert_array_equal(velocity, np.full((2, *shape), -1.0))


def test_patches_are_larger_in_larger_images():
    sides = (8, 17, 28, 32, 48, 64)
    assert [networks.usual_patch_pixels((side, side, 1)) for side in sides] == [1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize(("shape", "expected"), [((28, 28, 1), (14, 14, 4)), ((45, 50, 3), (15, 17, 27))], ids=str)
def test_of_patches_nothing_is_lost_and_their_components_are_known(shape, expected):
    images = np.random.default_rng(0).integers(0, 256, (200, *shape), np.uint8) // 4 * 2 + 50
    images[:, ::2] //= 2
    fitted = FlowMatching()
    fitted.seed_, fitted.image_shape_ = 0, shape
    assert fitted._learn_space(images, np.arange(200) % 2) == fitted._space_shape(shape) == expected
    values = images / np.float32(127.5) - 1
    x = fitted._to_space(values, np.zeros(200, int)).numpy()
    covariance = np.cov(x.reshape(-1, expected[2]).T)
    np.testing.assert_allclose(covariance, np.diag(fitted.deviations_**2), atol=0.02)
    assert np.trace(covariance) / expected[2] == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(fitted._from_space(x, 0), values, atol=1e-4)


def test_time_and_class_change_what_a_trained_network_says():
    network = networks.dense(5, 2, 16, 2)
    for weight in network.weights:  # modulations and the last layer start at zero
        weight.assign(tf.random.stateless_normal(weight.shape, (1, 2)))
    x = tf.ones((1, 5))
    said = [network([x, tf.constant([[t]]), tf.one_hot([label], 2)]) for t, label in ((0.1, 0), (0.9, 0), (0.1, 1))]
    assert all(np.abs(said[0] - other).max() > 1e-3 for other in said[1:])


@pytest.mark.slow
def test_a_trained_flow_makes_the_data_that_it_learned():
    """One number an image: two classes around -.5 and +.5 with deviation .1."""
    rng, n = np.random.default_rng(0), 200
    network, average = (networks.dense(1, 2, 32, 2) for _ in range(2))
    model = flows.FlowTraining(network, 1e-2)
    model.keep_average(network, average, 0.99)
    model.compile(optimizer=None)
    model.build_optimizers()
    step = tf.function(model.train_step)
    for _ in range(n):
        labels = rng.integers(0, 2, 256)
        batch = {
            "noise": rng.standard_normal((256, 1)),
            "data": (labels - 0.5 + 0.1 * rng.standard_normal(256))[:, None],
            "times": rng.random((256, 1)),
            "conditions": np.eye(2)[labels],
        }
        step({name: tf.constant(values, tf.float32) for name, values in batch.items()})
    for label, mean in ((0, -0.5), (1, 0.5)):
        condition = tf.one_hot(np.full(500, label), 2)
        noise = rng.standard_normal((500, 1)).astype(np.float32)

        def velocity(x, t, condition=condition):
            return average([tf.constant(x), tf.fill((500, 1), t), condition]).numpy()

        made = flows.integrated(velocity, noise, 20)
        assert made.mean() == pytest.approx(mean, abs=0.1)
        assert made.std() == pytest.approx(0.1, abs=0.1)


def test_the_rate_grows_to_its_whole_and_stays():
    rate = flows.WarmUp(0.001, 200)
    assert [float(rate(step)) for step in (0, 99, 199, 5000)] == pytest.approx([5e-6, 5e-4, 1e-3, 1e-3])


def test_components_hold_the_images_and_each_class_is_standard_normal(few_digits, monkeypatch):
    monkeypatch.setattr(latent_flow, "N_MOVED", 1)
    fitted = LatentFlow(n_components=9, shift_fraction=0.0)
    fitted.seed_, fitted.image_shape_, fitted.classes_ = 0, (28, 28, 1), np.arange(4)
    labels = np.unique(few_digits.labels, return_inverse=True)[1]
    assert fitted._learn_space(few_digits.images, labels) == (9,)
    values = few_digits.images / np.float32(127.5) - 1
    x = fitted._to_space(values, labels).numpy()
    for index in range(4):
        np.testing.assert_allclose(x[labels == index].mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(np.cov(x[labels == index].T), np.eye(9), atol=1e-2)
    expected = fitted._from_components(fitted._to_components(values.reshape(100, -1)).numpy())
    for index in range(4):
        found = fitted._from_space(x[labels == index], index).reshape(-1, 784)
        np.testing.assert_allclose(found, expected[labels == index], atol=1e-3)


def test_a_small_class_counts_as_much_for_the_components_as_a_large_one():
    """Two classes vary in two different pixels; the rare class's must not be lost."""
    rng, labels = np.random.default_rng(0), np.array([0] * 190 + [1] * 10)
    images = np.full((200, 4, 4, 1), 100, np.uint8)
    images[:190, 0, 0, 0] = rng.integers(0, 200, 190)
    images[190:, 3, 3, 0] = np.linspace(0, 200, 10)
    fitted = LatentFlow(n_components=2)
    fitted.seed_, fitted.image_shape_, fitted.classes_ = 0, (4, 4, 1), np.arange(2)
    fitted._learn_space(images, labels)
    values = (images / np.float32(127.5) - 1).reshape(200, -1)
    found = fitted._from_components(fitted._to_components(values).numpy())
    np.testing.assert_allclose(found, values, atol=0.15)


def test_of_many_images_a_small_class_is_analysed_whole(monkeypatch):
    monkeypatch.setattr(latent_flow, "_n_analysed", lambda n_values: 20)
    monkeypatch.setattr(latent_flow, "N_MOVED", 1)
    labels = np.repeat([0, 1], [200, 6])
    images = np.random.default_rng(0).integers(0, 256, (206, 4, 4, 1)).astype(np.uint8)
    fitted = LatentFlow(n_components=3)
    fitted.seed_, fitted.image_shape_, fitted.classes_ = 0, (4, 4, 1), np.arange(2)
    assert np.bincount(labels[fitted._analysed(labels, 16)]).tolist() == [10, 6]
    fitted._learn_space(images, labels)
    components = fitted._to_components((images[200:] / np.float32(127.5) - 1).reshape(6, -1)).numpy()
    np.testing.assert_allclose(fitted.class_means_[1], components.mean(axis=0), atol=1e-5)


def test_moved_images_lie_where_the_space_was_learned():
    """Directions in which images hardly vary must not become the largest in those that training sees."""
    data = digits.load()
    fitted = LatentFlow(n_epochs=0, shift_fraction=0.1, horizontal_flip=True).fit(data.images, data.labels)
    uniform = np.random.default_rng(1).random((len(data.labels), 3), np.float32)
    x = fitted._to_space(to_network(moved(data.images, uniform, 0.1, True)), data.labels).numpy()
    squares = np.square(x)
    assert max(squares[data.labels == label].mean() for label in range(10)) < 1.5
    assert max(squares[data.labels == label].mean(axis=0).max() for label in range(10)) < 5


def test_directions_that_no_class_varies_in_have_no_deviation():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 60)
    images = np.full((120, 8, 8, 1), 100, np.uint8)
    images[:, 0] = rng.integers(0, 256, (120, 8, 1))  # eight directions, and in the rest next to none
    images[:, 7] += rng.integers(0, 2, (120, 8, 1), np.uint8)
    fitted = LatentFlow(n_epochs=0, n_components=16, shift_fraction=0.0).fit(images, labels)
    assert (fitted.deviations_ == 1).sum() == 8
    x = fitted._to_space(to_network(images), labels).numpy()
    spread = x.std(axis=0)
    np.testing.assert_allclose(spread[fitted.deviations_ == 1], 1, atol=0.1)
    assert spread[fitted.deviations_ < 1].max() < 1e-6


def test_the_memory_of_what_is_analysed_is_foreseen():
    held = [LatentFlow().n_bytes_held(n, 10, (64, 64, 3)) for n in (100, 10_000, 1_000_000)]
    assert held[0] < held[1] == held[2] == 4 * 5 * 2500 * 64 * 64 * 3
    assert LatentFlow().n_bytes_held(100_000, 10, (256, 256, 3)) == 4 * 5 * 500 * 256 * 256 * 3


def test_without_training_latent_flow_draws_from_each_classs_gaussian(few_digits):
    made = balancer("latent_flow", n_epochs=0, n_components=9, n_sampling_steps=5)
    fitted = made.fit(few_digits.images, few_digits.labels)
    new = fitted.sample(1, 400).astype(float)
    ones = few_digits.images[few_digits.labels == 1]
    assert np.abs(new.mean(axis=0) - ones.mean(axis=0)).mean() < 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_dropout": 1.5}, "label_dropout must lie between 0 and 1"),
        ({"guidance": -1.0}, "guidance must be a number of at least 0"),
        ({"guidance": 1.5}, r"guidance 1\.5 needs a label_dropout above 0; without, it must be 1"),
        ({"guidance": 1.5, "label_dropout": 0.1}, "no velocity to guide from, so guidance must be 1"),
        ({"ema_momentum": 1.0}, "ema_momentum must lie in"),
        ({"n_sampling_steps": 0}, "n_sampling_steps must be a whole number of at least 1"),
    ],
)
def test_senseless_arguments_are_refused(few_digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        balancer("latent_flow", **arguments).fit(few_digits.images, few_digits.labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": ()}, r"widths must be whole numbers of at least 1, got \(\)"),
        ({"widths": 64}, "widths must be whole numbers of at least 1, got 64"),
        ({"widths": (64.5, 128)}, r"widths must be whole numbers of at least 1, got \(64\.5, 128\)"),
        ({"widths": ("a",)}, "widths must be whole numbers of at least 1"),
        ({"patch_pixels": 0}, "patch_pixels must be None or at least 1, got 0"),
        ({"patch_pixels": 2.5}, r"patch_pixels must be None or at least 1, got 2\.5"),
        ({"learning_rate": -1.0}, r"learning_rate must be above 0, got -1\.0"),
        ({"patch_pixels": 29}, r"patch_pixels is 29, but images have \(28, 28\) pixels"),
    ],
)
def test_senseless_networks_and_patches_are_refused(few_digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        balancer("flow_matching", **arguments).fit(few_digits.images, few_digits.labels)


def test_small_images_are_not_cut_into_patches(few_digits):
    images = few_digits.images[:, 6:22, 6:22]
    fitted = balancer("flow_matching", n_epochs=1).fit(images, few_digits.labels)
    assert fitted.space_shape_ == (16, 16, 1)
    made = fitted.sample(1, 3)
    assert (made.shape, made.dtype) == ((3, 16, 16, 1), np.uint8)


def test_a_class_needs_two_images(few_digits):
    labels = few_digits.labels.copy()
    labels[0] = 7
    with pytest.raises(ValueError, match="class 7 has one image; LatentFlow needs at least two"):
        balancer("latent_flow").fit(few_digits.images, labels)


def test_averages_follow_the_weights_after_each_update():
    network, average = (keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2))
    model = flows.FlowTraining(network, 1e-3)
    model.keep_average(network, average, 0.5)
    np.testing.assert_array_equal(average.get_weights()[0], network.get_weights()[0])
    before = network.get_weights()[0]
    network.layers[0].kernel.assign(before + 1.0)
    kept = model.averages[0]
    kept.update(1)  # (1 + 1) / (10 + 1) is less than the momentum
    np.testing.assert_allclose(average.get_weights()[0], before + 1.0 - 2 / 11, rtol=1e-5)
    kept.update(1000)
    np.testing.assert_allclose(average.get_weights()[0], before + 1.0 - 2 / 11 / 2, rtol=1e-5)


@pytest.mark.parametrize("label_dropout", [0.3, 0.0])
def test_times_are_logistic_normal_and_a_share_of_images_is_not_told_its_class(label_dropout, few_digits):
    made = balancer("flow_matching", n_epochs=0, label_dropout=label_dropout, guidance=1.0)
    made.fit(few_digits.images, few_digits.labels)
    (stage,) = made._stages(few_digits.images, np.unique(few_digits.labels, return_inverse=True)[1])
    batches = list(stage.batches(0).take(60))
    told, times = (np.concatenate([batch[name] for batch in batches]) for name in ("conditions", "times"))
    n = len(told)
    assert told.sum(axis=1).mean() == pytest.approx(1 - label_dropout, abs=3 * np.sqrt(0.25 / n) * (label_dropout > 0))
    of_normal = np.log(times / (1 - times))
    assert of_normal.mean() == pytest.approx(0.0, abs=4 / np.sqrt(n))
    assert of_normal.std() == pytest.approx(1.0, abs=4 / np.sqrt(n))
