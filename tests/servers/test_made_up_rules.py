"""The rules that applications make up for their clients (idle, age, login, rate, one session a user), on Node's ws."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.probing import probing, seen
from tests.servers.looks import every, looked, watched
from tests.servers.node_apps import Rules
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.together import together
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


@dataclass
class Rule:
    """One rule, who meets it and who does not.

    Args:
        name: of the scenario.
        options: the rule, as the program takes it.
        sessions: by name, the query they come with.
        words: what they do, and the probe's other options.
        gone: whom the rule ends.
        code: of the server's Close; 1006 where TCP is cut without one.
        stage: where the look after the drop ends.
    """

    name: str
    options: dict[str, Any]
    sessions: dict[str, str]
    gone: tuple[str, ...]
    code: int
    words: list[str] = field(default_factory=list)
    stage: str = "tcp"


IDLE = (
    Rule(
        "idle-by-messages-said",
        {"idle": {"after": 3700, "counts": "messages", "end": [4408, "idle timeout"]}},
        {"pinger": "", "talker": ""},
        ("pinger",),
        4408,
        [*every(0.9, "ping", 6, "pinger"), *every(1.3, "send how are you", 9, "talker")],
    ),
    Rule(
        "idle-by-messages-cut",
        {"idle": {"after": 4100, "counts": "messages", "end": "cut"}},
        {"pinger": "", "talker": ""},
        ("pinger",),
        1006,
        ["--ping-interval", "0.7", "--do", "1.9 pinger: send hello", *every(1.7, "send what else", 9, "talker")],
    ),
    Rule(
        "idle-by-bytes-said",
        {"idle": {"after": 3300, "counts": "bytes", "end": [1000]}},
        {"silent": "", "pinger": ""},
        ("silent",),
        1000,
        ["--do", "1.15 silent: send one word", *every(1.2, "ping", 8, "pinger")],
    ),
    Rule(
        "idle-by-bytes-cut",
        {"idle": {"after": 4700, "counts": "bytes", "end": "cut"}},
        {"A": "", "B": ""},
        ("A", "B"),
        1006,
        ["--stagger", "1.1", "--do", "2.05 B: send lunch"],
    ),
)

LOGINS = (
    Rule(
        "login-timeout-said",
        {"login": {"within": 2900, "end": [4001, "authentication timeout"]}},
        {"guest": "", "member": ""},
        ("guest",),
        4001,
        ["--do", "0.4 member: send login", *every(0.75, "ping", 5, "guest")],
    ),
    Rule(
        "login-timeout-cut",
        {"login": {"within": 3500, "end": "cut"}},
        {"guest": "", "late": "", "member": ""},
        ("guest", "late"),
        1006,
        ["--stagger", "0.8", "--do", "0.3 member: send login", *every(0.55, "send who am I", 6)],
    ),
    Rule(
        "token-ran-out-bare-4401",
        {"age": {"after": 4350, "end": [4401]}},
        {"app": ""},
        ("app",),
        4401,
        every(0.95, "send tick", 6),
        "http",
    ),
    Rule(
        "token-ran-out-1008",
        {"age": {"after": 3850, "end": [1008, "jwt expired"]}},
        {"app": "", "tab": ""},
        ("app", "tab"),
        1008,
        ["--stagger", "1.35", *every(1.45, "send tock", 6)],
    ),
)

AGES = (
    Rule(
        "age-said-1000",
        {"age": {"after": 5300, "end": [1000]}},
        {"A": "", "B": ""},
        ("A", "B"),
        1000,
        ["--stagger", "1.4", *every(0.65, "send busy", 9, "A"), *every(1.05, "send busy too", 9, "B")],
    ),
    Rule(
        "age-cut",
        {"age": {"after": 6150, "end": "cut"}},
        {"A": "", "B": ""},
        ("A", "B"),
        1006,
        ["--stagger", "1.75", *every(0.85, "send here I am", 9, "A"), *every(0.5, "ping", 9, "B")],
    ),
)

RATES = (
    Rule(
        "rate-said-4429",
        {"rate": {"most": 4, "end": [4429, "slow down"]}},
        {"eager": "", "calm": ""},
        ("eager",),
        4429,
        [
            "--do",
            "0.3 eager: send hello",
            *every(0.03, "send me", 1.75, "eager", 1.5),
            *every(1.1, "send hm", 4, "calm"),
        ],
    ),
    Rule(
        "rate-said-1008",
        {"rate": {"most": 7, "end": [1008, "too many messages"]}},
        {"eager": ""},
        ("eager",),
        1008,
        every(0.04, "send again", 1.7, "eager", 1.2),
        "http",
    ),
    Rule(
        "rate-cut",
        {"rate": {"most": 5, "end": "cut"}},
        {"eager": "", "calm": ""},
        ("eager",),
        1006,
        [*every(1.6, "send a", 2), *every(0.02, "send b", 2.6, "eager", 2.4)],
    ),
)

USERS = (
    Rule(
        "second-login-bare-4000",
        {"single": {"end": [4000]}},
        {"bert": "bert", "phone": "anna", "laptop": "anna"},
        ("phone",),
        4000,
        ["--stagger", "1.25", *every(0.6, "send hi", 3, "phone")],
    ),
    Rule(
        "second-login-said-4409",
        {"single": {"end": [4409, "logged in from another device"]}},
        {"phone": "anna", "laptop": "anna"},
        ("phone",),
        4409,
        ["--stagger", "2.6"],
    ),
    Rule(
        "second-login-cut",
        {"single": {"end": "cut"}},
        {"phone": "anna", "laptop": "anna"},
        ("phone",),
        1006,
        ["--stagger", "2.2", *every(0.7, "ping", 3, "phone")],
    ),
)

ENDS = (
    Rule(
        "kicked-4003", {}, {"troll": "", "bert": ""}, ("troll",), 4003,
        ["--do", "0.9 send hi", "--do", "2.15 troll: send end 4003 kicked by a moderator"],
    ),
    Rule(
        "own-code-bare-4217", {}, {"A": "", "B": ""}, ("A",), 4217,
        [*every(0.8, "ping", 3, "B"), "--do", "1.55 A: send end 4217 "],
    ),
    Rule(
        "room-closed-4321", {}, {"A": ""}, ("A",), 4321,
        ["--do", "1.85 send end 4321 the room is closed"], "http",
    ),
    Rule(
        "overloaded-1013", {}, {"A": "", "B": ""}, ("A",), 1013,
        [*every(0.34, "send hi", 2.2, "A"), "--do", "2.35 A: send end 1013 overloaded"],
    ),
    Rule(
        "own-code-for-an-error-4500", {}, {"A": "", "B": ""}, ("B",), 4500,
        ["--ping-interval", "0.55", "--do", "2.65 B: send end 4500 internal server error"],
    ),
    Rule(
        "another-tab-4100", {}, {"tab": "", "bert": ""}, ("tab",), 4100,
        [*every(1.15, "send hi", 3, "bert"), "--do", "3.25 tab: send end 4100 session taken over by another tab"],
    ),
    Rule(
        "maintenance-1001", {}, {"A": ""}, ("A",), 1001,
        ["--do", "0.6 send hi", "--do", "1.45 send end 1001 maintenance window"], "http",
    ),
    Rule(
        "not-allowed-4403", {}, {"A": "", "B": ""}, ("A",), 4403,
        [*every(0.95, "send hi", 3), "--do", "2.05 A: send end 4403 you may not read this room"],
    ),
)  # fmt: skip


async def meets(start: Starter, recorder: Recorder, rule: Rule) -> None:
    """The rule ends whom it is about, and lets the others be."""
    server = start(Rules, **rule.options)
    targets = [f"{name}={server.url}{f'?user={user}' if user else ''}" for name, user in rule.sessions.items()]
    watch = await watched([*targets, *rule.words], rule.gone, stage=rule.stage)
    for session in rule.gone:
        close = watch.the("close", session)
        assert (close["code"], close["initiator"]) == (rule.code, "remote"), rule.name
    recorder.keep(rule.name, watch)


@pytest.mark.parametrize("rules", [IDLE, LOGINS, AGES, RATES, USERS, ENDS])
async def test_rules(start: Starter, recorder: Recorder, rules: tuple[Rule, ...]) -> None:
    await together(meets(start, recorder, rule) for rule in rules)


async def surplus_is_dropped_in_silence(start: Starter, recorder: Recorder) -> None:
    """Nobody is cut, and nothing is said of what is not answered."""
    server = start(Rules, rate={"most": 3})
    words = [*every(0.05, "send burst", 1.4, "eager", 1.0), *every(0.7, "send calm", 4.5, "calm")]
    async with probing(f"eager={server.url}", f"calm={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "frame", "calm", dir="in", opcode=1, count=6)
        assert await watch.finish() == 0
    assert len(watch.of("frame", "eager", dir="in")) < len(watch.of("frame", "eager", dir="out")) - 1
    recorder.keep("rate-surplus-dropped", watch)


async def its_loop_is_blocked_and_nobody_minds(start: Starter, recorder: Recorder) -> None:
    """For three seconds no pong comes; then they all do."""
    server = start(Rules)
    words = ["--ping-interval", "0.85", "--ping-timeout", "7.5", "--do", "1.2 A: send spin 3200"]
    async with probing(f"A={server.url}", f"B={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        for session in ("A", "B"):
            await seen(watch, "frame", session, dir="in", opcode=10, count=7)
        assert await watch.finish() == 0
    recorder.keep("loop-blocked-survived", watch)


async def its_loop_is_blocked_for_too_long(start: Starter, recorder: Recorder) -> None:
    """We give up first; it wakes and answers our Close."""
    server = start(Rules)
    words = ["--ping-interval", "1.15", "--ping-timeout", "2.75", "--do", "1.9 A: send spin 7200"]
    async with probing(f"A={server.url}", f"B={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        await looked(watch, "A", "B", stage="tcp")
        assert await watch.finish() == 1
    assert {line["sent"]["code"] for line in watch.of("close")} == {1011}
    recorder.keep("loop-blocked-too-long", watch)


async def it_does_not_know_pings(start: Starter, recorder: Recorder) -> None:
    """Its words come back at once; a pong never does."""
    server = start(Rules, autoPong=False)
    words = ["--ping-interval", "2.05", "--ping-timeout", "1.65", "--do", "2.5 A: send are you there"]
    async with probing(f"A={server.url}", f"B={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        await looked(watch, "A", "B", stage="tcp")
        assert await watch.finish() == 1
    recorder.keep("pongs-never-implemented", watch)


async def it_never_answers_our_close(start: Starter, recorder: Recorder) -> None:
    """Its program reads nothing more of that client; the others are served."""
    server = start(Rules)
    words = ["--close-timeout", "2.45", "--do", "0.8 A: send end mute", "--do", "1.6 A: close 1000 bye"]
    words += every(0.9, "send still here", 4, "B")
    async with probing(f"A={server.url}", f"B={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "A")
        await seen(watch, "frame", "B", dir="in", opcode=1, count=4)
        assert await watch.finish() in (0, 1)
    recorder.keep("close-never-answered", watch)


async def it_runs_out_of_memory(start: Starter, recorder: Recorder) -> None:
    """Node aborts itself when its heap is full."""
    server = start(Rules)
    words = [*every(0.45, "send hi", 2, "B"), "--do", "2.3 A: send grow"]
    async with probing(f"A={server.url}", f"B={server.url}", *words, "--stdin", **POSTMORTEM) as watch:
        await looked(watch, "A", "B", stage="tcp", ok=False)
        assert await watch.finish() == 1
    assert "heap out of memory" in server.log
    recorder.keep("node-out-of-memory", watch)


async def test_oddities(start: Starter, recorder: Recorder) -> None:
    await together(
        (
            surplus_is_dropped_in_silence(start, recorder),
            it_does_not_know_pings(start, recorder),
            it_never_answers_our_close(start, recorder),
        )
    )


async def test_what_takes_a_processor(start: Starter, recorder: Recorder) -> None:
    """One after another: each would keep the other's server waiting."""
    await its_loop_is_blocked_and_nobody_minds(start, recorder)
    await its_loop_is_blocked_for_too_long(start, recorder)
    await it_runs_out_of_memory(start, recorder)
