"""Forms of the thesis's methods that were decided against, for comparison with those that were chosen."""

from dataclasses import replace
from functools import partial

import keras
import tensorflow as tf

from ...datasets.batches import rotating_labels
from ...models.bagan import BAGAN, BAGANTraining
from ...models.cvae_gan import CVAEGAN
from ...models.networks.scaled import classifier_after, vgg_trunk


class BAGANAtOnce(BAGAN):
    """Both gradients are taken at the same point and applied at once, by one optimizer with Keras' default beta_1."""

    def _adversarial_stage(self, images, class_indices):
        stage = super()._adversarial_stage(images, class_indices)
        model = AtOnceTraining(self.generator_, self.discriminator_, self._new_optimizer(), self.augmentation_strength)
        return replace(stage, model=self._averaging(model))


class AtOnceTraining(BAGANTraining):
    def __init__(self, generator, discriminator, optimizer, augmentation_strength):
        super().__init__(generator, discriminator, optimizer, optimizer, augmentation_strength)
        self.optimizers = {"both": optimizer}
        self.updated = {"both": [generator, discriminator]}

    def train_step(self, batch):
        fake = self.generator(batch["fake_latent"], training=True)
        with tf.GradientTape(persistent=True) as tape:
            l_d, l_g = self.discriminator_loss(batch, fake), self.generator_loss(batch)
        self.minimise("both", tape, (l_d, [self.discriminator]), (l_g, [self.generator]))
        return self.recorded(l_d, l_g)


class BAGANWithSeenLatents(BAGAN):
    """The first latents of G's batch are those of the fakes from which D learns in the same step."""

    def _adversarial_stage(self, images, class_indices):
        stage = super()._adversarial_stage(images, class_indices)

        def with_seen(batch):
            fake_latent = batch["fake_latent"]
            n_fakes = fake_latent.shape[0]
            labels = tf.cast(rotating_labels(batch["step"], n_fakes, len(self.classes_)), tf.int32)
            return batch | {
                "latent": tf.concat([fake_latent, batch["latent"][n_fakes:]], 0),
                "latent_labels": tf.concat([labels, batch["latent_labels"][n_fakes:]], 0),
            }

        return replace(stage, batches=lambda first_step: stage.batches(first_step).map(with_seen))


class FirstBAGAN(BAGANAtOnce, BAGANWithSeenLatents):
    """Both, as in version 0.2.0, whose D had a sigmoid head too."""


class CVAEGANWithBlocks(CVAEGAN):
    """C after Table B.3, a network like VGG16, for images of any size."""

    def networks(self, image_shape, n_classes):
        return super().networks(image_shape, n_classes) | {
            "classifier": partial(classifier_of_blocks, n_classes, image_shape)
        }


def classifier_of_blocks(n_classes: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """C after Table B.3: image -> probabilities (batch, n_classes)."""
    image = keras.Input(image_shape, name="image")
    return classifier_after(image, vgg_trunk(image, keras.layers.ReLU), n_classes)
