"""Methods make of stored images what they make of the same images in memory."""

import io

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from class_balancing.datasets.stored_images import StoredImages, write
from class_balancing.models import METHODS
from class_balancing.models.training import trained
from small_balancers import balancer

# one of each kind of those that do the same with images
UNTRAINED = ("geometric", "affine", "random_oversampling", "smote", "adasyn")
TRAINED = ("cvae", "bagan", "cyclegan", "wgan_gp", "deep_smote_permuted", "style_transfer", "latent_flow")


@pytest.fixture(scope="module")
def stored(few_digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "images.npy"
    return write(path, few_digits.images.shape[1:], [few_digits.images])


@pytest.mark.parametrize("name", UNTRAINED)
@pytest.mark.usefixtures("eagerly")
def test_what_is_made_and_saved_is_the_same(name, stored, few_digits, tmp_path):
    of_array = balancer(name).fit(few_digits.images, few_digits.labels)
    of_stored = balancer(name).fit(stored, few_digits.labels)
    np.testing.assert_array_equal(of_stored.sample(4, 30, 7), of_array.sample(4, 30, 7))
    for fitted, file in ((of_array, "array"), (of_stored, "stored")):
        fitted.save(tmp_path / file)
    assert (tmp_path / "stored").read_bytes() == (tmp_path / "array").read_bytes()
    loaded = METHODS[name].load().load(tmp_path / "stored")
    np.testing.assert_array_equal(loaded.sample(4, 5, 7), of_array.sample(4, 5, 7))


@pytest.mark.parametrize("name", TRAINED)
def test_networks_would_learn_from_the_same_batches(name, stored, few_digits, monkeypatch):
    seen = []

    def note(stage, fingerprint, **_):
        seen.append((stage.name, fingerprint, tf.nest.map_structure(np.array, next(iter(stage.batches(3))))))
        return pd.DataFrame(columns=["epoch", "seconds"])

    monkeypatch.setattr(trained, "train", note)
    for images in (few_digits.images, stored):
        balancer(name).fit(images, few_digits.labels)
    of_array, of_stored = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert len(of_array) == len(of_stored) >= 1
    for (*expected, batch), (*found, other) in zip(of_array, of_stored, strict=True):
        assert found == expected
        assert other.keys() == batch.keys()
        for key in batch:
            np.testing.assert_array_equal(other[key], batch[key])


def test_a_saved_file_is_that_of_numpy(few_digits, tmp_path):
    fitted = balancer("geometric").fit(few_digits.images, few_digits.labels)
    fitted.save(tmp_path / "saved")
    with np.load(tmp_path / "saved") as archive:
        arrays = dict(archive)
    content = io.BytesIO()
    np.savez(content, **arrays)
    assert (tmp_path / "saved").read_bytes() == content.getvalue()


@pytest.mark.parametrize("name", ["geometric", "random_oversampling", "cyclegan", "style_transfer"])
def test_fitting_keeps_no_image_in_memory(name, stored, few_digits, monkeypatch):
    monkeypatch.setattr(trained, "train", lambda *_, **__: pd.DataFrame(columns=["epoch", "seconds"]))
    fitted = balancer(name).fit(stored, few_digits.labels)
    kept = [held for value in vars(fitted).values() for held in (value if isinstance(value, list) else [value])]
    assert any(isinstance(held, StoredImages) for held in kept)
    assert not [held.shape for held in kept if isinstance(held, np.ndarray) and held.ndim == stored.ndim]
