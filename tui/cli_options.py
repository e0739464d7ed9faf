"""The command line's options, made from the fields of ``SessionSpec`` and ``ProgramOptions``: one table for flags,
environment, config and profiles, so that none can say what another cannot.

``tui.cli`` decorates its verbs with ``options``. Every option's value is a word here; ``tui.options`` reads it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin

import click
import msgspec

from tui.knowledge.catalogue import Language, phrase
from tui.options.layer import Layer
from tui.options.layers import flag
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.options.values import fields, plain

SHORT = {"header": "-H", "user": "-u", "insecure": "-k", "n": "-n", "profile": "-p"}

SESSION = tuple(name for name in fields(SessionSpec) if name not in ("url", "name"))
HEADLESS = (
    "profile", "n", "stagger", "duration", "linger", "record", "redact", "no-redact", "stdin", "facts", "json",
    "summary",
    "on-drop",
)  # fmt: skip
SCREEN = ("on-drop", "no-bell", "no-notify", "notify-tmux", "theme", "glyphs", "fps", "no-mouse")

_METAVARS = {
    "header": "'K: V'", "connect-header": "'K: V'", "connect-to": "HOST:PORT", "control": "HOST:PORT",
    "heart-beat": "CX,CY", "user": "USER:PASS", "do": "'T COMMAND'", "subscribe": "DEST", "max-size": "BYTES",
    "redact": "REGEX", "record": "FILE", "profile": "FILE", "cacert": "FILE", "cert": "FILE", "key": "FILE",
    "passcode-file": "FILE", "passcode-env": "VAR", "origin": "ORIGIN", "cookie": "K=V", "subprotocol": "NAME",
    "servername": "NAME", "login": "NAME", "on-drop": "CMD", "proxy": "URL|env", "unix-socket": "PATH",
    "passcode": "WORD", "vhost": "HOST", "theme": "NAME", "stomp-version": "V,V",
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
    words = dict.fromkeys([SHORT.get(name, flag(name)), flag(name)])
    said = phrase(f"option.help_{field.name}", lang)
    kind = plain(field.type)
    if kind is bool:
        return click.option(*words, field.name, is_flag=True, default=None, help=said)
    metavar = _METAVARS.get(name) or {float: "S", int: "N"}.get(kind)
    if get_origin(kind) is Literal:
        metavar = "|".join(get_args(kind))
    repeated = get_origin(kind) is list
    return click.option(*words, field.name, type=str, multiple=repeated, metavar=metavar, help=said)


def takes_value(word: str) -> bool:
    """Whether an option word is followed by its value in the next word."""
    known = {**fields(SessionSpec), **fields(ProgramOptions)}
    short = {flag: name for name, flag in SHORT.items()}
    name = word[2:] if word.startswith("--") else short.get(word, "")
    return name in known and known[name].type is not bool and "=" not in word


def given(flags: dict[str, Any]) -> Layer:
    """What was said on the command line."""
    table = {
        name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for name, value in flags.items()
        if value not in (None, ())
    }
    return Layer(flag, table)


def refusal(error: click.ClickException, lang: Language) -> str:
    """What click refuses, in one line of ours."""
    match error:
        case click.NoSuchOption(possibilities=[*near]) if near:
            return phrase("option.unknown_flag", lang, option=error.option_name, near=", ".join(near))
        case click.NoSuchOption():
            return phrase("option.unknown_flag_far", lang, option=error.option_name)
        case click.BadOptionUsage(option_name=name) if "requires an argument" in error.message:
            return phrase("option.no_argument", lang, option=name)
        case click.BadOptionUsage(option_name=name):
            return phrase("option.not_a_value", lang, option=name)
        case _:
            return error.format_message()
