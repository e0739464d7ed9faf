"""The command line's options, made from the fields of ``SessionSpec`` and ``ProgramOptions``: one table for flags,
environment, config and profiles, so that none can say what another cannot.
"""

from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin

import click
import msgspec

from tui.knowledge.catalogue import Language, phrase
from tui.options.layers import fields
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec

SHORT = {"header": "-H", "user": "-u", "insecure": "-k", "n": "-n"}

SESSION = tuple(name for name in fields(SessionSpec) if name not in ("url", "name"))
HEADLESS = ("n", "stagger", "duration", "linger", "record", "redact", "no-redact", "stdin", "facts", "json", "summary")
SCREEN = ("theme", "glyphs", "fps", "no-mouse")

_METAVARS = {
    "header": "'K: V'", "connect-header": "'K: V'", "connect-to": "HOST:PORT", "heart-beat": "CX,CY", "user": "USER:PASS",
    "do": "'T COMMAND'", "subscribe": "DEST", "max-size": "BYTES", "redact": "REGEX", "record": "FILE", "cacert": "FILE",
    "cert": "FILE", "key": "FILE", "passcode-file": "FILE", "passcode-env": "VAR", "origin": "ORIGIN", "cookie": "K=V",
    "subprotocol": "NAME", "servername": "NAME", "login": "NAME", "passcode": "WORD", "vhost": "HOST", "theme": "NAME",
    "stomp-version": "V,V",
}  # fmt: skip


def options(names: Iterable[str], lang: Language) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds the options called ``names``, help in ``lang``. An absent option is no key at all."""
    known: dict[str, msgspec.structs.FieldInfo] = {**fields(SessionSpec), **fields(ProgramOptions)}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(list(names)):
            function = _option(name, known[name], lang)(function)
        return function

    return decorate


def _option(name: str, field: msgspec.structs.FieldInfo, lang: Language) -> Callable[[Any], Any]:
    flags = [SHORT[name]] if name in SHORT else []
    if name != "n":
        flags.append(f"--{name}")
    said = phrase(f"option.help_{field.name}", lang)
    kind: Any = field.type
    if kind is bool:
        return click.option(*flags, field.name, is_flag=True, default=None, help=said)
    if get_origin(kind) is list:
        return click.option(*flags, field.name, multiple=True, metavar=_METAVARS.get(name), help=said)
    choices = [choice for part in (kind, *get_args(kind)) for choice in get_args(part) if isinstance(choice, str)]
    if choices:
        return click.option(*flags, field.name, type=click.Choice(list(dict.fromkeys(choices))), help=said)
    number = float if float in (kind, *get_args(kind)) else int if int in (kind, *get_args(kind)) else str
    metavar = _METAVARS.get(name) or ("S" if number is float else None)
    return click.option(*flags, field.name, type=number, metavar=metavar, help=said)


def takes_value(word: str) -> bool:
    """Whether an option word is followed by its value in the next word."""
    known = {**fields(SessionSpec), **fields(ProgramOptions)}
    short = {flag: name for name, flag in SHORT.items()}
    name = word[2:] if word.startswith("--") else short.get(word, "")
    return name in known and known[name].type is not bool and "=" not in word


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """What was said on the command line, by long option names."""
    return {
        name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for name, value in flags.items()
        if value not in (None, ())
    }
