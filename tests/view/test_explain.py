"""``whoops explain``: lines that fit, data that JSON holds, and one clear line for what is unknown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.knowledge import close_codes
from tui.knowledge.catalogue import LANGUAGES, Language, phrase
from tui.knowledge.code_sets import CodeSet, sets
from tui.text.cells import width
from tui.view import explain_sets
from tui.view.explain import TOPICS, UnknownSubject, explain_data, explain_lines, number_of

VENDORS = [each.id for each in sets()]
SUBJECTS = [
    None,
    "browser",
    "vendors",
    *VENDORS,
    *(str(code) for code in (0, 404, 418, 1000, 1002, 1004, 1006, 1015, 1016, 3000, 4001, 4500, 65535)),
]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_line_fits(subject: str | None, lang: Language) -> None:
    for cells in (40, 60, 80, 100, 160):
        lines = explain_lines(subject, lang, cells)
        assert lines[0].strip()
        if subject is not None or cells >= 60:
            assert [line for line in lines if width(line) > cells] == []
        assert all(line.isprintable() and line == line.rstrip() for line in lines)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_data_is_json(subject: str | None, lang: Language) -> None:
    data = explain_data(subject, lang)
    assert json.loads(json.dumps(data)) == data


def test_1006_says_what_it_is() -> None:
    text = "\n".join(explain_lines("1006", "en", 80))
    assert text.startswith("1006 Abnormal Closure\n")
    assert "no Close frame was received" in text
    assert "never" in text
    assert "network loss" in text
    assert "CLOSE_ABNORMAL" in text


def test_1006_in_chinese() -> None:
    text = "\n".join(explain_lines("1006", "zh", 80))
    assert text.startswith("1006 Abnormal Closure（异常关闭）\n")
    assert "占位码" in text


def test_a_collision_is_said_aloud() -> None:
    text = " ".join(" ".join(explain_lines("3000", "en", 80)).split())
    assert "more than one meaning" in text
    assert text.startswith("3000 Unauthorized")
    assert 'SockJS "Go away!"' in text


@pytest.mark.parametrize("number", ["4001", "4004", "4005", "4008", "4009", "4500"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_private_code_lists_who_uses_it_and_how_to_tell(number: str, lang: Language) -> None:
    text = "".join("".join(explain_lines(number, lang, 90)).split())
    assert "".join(phrase("explain.collision", lang).split()) in text
    uses = explain_data(number, lang)["uses"]
    assert len({use["set"] for use in uses}) > 1
    for use in uses:
        for part in (use["product"], use["name"], use["meaning"], use["tell"]):
            assert "".join(part.split()) in text


def test_a_stand_in_lists_who_ends_like_it_without_a_collision() -> None:
    text = " ".join(" ".join(explain_lines("1006", "en", 90)).split())
    assert "Known to end like this" in text
    assert "more than one meaning" not in text
    assert "nginx, HAProxy and load balancers" in text


@pytest.mark.parametrize(("lang", "mark"), [("en", "(Not verified.)"), ("zh", "（未经核实）")])
@pytest.mark.parametrize("subject", ["pusher", "slack", "4201"])
def test_what_was_not_verified_says_so(subject: str, lang: Language, mark: str) -> None:
    assert mark in "".join(explain_lines(subject, lang, 200))
    assert mark not in "".join(explain_lines("discord", lang, 200))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("a_set", sets(), ids=VENDORS)
def test_a_vendor_is_shown_whole(a_set: CodeSet, lang: Language) -> None:
    text = "".join("".join(explain_lines(a_set.id, lang, 90)).split())
    for use in a_set.codes:
        assert f"{use.code}" in text and "".join(use.meaning.in_(lang).split()) in text
    for said in (*(each.meaning for each in a_set.says), *a_set.notes, a_set.tell):
        assert "".join(said.in_(lang).split()) in text
    data = explain_data(a_set.id, lang)
    assert (data["set"], len(data["codes"])) == (a_set.id, len(a_set.codes))


@pytest.mark.parametrize(
    ("subject", "vendor"),
    [("discord", "discord"), ("Discord Voice", "discord-voice"), ("Socket.IO", "engine-io"), ("nginx", "proxies"),
     ("graphql_ws", "graphql-ws"), ("node ws", "node-ws"), ("refresh_requested", "slack"), ("0x8E", "mqtt")],
)  # fmt: skip
def test_a_vendor_goes_by_its_names_and_by_what_it_says(subject: str, vendor: str) -> None:
    assert explain_data(subject, "en")["set"] == vendor


def test_a_vendors_name_is_nobody_elses() -> None:
    """Neither another vendor's nor a topic's nor the registry's: a subject has one answer."""
    names = [explain_sets.plain(name) for each in sets() for name in {each.id, each.product, *each.aliases}]
    owners = explain_sets.names()
    assert set(names) == set(owners)
    for each in sets():
        assert {owners[explain_sets.plain(name)].id for name in (each.id, each.product, *each.aliases)} == {each.id}
    assert not set(owners) & set(TOPICS)
    for entry in close_codes.table():
        assert explain_sets.plain(entry.title.en) not in owners


def test_a_name_of_several_codes_asks_which() -> None:
    with pytest.raises(UnknownSubject) as raised:
        explain_lines("idle timeout", "en", 80)
    said = phrase(raised.value.key, "en", **raised.value.args_)
    assert said == 'explain: "idle timeout" is the name of more than one code; say which: 1000, 1001'


def test_the_table_names_every_vendor_and_none_of_their_codes() -> None:
    lines = explain_lines(None, "en", 80)
    text = " ".join(lines)
    assert all(vendor in text for vendor in VENDORS)
    assert "Unknown opcode" not in text
    assert len(lines) < 60


def test_the_vendors_in_short() -> None:
    lines = [" ".join(line.split()) for line in explain_lines("vendors", "en", 100)]
    assert "- Discord gateway (discord): 4000-4005, 4007-4014" in lines
    assert "- MQTT 5 (mqtt): none of its own" in lines
    assert {each["set"] for each in explain_data("vendors", "zh")["sets"]} == set(VENDORS)


def test_a_code_nobody_else_uses_has_no_such_section() -> None:
    assert "more than one meaning" not in " ".join(explain_lines("1013", "en", 200))


def test_the_table_has_every_row() -> None:
    lines = explain_lines(None, "en", 80)
    firsts = [line.split()[0] for line in lines if line and line[0].isdigit()]
    assert firsts[:3] == ["0-999", "1000-2999", "1000"]
    assert len([first for first in firsts if not first.startswith("1015 ")]) >= 24
    assert any(line.startswith("1006 ") and line.endswith("nobody") for line in lines)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_tables_columns_stand_in_line(lang: Language) -> None:
    """In cells, not in characters: a Chinese title moves nothing to the right."""
    lines = explain_lines(None, lang, 80)
    wire = phrase("explain.column_wire", lang)
    head = next(line for line in lines if wire in line)
    at = width(head[: head.index(wire)])
    for number, said in ((1000, "yes"), (1006, "never"), (1004, "no")):
        row = next(line for line in lines if line.startswith(f"{number} "))
        word = phrase(f"explain.wire_short_{said}", lang)
        assert width(row[: row.index(word)]) == at


def test_a_wide_table_says_what_the_codes_mean() -> None:
    meaning = "the connection ended and no Close frame"
    assert meaning in " ".join(explain_lines(None, "en", 200))
    assert meaning not in " ".join(explain_lines(None, "en", 80))


def test_the_browser_topic_says_what_the_line_proves() -> None:
    text = " ".join(" ".join(explain_lines("browser", "en", 80)).split())
    for part in ("wasClean", "1006 stands for everything", "Whoops! Lost connection", "proves SockJS", "DevTools"):
        assert part in text


@pytest.mark.parametrize(
    ("subject", "number"),
    [("1006", 1006), (" 4001 ", 4001), ("0", 0), ("going away", 1001), ("Going-Away", 1001), ("GOING_AWAY", 1001),
     ("CLOSE_ABNORMAL", 1006), ("异常关闭", 1006), ("Go away!", 3000), ("session not reliable", 4500),
     ("unsupported data", 1003), ("timeout", 3008)],
)  # fmt: skip
def test_subjects(subject: str, number: int) -> None:
    assert number_of(subject) == number
    assert explain_data(subject, "en")["code"] == number


@pytest.mark.parametrize("subject", ["65536", "-1", "99999999999999999999"])
def test_a_number_that_is_no_code(subject: str) -> None:
    with pytest.raises(UnknownSubject) as raised:
        explain_lines(subject, "en", 80)
    said = phrase(raised.value.key, "en", **raised.value.args_)
    assert said == f"explain: {subject} is no close code; right is a number from 0 to 65535"


@pytest.mark.parametrize(("subject", "near"), [("goin away", "Going Away"), ("brwser", "browser")])
def test_a_near_miss_is_suggested(subject: str, near: str) -> None:
    with pytest.raises(UnknownSubject) as raised:
        explain_data(subject, "en")
    for lang in LANGUAGES:
        assert near in phrase(raised.value.key, lang, **raised.value.args_)


@given(st.text())
def test_any_other_word_gets_one_safe_line(subject: str) -> None:
    try:
        explain_lines(subject, "en", 80)
    except UnknownSubject as unknown:
        for lang in LANGUAGES:
            said = phrase(unknown.key, lang, **unknown.args_)
            assert "\n" not in said
            assert "\x1b" not in said


def test_a_number_that_is_also_an_http_status_says_both() -> None:
    text = " ".join(" ".join(explain_lines("404", "en", 80)).split())
    assert text.startswith("404") and "As an HTTP status on the upgrade: 404 Not Found" in text
    data = explain_data("404", "zh")
    assert data["http"]["status"] == 404 and "路径" in data["http"]["meaning"]
    assert explain_data("1006", "en")["http"] is None
    assert "As an HTTP status" not in " ".join(explain_lines("1006", "en", 80))
