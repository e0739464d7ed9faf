"""Secrets never leave the probe: not in lines, not in a recording, not in log lines, not on stderr."""

from pathlib import Path

from tests.probing import open_session, probing, run, seen
from tests.serving import brokering, echo, serving
from tests.watching import watch_for_people
from tui.lab.policy import Policy

SECRET = "hunter2"


def stomp(url: str) -> tuple[str, ...]:
    """A STOMP session that is full of secrets."""
    return (
        url.replace("://", f"://me:{SECRET}@") + f"?token={SECRET}", "--login", "me", "--passcode", SECRET,
        "--cookie", f"id={SECRET}", "-H", f"X-Auth-Token: {SECRET}", "--connect-header", f"api-key: {SECRET}",
        "--origin", f"http://me:{SECRET}@page.example",
        "--do", rf"0 stomp-frame SEND\ndestination:/topic/q\npasscode:{SECRET}\n\n\0",
        "--do", "0.2 disconnect",
    )  # fmt: skip


async def test_no_secret_in_any_output(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    policy = Policy(users={"me": SECRET}, grace=0)
    async with brokering(policy) as url:
        # The lab takes a query as a fault: a token is none, so it is told the secrets of CONNECT alone.
        words = stomp(url)
        words = (words[0].partition("?")[0], *words[1:])
        watch, status = await run(*words, "--record", str(record))
        people = await watch_for_people(*words, "--summary")
    assert status == 0 and watch.of("stomp", command="CONNECTED"), "the secrets were what the broker wanted"
    for said in (b"".join(watch.raw), watch.stderr, record.read_bytes(), people.out, people.err):
        assert SECRET.encode() not in said
    connect = watch.of("frame", dir="out")[0]
    assert connect["redacted"] is True and "passcode:***" in connect["text"]
    assert connect["size"] == len(connect["text"]) + 2 * (len(SECRET) - len("***")), "the size stays the true one"
    assert watch.the("target")["url"].startswith("stomp+ws://***@127.0.0.1") and watch.the("target")["redacted"]
    request = dict(map(tuple, watch.of("http")[0]["headers"]))
    assert request["Authorization"] == request["Cookie"] == request["X-Auth-Token"] == "***"


async def test_no_redact_shows_them() -> None:
    async with serving(echo) as url:
        watch, _ = await run(
            url + f"?token={SECRET}", "--cookie", f"id={SECRET}", "--no-redact", "--do", "0 close"
        )  # fmt: skip
    assert watch.the("target")["url"].endswith(f"?token={SECRET}")
    assert watch.the("target")["spec"]["cookie"] == [f"id={SECRET}"]
    request = watch.of("http", dir="out")[0]
    assert request["target"] == f"/?token={SECRET}" and ["Cookie", f"id={SECRET}"] in request["headers"]


async def test_redact_hides_what_matches_everywhere() -> None:
    async with serving(echo) as url:
        watch, _ = await run(
            url, "--redact", "Leon[a-z]+", "-H", "X-Name: Leonora",
            "--do", "0 send I am Leonora", "--do", "0 ping Leonora",
            "--do", "0.1 mark Leonora", "--do", "0.2 close 4000 Leonora",
        )  # fmt: skip
    assert b"Leonora" not in b"".join(watch.raw)
    frames = watch.of("frame", opcode=1)
    assert [frame["text"] for frame in frames] == ["I am *******"] * 2
    assert all(frame["redacted"] and frame["size"] == 12 for frame in frames)


async def test_a_session_opened_over_stdin_keeps_its_secrets() -> None:
    async with serving(echo) as url, probing("--stdin") as watch:
        await open_session(
            watch,
            url=url.replace("://", f"://me:{SECRET}@"),
            passcode=SECRET,
            user=f"me:{SECRET}",
            cookie=[f"a={SECRET}"],
        )
        await seen(watch, "open")
        assert await watch.finish() == 0
    assert SECRET.encode() not in b"".join(watch.raw)
