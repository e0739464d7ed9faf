"""Redaction: done once, in the probe, before a line is written. What is taken out here is nowhere.

URL userinfo, query parameters and headers whose names are on the list, STOMP passcodes in frames we composed,
and whatever ``--redact`` matches. Sizes stay true; the line says ``redacted``.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

MASK = "***"

SECRET_NAMES = frozenset({
    "access_token", "api-key", "api_key", "apikey", "auth", "auth_token", "authorization", "cookie", "id_token",
    "jwt", "key", "passcode", "passwd", "password", "proxy-authorization", "pwd", "refresh_token", "secret",
    "session_token", "set-cookie", "sig", "signature", "ticket", "token", "x-api-key", "x-auth-token", "x-csrf-token",
    "x-xsrf-token",
})  # fmt: skip
"""Header and query names, lower case, whose values never reach a line."""

_USERINFO = re.compile(r"(?<=//)[^/?#]*@")
_PARAMETER = re.compile(r"(?<=[?&#])([^=&#]*)=([^&#]*)")
_STOMP_HEAD = re.compile(r"(?:\A|\x00)[\r\n]*[^:\r\n\x00]+(?:\r?\n[^\r\n\x00]+)+")
"""A frame's command and header lines: bodies are left alone, their ``content-length`` must stay true."""
_STOMP_SECRET = re.compile(rf"(?m)^({'|'.join(sorted(SECRET_NAMES))}):[^\r\n\x00]*", re.IGNORECASE)
_TYPED_SECRET = re.compile(rf"(\\n|\n)({'|'.join(sorted(SECRET_NAMES))}):(?:(?!\\[nr0]|[\r\n\0]).)*", re.IGNORECASE)
"""A header of a frame typed in a command, where a line end is typed ``\\n``."""
_URL_HEADERS = frozenset({"content-location", "location", "origin", "referer"})
"""Headers whose values are URLs, which may hold secrets of their own."""


def _stars(found: re.Match[str]) -> str:
    """As many stars as the match has bytes; its NULs and line ends stay, because they end frames."""
    return "".join(char if char in "\0\r\n" else "*" * len(char.encode(errors="surrogatepass")) for char in found[0])


class Redactor:
    """Takes secrets out of what is about to be written.

    Args:
        patterns: ``--redact`` expressions; what they match is masked in every text.
        enabled: False for ``--no-redact``.

    Raises:
        re.error: a pattern is no regular expression.
    """

    def __init__(self, patterns: Iterable[str] = (), *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._patterns = [re.compile(pattern) for pattern in patterns]

    def text(self, text: str) -> str:
        """Free text: masked where a pattern of the user's matches."""
        if self.enabled:
            for pattern in self._patterns:
                text = pattern.sub(lambda found: MASK if found[0] else "", text)
        return text

    def payload(self, text: str) -> str:
        """The text of a message: what is masked keeps its bytes, so that lengths inside the message stay true."""
        if self.enabled:
            for pattern in self._patterns:
                text = pattern.sub(_stars, text)
        return text

    def url(self, url: str) -> str:
        """A URL or request target without its userinfo and its secret query values."""
        if not self.enabled:
            return url
        url = _USERINFO.sub(f"{MASK}@", url)
        url = _PARAMETER.sub(
            lambda found: f"{found[1]}={MASK if unquote(found[1]).lower() in SECRET_NAMES else found[2]}", url
        )
        return self.text(url)

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Header pairs with the secret ones masked, in order."""
        if not self.enabled:
            return list(headers)
        return [(name, self._header(name.lower(), value)) for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        if name in SECRET_NAMES:
            return MASK
        return self.url(value) if name in _URL_HEADERS else self.text(value)

    def composed(self, text: str) -> str:
        """The text of a message we made ourselves: STOMP credentials are masked as well."""
        if not self.enabled:
            return text
        if text.startswith('["'):
            return self._quoted(text)
        return self.payload(_STOMP_HEAD.sub(lambda head: _STOMP_SECRET.sub(rf"\1:{MASK}", head[0]), text))

    def _quoted(self, text: str) -> str:
        """An array of messages, as SockJS sends them: each is masked by itself."""
        try:
            messages = msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=list[str])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self.payload(text)
        shown = [self.composed(message) for message in messages]
        return msgspec.json.encode(shown).decode() if shown != messages else text

    def typed(self, words: str) -> str:
        """A command as somebody typed it: credentials in a STOMP frame that stands in it are masked."""
        return self.text(_TYPED_SECRET.sub(rf"\1\2:{MASK}", words)) if self.enabled else words
