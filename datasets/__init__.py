"""Where images come from. `LOADERS` maps a dataset's name to `load(data_dir)`, which returns an ImageDataset."""

from datasets import digits, mnist

LOADERS = {"mnist": mnist.load, "digits": digits.load}
