"""Methods that make new images of a class, all behind `Balancer`."""

from models.bagan import BAGAN
from models.balancer import Balancer
from models.cvae import CVAE
from models.cvae_gan import CVAEGAN
from models.geometric import Geometric

BALANCERS = {"geometric": Geometric, "cvae": CVAE, "cvae_gan": CVAEGAN, "bagan": BAGAN}

__all__ = ["BAGAN", "BALANCERS", "CVAE", "CVAEGAN", "Balancer", "Geometric"]
