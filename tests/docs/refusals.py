"""Every refusal the house can utter, read off the classes themselves."""

import importlib
import pkgutil

from kit.errors import Refusal

PACKAGES = (
    "kit",
    "commerce",
    "wechat",
    "couriers",
    "miniprogram_api",
    "staff_api",
    "realtime",
    "jobs",
)


def refusal_classes() -> list[type[Refusal]]:
    """Every subclass of `Refusal` in the house that states a code of its own."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.startswith("wechat.sandbox"):
                importlib.import_module(module.name)
    return [found for found in _below(Refusal) if _is_ours(found) and "code" in vars(found)]


def _below(parent: type[Refusal]) -> list[type[Refusal]]:
    return [each for child in parent.__subclasses__() for each in (child, *_below(child))]


def _is_ours(refusal: type[Refusal]) -> bool:
    """Other tests may declare refusals of their own."""
    return refusal.__module__.partition(".")[0] in PACKAGES
