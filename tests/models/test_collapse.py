"""What happens when a method's images are nearly all the same."""

from dataclasses import dataclass

import numpy as np
import pytest
from class_balancing import Balancer, ModeCollapseError
from class_balancing.models.balancer import MIN_IMAGES_COMPARED, collapse_tolerated


@dataclass(kw_only=True, eq=False, repr=False)
class Constant(Balancer):
    """New images are all black."""

    def _fit(self, images, class_indices):
        pass

    def _sample(self, class_index, n, random_state):
        return np.zeros((n, *self.image_shape_), np.uint8)


def test_images_that_are_all_alike_are_refused(few_digits):
    fitted = Constant().fit(few_digits.images, few_digits.labels)
    message = r"Constant's images of class 4 are nearly all alike: .* 0\.00 of 255 .* the originals' by \d+"
    with pytest.raises(ModeCollapseError, match=message):
        fitted.sample(4, MIN_IMAGES_COMPARED)
    assert len(fitted.sample(4, MIN_IMAGES_COMPARED - 1)) == MIN_IMAGES_COMPARED - 1


def test_where_that_is_tolerated_it_is_a_warning(few_digits):
    fitted = Constant().fit(few_digits.images, few_digits.labels)
    with collapse_tolerated(), pytest.warns(UserWarning, match="nearly all alike"):
        assert len(fitted.sample(4, 20)) == 20
    with pytest.raises(ModeCollapseError), collapse_tolerated(False):
        fitted.sample(4, 20)
    with pytest.raises(ModeCollapseError):
        fitted.sample(4, 20)
