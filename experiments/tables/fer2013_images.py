"""What tables need to know of FER2013's images, kept in the folder of a run so that it can be shown without them."""

import json
from pathlib import Path

import numpy as np

from ...datasets.fer2013 import class_distribution
from ...datasets.files import read_json, write_atomically
from ...datasets.image_dataset import ImageDataset
from ...datasets.repeated_images import count_repeated, n_repeated, repeated_across_parts, repeated_test_images

FILE = "fer2013.json"


def facts(out: Path, dataset: ImageDataset | None) -> dict | None:
    """Facts of the images, from `out/fer2013.json`, else found and written there; None without file and images.

    "class_distribution" and "repeated" are rows of the functions `class_distribution` and `count_repeated`, "n_equal"
    the number of images that equal an earlier one. Of the test images, in the order of predictions: "test_labels", and
    positions of those that "equal" and that "resemble" a training or validation image, equal ones among these.
    """
    found = read_json(out / FILE)
    if dataset is None:
        return found
    test_labels = dataset.labels[dataset.official_parts == "test"].tolist()
    if found and (found["digest"], found["test_labels"]) == (dataset.digest, test_labels):
        return found
    pairs = repeated_across_parts(dataset)
    equal, near = repeated_test_images(dataset, pairs)
    found = {
        "digest": dataset.digest,
        "class_distribution": class_distribution(dataset).to_dict("records"),
        "repeated": count_repeated(dataset, pairs).to_dict("records"),
        "n_equal": n_repeated(dataset.images),
        "test_labels": test_labels,
        "equal": np.flatnonzero(equal).tolist(),
        "resemble": np.flatnonzero(near).tolist(),
    }
    write_atomically(out / FILE, json.dumps(found) + "\n")
    return found
