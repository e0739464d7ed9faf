"""What peers say before they go: applications word it as they like, and mean the same."""

from pathlib import Path

import msgspec
import pytest

from tui.knowledge.sayings import Place, meant

PhrasesByCause = dict[str, list[str]]


class Examples(msgspec.Struct, forbid_unknown_fields=True):
    """Phrases by where they stand and the cause they mean."""

    nothing: list[str]
    reason: PhrasesByCause
    error: PhrasesByCause
    http: PhrasesByCause
    message: PhrasesByCause


EXAMPLES = msgspec.toml.decode(Path(__file__).with_name("sayings_examples.toml").read_bytes(), type=Examples)


def each(phrases: PhrasesByCause) -> list[tuple[str, str]]:
    """(cause, phrase) for every phrase."""
    return [(cause, phrase) for cause, some in phrases.items() for phrase in some]


def cause_of(place: Place, phrase: str, code: int | None = None) -> str | None:
    """The cause that words at a place name."""
    saying = meant(place, phrase, code)
    return None if saying is None else saying.cause


@pytest.mark.parametrize(("cause", "reason"), each(EXAMPLES.reason))
def test_what_a_reason_means(cause: str, reason: str) -> None:
    assert cause_of("reason", reason, 1008) == cause


@pytest.mark.parametrize(("cause", "error"), each(EXAMPLES.error))
def test_what_an_error_means(cause: str, error: str) -> None:
    assert cause_of("error", error) == cause


@pytest.mark.parametrize(("cause", "body"), each(EXAMPLES.http))
def test_what_the_body_of_a_refusal_means(cause: str, body: str) -> None:
    assert cause_of("http", body) == cause


@pytest.mark.parametrize(("cause", "message"), each(EXAMPLES.message))
def test_what_a_message_means(cause: str, message: str) -> None:
    assert cause_of("message", message) == cause


@pytest.mark.parametrize("reason", EXAMPLES.nothing)
def test_a_reason_that_blames_nobody(reason: str) -> None:
    assert meant("reason", reason, 1000) is None
