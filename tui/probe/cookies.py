"""The cookies of a session, as a browser keeps them: what a server sets is sent back on later requests to it.

A session has a jar of its own; ``--share-cookies`` gives several one, as two tabs of one browser have.
"""

from collections.abc import Iterable
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, cast
from urllib.request import Request

from tui.options.targets import Endpoint


class _Answer:
    """As much of a response as ``CookieJar`` reads."""

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self._message = Message()
        for name, value in headers:
            self._message[name] = value

    def info(self) -> Message:
        return self._message


class Jar:
    """What was set, by whom, for which paths."""

    def __init__(self) -> None:
        self._jar = CookieJar()

    def take(self, endpoint: Endpoint, resource: str, headers: Iterable[tuple[str, str]]) -> None:
        """Keeps what an answer sets."""
        self._jar.extract_cookies(cast(Any, _Answer(headers)), _request(endpoint, resource))

    def header(self, endpoint: Endpoint, resource: str) -> str | None:
        """The ``Cookie`` header of a request; None where it has none."""
        request = _request(endpoint, resource)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")


def _request(endpoint: Endpoint, resource: str) -> Request:
    scheme = "https" if endpoint.scheme.tls else "http"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return Request(f"{scheme}://{host}:{endpoint.port}{resource}")
