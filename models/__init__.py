"""Methods that make new images of a class, all behind `Balancer`."""

from models.bagan import BAGAN
from models.balancer import Balancer
from models.check_balancer import check_balancer
from models.cvae import CVAE
from models.cvae_gan import CVAEGAN
from models.geometric import Geometric
from models.interpolation import ADASYN, SMOTE, RandomOversampling

BALANCERS = {
    "geometric": Geometric,
    "cvae": CVAE,
    "cvae_gan": CVAEGAN,
    "bagan": BAGAN,
    "random_oversampling": RandomOversampling,
    "smote": SMOTE,
    "adasyn": ADASYN,
}

__all__ = [
    "ADASYN",
    "BAGAN",
    "BALANCERS",
    "CVAE",
    "CVAEGAN",
    "SMOTE",
    "Balancer",
    "Geometric",
    "RandomOversampling",
    "check_balancer",
]
