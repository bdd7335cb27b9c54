"""The rules that every balancer follows, and `check_balancer`, which checks one of your own."""

from .checks import check_balancer

__all__ = ["check_balancer"]
