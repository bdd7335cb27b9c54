"""Methods one after another: what they make, whose images these are, what is saved, what cannot be chained."""

import numpy as np
import pytest
from class_balancing import Balancer, Chain, check_balancer
from class_balancing.models import FAMILIES, METHODS, in_order, named
from class_balancing.models.chain import later_seed
from class_balancing.models.method import Chained, Combined
from small_balancers import balancer


def chain(*names, **changes):
    return Chain(methods=[balancer(name) for name in names], **changes)


def test_a_chain_of_originals_keeps_the_rules():
    check_balancer(chain("random_oversampling", "geometric"))


@pytest.mark.slow
def test_a_chain_of_three_keeps_the_rules():
    check_balancer(chain("smote", "affine", "geometric"))


def test_each_method_transforms_what_the_one_before_made(few_digits):
    fitted = chain("smote", "affine", "geometric").fit(few_digits.images, few_digits.labels)
    smote, affine, geometric = fitted.methods_
    moved = affine.transform(smote.sample(4, 6, random_state=3), 4, later_seed(3, 1))
    expected = geometric.transform(moved, 4, later_seed(3, 2))
    np.testing.assert_array_equal(fitted.sample(4, 6, random_state=3), expected)
    assert len({3, later_seed(3, 1), later_seed(3, 2)}) == 3
    alone = balancer("smote").fit(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(smote.sample(4, 6, random_state=3), alone.sample(4, 6, random_state=3))


def test_parents_are_the_first_methods(few_digits):
    fitted = chain("random_oversampling", "geometric").fit(few_digits.images, few_digits.labels)
    parents = fitted.parents(4, 5, random_state=1)
    copies = fitted.methods_[0].sample(4, 5, random_state=1)
    np.testing.assert_array_equal(few_digits.images[parents], copies)
    without = chain("smote", "geometric").fit(few_digits.images, few_digits.labels)
    assert without.parents(4, 5).tolist() == [-1] * 5
    assert fitted.styles(4, 5).shape == (5, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_styles_are_those_of_the_method_that_has_any(few_digits):
    first = chain("style_transfer", "geometric").fit(few_digits.images, few_digits.labels)
    style_transfer = first.methods_[0]
    np.testing.assert_array_equal(first.styles(4, 5, 1), style_transfer.styles(4, 5, 1))
    np.testing.assert_array_equal(first.parents(4, 5, 1), style_transfer.parents(4, 5, 1))
    second = chain("random_oversampling", "style_transfer").fit(few_digits.images, few_digits.labels)
    found = second.styles(4, 5, 1)
    np.testing.assert_array_equal(found, second.methods_[1].styles_of_transformed(4, 5, later_seed(1, 1)))
    assert set(few_digits.labels[found.ravel()]) == {4}
    assert second.sample(4, 2, 1).shape == (2, *few_digits.images.shape[1:])


@pytest.mark.usefixtures("eagerly")
def test_images_of_the_source_class_are_made_first_where_one_is_translated(few_digits):
    methods = [balancer("smote"), balancer("cyclegan", n_epochs=1, source_class=1)]
    fitted = Chain(methods=methods, sampling_strategy="minority").fit(few_digits.images, few_digits.labels)
    smote, cyclegan = fitted.methods_
    made = fitted.sample(4, 3, random_state=2)
    np.testing.assert_array_equal(made, cyclegan.translate(smote.sample(1, 3, random_state=2), 4))
    with pytest.raises(ValueError, match="class 1 gets no new images"):
        fitted.sample(1, 3)


@pytest.mark.usefixtures("eagerly")
def test_networks_of_a_chain_keep_their_checkpoints_each_in_a_folder_and_go_on(few_digits, tmp_path):
    asked = chain("cvae", "geometric", folder=tmp_path, verbose=0)
    first = asked.fit(few_digits.images, few_digits.labels)
    assert [path.name for path in tmp_path.iterdir()] == ["1-CVAE"]
    assert first.methods_[0].folder is None, "it is no part of what was learned"
    again = chain("cvae", "geometric", folder=tmp_path).fit(few_digits.images, few_digits.labels)
    np.testing.assert_array_equal(again.sample(4, 3), first.sample(4, 3))
    assert asked.methods[0].folder is None, "the given methods stay as they are"


def test_checkpoints_of_a_chain_need_a_seed(few_digits, tmp_path):
    """Each fit would draw another one and be refused by the checkpoints of the one before."""
    with pytest.raises(ValueError, match="random_state, which must be a whole number then, got None"):
        chain("cvae", "geometric", folder=tmp_path, random_state=None).fit(few_digits.images, few_digits.labels)
    assert not list(tmp_path.iterdir())


def test_the_seed_of_a_chain_is_that_of_its_methods(few_digits):
    fitted = chain("smote", "geometric", random_state=5).fit(few_digits.images, few_digits.labels)
    assert [method.seed_ for method in fitted.methods_] == [5, 5]
    by_hand = fitted.methods_[1].transform(fitted.methods_[0].sample(4, 3, 5), 4, later_seed(5, 1))
    np.testing.assert_array_equal(fitted.sample(4, 3), by_hand)


class OfYourOwn(Balancer):
    def _fit(self, images, class_indices):
        self.images_ = images

    def _sample(self, class_index, n, random_state):
        return self.images_[np.arange(n) % len(self.images_)]


def test_a_method_of_your_own_is_chained_but_not_saved(few_digits, tmp_path):
    fitted = Chain(methods=[OfYourOwn(), balancer("geometric")]).fit(few_digits.images, few_digits.labels)
    assert len(fitted.sample(4, 3)) == 3
    with pytest.raises(ValueError, match="OfYourOwn, which is none of METHODS, so it cannot be saved"):
        fitted.save(tmp_path / "model.npz")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "at least two methods, got 0"),
        (("geometric",), "at least two methods, got 1"),
        (("geometric", "smote"), "SMOTE does not transform images, so it can only come first"),
        (("style_transfer", "style_transfer"), "only one method of a chain may have styles"),
    ],
)
def test_what_cannot_be_chained_is_told(names, message, few_digits):
    with pytest.raises(ValueError, match=message):
        chain(*names).fit(few_digits.images, few_digits.labels)


def test_an_empty_chain_is_told_by_whatever_is_asked():
    for asked in ("min_side_pixels", "min_images"):
        with pytest.raises(ValueError, match="methods"):
            getattr(Chain(methods=()), asked)


def test_names_of_chains(few_digits):
    method = named("smote+geometric")
    assert isinstance(method, Chained)
    assert (method.label, method.family) == ("SMOTE + geom. trans.", "classic")
    assert named("wgan_gp+affine").family == "network"
    assert named("smote+affine").family == "learned"
    assert named("smote") is METHODS["smote"]
    assert list(FAMILIES)[-1] == "network", "the family that decides comes last"
    made = method.new(**method.arguments("quick", 100, True), random_state=3)
    assert [type(each).__name__ for each in made.methods] == ["SMOTE", "Geometric"]
    assert made.methods[1].horizontal_flip
    assert made.random_state == 3
    assert in_order(["smote+geometric", "smote", "geometric"]) == ["geometric", "smote", "smote+geometric"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no method is called ''"),
        ("magic", "no method is called 'magic'"),
        ("smote+", "no method is called ''"),
        ("smote+smote", "names a method twice"),
        ("mixup+smote", "what makes images comes before what does not"),
        ("unbalanced+smote", "unbalanced is nothing that could be joined"),
        ("smote+mixup+cutmix", "mixup and cutmix exclude each other"),
        ("balanced_softmax+focal_loss", "balanced_softmax and focal_loss exclude each other"),
        ("remix+balanced_softmax", "remix and balanced_softmax exclude each other"),
        ("class_weights+logit_adjustment", "class_weights and logit_adjustment exclude each other"),
        ("smote+effective_numbers+balanced_softmax", "effective_numbers and balanced_softmax exclude each other"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        named(name)


def test_ways_to_train_the_classifier_are_joined_to_what_makes_images():
    method = named("smote+geometric+mixup+logit_adjustment")
    assert isinstance(method, Combined)
    assert method.label == "SMOTE + geom. trans. + mixup + logit adjustment"
    assert method.image_method == named("smote+geometric")
    assert [way.name for way in method.classifier_methods] == ["mixup", "logit_adjustment"]
    assert method.makes_images
    assert method.family == "classic"
    made = method.new(**method.arguments("quick", 100, True))
    assert [type(each).__name__ for each in made.methods] == ["SMOTE", "Geometric"]
    alone = named("mixup+logit_adjustment")
    assert not alone.makes_images
    assert alone.image_method is None
    assert METHODS["mixup"].classifier_methods == (METHODS["mixup"],)
    assert METHODS["smote"].image_method is METHODS["smote"]
    assert METHODS["smote"].classifier_methods == ()


def test_a_chain_takes_as_long_as_its_methods():
    shape, asked = (28, 28, 1), (1000, (28, 28, 1), 10, 9)
    cvae, affine = METHODS["cvae"].new(), METHODS["affine"].new()
    made = Chain(methods=[cvae, affine])
    assert made.fit_seconds(*asked) == cvae.fit_seconds(*asked) + affine.fit_seconds(*asked)
    assert made.sample_seconds(100, shape) == affine.sample_seconds(100, shape) > 0
    assert made.min_images == 2
    assert made.min_side_pixels == 8


@pytest.mark.parametrize("methods", [["cvae", "geometric"], [METHODS["geometric"].load(), balancer("geometric")]])
def test_only_methods_are_chained(methods, few_digits):
    with pytest.raises(ValueError, match="methods must be balancers such as Geometric"):
        Chain(methods=methods).fit(few_digits.images, few_digits.labels)
