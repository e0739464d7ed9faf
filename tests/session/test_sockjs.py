"""SockJS folded: when it opens, what counts as a beat, which close outranks which, what a page would have been told."""

from tests.session.tape import Tape
from tui.facts import facts
from tui.facts.findings import CloseFrame, Heartbeat, Sockjs


def session(url: str = "http://shop.test/chat") -> Tape:
    """A SockJS session over WebSocket, its ``o`` at second 0."""
    tape = Tape(url).add(facts.Transport, name="websocket", url=url)
    return tape.open().text("in", "o")


def xhr(name: str = "xhr-streaming") -> Tape:
    """The same over XHR."""
    tape = Tape("http://shop.test/chat").add(facts.Transport, name=name, url="http://shop.test/chat")
    tape.add(facts.Http, dir="out", method="POST", target="/chat/1/a/xhr", status=None)
    tape.add(facts.Http, dir="in", status=200)
    return tape.add(facts.Bytes, dir="in", size=2, text="o\n")


def test_it_is_ready_with_o_and_not_with_the_101() -> None:
    tape = Tape("http://shop.test/chat").open()
    assert tape.session.ready_at is None
    assert tape.text("in", "o").session.ready_at is not None


def test_its_frames_are_findings() -> None:
    tape = session().text("out", '["hi"]').text("in", 'a["hi","there"]').text("in", "h")
    assert [(one.dir, one.kind, one.messages) for one in tape.of(Sockjs)] == [
        ("in", "o", None), ("out", "a", ["hi"]), ("in", "a", ["hi", "there"]), ("in", "h", None),
    ]  # fmt: skip


def test_a_message_in_fragments() -> None:
    tape = session().text("in", 'a["h', fin=False).frame("in", 0, b'i"]')
    assert tape.of(Sockjs)[-1].messages == ["hi"]


def test_over_xhr_a_frame_is_a_line_and_a_body_no_more_than_itself() -> None:
    tape = xhr().add(facts.Bytes, dir="in", size=6, text='a["x"]').add(facts.Http, dir="in", status=200)
    tape.add(facts.Bytes, dir="in", size=7, text='a["y"]\n').add(facts.Bytes, dir="out", size=5, text='["z"]')
    assert [one.messages for one in tape.of(Sockjs)] == [None, ["y"], ["z"]]


def test_a_message_goes_on_where_something_of_ours_was_answered_in_between() -> None:
    tape = xhr().add(facts.Bytes, dir="in", size=3, text='a["').add(facts.Http, dir="in", status=204)
    tape.add(facts.Bytes, dir="in", size=4, text='p"]\n')
    assert [one.messages for one in tape.of(Sockjs)] == [None, ["p"]]


def test_the_first_h_says_how_often_they_come() -> None:
    tape = session().at(25).text("in", "h").at(50).text("in", "h").at(80).text("in", "h")
    beats = [(one.state, one.every_ms) for one in tape.of(Heartbeat)]
    assert beats == [("negotiated", 25000.0), ("late", 25000.0), ("recovered", 25000.0)]


def test_a_message_between_does_not_make_them_seem_more_frequent() -> None:
    """sockjs-node beats every second whatever it says meanwhile (measured); a shorter time between two is believed."""
    tape = session()
    for m, said in ((0.5, 'a["tick"]'), (1, "h"), (2, "h"), (2.5, "h")):
        tape.at(m).text("in", said)
    beats = [(one.state, one.every_ms) for one in tape.of(Heartbeat)]
    assert beats == [("negotiated", 1000.0), ("negotiated", 500.0)]


def test_c_outranks_the_close_below_it_and_both_are_told() -> None:
    tape = session().at(2).text("in", 'c[4005,"logged in elsewhere"]')
    tape.closing("in", 1000, "Normal closure").closing("out", 1000).eof().end()
    close = tape.close
    assert (close.code, close.reason, close.synthetic) == (4005, "logged in elsewhere", False)
    assert close.sockjs == CloseFrame(code=4005, reason="logged in elsewhere")
    assert close.received == CloseFrame(code=1000, reason="Normal closure")
    assert close.initiator == "remote"
    view = close.app_view
    assert view is not None
    assert (view.code, view.reason, view.was_clean) == (4005, "logged in elsewhere", True)


def test_what_a_page_is_told_of_other_ends() -> None:
    def view(tape: Tape) -> tuple[int, str, bool]:
        said = tape.close.app_view
        assert said is not None
        return said.code, said.reason, said.was_clean

    assert view(Tape("http://shop.test/chat").end("refused", "tcp")) == (1002, "Cannot connect to server", False)
    tried = Tape("http://shop.test/chat").add(facts.Transport, name="websocket", url="x")
    assert view(tried.end("http", "http")) == (2000, "All transports failed", False)
    assert view(session().eof().end()) == (1006, "WebSocket connection broken", False)
    assert view(session().closing("in", 1001, "bye").eof().end()) == (1001, "bye", False)
    assert view(session().command("close").closing("out", None).closing("in", None).eof().end()) == (
        1000, "Normal closure", True,
    )  # fmt: skip


def test_over_xhr_there_is_no_websocket_code() -> None:
    tape = xhr().eof().end()
    assert (tape.close.code, tape.close.synthetic) == (None, False)


def test_a_second_o_is_a_lost_session() -> None:
    assert session().text("in", "o").notes() == ["note.sockjs_lost_session"]


def test_what_info_says_is_noted() -> None:
    def notes(status: int, body: str) -> list[str]:
        tape = Tape("http://shop.test/chat")
        tape.add(facts.Http, dir="out", method="GET", target="/chat/info", status=None)
        return tape.add(facts.Http, dir="in", status=status, body=body).notes()

    assert notes(200, '{"websocket":true,"cookie_needed":false}') == []
    assert notes(200, '{"websocket":false,"cookie_needed":true}') == [
        "note.sockjs_info_no_websocket", "note.sockjs_info_cookie",
    ]  # fmt: skip
    assert notes(200, "hello") == ["note.sockjs_info_unreadable"]
    assert notes(404, "") == ["note.sockjs_info_status"]
