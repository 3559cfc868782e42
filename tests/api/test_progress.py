"""Progress events: before or after the request, across processes, to the end, and never at the cost of an answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import time
from typing import Any

import pytest

from vfr import bootstrap
from vfr.adapters.store import progress_files
from vfr.adapters.store.progress_files import ProgressFiles
from vfr.api.errors import Refusal
from vfr.api.work import Work
from vfr.settings import Settings

URL = "/api/stocks/analyze"
ID = "0123456789abcdefABCDEF-_"


def events(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def ids(response: Any) -> list[str]:
    return [line.removeprefix("id: ") for line in response.text.splitlines() if line.startswith("id: ")]


def body(session_id: str, *symbols: str, **more: Any) -> dict[str, Any]:
    return {"json": {"mode": "multiple", "symbols": symbols or ["AAPL"], "sessionId": session_id, **more}}


def test_a_stream_opened_before_the_request_follows_it_to_the_end(client: Any) -> None:
    session = f"{ID}before"
    stream, answer = client.at_once([("GET", f"{URL}/progress/{session}", {}), ("POST", URL, body(session))])
    assert answer.status_code == 200
    found = events(stream)
    assert [found[0]["stage"], found[-1]["stage"]] == ["connected", "complete"]
    assert len(found) > 3
    percents = [event["progress"] for event in found]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    assert all(event["message"] and event["timestamp"] > 1_600_000_000_000 for event in found)
    assert found[-1]["duration"] >= 0


def test_a_stream_opened_after_the_request_in_another_process(client: Any, client_with: Any) -> None:
    session = f"{ID}after"
    client.post(URL, **body(session))
    found = events(client_with().get(f"{URL}/progress/{session}"))
    assert [found[0]["stage"], found[-1]["stage"]] == ["connected", "complete"]


def test_a_session_used_again_starts_anew(client: Any) -> None:
    session = f"{ID}again"
    client.post(URL, **body(session))
    client.post(URL, **body(session))
    assert [event["stage"] for event in events(client.get(f"{URL}/progress/{session}"))].count("complete") == 1


@pytest.mark.parametrize(
    ("symbols", "more", "word"), [(["ZZZZ"], {}, "ZZZZ"), (["AAPL"], {"as_of": "1950-01-03"}, "before")]
)
def test_a_failure_is_the_last_event(client: Any, symbols: list[str], more: dict[str, Any], word: str) -> None:
    session = f"{ID}failed"
    assert client.post(URL, **body(session, *symbols, **more)).status_code in (404, 422)
    last = events(client.get(f"{URL}/progress/{session}"))[-1]
    assert (last["stage"], word in last["message"]) == ("error", True)


@pytest.mark.parametrize(
    "session", ["short", "x" * 129, "with.dots.and.more.dots.1", "%2E%2E%2Fetc%2Fpasswd%2Fxxxxxxxxx"]
)
def test_a_guessable_or_strange_id_is_refused(client: Any, session: str) -> None:
    assert client.get(f"{URL}/progress/{session}").status_code in (404, 422)


def test_a_strange_id_does_not_cost_the_answer(client: Any, home: Path) -> None:
    assert client.post(URL, **body("../../x")).status_code == 200
    assert not [p for p in (home / "progress").iterdir() if len(p.name) != 64 + len(".jsonl")]


def test_a_home_without_room_does_not_cost_the_answer(client_with: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "datasets").symlink_to(home / "datasets")
    (tmp_path / "home" / "progress").write_text("in the way")
    assert client_with(data_home=tmp_path / "home").post(URL, **body(f"{ID}full")).status_code == 200


def test_a_stream_that_nobody_feeds_ends(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.api.progress.OPEN_S", 0.15)
    monkeypatch.setattr("vfr.api.progress.BEAT_S", 0.0)
    response = client.get(f"{URL}/progress/{ID}nobody")
    assert [event["stage"] for event in events(response)] == ["connected", "error"]
    assert ": still here" in response.text


def test_streams_are_bounded(application: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.api.progress.STREAMS", 1)
    monkeypatch.setattr("vfr.api.progress.OPEN_S", 0.3)
    asked = [("GET", f"{URL}/progress/{ID}{n}", {}) for n in range(3)]
    client = client_of(application)
    first = [events(response)[0]["stage"] for response in client.at_once(asked)]
    assert sorted(first) == ["connected", "error", "error"]
    assert events(client.get(f"{URL}/progress/{ID}later"))[0]["stage"] == "connected"


def test_events_expire_and_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_files, "KEPT", 2)
    monkeypatch.setattr(progress_files, "SWEPT_EVERY_MS", 0.0)
    channel = ProgressFiles(tmp_path)
    channel.begin("old")
    old = next((tmp_path / "progress").iterdir())
    os.utime(old, (1, 1))
    for name in ("a", "b", "c", "d"):
        channel.begin(name)
        channel.append(name, {"stage": name})
    assert not old.exists()
    assert len(list((tmp_path / "progress").iterdir())) == 4
    assert [told.event for told in channel.read("d")] == [{"stage": "d"}]
    assert channel.read("none") == []


def test_a_full_folder_is_not_looked_through_for_every_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [5_000.0]
    monkeypatch.setattr(progress_files, "elapsed_ms", lambda: moments[0])
    channel = ProgressFiles(tmp_path)
    channel.begin("old")
    old = next((tmp_path / "progress").iterdir())
    os.utime(old, (1, 1))
    channel.begin("soon")
    assert old.exists()
    moments[0] += progress_files.SWEPT_EVERY_MS
    channel.begin("later")
    assert not old.exists()


def test_a_session_stays_its_owners_who_come_back(tmp_path: Path) -> None:
    channel = ProgressFiles(tmp_path)
    assert channel.claim("s", "ann")
    owner = next((tmp_path / "progress").iterdir())
    for who, age in (("bob", 500), ("ann", 0)):
        os.utime(owner, (time() - 500, time() - 500))
        assert channel.claim("s", who) == (who == "ann")
        assert time() - owner.stat().st_mtime == pytest.approx(age, abs=60)
    assert (tmp_path / "progress").stat().st_mode & 0o077 == 0


def test_half_an_event_waits_for_its_end(tmp_path: Path) -> None:
    channel = ProgressFiles(tmp_path)
    channel.begin("s")
    channel.append("s", {"stage": "one"})
    path = next((tmp_path / "progress").iterdir())
    with path.open("ab") as log:
        log.write(b'{"stage": "tw')
    [(place, event)] = channel.read("s")
    assert event["stage"] == "one"
    with path.open("ab") as log:
        log.write(b'o"}\n')
    assert [told.event for told in channel.read("s", place)] == [{"stage": "two"}]


def test_a_session_begun_anew_is_read_from_its_beginning_however_long(tmp_path: Path) -> None:
    channel = ProgressFiles(tmp_path)
    channel.begin("s")
    channel.append("s", {"stage": "first"})
    [(place, event)] = channel.read("s")
    assert event["stage"] == "first"
    channel.begin("s")
    again = [{"stage": f"a much longer stage {n}"} for n in range(9)]
    for event in again:
        channel.append("s", event)
    found = channel.read("s", place)
    assert [told.event for told in found] == again
    assert channel.read("s", found[-1].id) == []
    assert [told.event for told in channel.read("s", found[3].id)] == again[4:]


def test_a_broken_line_is_passed_over(tmp_path: Path) -> None:
    channel = ProgressFiles(tmp_path)
    channel.begin("s")
    with next((tmp_path / "progress").iterdir()).open("ab") as log:
        log.write(b'{"stage": "tw{"stage": "x"}\n\xff\n\n7\n')
    channel.append("s", {"stage": "three"})
    assert [told.event for told in channel.read("s")] == [{"stage": "three"}]


def test_a_stream_that_finds_no_free_thread_looks_again(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = f"{ID}busy"
    client.post(URL, **body(session))
    looks = 0
    real = Work.run

    async def refused_at_first(self: Work, *call: Any, **more: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks in (2, 3):  # The first finds out whose session it is, before the response begins.
            raise Refusal(503, "OVERLOADED", "full")
        return await real(self, *call, **more)

    monkeypatch.setattr(Work, "run", refused_at_first)
    found = events(client.get(f"{URL}/progress/{session}"))
    assert [found[0]["stage"], found[-1]["stage"]] == ["connected", "complete"]


def test_progress_is_not_for_strangers(client_with: Any, failure: Any) -> None:
    client = client_with(secret="a-secret-of-more-than-thirty-two-characters")
    failure(client.get(f"{URL}/progress/{ID}"), 401, "UNAUTHORIZED")


def test_no_session_leaves_no_trace(tmp_path: Path, home: Path, client_of: Any) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "datasets").symlink_to(home / "datasets")
    app = bootstrap.build(Settings(data_home=tmp_path / "home"))
    assert client_of(app).post(URL, json={"mode": "single", "symbols": ["AAPL"]}).status_code == 200
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["datasets"]


def test_a_stream_goes_on_after_the_last_event_seen(client: Any) -> None:
    session = f"{ID}resume"
    client.post(URL, **body(session))
    whole = client.get(f"{URL}/progress/{session}")
    seen, told = ids(whole), events(whole)[1:]
    assert len(seen) == len(told) > 2
    rest = client.get(f"{URL}/progress/{session}", headers={"Last-Event-ID": seen[1]})
    assert events(rest)[1:] == told[2:]
    assert ids(rest) == seen[2:]
    ended = client.get(f"{URL}/progress/{session}", headers={"Last-Event-ID": seen[-1]})
    assert [event["stage"] for event in events(ended)] == ["connected"]


@pytest.mark.parametrize("strange", ["x", "-", "0-99999999999999", "\N{DIGIT TWO}-\N{ARABIC-INDIC DIGIT TWO}"])
def test_an_event_id_that_means_nothing_reads_from_the_beginning(tmp_path: Path, strange: str) -> None:
    channel = ProgressFiles(tmp_path)
    channel.begin("s")
    channel.append("s", {"stage": "one"})
    assert [told.event for told in channel.read("s", strange)] == [{"stage": "one"}]


def test_a_session_belongs_to_whoever_opens_it_first(client: Any, application: Any, failure: Any) -> None:
    session = f"{ID}taken"
    assert application.progress.claim(session, "somebody else")
    failure(client.get(f"{URL}/progress/{session}"), 403, "SESSION_TAKEN")
    # The answer stands; only its progress is told to nobody.
    assert client.post(URL, **body(session)).status_code == 200
    assert application.progress.read(session) == []
    assert application.progress.claim(session, "somebody else")
