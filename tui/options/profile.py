"""A sessions profile: ``[[session]]`` tables with the long option names as keys, ``[defaults]`` for all of them.

``tui.options.layers`` makes specs of it. What is wrong in it is named with file, line and key. ``${NAME}`` in a string
is the environment's: a profile that is kept in a repository holds no secret.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.spec import SessionSpec
from tui.options.values import fields

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Profile(NamedTuple):
    """What a file says."""

    sessions: tuple[Layer, ...]
    """A layer for each session, in order; ``url`` and ``name`` are in its table."""
    defaults: Layer
    """For all sessions, those of the command line too."""


NOTHING = Profile((), Layer(str, {}))


def read_profile(path: str, environ: Mapping[str, str]) -> Profile:
    """The profile in a file.

    Raises:
        BadOption: it cannot be read, is no TOML, has a table or key that is none of ours, or names a variable that is
            not set.
    """
    try:
        text = Path(path).read_text()
        whole = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadOption("option.profile", option="--profile", given=path, error=why) from None
    strange = next((key for key in whole if key not in ("session", "defaults")), None)
    if strange is not None:
        raise _bad("option.profile_table", path, text, lambda found: strange in found, strange)
    tables, defaults = whole.get("session", []), whole.get("defaults", {})
    if not (isinstance(tables, list) and all(isinstance(table, dict) for table in tables)):
        raise _bad("option.profile_table", path, text, lambda found: "session" in found, "session")
    if not isinstance(defaults, dict):
        raise _bad("option.profile_table", path, text, lambda found: "defaults" in found, "defaults")
    inside = [_Place(path, text, at) for at in range(len(tables))]
    sessions = tuple(_layer(table, place, environ) for table, place in zip(tables, inside, strict=True))
    return Profile(sessions, _layer(defaults, _Place(path, text, None), environ))


class _Place(NamedTuple):
    """One table of the file: ``[defaults]``, or the session with this number."""

    path: str
    text: str
    number: int | None

    def holds(self, key: str, found: Mapping[str, Any]) -> bool:
        """Whether a beginning of the file has this table with that key."""
        if self.number is None:
            return key in found.get("defaults", {})
        tables = found.get("session", [])
        return len(tables) > self.number and key in tables[self.number]

    def called(self, key: str) -> str:
        """A key as it is called in an answer: file, line, key."""
        return f"{self.path}:{line_of(self.text, partial(self.holds, key))}: {key}"


def _layer(table: Mapping[str, Any], place: _Place, environ: Mapping[str, str]) -> Layer:
    known = fields(SessionSpec)
    for key in table:
        if key not in known or (place.number is None and key in ("url", "name")):
            near = difflib.get_close_matches(key, known, n=1)
            raise BadOption(
                "option.unknown_key_near" if near else "option.unknown_key", option=place.called(key), given=key,
                **({"near": near[0]} if near else {}),
            )  # fmt: skip
    if place.number is not None and "url" not in table:
        line = line_of(place.text, lambda found: len(found.get("session", [])) > (place.number or 0))
        raise BadOption("option.no_url", option=f"{place.path}:{line}: [[session]]", given=", ".join(table))
    return Layer(place.called, {key: _filled(value, key, place, environ) for key, value in table.items()})


def _filled(value: Any, key: str, place: _Place, environ: Mapping[str, str]) -> Any:
    """A value with the environment's in the place of ``${NAME}``."""
    if isinstance(value, list):
        return [_filled(item, key, place, environ) for item in value]
    if not isinstance(value, str):
        return value

    def known(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise BadOption("option.env_unset", option=place.called(key), given=found[1])
        return environ[found[1]]

    return _VARIABLE.sub(known, value)


def line_of(text: str, holds: Callable[[Mapping[str, Any]], bool]) -> int:
    """The line a statement begins on, from 1: the first whose beginning of the file, read as TOML, ``holds`` it.

    ``tomllib`` tells no positions; a beginning of the file that can be read ends where a statement does, so what it
    holds that the one before did not is on the lines between.
    """
    lines = text.splitlines(keepends=True)
    begun = 0
    for end in range(1, len(lines) + 1):
        try:
            found = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if holds(found):
            return begun + 1
        begun = end
    return begun


def _bad(key: str, path: str, text: str, holds: Callable[[Mapping[str, Any]], bool], given: str) -> BadOption:
    return BadOption(key, option=f"{path}:{line_of(text, holds)}", given=given)
