"""The networks whose features `style` may look at."""

from pathlib import Path

from ..command_line import UsageError

NAMES = {"random": "random filters", "vgg19": "VGG19"}


def check(network: str, weights: str | None) -> None:
    """Raise UsageError for a network or weights that cannot be, before anything is loaded."""
    if weights and network != "vgg19":
        raise UsageError("--weights is VGG19's file; give --network vgg19 too, or leave it out")
    if network not in NAMES and not Path(network).is_file():
        raise UsageError(f"there is no file {network}; --network is {', '.join(NAMES)} or a model's file")


def in_words(network: str) -> str:
    return NAMES.get(network, network)


def extractor(network: str, weights: str | None, content_shape: tuple[int, int], seed: int):
    """The FeatureExtractor for a picture of this height and width; raises UsageError if it cannot be had.

    `network` is one of NAMES, or a file: of a Keras classifier, or else of a fitted StyleTransfer.
    """
    from ...models.feature_extractors import after_each_block, of_vgg19
    from ...models.networks import style
    from ...models.style_transfer import StyleTransfer
    from ...models.training.fit import seeded

    try:
        if network == "random":
            with seeded(seed):
                return after_each_block(style.random_filters((*content_shape, 3)))
        if network == "vgg19":
            return of_vgg19(style.vgg19((*content_shape, 3), weights))
        if Path(network).suffix == ".keras":
            return after_each_block(_classifier(network))
        found = StyleTransfer.load(network).feature_extractor()
    except ValueError as error:
        raise UsageError(f"--network {network}: {error}") from error
    if found.n_channels not in (1, 3):
        raise UsageError(f"--network {network} takes images of {found.n_channels} channels; pictures have 1 or 3")
    return found


def _classifier(path: str):
    """The Keras model; raises ValueError if it cannot be loaded or does not tell classes of pictures apart."""
    import keras
    import numpy as np

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zip, HDF5, JSON and Keras raise a dozen kinds for a file that is not what it should be
        raise ValueError("the file is damaged or not a model that Keras can load without running code of it") from error
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError("it holds no model that was built")
    if len(model.inputs) == 1 and (model.inputs[0].ndim, model.inputs[0].shape[-1]) not in ((4, 1), (4, 3)):
        raise ValueError(f"{model.name} takes {model.inputs[0].shape[1:]}, not pictures with 1 or 3 channels last")
    if len(model.outputs) != 1 or model.outputs[0].ndim != 2:
        raise ValueError(f"{model.name} is not a classifier")
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ValueError(f"{model.name} has weights that are not finite")
    return model
