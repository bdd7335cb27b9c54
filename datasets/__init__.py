"""Where images come from. `LOADERS` maps a dataset's name to `load(data_dir)`, which returns an ImageDataset."""

from datasets import cifar10, digits, mnist, vehicles

LOADERS = {"mnist": mnist.load, "cifar10": cifar10.load, "vehicles": vehicles.load, "digits": digits.load}
