"""Something fitted as one file: an npz archive of arrays and, under "balancer", a JSON text that refers to them.

Values that JSON has are written as they are; others are {kind: content}, see `_encoded` and `_decoded`.
"""

import json
import os
import random
import re
import zipfile
from numbers import Integral
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from ..datasets.files import appearing
from ..datasets.stored_images import StoredImages, in_parts, write_header
from . import METHODS

FORMAT = 1
FITTED = re.compile(r"[A-Za-z](\w*[^\W_])?_")


class Saveable:
    """What `fit` learned can be saved: parameters and fitted state, the attributes that end in one underscore."""

    def save(self, path: str | Path) -> None:
        """Write all that was fitted to one file, an npz archive without pickles, whole or not at all.

        What was fitted the same gives the same bytes. A `random_state` that is not a number is saved as `seed_`. State
        may be numpy arrays, stored images (which are written as arrays), numbers, strings, None, Keras models, and
        lists, tuples and dictionaries of these. DataFrames are left out: histories say how long training took, so the
        same model would not give the same file. Raises ValueError before `fit`, and for parameters and state of other
        kinds, such as functions.
        """
        self._check_fitted()
        arrays = {}
        content = {"format": FORMAT} | _encoded_fit(self, "", arrays)
        with appearing(Path(path)) as file, zipfile.ZipFile(file, "w") as archive:  # as numpy.savez writes it
            for name, array in ({"balancer": np.array(json.dumps(content))} | arrays).items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _write_array(member, array)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` of this class wrote, as it was fitted, to the bit.

        Nothing in the file is executed. Raises ValueError for a file of another class or format, or a damaged one.
        """
        with open(path, "rb") as file:
            try:
                _check_members(file)
                with np.load(file, allow_pickle=False) as archive:
                    arrays = {name: archive[name] for name in archive.files}
                content = json.loads(arrays["balancer"].item())
                found_format, found_class = content["format"], content["class"]
            except Exception as error:  # zip, npy and JSON raise a dozen kinds for a file that is not what it should be
                raise ValueError(f"{path} is damaged or not a saved model") from error
        if found_format != FORMAT:
            raise ValueError(f"{path} has format {found_format!r}, but this version reads format {FORMAT}")
        if found_class != cls.__name__:
            raise ValueError(f"{path} holds a fitted {found_class}, not a {cls.__name__}")
        try:
            return _decoded_fit(cls, content, arrays)
        except Exception as error:
            raise ValueError(f"{path} is damaged or holds what cannot be loaded safely") from error

    def _forget_fit(self) -> None:
        """Delete what an earlier `fit` learned, so that nothing looks fitted if the next one fails."""
        for name in [name for name in vars(self) if FITTED.fullmatch(name)]:
            delattr(self, name)

    def _check_fitted(self) -> None:
        if not hasattr(self, "image_shape_"):
            raise ValueError(f"this {type(self).__name__} is not fitted yet; call fit first")


def _write_array(file, array: np.ndarray | StoredImages) -> None:
    if isinstance(array, StoredImages):
        write_header(file, array.shape)
        for part in in_parts(array):
            file.write(part)
    else:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _check_members(file) -> None:
    """Raise ValueError if the archive unpacks to more than its own size, which none of ours does."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("a member is compressed")
    if sum(member.file_size for member in members) > n_bytes:
        raise ValueError("members overlap")


def _plain(value):
    """A parameter with numpy's numbers and strings as Python's, and paths as strings."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _encoded(value, name: str, arrays: dict):
    """The JSON for a value; its arrays are added to `arrays` under names that begin with `name`."""
    if isinstance(value, np.generic):
        arrays[name] = np.asarray(value)
        return {"number": name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype == object and all(isinstance(item, str) for item in value.flat):
        return {"strings": value.tolist()}
    if isinstance(value, StoredImages) or (isinstance(value, np.ndarray) and not value.dtype.hasobject):
        arrays[name] = value
        return {"array": name}
    if isinstance(value, list | tuple):
        items = [_encoded(item, f"{name}.{index}", arrays) for index, item in enumerate(value)]
        return {"list" if isinstance(value, list) else "tuple": items}
    if isinstance(value, dict):
        return {"dict": _encoded([list(item) for item in value.items()], name, arrays)}
    if isinstance(value, Saveable):
        if type(value).__name__ not in [method.class_name for method in METHODS.values()]:
            raise ValueError(f"{name} is a {type(value).__name__}, which is none of METHODS, so it cannot be saved")
        return {"fit": _encoded_fit(value, f"{name}.", arrays)}
    return {"network": _encoded_network(value, name, arrays)}


def _encoded_fit(fit: Saveable, prefix: str, arrays: dict) -> dict:
    """The class, parameters and fitted state, if it is fitted; names of arrays begin with `prefix`."""
    parameters = fit.get_params(deep=False)
    if hasattr(fit, "seed_") and not isinstance(parameters.get("random_state", 0), Integral):
        parameters["random_state"] = fit.seed_
    state = {
        name: value
        for name, value in sorted(vars(fit).items())
        if FITTED.fullmatch(name) and not isinstance(value, pd.DataFrame)
    }
    return {
        "class": type(fit).__name__,
        "parameters": {name: _encoded(_plain(value), prefix + name, arrays) for name, value in parameters.items()},
        "state": {name: _encoded(value, prefix + name, arrays) for name, value in state.items()},
    }


def _decoded_fit(made: type, content: dict, arrays: dict) -> Saveable:
    loaded = made(**{name: _decoded(node, arrays) for name, node in content["parameters"].items()})
    for name, node in content["state"].items():
        if not FITTED.fullmatch(name):
            raise ValueError(f"{name} is not a name of fitted state")
        setattr(loaded, name, _decoded(node, arrays))
    return loaded


def _class_named(name: str) -> type:
    """The class of one of METHODS; a file may name no other."""
    (method,) = [method for method in METHODS.values() if method.class_name == name]
    return method.load()


def _encoded_network(value, name, arrays):
    import keras

    if not isinstance(value, keras.Model):
        raise ValueError(f"{name} is a {type(value).__name__}, which cannot be saved")
    return {"config": json.loads(value.to_json()), "weights": _encoded(value.get_weights(), name, arrays)}


def _decoded(node, arrays: dict):
    """The value that `_encoded` turned into this JSON."""
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    match kind:
        case "array":
            return arrays[content]
        case "number":
            return arrays[content][()]
        case "strings":
            return np.array(content, object)
        case "list":
            return [_decoded(item, arrays) for item in content]
        case "tuple":
            return tuple(_decoded(item, arrays) for item in content)
        case "dict":
            return dict(_decoded(content, arrays))
        case "network":
            return _decoded_network(content, arrays)
        case "fit":
            return _decoded_fit(_class_named(content["class"]), content, arrays)
    raise ValueError(f"{kind} is not a kind of value")


def _decoded_network(content, arrays):
    """A Keras model; its layers are Keras' or registered with Keras, and contain no functions from the file."""
    import keras

    python_state = random.getstate()  # Keras draws seeds for weights that are replaced right away
    try:
        network = keras.saving.deserialize_keras_object(content["config"], safe_mode=True)
    finally:
        random.setstate(python_state)
    if not isinstance(network, keras.Model):
        raise ValueError(f"{type(network).__name__} is not a Keras model")
    network.set_weights(_decoded(content["weights"], arrays))
    return network
