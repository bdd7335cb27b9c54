"""What is kept for figures of style transfer."""

import numpy as np
import pytest
from class_balancing import StyleTransfer
from class_balancing.experiments.running import styles
from class_balancing.models.networks import style

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("untraced"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
ARGUMENTS = {"n_epochs": 1, "batch_size": 20, "n_iterations": 2}


@pytest.fixture(scope="module")
def fitted(few_digits, untraced):
    return StyleTransfer(**ARGUMENTS).fit(few_digits.images, few_digits.labels)


@pytest.fixture(scope="module")
def kept(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(styles, "vgg19_file", lambda: folder / "none.h5")
        styles.save(folder, fitted, 4)
    found = {}
    for name in ("styles", "influences"):
        with np.load(folder / f"{name}.npz") as archive:
            found[name] = dict(archive)
    return found


def test_each_row_is_what_a_method_with_these_arguments_makes(kept, fitted, few_digits):
    rows = kept["styles"]
    assert list(rows) == [
        *("content", "style"),
        *(f"style weight {weight}" for weight in (0.1, 0.5, 2, 8)),
        *("network random", "start both", "start noise", "start noise, 10 iterations"),
        *(f"guided by {name}" for name in ("gradient", "occlusion", "guided backpropagation")),
        *("second style", "third style", "3 styles"),
    ]
    np.testing.assert_array_equal(rows["content"], fitted.images_[fitted.parents(4, 4, 0)])
    for name, changes in (
        ("style weight 8", {"style_weight": 8.0}),
        ("network random", {"network": "random"}),
        ("start both", {"start": "both"}),
        ("3 styles", {"n_styles": 3}),
    ):
        other = StyleTransfer(**ARGUMENTS | changes).fit(few_digits.images, few_digits.labels)
        np.testing.assert_array_equal(rows[name], other.sample(4, 4, 0), name)
    for place, name in enumerate(("style", "second style", "third style")):
        np.testing.assert_array_equal(rows[name], fitted.images_[other.styles(4, 4, 0)[:, place]])
    assert fitted.get_params() == StyleTransfer(**ARGUMENTS).get_params(), "the balancer is as it was"


def test_a_class_of_three_images_has_two_styles(few_digits, tmp_path):
    members = np.flatnonzero(few_digits.labels == 4)
    few = np.setdiff1d(np.arange(len(few_digits.labels)), members[3:])
    other = StyleTransfer(**ARGUMENTS).fit(few_digits.images[few], few_digits.labels[few])
    styles.save(tmp_path, other, 4)
    with np.load(tmp_path / "styles.npz") as rows:
        assert rows.files[-2:] == ["second style", "2 styles"]
        assert {len(rows[name]) for name in rows.files} == {3}


def test_vgg19_is_shown_if_its_file_is_there_and_images_are_large_enough(fitted, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(styles, "vgg19_file", lambda: tmp_path)
    monkeypatch.setattr(type(tmp_path), "is_file", lambda path: True)
    monkeypatch.setattr(styles, "_fitted_again", lambda balancer, name: asked.append(name) or balancer)
    monkeypatch.setattr(styles, "_changed", lambda balancer, **changes: balancer)
    styles.styled(fitted, 4, 2, 1)
    assert asked == ["random"], "these have sides of 28 pixels"
    monkeypatch.setattr(styles, "VGG19_MIN_SIDE", 28)
    styles.styled(fitted, 4, 2, 1)
    assert asked == ["random", "vgg19", "random"]
    assert style.VGG19_FILE in str(style.vgg19_file())


def test_maps_pick_a_quarter_of_the_pixels_and_fade_the_others(kept):
    rows = kept["influences"]
    maps = ("gradient", "occlusion", "guided backpropagation")
    assert list(rows) == ["content", *(text for name in maps for text in (name, f"{name}, picked"))]
    for name in maps:
        assert (rows[name].min(axis=(1, 2, 3)) == 0).all()
        assert (rows[name].max(axis=(1, 2, 3)) == 255).all()
        is_faded = rows[f"{name}, picked"] != rows["content"]  # but for white pixels, which stay as they are
        is_picked = ~is_faded & (rows["content"] < 255)
        for influence, picked, faded in zip(rows[name], is_picked, is_faded, strict=True):
            assert influence[picked].min() >= influence[faded].max()
            assert 0.5 < faded.mean() <= 0.75
