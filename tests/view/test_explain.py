"""``whoops explain``: lines that fit, data that JSON holds, and one clear line for what is unknown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.knowledge.catalogue import LANGUAGES, Language, phrase
from tui.text.cells import width
from tui.view.explain import UnknownSubject, explain_data, explain_lines, number_of

SUBJECTS = [None, "browser", *(str(code) for code in (0, 1000, 1002, 1004, 1006, 1015, 1016, 3000, 4001, 4500, 65535))]


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
    assert 'SockJS "Go away!"' in text


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
