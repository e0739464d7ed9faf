"""Given values become typed ones, field by field, so that a wrong one can be named in one line.

The same code reads words (command line, environment), TOML tables and the JSON of an ``open`` command.
"""

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from tui.facts.redaction import MASK, SECRET_NAMES
from tui.options.errors import BadOption

S = TypeVar("S", bound=msgspec.Struct)

_SECRET_OPTIONS = frozenset({"user", "passcode", "cookie", "header", "connect-header", "proxy"})
"""Options whose value is not said back where it is of the wrong type."""


def fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The options of one struct by long name."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def plain(kind: Any) -> Any:
    """An option's type, without the None that stands for "not given"."""
    parts = [part for part in get_args(kind) if part is not NoneType]
    return parts[0] if NoneType in get_args(kind) and len(parts) == 1 else kind


def convert(table: Mapping[str, Any], kind: type[S], called: Callable[[str], str], *, words: bool) -> S:
    """The struct a table holds.

    Args:
        called: how an option is called where its value came from.
        words: values may be words ("5", "yes") where a number or a truth is wanted.

    Raises:
        BadOption: a key that is no option, or a value of the wrong type.
    """
    known = fields(kind)
    values: dict[str, Any] = {}
    for name, given in table.items():
        if name not in known:
            raise BadOption("option.unknown_key", option=called(name), given=name)
        wanted = known[name].type
        try:
            values[known[name].name] = msgspec.convert(given, wanted, strict=not words)
        except msgspec.ValidationError:
            shown = MASK if name in _SECRET_OPTIONS else given
            raise BadOption(_wish(wanted), option=called(name), given=shown, **_choices(wanted)) from None
    return kind(**values)


def _wish(kind: Any) -> str:
    """The catalogue key of what would be right."""
    kind = plain(kind)
    if get_origin(kind) is Literal:
        return "option.choice"
    if get_origin(kind) is list:
        return "option.list"
    return {bool: "option.boolean", int: "option.whole", float: "option.number"}.get(kind, "option.text")


def _choices(kind: Any) -> dict[str, str]:
    return {"choices": ", ".join(get_args(plain(kind)))} if get_origin(plain(kind)) is Literal else {}


def header_shown(text: str) -> str:
    """A header as it may be said back: without its value where that may be a secret."""
    name, colon, value = text.partition(":")
    if colon and name.strip().lower() not in SECRET_NAMES:
        return text
    first, _, more = text.partition(":" if colon else " ")
    return f"{first}{colon or ' '}{MASK}" if value or more else text
