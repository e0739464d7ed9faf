"""The verdict's vocabulary: ``cause_groups/*.toml``, a file a group, the ids fixed. What each is, how to confirm it,
what to change, in English and Chinese; and which entries of the house's knowledge of drops it stands for.
"""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Literal

import msgspec

from tui.knowledge.catalogue import Text

Side = Literal["client", "server", "proxy", "network", "config", "none", "unknown"]
"""On whose side a cause can be."""


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change in one product."""

    name: str
    setting: str


class Cause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cause."""

    sides: list[Side]
    """The sides it can be on; where there are two a verdict says which by its evidence."""
    name: Text
    """The headline of a close card."""
    what: Text
    confirm: Text | None = None
    """None only where there is nothing to confirm."""
    fix: Text | None = None
    entries: list[str] = []
    """Ids of the knowledge entries and timing windows that end up here, each in one cause only."""
    products: list[Setting] = []


GROUPS = ("sessions", "liveness", "timeouts", "life", "network", "opening", "protocol")
"""In the order they are listed."""


@functools.cache
def group(name: str) -> dict[str, Cause]:
    """The causes of one group, by id.

    Raises:
        msgspec.ValidationError: the file does not have its form.
    """
    file = resources.files("tui.knowledge").joinpath("cause_groups", f"{name}.toml")
    return msgspec.toml.decode(file.read_bytes(), type=dict[str, Cause])


@functools.cache
def causes() -> Mapping[str, Cause]:
    """Every cause, by id."""
    return {name: cause for each in GROUPS for name, cause in group(each).items()}


def cause(name: str) -> Cause:
    """The cause of that id.

    Raises:
        KeyError: there is none.
    """
    return causes()[name]
