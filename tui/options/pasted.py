"""A copied command, ``curl``, ``wscat`` or ``websocat``, or a browser's "copy as cURL", as a session table.

Pure. The connect screen shows what it makes of one before anything is opened, and what it had to leave out.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PROGRAMS = ("curl", "wscat", "websocat")

_DROPPED = frozenset({
    "connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions",
    "content-length", "transfer-encoding", "keep-alive", "te", "accept-encoding",
})  # fmt: skip
"""Headers of one hop, and those every handshake makes for itself."""

_STOMP = re.compile(r"v1[012]\.stomp")

_SOCKJS = re.compile(r"(?P<base>.*)/[^/.]+/[^/.]+/(websocket|xhr|xhr_streaming|xhr_send)", re.DOTALL)

_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$'((?:[^'\\]|\\.)*)'""", re.DOTALL)
"""What a shell reads as one piece; only bash's ``$'…'`` has a group."""

_CMD = re.compile(r"\S+\s+(?:-\S+\s+)*\^\"|.*\^\r?\n", re.DOTALL)
"""A command for Windows' cmd: its first argument is quoted with ``^"``, or a line goes on behind a ``^``."""


class Pasted(NamedTuple):
    """What a command asks for."""

    table: dict[str, Any]
    """A session table, ``url`` in it."""
    left_out: list[str]
    """Options that say nothing to a session."""


class NoCommand(ValueError):
    """It cannot be read; ``str()`` says why."""


def is_command(text: str) -> bool:
    """Whether a text begins like one of the commands."""
    first = text.strip().split(None, 1)[:1]
    return bool(first) and first[0].removesuffix(".exe").rpartition("/")[2] in PROGRAMS


def pasted(text: str) -> Pasted:
    """The session a command asks for.

    Raises:
        NoCommand: a quote that is not closed, an option without its value, or no URL.
    """
    try:
        words = shlex.split(_one_shell(text))
    except ValueError as error:
        raise NoCommand(str(error)) from None
    program = words[0].removesuffix(".exe").rpartition("/")[2]
    made = _Made()
    rest = iter(words[1:])
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            _option(made, _OPTIONS[program], word, rest)
        elif not made.url:
            made.url = word
        else:
            made.left_out.append(word)
    if not made.url:
        raise NoCommand("no URL")
    return made.session()


def _one_shell(text: str) -> str:
    """The text as a POSIX shell would want it: ``$'…'`` (bash) written out, ``^`` (cmd) taken away, one line."""
    if _CMD.match(text):
        text = re.sub(r"\^\r?\n", " ", text)
        text = re.sub(r"\^(.)", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"\\\r?\n", " ", text)
    return _QUOTED.sub(lambda found: found[0] if found[1] is None else shlex.quote(_unescaped(found[1])), text)


def _unescaped(text: str) -> str:
    simple = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b"}

    def one(found: re.Match[str]) -> str:
        what = found[1]
        if what[0] in "ux":
            return chr(int(what[1:], 16))
        return simple.get(what, what)

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|.)", one, text, flags=re.DOTALL)


class _Made:
    """A session table while it is made."""

    def __init__(self) -> None:
        self.url = ""
        self.table: dict[str, Any] = {}
        self.headers: list[tuple[str, str]] = []
        self.left_out: list[str] = []

    def add(self, key: str, value: Any) -> None:
        """One more value of an option that has several."""
        self.table.setdefault(key, []).append(value)

    def session(self) -> Pasted:
        """The table, once every word was read."""
        host, upgrade, protocols = urlsplit(self.url).netloc.rpartition("@")[2], False, list[str]()
        for name, value in self.headers:
            lower = name.lower()
            upgrade = upgrade or lower == "sec-websocket-key" or (lower == "upgrade" and value.lower() == "websocket")
            if lower == "origin":
                self.table["origin"] = value
            elif lower == "cookie":
                self.add("cookie", value)
            elif lower == "sec-websocket-protocol":
                protocols += [one.strip() for one in value.split(",")]
            elif lower not in _DROPPED and not (lower == "host" and value == host):
                self.add("header", f"{name}: {value}")
        protocols += self.table.pop("subprotocol", [])
        stomp = bool(protocols) and all(_STOMP.fullmatch(one) for one in protocols)
        if protocols and not stomp:
            self.table["subprotocol"] = protocols
        return Pasted({"url": self._target(upgrade, stomp), **self.table}, self.left_out)

    def _target(self, upgrade: bool, stomp: bool) -> str:
        """How to speak: an upgrade of an ``http:`` URL is a WebSocket, one of a SockJS session that session's base."""
        url = self.url if "://" in self.url else f"ws://{self.url}"
        scheme, _, rest = url.partition("://")
        sockjs = _SOCKJS.fullmatch(rest.partition("?")[0])
        if sockjs is not None:
            return f"{'https' if scheme in ('https', 'wss') else 'http'}://{sockjs['base']}"
        if upgrade and scheme in ("http", "https"):
            scheme = {"http": "ws", "https": "wss"}[scheme]
        return f"{'stomp+' if stomp else ''}{scheme}://{rest}"


Set = Callable[[_Made, str], None]


def _sets(key: str) -> Set:
    return lambda made, value: made.table.__setitem__(key, value)


def _adds(key: str) -> Set:
    return lambda made, value: made.add(key, value)


def _header(made: _Made, value: str) -> None:
    name, colon, said = value.partition(":")
    if colon:
        made.headers.append((name.strip(), said.strip()))


def _named(name: str) -> Set:
    return lambda made, value: made.headers.append((name, value))


def _connect_to(made: _Made, value: str) -> None:
    """curl's HOST1:PORT1:HOST2:PORT2."""
    parts = re.fullmatch(r".*?:\d*:(\[[^]]*\]|[^:\[]*):(\d+)", value)
    if parts is None:
        made.left_out.append(f"--connect-to {value}")
    else:
        made.table["connect-to"] = f"{parts[1]}:{parts[2]}"


def _resolve(made: _Made, value: str) -> None:
    """curl's HOST:PORT:ADDRESS."""
    _, port, address = [*value.split(":", 2), "", ""][:3]
    made.table["connect-to"] = f"[{address}]:{port}" if ":" in address and "[" not in address else f"{address}:{port}"


def _seconds(made: _Made, value: str) -> None:
    made.table["open-timeout"] = float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else value


def _url(made: _Made, value: str) -> None:
    made.url = value


def _execute(made: _Made, value: str) -> None:
    made.add("do", f"0 send {value}")


class _Spoken(NamedTuple):
    """What one program's options mean here."""

    values: Mapping[str, Set]
    """With a value."""
    flags: Mapping[str, str]
    """Without one: the flag of ours they are."""
    idle: frozenset[str]
    """Without one, and of no matter here."""
    idle_values: frozenset[str] = frozenset()
    """With one, and of no matter here."""


_TLS: Mapping[str, Set] = {"--cacert": _sets("cacert"), "--cert": _sets("cert"), "--key": _sets("key")}

_OPTIONS: Mapping[str, _Spoken] = {
    "curl": _Spoken(
        {
            **_TLS, "-E": _sets("cert"), "-H": _header, "--header": _header, "-b": _named("Cookie"),
            "--cookie": _named("Cookie"), "-u": _sets("user"), "--user": _sets("user"), "-x": _sets("proxy"),
            "--proxy": _sets("proxy"), "--unix-socket": _sets("unix-socket"), "--connect-to": _connect_to,
            "--resolve": _resolve, "-A": _named("User-Agent"), "--user-agent": _named("User-Agent"),
            "-e": _named("Referer"), "--referer": _named("Referer"), "--url": _url, "--connect-timeout": _seconds,
        },
        {"-k": "insecure", "--insecure": "insecure", "-L": "location", "--location": "location"},
        frozenset({"-s", "--silent", "-S", "-v", "--verbose", "-i", "--include", "-N", "--no-buffer", "--compressed",
                   "--http1.1", "-g", "--globoff", "-sS"}),
        frozenset({"-X", "--request", "-o", "--output", "-m", "--max-time"}),
    ),
    "wscat": _Spoken(
        {
            "-c": _url, "--connect": _url, "-H": _header, "--header": _header, "-o": _sets("origin"),
            "--origin": _sets("origin"), "-s": _adds("subprotocol"), "--subprotocol": _adds("subprotocol"),
            "--auth": _sets("user"), "--ca": _sets("cacert"), "--cert": _sets("cert"), "--key": _sets("key"),
            "--host": _named("Host"), "--proxy": _sets("proxy"), "-x": _execute, "--execute": _execute,
        },
        {"-n": "insecure", "--no-check": "insecure", "-L": "location", "--location": "location"},
        frozenset({"--no-color", "--slash", "-P", "--show-ping-pong"}),
        frozenset({"-w", "--wait"}),
    ),
    "websocat": _Spoken(
        {
            "-H": _header, "--header": _header, "--origin": _sets("origin"), "--protocol": _adds("subprotocol"),
            "--basic-auth": _sets("user"),
        },
        {"-k": "insecure", "--insecure": "insecure"},
        frozenset({"-v", "-t", "--text", "-b", "--binary", "-E", "-n", "-1"}),
    ),
}  # fmt: skip
"""By program."""


def _option(made: _Made, spoken: _Spoken, word: str, rest: Iterator[str]) -> None:
    name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if (
        not word.startswith("--")
        and len(word) > 2
        and word[:2] in {**spoken.values, **dict.fromkeys(spoken.idle_values)}
    ):
        name, equals, value = word[:2], "=", word[2:]  # -H'…' and -XGET
    if name in spoken.values or name in spoken.idle_values:
        if not equals:
            given = next(rest, None)
            if given is None:
                raise NoCommand(name)
            value = given
        if name in spoken.values:
            spoken.values[name](made, value)
    elif name in spoken.flags:
        made.table[spoken.flags[name]] = True
    elif name not in spoken.idle:
        made.left_out.append(word)
