"""Options from one place: the command line, the environment, a profile, the config file."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Layer(NamedTuple):
    """The options one place gives, by their long names."""

    called: Callable[[str], str]
    """How an option is called there, from its long name."""
    table: Mapping[str, Any]
