"""What an experiment says at its end: lines for a person, one object for a program."""

from collections.abc import Iterator
from typing import Any

from tui.experiments.idle import Idle
from tui.experiments.products import fits
from tui.experiments.reading import Outcome, Reading
from tui.experiments.twins import SILENT
from tui.facts.findings import Close
from tui.knowledge.catalogue import Language, phrase
from tui.knowledge.timeouts import Window
from tui.text.safe import visible


def report_lines(plan: Idle, reading: Reading, lang: Language) -> list[str]:
    """Every twin, the answer, the length, the products."""
    return [
        *(_twin(outcome, plan.every, lang) for outcome in reading.outcomes),
        *(phrase("experiment.skipped", lang, name=_kind(kind, lang), why=phrase(f"experiment.skipped_{why}", lang))
          for kind, why in plan.skipped.items()),
        "",
        *conclusions(plan, reading, lang),
    ]  # fmt: skip


def conclusions(plan: Idle, reading: Reading, lang: Language) -> list[str]:
    """What the twins showed, without the twins themselves."""
    every = "–" if plan.every is None else f"{plan.every:g}"
    longest = max((outcome.lived or 0.0 for outcome in reading.outcomes), default=0.0)
    said = [phrase(f"experiment.answer_{reading.answer}", lang, every=every, lived=f"{longest:.0f}")]
    if reading.length is not None and reading.close is not None:
        said.append(
            phrase(
                "experiment.length",
                lang,
                length=f"{reading.length:.1f}",
                margin=f"{reading.margin:.1f}",
                end=_end(reading.close, lang),
            )
        )
    if reading.pings is not None:
        said.append(phrase("experiment.pings_keep" if reading.pings else "experiment.pings_do_not", lang))
    if reading.chatty:
        said.append(phrase("experiment.chatty_lives" if reading.answer == "none" else "experiment.chatty", lang))
    return [*said, *_products(reading, lang)]


def report_data(plan: Idle, reading: Reading, url: str, lang: Language) -> dict[str, Any]:
    """The same as one JSON object.

    ``answer`` (``reading.Answer``), ``clocks`` the killer may look at, ``length_s`` and ``within_s``, ``every_s``;
    ``end`` of the silent twin: ``how`` (fin, reset, …), ``code`` and ``reason`` of a received Close or null;
    ``twins``: ``kind``, ``lived_s``, ``ended``, ``kept``; ``skipped``: ``kind``, ``why``; ``products`` whose default
    fits and ``products_set_so``, which end like this and can be set to that length: ``product``, ``setting``,
    ``cause``; ``text``: what a person is told.
    """
    close, found = reading.close, fits(reading)
    received = close.received if close is not None else None
    return {
        "type": "experiment", "experiment": "idle", "target": url, "answer": reading.answer,
        "clocks": list(reading.clocks), "length_s": reading.length, "within_s": reading.margin, "every_s": plan.every,
        "end": None if close is None else {
            "how": close.transport.how, "code": received.code if received is not None else None,
            "reason": received.reason if received is not None else None,
        },
        "pings_keep": reading.pings, "server_sent_unasked": reading.chatty,
        "twins": [
            {
                "kind": one.kind, "lived_s": None if one.lived is None else round(one.lived, 3),
                "ended": one.close is not None, "kept": one.kept,
            }
            for one in reading.outcomes
        ],
        "skipped": [{"kind": kind, "why": why} for kind, why in plan.skipped.items()],
        "products": [_product(window) for window in found.default],
        "products_set_so": [_product(window) for window in found.otherwise],
        "text": conclusions(plan, reading, lang),
    }  # fmt: skip


def _product(window: Window) -> dict[str, str]:
    return {"product": window.product, "setting": window.setting, "cause": window.cause}


def _kind(kind: str, lang: Language) -> str:
    return phrase(f"experiment.kind_{kind}", lang)


def _twin(outcome: Outcome, every: float | None, lang: Language) -> str:
    name = _kind(outcome.kind, lang)
    if outcome.kind != SILENT and every is not None:
        name = phrase("experiment.kind_every", lang, name=name, every=f"{every:g}")
    if outcome.lived is None:
        return phrase("experiment.twin_never", lang, name=name)
    lived = f"{outcome.lived:.1f}"
    if outcome.kind in ("down", "both") and outcome.kept is None and outcome.beat_s != every:
        agreed = f"{outcome.beat_s:g}" if outcome.beat_s else "–"
        return phrase("experiment.twin_not_asked", lang, name=name, lived=lived, agreed=agreed)
    if outcome.close is None:
        return phrase("experiment.twin_lives", lang, name=name, lived=lived)
    return phrase("experiment.twin_ended", lang, name=name, lived=lived, end=_end(outcome.close, lang))


def _end(close: Close, lang: Language) -> str:
    """How a session ended, as the table of products says it."""
    if close.received is None:
        return phrase("experiment.end_transport", lang, how=_HOW.get(close.transport.how, close.transport.how))
    code = "–" if close.received.code is None else close.received.code
    reason = visible(close.received.reason, ascii_only=True)
    return phrase("experiment.end_close", lang, code=code, reason=reason).rstrip()


_HOW = {"fin": "FIN", "reset": "RST"}


def _products(reading: Reading, lang: Language) -> Iterator[str]:
    if reading.length is None:
        return
    found = fits(reading)
    if found.default:
        yield phrase("experiment.products", lang, products=_listed(found.default))
    else:
        yield phrase("experiment.products_none", lang)
    if found.otherwise:
        yield phrase("experiment.products_set", lang, products=_listed(found.otherwise))


def _listed(windows: tuple[Window, ...]) -> str:
    return "; ".join(f"{window.product} ({window.setting})" for window in windows)
