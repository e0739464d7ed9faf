"""Session commands: the words, the escapes, the session in front, and every way to be wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.facts.commands import VERBS, BadCommand, parse, unescape
from tui.knowledge.catalogue import LANGUAGES, phrase

Args = tuple[str | int | float | bytes, ...]


@pytest.mark.parametrize(
    ("line", "verb", "args"),
    [
        ("send hello world", "send", ("hello world",)),
        ("send  two blanks", "send", (" two blanks",)),
        ("send", "send", ()),
        (r"send a\nb\r\t\0\\\x41", "send", ("a\nb\r\t\0\\A",)),
        (r"send \q \x4 \u0041", "send", (r"\q \x4 \u0041",)),
        (r"send \xe4\xbd\xa0", "send", ("你",)),
        (r"send \xff", "send", ("\udcff",)),
        ("send-repeat ab cd 3", "send-repeat", ("ab cd", 3)),
        ("send-binary 00 ff", "send-binary", (b"\x00\xff",)),
        ("send-binary", "send-binary", ()),
        ("send-file /tmp/a b", "send-file", ("/tmp/a b",)),
        ("raw-frame 8100", "raw-frame", (b"\x81\x00",)),
        ("ping", "ping", ()),
        ("ping hi", "ping", ("hi",)),
        ("close", "close", ()),
        ("close 4001", "close", (4001,)),
        ("close 65535 bye now", "close", (65535, "bye now")),
        ("stomp-send /topic/a hello you", "stomp-send", ("/topic/a", "hello you")),
        ("stomp-send /topic/a", "stomp-send", ("/topic/a",)),
        ("subscribe /topic/a b", "subscribe", ("/topic/a b",)),
        ("begin", "begin", ()),
        ("begin tx1", "begin", ("tx1",)),
        (r"stomp-frame SEND\ndestination:/q\n\nhi\0", "stomp-frame", ("SEND\ndestination:/q\n\nhi\0",)),
        ("throttle-beats 60000", "throttle-beats", (60000,)),
        ("freeze 2.5", "freeze", (2.5,)),
        ("  hold-beats  ", "hold-beats", ()),
        ("mark here it comes", "mark", ("here it comes",)),
        ("quit", "quit", ()),
    ],
)
def test_words(line: str, verb: str, args: Args) -> None:
    command = parse(line)
    assert (command.verb, command.args, command.session) == (verb, args, None)
    assert command.text == line.strip()


@pytest.mark.parametrize("line", ["bob: send hi", "bob:send hi", "  bob:  send hi"])
def test_a_session_in_front(line: str) -> None:
    command = parse(line)
    assert (command.session, command.verb, command.args) == ("bob", "send", ("hi",))
    assert command.text == "send hi"


def test_a_colon_further_on_is_no_session() -> None:
    command = parse("send http://host")
    assert (command.session, command.args) == (None, ("http://host",))


def test_json() -> None:
    command = parse('{"cmd":"send hi","s":"bob","id":7}')
    assert (command.verb, command.args, command.session, command.id) == ("send", ("hi",), "bob", 7)
    assert parse('{"cmd":"bob: ping","id":"x"}').session == "bob"
    assert parse('{"cmd":"bob: ping","s":"alice"}').session == "alice"


def test_open_is_said_in_json_only() -> None:
    command = parse('{"cmd":"open","session":{"url":"ws://h","login":"a"},"id":1}')
    assert (command.verb, command.spec, command.id) == ("open", {"url": "ws://h", "login": "a"}, 1)
    with pytest.raises(BadCommand) as raised:
        parse("open ws://h")
    assert raised.value.key == "command.unknown_verb"


WRONG = [
    ("", "unknown_verb", "send, send-repeat"),
    ("sned hi", "unknown_verb", "sned"),
    ("bob:", "unknown_verb", "send"),
    ("ping\thi", "unknown_verb", "ping"),
    ("{", "bad_json", "cmd"),
    ('{"cmd":3}', "bad_json", "cmd"),
    ("{}", "bad_json", "cmd"),
    ('{"cmd":"open"}', "open_wants_session", "url"),
    ("subscribe", "missing_argument", "DEST"),
    ("send-repeat 5", "missing_argument", "TEXT"),
    ("send-repeat", "missing_argument", "TEXT"),
    ("raw-frame", "missing_argument", "HEX"),
    ("begin a b", "too_many", "b"),
    ("quit now", "too_many", "now"),
    ("close x", "bad_code", "x"),
    ("close 65536", "bad_code", "65535"),
    ("close -1", "bad_code", "-1"),
    ("close 1_000", "bad_code", "1_000"),
    ("send-repeat a b", "bad_int", "b"),
    ("throttle-beats -5", "bad_int", "-5"),
    ("throttle-beats ٣", "bad_int", "٣"),
    ("freeze nan", "bad_float", "nan"),
    ("freeze inf", "bad_float", "inf"),
    ("freeze -1", "bad_float", "-1"),
    ("freeze soon", "bad_float", "soon"),
    ("raw-frame 8", "bad_hex", "8"),
    ("send-binary zz", "bad_hex", "zz"),
]


@pytest.mark.parametrize(("line", "key", "says"), WRONG)
def test_what_is_wrong_is_said_in_one_line(line: str, key: str, says: str) -> None:
    with pytest.raises(BadCommand) as raised:
        parse(line)
    assert raised.value.key == f"command.{key}"
    for lang in LANGUAGES:
        said = phrase(raised.value.key, lang, **raised.value.args_)
        assert says in said
        assert "\n" not in said


def test_every_kind_of_parameter_can_be_wrong() -> None:
    kinds = {parameter.kind for parameters in VERBS.values() for parameter in parameters} - {"word", "rest", "head"}
    assert kinds == {key.removeprefix("bad_") for _, key, _ in WRONG if key.startswith("bad_") and key != "bad_json"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_said(verb: str) -> None:
    sample = {"word": "w", "rest": "r", "head": "h", "int": "1", "code": "1000", "float": "1.5", "hex": "00"}
    words = " ".join([verb, *(sample[parameter.kind] for parameter in VERBS[verb])])
    assert len(parse(words).args) == len(VERBS[verb])
    assert parse(json.dumps({"cmd": words})) == parse(words)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_line_is_a_command_or_a_bad_one(line: str) -> None:
    try:
        parse(line)
    except BadCommand as wrong:
        phrase(wrong.key, "en", **wrong.args_)


@given(st.binary())
def test_hex_escapes_carry_any_bytes(data: bytes) -> None:
    typed = "".join(f"\\x{byte:02x}" for byte in data)
    assert unescape(typed).encode("utf-8", "surrogateescape") == data
