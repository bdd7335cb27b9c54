"""DeepSMOTE: what its three penalties teach whom, what a step is given, and where new codes lie."""

import numpy as np
import pytest
import tensorflow as tf
from class_balancing import DeepSMOTE
from class_balancing.models import deep_smote, interpolation
from class_balancing.models.networks import autoencoders as networks
from class_balancing.models.training.fit import seeded
from small_balancers import balancer


def training(penalty):
    """The model of one step with small networks, not stepped yet."""
    with seeded(0):
        encoder = networks.convolutional_encoder((12, 12, 1), 5, 4)
        decoder = networks.convolutional_decoder((12, 12, 1), 5, 4)
    model = deep_smote.DeepSMOTETraining(encoder, decoder, 1e-3, penalty, 0.5)
    model.build_optimizers()
    return model


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    images, of_a_class = (tf.constant(rng.uniform(-1, 1, (n, 12, 12, 1)), tf.float32) for n in (6, 4))
    return {"images": images, "class_images": of_a_class, "class_targets": of_a_class}


@pytest.mark.parametrize("penalty", ["balanced", "permuted"])
def test_only_the_published_penalty_teaches_the_encoder(penalty, batch):
    model = training(penalty)
    with tf.GradientTape(persistent=True) as tape:
        loss = model.penalised(batch["class_images"], tf.roll(batch["class_images"], 1, 0))
    gradients = tape.gradient(loss, model.encoder.trainable_variables)
    assert {gradient is None for gradient in gradients} == {penalty == "balanced"}
    if penalty == "permuted":
        assert all(np.abs(gradient).max() > 0 for gradient in gradients[:-1])
    assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(loss, model.decoder.trainable_variables))


def error(model, images, order):
    """As published: codes in another order are decoded and compared with the images in theirs."""
    codes = tf.gather(model.encoder(images, training=True), order)
    return float(tf.reduce_mean(tf.square(model.decoder(codes, training=True) - images)))


def test_the_balanced_penalty_is_a_second_reconstruction_error(batch):
    model = training("balanced")
    found = float(model.penalised(batch["class_images"], batch["class_targets"]))
    assert found == pytest.approx(error(model, batch["class_images"], [0, 1, 2, 3]), rel=1e-5)


def test_the_permuted_penalty_is_the_error_of_permuted_codes(batch):
    model, images = training("permuted"), batch["class_images"]
    found = float(model.penalised(images, tf.roll(images, 1, 0)))
    assert found == pytest.approx(error(model, images, [1, 2, 3, 0]), rel=1e-5)
    assert found != pytest.approx(error(model, images, [0, 1, 2, 3]), rel=1e-4)


def test_a_step_follows_the_sum_of_both_errors(batch):
    """One step of Adam from its beginning moves each weight by its rate against the sign of its gradient."""
    model, same = training("permuted"), training("permuted")
    with tf.GradientTape() as tape:
        codes = same.encoder(batch["images"], training=True)
        reconstruction = tf.reduce_mean(tf.square(same.decoder(codes, training=True) - batch["images"]))
        penalty = same.penalised(batch["class_images"], batch["class_targets"])
        total = reconstruction + 0.5 * penalty
    variables = same.encoder.trainable_variables + same.decoder.trainable_variables
    gradients = tape.gradient(total, variables)
    found = model.train_step(batch)
    assert float(found["L_R"]) == pytest.approx(float(reconstruction), rel=1e-5)
    assert float(found["L_P"]) == pytest.approx(float(penalty), rel=1e-5)
    moved = model.encoder.trainable_variables + model.decoder.trainable_variables
    for before, after, gradient in zip(variables, moved, gradients, strict=True):
        is_clear = np.abs(gradient) > 1e-3
        np.testing.assert_allclose((after - before)[is_clear], -1e-3 * np.sign(gradient)[is_clear], rtol=1e-2)


def test_without_a_penalty_there_is_none(few_digits):
    fitted = balancer("deep_smote", penalty="none").fit(few_digits.images, few_digits.labels)
    assert "L_P" not in fitted.history_
    (stage,) = fitted._stages(few_digits.images, np.unique(few_digits.labels, return_inverse=True)[1])
    assert next(iter(stage.batches(0))).keys() == {"step", "images", "labels"}
    assert "L_P" in balancer("deep_smote").fit(few_digits.images, few_digits.labels).history_


def of_steps(few_digits, n, first_step=0, **arguments):
    """For each step the indices of the class's images and those of its targets, of the 100 digits."""
    fitted = balancer("deep_smote", n_epochs=0, batch_size=20, **arguments).fit(few_digits.images, few_digits.labels)
    (stage,) = fitted._stages(few_digits.images, np.unique(few_digits.labels, return_inverse=True)[1])
    known = {image.tobytes(): index for index, image in enumerate(few_digits.images)}

    def indices(images):
        pixels = np.rint((images.numpy() + 1) * 127.5).astype(np.uint8)
        return [known[image.tobytes()] for image in pixels]

    return [
        (indices(batch["class_images"]), indices(batch["class_targets"])) for batch in stage.batches(first_step).take(n)
    ]


@pytest.mark.parametrize("penalty", ["balanced", "permuted"])
def test_each_step_is_given_images_of_a_class_drawn_uniformly(penalty, few_digits):
    steps = of_steps(few_digits, 400, penalty=penalty)
    classes = []
    for chosen, targets in steps:
        (label,) = set(few_digits.labels[chosen])
        classes.append(label)
        assert len(set(chosen)) == len(chosen) == (10 if label == 4 else 20), "without replacement"
        assert targets == (chosen if penalty == "balanced" else [chosen[-1], *chosen[:-1]])
    counts = [classes.count(label) for label in (0, 1, 2, 4)]
    assert min(counts) > 70, "100 each, with a standard deviation of 9"
    assert len({tuple(chosen) for chosen, _ in steps}) > 390, "another order nearly each time"


def test_what_is_drawn_is_a_function_of_seed_and_step(few_digits):
    steps, later = of_steps(few_digits, 5), of_steps(few_digits, 2, first_step=3)
    assert steps[3:] == later
    assert of_steps(few_digits, 2, first_step=3, random_state=1) != later


@pytest.fixture(scope="module")
def fitted(few_digits):
    return balancer("deep_smote", n_epochs=10, learning_rate=1e-2).fit(few_digits.images, few_digits.labels)


@pytest.mark.parametrize(("label", "n_originals"), [(0, 30), (4, 10)])
def test_new_codes_lie_between_a_code_and_a_near_neighbour_of_its_class(
    label, n_originals, fitted, few_digits, monkeypatch
):
    made = []
    decoded = deep_smote.decoded
    monkeypatch.setattr(deep_smote, "decoded", lambda decoder, codes: made.append(codes) or decoded(decoder, codes))
    images = fitted.sample(label, 40)
    (new,) = made
    np.testing.assert_array_equal(images, fitted.decode(new, label))
    codes = fitted.encode(few_digits.images[few_digits.labels == label], label)
    distances = np.linalg.norm(codes[:, None] - codes, axis=-1)  # (n_originals, n_originals)
    to_new = np.linalg.norm(new[:, None] - codes, axis=-1)  # (40, n_originals)
    neighbours = np.argsort(distances, axis=1)[:, 1:6]
    detours = [
        min(row[i] + row[j] - distances[i, j] for i in range(n_originals) for j in neighbours[i]) / distances.mean()
        for row in to_new
    ]
    assert max(detours) < 1e-4
    assert (to_new.min(axis=1) > 1e-3 * distances.mean()).any(), "not only the codes themselves"


def test_many_images_are_made_part_by_part(fitted, monkeypatch):
    monkeypatch.setattr(interpolation, "MAX_IMAGES_AT_ONCE", 30)
    made = fitted.sample(0, 70)
    assert made.shape == (70, 28, 28, 1)
    assert len(np.unique(made[:30], axis=0)) > 20
    assert not [image for image in made[30:] if any((image == earlier).all() for earlier in made[:30])]


@pytest.mark.slow
def test_it_learns_to_reconstruct_better_than_the_mean_image(few_digits):
    arguments = {"n_epochs": 50, "learning_rate": 1e-2, "n_filters": 8}
    made = balancer("deep_smote", **arguments).fit(few_digits.images, few_digits.labels)
    for label in (0, 1, 2, 4):
        images = few_digits.images[few_digits.labels == label]
        reconstructed = made.decode(made.encode(images, label), label)
        errors = [np.square(images.astype(float) - other).mean() for other in (reconstructed, images.mean(axis=0))]
        assert errors[0] < errors[1]


def test_a_class_of_one_image_is_refused_and_two_are_enough(few_digits):
    labels = few_digits.labels.copy()
    labels[labels == 4] = 0
    labels[0] = 4
    with pytest.raises(ValueError, match="class 4 has one image; DeepSMOTE needs at least two"):
        balancer("deep_smote").fit(few_digits.images, labels)
    labels[5] = 4
    made = balancer("deep_smote").fit(few_digits.images, labels).sample(4, 12)
    assert len(np.unique(made, axis=0)) == 12


def test_plain_images_give_plain_images():
    images = np.repeat(np.uint8([40, 200]), [20, 10])[:, None, None, None] * np.ones((30, 8, 8, 1), np.uint8)
    made = balancer("deep_smote").fit(images, np.repeat([0, 1], [20, 10])).sample(1, 20)
    assert len(np.unique(made, axis=0)) == 1, "all codes of the class are one"


def test_images_of_one_pixels_height_are_refused():
    images = np.random.default_rng(0).integers(0, 256, (10, 1, 20, 1), dtype=np.uint8)
    with pytest.raises(ValueError, match="images must have sides of at least 8 pixels, got 1 x 20"):
        balancer("deep_smote").fit(images, np.repeat([0, 1], [6, 4]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"penalty": "permutation"}, "penalty must be one of none, balanced, permuted, got 'permutation'"),
        ({"penalty_weight": -1.0}, "penalty_weight must be a number of at least 0, got -1.0"),
        ({"n_neighbors": 0}, "n_neighbors must be a whole number of at least 1, got 0"),
        ({"n_filters": 2.5}, "n_filters must be a whole number of at least 1, got 2.5"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message, few_digits):
    with pytest.raises(ValueError, match=message):
        balancer("deep_smote", **arguments).fit(few_digits.images, few_digits.labels)


def test_the_sources_numbers_are_the_defaults():
    published = {"n_epochs": 200, "batch_size": 100, "learning_rate": 2e-4, "n_filters": 64, "n_neighbors": 5}
    assert DeepSMOTE().get_params().items() >= (published | {"latent_size": 300, "penalty": "balanced"}).items()
    of_colours = DeepSMOTE(**DeepSMOTE.arguments("thesis", 1000, True)).get_params()
    assert of_colours.items() >= (published | {"latent_size": 600}).items()
