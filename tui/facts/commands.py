"""Session commands: the same words on ``--do``, on the probe's stdin and at the screen's ``:`` prompt (design §3).

``parse`` turns words into a ``SessionCommand``; the probe carries it out and answers with a ``command`` fact.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

SESSION_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)


class BadCommand(ValueError):
    """Words that are no command. ``key`` and ``args_`` name the sentence in the catalogue."""

    def __init__(self, key: str, **args: Any) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_ = args
        self.id: str | int | None = None
        """The ``id`` of a JSON command, for its answer."""
        self.text = ""
        """The words that are wrong, where they are known; never a session table, which may hold secrets."""


class Parameter(NamedTuple):
    """One argument of a verb: its name, how it is read, whether it may be left out."""

    name: str
    kind: str
    """``word``, ``rest`` (everything to the end of the line), ``head`` (everything before the last word), ``int``,
    ``code`` (0 to 65535), ``float`` or ``hex``."""
    required: bool = True


VERBS: Mapping[str, tuple[Parameter, ...]] = {
    "send": (Parameter("TEXT", "rest", False),),
    "send-repeat": (Parameter("TEXT", "head"), Parameter("N", "int")),
    "send-binary": (Parameter("HEX", "hex", False),),
    "send-file": (Parameter("PATH", "rest"),),
    "send-raw": (Parameter("TEXT", "rest", False),),
    "raw-frame": (Parameter("HEX", "hex"),),
    "ping": (Parameter("TEXT", "rest", False),),
    "pong": (Parameter("TEXT", "rest", False),),
    "close": (Parameter("CODE", "code", False), Parameter("REASON", "rest", False)),
    "disconnect": (),
    "half-close": (),
    "reset": (),
    "abort": (),
    "subscribe": (Parameter("DEST", "rest"),),
    "unsubscribe": (Parameter("DEST", "rest"),),
    "stomp-send": (Parameter("DEST", "word"), Parameter("BODY", "rest", False)),
    "ack": (Parameter("ID", "rest"),),
    "nack": (Parameter("ID", "rest"),),
    "begin": (Parameter("TX", "word", False),),
    "commit": (Parameter("TX", "word", False),),
    "abort-tx": (Parameter("TX", "word", False),),
    "stomp-frame": (Parameter("TEXT", "rest"),),
    "hold-beats": (),
    "release-beats": (),
    "throttle-beats": (Parameter("MS", "int"),),
    "hold-pongs": (),
    "release-pongs": (),
    "freeze": (Parameter("S", "float"),),
    "pause-polling": (Parameter("S", "float"),),
    "reconnect": (),
    "mark": (Parameter("TEXT", "rest"),),
    "forget": (),
    "quit": (),
}
"""Every verb and what it takes. ``open`` is only said in JSON, because its session may hold secrets."""


class SessionCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command, ready to be carried out.

    ``args`` are in the order of ``VERBS``, absent ones left out. Text arguments hold raw bytes written as
    ``\\xHH`` as lone surrogates, to be encoded with ``surrogateescape``.
    """

    verb: str
    args: tuple[str | int | float | bytes, ...] = ()
    session: str | None = None
    """The session it is for; None for all of them."""
    id: str | int | None = None
    text: str = ""
    """The words as they came, without the session's name."""
    spec: dict[str, Any] | None = None
    """The session table of an ``open``."""


class _Json(msgspec.Struct):
    cmd: str
    s: str | None = None
    id: str | int | None = None
    session: dict[str, Any] | None = None


_ESCAPE = re.compile(r"\\(n|r|t|0|\\|x[0-9A-Fa-f]{2})")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}


def unescape(text: str) -> str:
    """``\\n \\r \\t \\0 \\\\ \\xHH`` understood, unknown escapes left as typed; ``\\xHH`` is one raw byte."""

    def replace(match: re.Match[str]) -> str:
        what = match[1]
        return _SIMPLE.get(what) or bytes.fromhex(what[1:]).decode("utf-8", "surrogateescape")

    escaped = _ESCAPE.sub(replace, text)
    # Bytes that were typed one by one may make a character together.
    return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def parse(line: str) -> SessionCommand:
    """The command a line holds, in words or as a JSON object.

    Raises:
        BadCommand: with the catalogue key and arguments that say what would be right.
    """
    line = line.strip()
    if not line.startswith("{"):
        return _words(line, None)
    try:
        said = msgspec.json.decode(line.encode("utf-8", "surrogateescape"), type=_Json)
    except msgspec.MsgspecError as error:
        raise _refused(BadCommand("command.bad_json", error=str(error)), "{…}", None) from error
    if said.cmd == "open":
        if said.session is None:
            raise _refused(BadCommand("command.open_wants_session"), "open", said.id)
        return SessionCommand(verb="open", session=said.s, id=said.id, text="open", spec=said.session)
    words = _words(said.cmd, said.id)
    return msgspec.structs.replace(words, session=said.s or words.session, id=said.id)


def _words(line: str, name: str | int | None) -> SessionCommand:
    try:
        return parse_words(line)
    except BadCommand as error:
        raise _refused(error, line, name) from None


def _refused(error: BadCommand, text: str, name: str | int | None) -> BadCommand:
    error.text, error.id = text, name
    return error


def parse_words(line: str) -> SessionCommand:
    """The command in ``[NAME:] VERB [ARGUMENT…]``.

    Raises:
        BadCommand: unknown verb, missing or unreadable argument.
    """
    head, _, rest = line.strip().partition(" ")
    session = None
    if head.endswith(":") and SESSION_NAME.fullmatch(head[:-1]):
        session = head[:-1]
        line = rest.strip()
        head, _, rest = line.partition(" ")
    elif ":" in head and SESSION_NAME.fullmatch(head.split(":", 1)[0]):
        session, head = head.split(":", 1)
        line = f"{head} {rest}"
    if head not in VERBS:
        near = difflib.get_close_matches(head.lower(), VERBS, n=3)
        raise BadCommand("command.unknown_verb", verb=head, verbs=", ".join(near or VERBS))
    args: list[str | int | float | bytes] = []
    for parameter in VERBS[head]:
        if parameter.kind in ("rest", "hex"):
            word, rest = rest, ""
        elif parameter.kind == "head":
            word, _, rest = rest.rpartition(" ")
        else:
            word, _, rest = rest.lstrip(" ").partition(" ")
        if not word:
            if parameter.required:
                raise BadCommand("command.missing_argument", verb=head, name=parameter.name)
            break
        args.append(_read(head, parameter, word))
    if rest.strip():
        raise BadCommand("command.too_many", verb=head, rest=rest.strip())
    return SessionCommand(verb=head, args=tuple(args), session=session, text=line.strip())


def _read(verb: str, parameter: Parameter, word: str) -> str | int | float | bytes:
    try:
        if parameter.kind in ("int", "code"):
            if not (word.isascii() and word.isdecimal() and len(word) < 10):
                raise ValueError
            if parameter.kind == "code" and int(word) > 0xFFFF:
                raise ValueError
            return int(word)
        if parameter.kind == "float":
            number = float(word)
            if not 0 <= number < 1e9:
                raise ValueError
            return number
        if parameter.kind == "hex":
            return bytes.fromhex(word)
    except ValueError:
        raise BadCommand(f"command.bad_{parameter.kind}", verb=verb, name=parameter.name, given=word) from None
    return unescape(word)
