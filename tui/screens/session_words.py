"""A session as one line, as on the command line: ``[NAME=]URL [--option value]…``; read, and written."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, get_origin

import msgspec

from tui.facts.redaction import MASK, Redactor
from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.layers import flag, session_specs
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.options.targets import is_target, letters, split_name
from tui.options.values import convert, fields

_SHORT = {"-H": "header", "-u": "user", "-k": "insecure"}


def session_table(text: str, taken: Iterable[str]) -> dict[str, Any]:
    """The session table a line asks for, checked whole; unnamed it gets the next free letter.

    Raises:
        BadOption: no URL, an unknown option, a value that cannot be used, a secret that is masked, or a name that is
            taken.
    """
    taken = set(taken)
    if MASK in text:
        raise BadOption("screen.add_masked", option="TARGET", given=text, mask=MASK)
    target = ""
    options: dict[str, Any] = {}
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise BadOption("screen.add_unreadable", option="TARGET", given=text, error=str(error)) from None
    for word in words:
        if not word.startswith("-"):
            if target or not is_target(word):
                raise BadOption("screen.add_no_url", option="TARGET", given=word)
            target = word
            continue
        key, value = _option(word, words)
        if isinstance(value, list):
            value = [*options.get(key, []), *value]
        options[key] = value
    if not target:
        raise BadOption("screen.add_no_url", option="TARGET", given=text.strip())
    name, url = split_name(target)
    name = name or next(iter(letters(taken)))
    if name in taken:
        raise BadOption("option.duplicate_name", option="TARGET", given=name)
    [(spec, _)] = session_specs([f"{name}={url}"], ProgramOptions(), [Layer(flag, options)])
    plain = msgspec.to_builtins(spec)
    return {key: plain[key] for key in ("name", "url", *options) if key in plain}


def session_line(table: Mapping[str, Any], redactor: Redactor) -> str:
    """The line a session table stands for, secrets masked and the name left out."""
    spec = convert(table, SessionSpec, str, words=False)
    words = [redactor.url(spec.url)]
    for key, value in spec.shown(redactor).items():
        for one in value if isinstance(value, list) else [value]:
            words += [flag(key)] if one is True else [flag(key), str(one)]
    return shlex.join(words)


def _option(word: str, words: Iterable[str]) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    key = _SHORT.get(name) or name.removeprefix("--")
    known = fields(SessionSpec)
    if key not in known or key in ("url", "name"):
        raise BadOption("screen.add_unknown_option", option="TARGET", given=word)
    if known[key].type is bool:
        return key, True
    if not equals:
        following = next(iter(words), None)
        if following is None:
            raise BadOption("screen.add_no_value", option="TARGET", given=word)
        value = following
    return key, [value] if get_origin(known[key].type) is list else value
