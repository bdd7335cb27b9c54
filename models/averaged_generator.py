"""What GANs with one generator share: new images may be made by an average of its weights over the steps."""

from dataclasses import dataclass

import keras

from .training.averaging import check_momentum
from .training.fit import TrainingModel
from .training.trained_balancer import TrainedBalancer


@dataclass(kw_only=True, eq=False, repr=False)
class AveragedGenerator(TrainedBalancer):
    """With `ema_momentum` above 0, such as .999, `average_generator_` follows `generator_` and makes the new images.

    See `models.training.averaging`. 0, the default, is what the sources do: the weights of the last step make them.
    """

    ema_momentum: float = 0.0

    later_parameters = {"ema_momentum": 0.0}

    def _check_numbers(self):
        super()._check_numbers()
        check_momentum(self.ema_momentum)

    def _with_average(self, networks: dict) -> dict:
        """The builders of `networks`, and one of the average."""
        return networks | ({"average_generator": networks["generator"]} if self.ema_momentum else {})

    def _averaging(self, model: TrainingModel) -> TrainingModel:
        """The model, which from now on updates the average too."""
        if self.ema_momentum:
            model.keep_average(self.generator_, self.average_generator_, self.ema_momentum)
        return model

    @property
    def _image_generator(self) -> keras.Model:
        return self.average_generator_ if self.ema_momentum else self.generator_
