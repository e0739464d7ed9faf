"""Redirects (RFC 9110 §15.4), followed with ``--location`` as curl does: where the next request goes, and what of ours
goes with it. Pure: whoever asks for something over HTTP calls ``followed`` with the answer.
"""

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import msgspec

from tui.facts.redaction import SECRET_NAMES
from tui.options.errors import BadOption
from tui.options.spec import SessionSpec, split_header
from tui.options.targets import endpoint

MOST = 20
"""Redirects followed in a row, as browsers do (WHATWG fetch §4.4)."""

STATUSES = frozenset({301, 302, 303, 307, 308})

_WEBSOCKET = {"http": "ws", "https": "wss"}
_HTTP = {"ws": "http", "wss": "https"}


class NotFollowed(ValueError):
    """A redirect that leads nowhere; its words are the ``detail`` of the end."""


def location(status: int | None, headers: Iterable[tuple[str, str]]) -> str | None:
    """Where an answer redirects to, as it says; None where it does not redirect."""
    if status not in STATUSES:
        return None
    return next((value for name, value in headers if name.lower() == "location"), None)


def followed(spec: SessionSpec, said: str, hop: int) -> SessionSpec:
    """The spec of the next request.

    To another scheme, host or port nothing secret goes along: no login, cookie, secret header, client certificate or
    STOMP passcode; nor what was meant for the first host alone (``--connect-to``, ``--servername``).

    Args:
        spec: of the request that was answered.
        said: the ``Location`` header.
        hop: how many redirects this makes.

    Raises:
        NotFollowed: one too many, or a place no session can go to.
    """
    if hop > MOST:
        raise NotFollowed(f"redirected more than {MOST} times")
    url = _url(spec.url, said)
    try:
        ending = endpoint(url)
    except BadOption as error:
        raise NotFollowed(error.said("en")) from None
    before = spec.endpoint
    if (ending.scheme.tls, ending.host, ending.port) == (before.scheme.tls, before.host, before.port):
        userinfo, at, _ = urlsplit(spec.url).netloc.rpartition("@")
        return msgspec.structs.replace(spec, url=url.replace("://", f"://{userinfo}{at}", 1))
    return msgspec.structs.replace(
        spec, url=url, user=None, cookie=[], cert=None, key=None, login=None, passcode=None, passcode_env=None,
        passcode_file=None, connect_to=None, servername=None,
        header=_harmless("--header", spec.header), connect_header=_harmless("--connect-header", spec.connect_header),
    )  # fmt: skip


def _url(base: str, said: str) -> str:
    """A ``Location`` resolved against the URL it answers, in the schemes of the target's own family, without the
    userinfo and the fragment a server may have put there."""
    scheme = urlsplit(base).scheme
    prefix = "stomp+" if scheme.startswith("stomp+") else ""
    family = _WEBSOCKET if scheme.removeprefix(prefix) in _WEBSOCKET.values() else _HTTP
    try:
        # urljoin knows only the schemes of the web.
        to = urlsplit(urljoin("http" + base[base.index("://") :], said))
    except ValueError as error:
        raise NotFollowed(str(error)) from None
    same = not urlsplit(said).scheme
    name = scheme.removeprefix(prefix) if same else family.get(to.scheme, to.scheme)
    return f"{prefix}{name}://{to.netloc.rpartition('@')[2]}{to.path}" + (f"?{to.query}" if to.query else "")


def _harmless(option: str, headers: list[str]) -> list[str]:
    return [header for header in headers if split_header(option, header)[0].lower() not in SECRET_NAMES]
