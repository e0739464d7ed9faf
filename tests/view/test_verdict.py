"""A verdict in words: the headline, whose side, the reasons, and Markdown; in both languages, and safe."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.view.story import Story
from tui.facts.findings import Blame, Cause, Claim, Difference, Grade, Product, Sibling, Verdict
from tui.view import card
from tui.view import verdict as words
from tui.view.lines import plain
from tui.view.look import Look
from tui.view.replay import Replay

Fold = Callable[..., Replay]

EVIL = "\x1b[31m\u202eevil"


def claim(key: str = "verdict.told_to_cut", text: str = "", lines: list[int] | None = None, **args: Any) -> Claim:
    return Claim(key=key, args=args, text=text, lines=lines or [])


def cause(name: str = "client-heartbeat-missed", confidence: float = 0.99, **more: Any) -> Cause:
    grade: Grade = "certain" if confidence >= 0.95 else "strong" if confidence >= 0.75 else "weak"
    usual: dict[str, Any] = {"evidence": [], "against": [], "products": [], "confirm": "", "fix": ""}
    return Cause(cause=name, side="client", confidence=confidence, grade=grade, **{**usual, **more})


def verdict(*causes: Cause, side: Blame = "client", scope: Any = "one", siblings: Any = ()) -> Verdict:
    first = causes[0]
    return Verdict(
        finding=True, t=0.0, m=0.0, s="B", c=1, n=9, cause=first.cause, side=side, confidence=first.confidence,
        grade=first.grade, causes=list(causes), scope=scope, siblings=list(siblings),
    )  # fmt: skip


def sibling(name: str, *, state: str = "open", together: bool = False, same_server: bool = True) -> Sibling:
    return Sibling(s=name, same_server=same_server, state=state, together=together, gap_s=0.1 if together else None)


def test_the_headline_is_the_cause_and_how_sure_it_is() -> None:
    said = verdict(cause(confidence=0.714))
    assert words.headline(said, Look()) == "our heart-beats came too late · weak, 71 %"
    assert words.headline(said, Look(lang="zh")) == "我方心跳来得太晚 · 较弱，71 %"


def test_that_nothing_was_wrong_needs_no_figure() -> None:
    assert words.sure(cause("none", 1.0), Look()) == ""


def test_a_cause_of_a_later_version_is_said_by_its_id_and_safe() -> None:
    assert words.name("moon-phase", Look()) == "moon-phase"
    assert "\x1b" not in words.name(EVIL, Look()) and "\u202e" not in words.name(EVIL, Look())


@pytest.mark.parametrize(
    ("scope", "siblings", "english", "chinese"),
    [
        ("one", [], "client", "客户端"),
        ("one", [sibling("A", state="closed")], "client", "客户端"),
        ("one", [sibling("A")], "client · this session alone: A, same server, lives",
         "客户端 · 仅此会话：A（同一服务器）仍存活"),
        ("one", [sibling("A", same_server=False)], "client · this session alone: A, other server, lives",
         "客户端 · 仅此会话：A（另一服务器）仍存活"),
        ("all", [sibling("A", state="dropped", together=True)], "client · all that were open went down together: A too",
         "客户端 · 所有打开的会话一起断开：还有 A"),
        ("some", [sibling("A", state="dropped", together=True), sibling("C")],
         "client · several went down together: A too", "客户端 · 多个会话一起断开：还有 A"),
        ("all", [sibling("A", together=True)], "client · not alone: A fell silent at the same moment",
         "客户端 · 并非仅此会话：A 同时沉默"),
    ],
)  # fmt: skip
def test_whose_side_and_whether_alone(scope: str, siblings: list[Sibling], english: str, chinese: str) -> None:
    said = verdict(cause(), scope=scope, siblings=siblings)
    assert words.blame(said, Look()) == english
    assert words.blame(said, Look(lang="zh")) == chinese


def test_reasons_come_before_what_speaks_against_it() -> None:
    one = cause(evidence=[claim(verb="reset", lines=[4, 7])], against=[claim("verdict.own_close")])
    assert words.reasons(one, Look()) == [
        words.Reason("We were told to: the command reset.", [4, 7]),
        words.Reason("Our Close frame went out first.", [], against=True),
    ]
    assert words.reasons(one, Look(lang="zh"))[1].text == "我们的 Close 帧先发出。"


def test_what_a_peer_said_in_a_reason_is_safe() -> None:
    known, later = words.reasons(cause(evidence=[claim(verb=EVIL), claim("verdict.of_tomorrow", EVIL)]), Look())
    for reason in (known, later):
        assert "evil" in reason.text and "\x1b" not in reason.text and "\u202e" not in reason.text


def test_other_causes_are_named_where_they_are_likely_enough() -> None:
    fits, less, hardly = (
        cause(id_, confidence)
        for id_, confidence in (
            ("server-heartbeat-missed", 0.3), ("server-ping-timeout", 0.1), ("client-heartbeat-missed", 0.04),
        )
    )  # fmt: skip
    said = verdict(cause(), fits, less, hardly)
    english = "the server's heart-beats stopped 30 % · our pong to the server's ping was late or absent 10 %"
    assert words.others(said, Look()) == english
    assert words.others(said, Look(lang="zh")) == "服务器的心跳停了 30 % · 对服务器 ping 的 pong 迟到或缺失 10 %"
    assert words.others(verdict(cause()), Look()) == ""


def test_the_settings_of_products_stand_behind_the_fix() -> None:
    one = cause(products=[Product(name=f"P{number}", setting=f"set {number}") for number in range(3)])
    assert words.fix(one, Look()).endswith(" · P0: set 0 · P1: set 1")
    assert words.fix(cause("moon-phase", fix="wait"), Look()) == "wait"


def test_markdown_holds_all_of_it_line_by_line() -> None:
    first = cause(evidence=[claim(verb="reset", lines=[4, 7])], against=[claim("verdict.own_close")])
    text = words.markdown(
        verdict(first, cause("server-heartbeat-missed", 0.3)), "B · ws://h/", [("TCP", "FIN"), ("", "more")],
        [Difference(key="address", this="10.0.0.1", other="")], Look(),
    )  # fmt: skip
    assert text.splitlines()[:8] == [
        "### B · ws://h/",
        "",
        "**our heart-beats came too late · certain, 99 %** (`client-heartbeat-missed`)",
        "",
        "- client",
        "- because: We were told to: the command reset. (n 4, 7)",
        "- against: Our Close frame went out first.",
        f"- next: {words.fix(first, Look())}",
    ]
    assert "- or else: the server's heart-beats stopped 30 %\n- TCP: FIN\n- more\n- differs: " in text
    assert "10.0.0.1, there –" in text and text.endswith("\n")


def test_a_card_says_it_in_the_other_language_from_the_same_facts(replay: Fold) -> None:
    data = Story().asker().data
    folded = replay(data, Look(lang="zh"))
    made = card.card(folded.panes["B"], list(folded.panes.values()), Look(lang="zh"))
    assert made is not None
    said = "\n".join(plain(row).rstrip() for row in card.bare(made, Look(lang="zh"), 100, 99))
    assert "原因     我方心跳来得太晚 · 确定，99 %" in said
    assert "责任方   客户端 · 仅此会话：A（同一服务器）仍存活" in said
    assert "对策     用 Worker 或线程发心跳" in said and "because" not in said


def test_an_open_sessions_card_is_about_its_own_connection(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["A"]
    said = verdict(cause("server-freeze"))
    pane.judge(said)
    assert card.card(pane, [], Look()) is not None
    pane.judge(msgspec.structs.replace(said, c=0))
    assert card.card(pane, [], Look()) is None, "what ended the connection before is over"


def test_that_all_was_well_before_the_end_is_no_reason_of_it(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["B"]
    pane.judge(verdict(cause("none")))
    made = card.card(pane, [], Look())
    assert made is not None and "why" not in [section.label for section in made.sections]


def test_a_low_card_says_what_to_do_before_it_repeats_itself(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    made = card.card(folded.panes["B"], list(folded.panes.values()), Look())
    assert made is not None
    said = [plain(row).split("  ")[0].strip() for row in card.bare(made, Look(), 80, 8)]
    assert {"why", "side", "because", "next"} <= {*said} and "said" not in said


def test_a_low_card_of_a_weak_verdict_names_the_other_causes(replay: Fold) -> None:
    folded = replay(Story().asker().data)
    folded.panes["B"].verdict = verdict(
        cause(confidence=0.5, evidence=[claim(verb="reset")] * 3), cause("server-heartbeat-missed", 0.4)
    )
    made = card.card(folded.panes["B"], [], Look())
    assert made is not None
    said = "\n".join(plain(row) for row in card.bare(made, Look(), 80, 6))
    assert "or else  the server's heart-beats stopped 40 %" in said and "next " in said


def test_a_card_of_one_that_ails_has_no_label_without_words(replay: Fold) -> None:
    pane = replay(Story().asker().data).panes["A"]
    pane.verdict = msgspec.structs.replace(
        verdict(cause(evidence=[claim(verb="reset")]), cause("server-heartbeat-missed", 0.01)), s="A"
    )
    made = card.card(pane, [], Look())
    assert made is not None and all(section.text for section in made.sections)


@pytest.mark.parametrize("room", range(40, 100, 3))
def test_what_a_low_card_cuts_it_cuts_between_words(replay: Fold, room: int) -> None:
    folded = replay(Story().asker().data)
    made = card.card(folded.panes["B"], list(folded.panes.values()), Look())
    assert made is not None
    whole = {word for section in made.sections for word in section.text.split()}
    rows = [plain(row) for height in range(4, 16) for row in card.rows(made, Look(), room, height)]
    cut = [row.rstrip().removesuffix(" …").split()[-1] for row in rows if row.rstrip().endswith(" …")]
    assert cut and {*cut} <= whole
