import h5py
import keras
import numpy as np
import pytest
from class_balancing.evaluation import features
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group


def test_weights_are_looked_for_where_keras_keeps_them(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert features.inception_weights_path().parent == tmp_path / "models"


@pytest.mark.slow
def test_inception_features_come_from_the_weights_file(tmp_path):
    """The file has the format of Keras' published one; its weights are random here."""
    keras.utils.set_random_seed(0)
    network = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    path = tmp_path / features.INCEPTION_WEIGHTS
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, network)
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 1), np.uint8)
    found = features.inception_features(path)(images)
    assert found.shape == (3, 2048)
    resized = keras.ops.image.resize(images.repeat(3, axis=3).astype(np.float32), (299, 299))
    expected = network.predict(keras.applications.inception_v3.preprocess_input(np.array(resized)), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_another_file_is_refused(tmp_path):
    (tmp_path / features.INCEPTION_WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(ValueError, match="holds no weights of InceptionV3"):
        features.inception_features(tmp_path / features.INCEPTION_WEIGHTS)
