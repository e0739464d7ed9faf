"""One session's options: the keys of a profile's session table, the long options of the command line, and the
``session`` of an ``open`` command are all these fields (with ``-`` for ``_``)."""

import math
import os
import re
import ssl
from pathlib import Path
from typing import Any, Literal

import msgspec

from tui.facts.commands import SESSION_NAME, BadCommand, SessionCommand, parse_words
from tui.facts.redaction import MASK, Redactor
from tui.options.errors import BadOption
from tui.options.proxies import Proxy, masked, proxy_for
from tui.options.targets import Endpoint, endpoint, nameable
from tui.options.values import convert, header_shown
from tui.protocols.heartbeat import Pair, parse_pair

STOMP_VERSIONS = ("1.0", "1.1", "1.2")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r"[^\x00-\x08\x0a-\x1f\x7f]*"  # RFC 9110 §5.5: no control character but the tab
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*({_VALUE})")
_SECRETS = ("user", "passcode", "cookie")


class SessionSpec(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What to open and how to behave there. Times in seconds, sizes in bytes."""

    url: str
    name: str = ""
    stomp: bool = False
    """STOMP on a target whose scheme does not say so."""

    header: list[str] = []
    origin: str | None = None
    cookie: list[str] = []
    subprotocol: list[str] = []
    user: str | None = None
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    servername: str | None = None
    connect_to: str | None = None
    proxy: str | None = None
    unix_socket: str | None = None
    location: bool = False
    """Redirects are followed."""
    max_size: int = 16 * 1024 * 1024
    no_compression: bool = False
    open_timeout: float = 10.0
    close_timeout: float = 5.0
    ping_interval: float | None = None
    ping_timeout: float | None = None

    sockjs_transport: Literal["auto", "websocket", "xhr-streaming", "xhr-polling"] = "auto"
    sockjs_session: str | None = None
    share_cookies: bool = False

    login: str | None = None
    passcode: str | None = None
    passcode_env: str | None = None
    passcode_file: str | None = None
    vhost: str | None = None
    stomp_version: str | None = None
    heart_beat: str = "25000,25000"
    connect_header: list[str] = []
    no_stomp_connect: bool = False
    subscribe: list[str] = []

    reconnect: bool = False
    no_postmortem: bool = False
    postmortem: Literal["full"] | None = None
    control: str | None = None

    do: list[str] = []

    @property
    def endpoint(self) -> Endpoint:
        """The URL's parts."""
        return endpoint(self.url)

    @property
    def speaks_stomp(self) -> bool:
        """Whether STOMP is spoken on it."""
        return self.stomp or self.endpoint.scheme.stomp

    @property
    def follows(self) -> bool:
        """Whether a redirect of the upgrade is followed: with ``--location``, where the URL itself is what is asked
        for. A SockJS session has several URLs below its base, and sockjs-client follows none of them elsewhere."""
        return self.location and self.endpoint.scheme.transport == "ws"

    @property
    def outbound_proxy(self) -> Proxy | None:
        """The proxy ``--proxy`` names, or the environment's."""
        return proxy_for(self.proxy, self.url.partition("://")[0].lower(), self.endpoint, os.environ)

    @property
    def beats(self) -> Pair:
        """The ``heart-beat`` header we send."""
        return parse_pair(self.heart_beat)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """``--header`` taken apart, in order."""
        return [split_header("--header", header) for header in self.header]

    @property
    def connect_headers(self) -> list[tuple[str, str]]:
        """``--connect-header`` taken apart, in order."""
        return [split_header("--connect-header", header) for header in self.connect_header]

    @property
    def schedule(self) -> list[tuple[float, SessionCommand]]:
        """``--do`` taken apart: seconds after ready, and the command."""
        return [_timed(line) for line in self.do]

    def secret(self) -> str | None:
        """The passcode, from wherever it is given.

        Raises:
            BadOption: an unset variable or an unreadable file.
        """
        if self.passcode_env is not None:
            if self.passcode_env not in os.environ:
                raise BadOption("option.env_unset", option="--passcode-env", given=self.passcode_env)
            return os.environ[self.passcode_env]
        if self.passcode_file is not None:
            try:
                return Path(self.passcode_file).read_text().rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise BadOption(
                    "option.file", option="--passcode-file", given=self.passcode_file, error=_why(error)
                ) from None
        return self.passcode

    def table(self) -> dict[str, Any]:
        """The session table that makes this spec again: ``url``, ``name`` and what differs from the defaults."""
        plain = msgspec.to_builtins(self)
        default = msgspec.to_builtins(SessionSpec(url=""))
        return {key: value for key, value in plain.items() if value != default[key] or key in ("url", "name")}

    def shown(self, redactor: Redactor) -> dict[str, Any]:
        """The options that differ from their defaults, by their long names, secrets masked."""
        shown = self.table()
        del shown["url"], shown["name"]
        if not redactor.enabled:
            return shown
        for key, value in shown.items():
            if key == "proxy":
                shown[key] = redactor.text(masked(value))
            elif isinstance(value, str):
                shown[key] = MASK if key in _SECRETS else redactor.url(value)
            elif isinstance(value, list):
                shown[key] = [MASK if key in _SECRETS else redactor.typed(item) for item in value]
        for key, pairs in (("header", self.headers), ("connect-header", self.connect_headers)):
            if key in shown:
                shown[key] = [f"{name}: {value}" for name, value in redactor.headers(pairs)]
        return shown


def split_header(option: str, text: str) -> tuple[str, str]:
    """``K: V`` as (name, value).

    Raises:
        BadOption: no ``K: V``.
    """
    header = _HEADER.fullmatch(text)
    if header is None:
        raise BadOption("option.header", option=option, given=header_shown(text))
    return header[1], header[2].rstrip(" \t")


def _timed(line: str) -> tuple[float, SessionCommand]:
    after, _, words = line.strip().partition(" ")
    try:
        seconds = float(after)
        if not 0 <= seconds < 1e9:
            raise ValueError
    except ValueError:
        raise BadOption("option.do", option="--do", given=line) from None
    try:
        return seconds, parse_words(words)
    except BadCommand as error:
        shown = Redactor().typed(line)
        raise BadOption(error.key, option="--do", **{"given": shown, **error.args_, "within": shown}) from None


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def read_spec(table: dict[str, Any]) -> SessionSpec:
    """The spec a session table holds, checked whole.

    Raises:
        BadOption: no ``url``, an unknown key, a wrong type, or a value that cannot be used.
    """
    if "url" not in table:
        raise BadOption("option.no_url", option="session", given=", ".join(table))
    spec = convert(table, SessionSpec, str, words=False)
    try:
        check(spec)
    except BadOption as error:
        raise error.named("url" if error.option == "TARGET" else error.option.removeprefix("--")) from None
    return spec


def check(spec: SessionSpec) -> None:
    """Every value of a spec can be used.

    Raises:
        BadOption: the first one that cannot, with what would be right; options are named as flags.
    """
    if spec.name and not SESSION_NAME.fullmatch(spec.name):
        raise BadOption("option.bad_name", option="name", given=spec.name)
    ending = spec.endpoint
    _ = spec.headers, spec.connect_headers, spec.schedule
    try:
        _ = spec.beats
    except ValueError:
        raise BadOption("option.heart_beat", option="--heart-beat", given=spec.heart_beat) from None
    if spec.connect_to is not None:
        split_address("--connect-to", spec.connect_to)
    _ = spec.outbound_proxy
    if spec.unix_socket is not None:
        check_unix_socket(spec)
    if spec.user is not None and ":" not in spec.user:
        raise BadOption("option.user", option="--user", given=MASK)
    for option, number in (
        ("--open-timeout", spec.open_timeout),
        ("--close-timeout", spec.close_timeout),
        ("--ping-interval", spec.ping_interval),
        ("--ping-timeout", spec.ping_timeout),
    ):
        if number is not None and not (0 < number < math.inf):
            raise BadOption("option.seconds", option=option, given=number)
    if spec.max_size < 0:
        raise BadOption("option.max_size", option="--max-size", given=spec.max_size)
    for version in (spec.stomp_version or "1.2").split(","):
        if version not in STOMP_VERSIONS:
            raise BadOption(
                "option.stomp_version", option="--stomp-version", given=spec.stomp_version,
                versions=", ".join(STOMP_VERSIONS),
            )  # fmt: skip
    if spec.sockjs_session is not None and not re.fullmatch(r"[^/.]+/[^/.]+", spec.sockjs_session):
        raise BadOption("option.sockjs_session", option="--sockjs-session", given=spec.sockjs_session)
    if spec.control is not None:
        split_address("--control", spec.control)
    for token in spec.subprotocol:
        if not re.fullmatch(_TOKEN, token):
            raise BadOption("option.subprotocol", option="--subprotocol", given=token)
    if spec.origin is not None and not re.fullmatch(_VALUE, spec.origin):
        raise BadOption("option.one_line", option="--origin", given=Redactor().url(spec.origin))
    for cookie in spec.cookie:
        if not re.fullmatch(_VALUE, cookie):
            raise BadOption("option.one_line", option="--cookie", given=MASK)
    if spec.servername is not None and not nameable(spec.servername):
        raise BadOption("option.servername", option="--servername", given=spec.servername)
    spec.secret()
    if ending.scheme.tls or spec.cacert or spec.cert or spec.key:
        tls_context(spec)


UNIX_PATH = 103
"""Bytes of the longest path of a Unix socket that every system takes (``sun_path``: 104 on macOS, 108 on Linux)."""


def check_unix_socket(spec: SessionSpec) -> None:
    """``--unix-socket`` is a path a socket can have, and the only way there.

    Raises:
        BadOption: it is not.
    """
    path = spec.unix_socket or ""
    if not path or "\0" in path or len(os.fsencode(path)) > UNIX_PATH:
        raise BadOption("option.unix_socket", option="--unix-socket", given=path, most=UNIX_PATH)
    for other, given in (("--proxy", spec.proxy), ("--connect-to", spec.connect_to)):
        if given is not None:
            raise BadOption("option.unix_socket_alone", option="--unix-socket", given=path, other=other)


def split_address(option: str, text: str) -> tuple[str, int]:
    """``HOST:PORT`` (an IPv6 host in brackets) as its parts.

    Raises:
        BadOption: it is not one.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise BadOption("option.address", option=option, given=text)
    return host.removeprefix("[").removesuffix("]"), int(port)


def tls_context(spec: SessionSpec) -> ssl.SSLContext:
    """The TLS settings of a ``wss`` session: verification on unless ``--insecure``.

    Raises:
        BadOption: a certificate or key that cannot be read.
    """
    context = ssl.create_default_context()
    context.hostname_checks_common_name = False  # no browser looks at it (RFC 9110 §4.3.4)
    if spec.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if spec.cacert is not None:
        try:
            context.load_verify_locations(cafile=spec.cacert)
        except (OSError, ssl.SSLError) as error:
            raise BadOption("option.file", option="--cacert", given=spec.cacert, error=_why(error)) from None
    if spec.key is not None and spec.cert is None:
        raise BadOption("option.key_without_cert", option="--key", given=spec.key)
    if spec.cert is not None:
        try:
            context.load_cert_chain(spec.cert, spec.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise BadOption("option.file", option="--cert", given=spec.cert, error=_why(error)) from None
    return context


def _no_password() -> str:
    """An encrypted key is refused in one line; OpenSSL would ask at the terminal instead."""
    return ""
