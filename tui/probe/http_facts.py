"""``http`` facts of what is asked and answered over HTTP, redacted."""

from collections.abc import Sequence
from typing import Any

from tui.facts.redaction import Redactor


def asked(
    method: str, target: str, headers: Sequence[tuple[str, str]], size: int, redactor: Redactor
) -> dict[str, Any]:
    """The fields of a request's fact; ``size`` is that of the whole request, bytes."""
    shown_target, shown = redactor.url(target), redactor.headers(headers)
    return {
        "dir": "out", "method": method, "target": shown_target, "status": None, "headers": shown, "size": size,
        "redacted": shown != list(headers) or shown_target != target,
    }  # fmt: skip


def answered(
    status: int | None, phrase: str, headers: Sequence[tuple[str, str]], body: bytes, redactor: Redactor
) -> dict[str, Any]:
    """The fields of an answer's fact."""
    shown = redactor.headers(headers)
    text = body.decode(errors="backslashreplace")
    said = redactor.text(text)
    return {
        "dir": "in", "status": status, "phrase": phrase or None, "headers": shown, "body": said or None,
        "redacted": shown != list(headers) or said != text,
    }  # fmt: skip


def unread(raw: bytes, redactor: Redactor) -> str | None:
    """What came and is no HTTP, as a fact's ``raw``: evidence as it is."""
    return redactor.text(raw.decode("latin-1")) or None
