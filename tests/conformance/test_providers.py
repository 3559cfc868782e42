"""Every provider, every offer, every fault, through the real client, a real pace and the real checks."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine
from tests.conformance.conftest import Opened, forget
from tests.conformance.faults import RETRY_AFTER, WIRE
from tests.conformance.line import Line, connected, impatient
from tests.conformance.market import LOST, NOW, bars
from tests.conformance.matrix import FAULTS, OFFERS, OUTCOMES, Never, cases, cell
from tests.conformance.replay import Fault
from tests.conformance.vendors.table import KEYS, VENDORS

from vfr.adapters.providers.live.registry import PROVIDERS
from vfr.errors import ProviderError, Throttled
from vfr.workflows.sync_ask import Outcome

PATIENCE = 0.25
"""Seconds a client waits for a vendor that does not answer at all."""

EACH = [(provider, kind) for provider, kinds in OFFERS.items() for kind in kinds]
CASES = list(cases())
HEALING = [case for case in CASES if FAULTS[case[0]].heals]

SAYS = {
    "wait": ("again",),
    "down": ("again",),
    "denied": ("check", "correct", "plan"),
    "unknown": ("not know", "not name", "not asked for"),
    "silence": ("holds nothing",),
    "quarantined": ("refused",),
}
"""Words of which one must be in the message."""


Healthy = Callable[[str, str], Outcome]


@pytest.fixture(scope="module")
def healthy(paces: Opened) -> Healthy:
    database = paces()
    found: dict[tuple[str, str], Outcome] = {}

    def answer(provider: str, kind: str) -> Outcome:
        if (provider, kind) not in found:
            with connected(provider, forget(database)) as line:
                found[provider, kind] = line.ask(kind)
        return found[provider, kind]

    return answer


def test_every_provider_that_the_program_knows_is_held_to_every_fault(database: Engine):
    assert set(PROVIDERS) == set(OFFERS) == set(VENDORS), "a provider is missing in tests/conformance/matrix.py"
    for name in PROVIDERS:
        with connected(name, database) as line:
            assert tuple(offer.kinds[0] for offer in line.provider.offers) == OFFERS[name]
    for fault in FAULTS:
        assert set(FAULTS[fault].but) <= set(EACH)


@pytest.mark.parametrize(("provider", "kind"), EACH)
def test_every_fault_of_the_table_can_be_played_and_no_other(provider: str, kind: str):
    lies = {fault for one, fault in VENDORS[provider].lies if one == kind}
    possible = {fault for fault in FAULTS if not isinstance(cell(fault, provider, kind), Never)}
    assert lies == possible - set(WIRE) - {"unknown"}


@pytest.mark.parametrize(("provider", "kind"), EACH)
def test_a_healthy_answer_is_accepted_whole(provider: str, kind: str, healthy: Healthy):
    outcome = healthy(provider, kind)
    assert (outcome.code, outcome.message, outcome.findings, dict(outcome.quarantined)) == ("DONE", "", (), {})
    assert all(frame.height for frame in outcome.accepted.values())
    assert all(set(frame["source"]) == {provider} for frame in outcome.accepted.values())
    assert all((frame["known_at"] <= NOW).all() for frame in outcome.accepted.values())


@pytest.mark.parametrize("provider", ["yahoo", "tiingo"])
def test_the_bars_are_those_that_traded(provider: str, healthy: Healthy):
    accepted = healthy(provider, "bars").accepted["bars"]
    for row, bar in zip(accepted.iter_rows(named=True), bars(), strict=True):
        assert row["date"] == bar.day
        told = [row[name] for name in ("open", "high", "low", "close", "volume")]
        assert told == pytest.approx([bar.open, bar.high, bar.low, bar.close, bar.volume], rel=1e-6)


@pytest.mark.parametrize(("fault", "provider", "kind"), CASES)
def test_a_lasting_fault_comes_to_what_the_table_says(
    fault: str,
    provider: str,
    kind: str,
    database: Engine,
    healthy: Healthy,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    word = cell(fault, provider, kind)
    stored = healthy(provider, kind).accepted if FAULTS[fault].stored else None
    if fault == "late":
        impatient(monkeypatch, PATIENCE)
    played = None if fault == "unknown" else VENDORS[provider].fault(kind, fault)
    with connected(provider, database, played) as line:
        outcome = line.ask(kind, known=fault != "unknown", stored=stored)
        assert played is None or line.replay.faulty > 0, "the fault was never met"
    assert outcome.code == OUTCOMES[str(word)].code, outcome.message
    assert capfd.readouterr() == ("", "")
    if outcome.code == "DONE":
        _holds_the_rest(str(word), outcome, healthy(provider, kind))
    else:
        assert outcome.accepted == {}
        _is_plain(outcome.message, str(word), provider, line)


@pytest.mark.parametrize("word", OUTCOMES)
def test_the_message_on_the_page_is_the_one_that_is_shown(word: str, database: Engine, healthy: Healthy):
    fault, provider, kind = OUTCOMES[word].example
    assert cell(fault, provider, kind) == word
    played = None if fault == "unknown" else VENDORS[provider].fault(kind, fault)
    with connected(provider, database, played) as line:
        outcome = line.ask(kind, known=fault != "unknown")
    shown = outcome.message or "".join(finding.message for finding in outcome.findings)
    assert shown == OUTCOMES[word].shown


def _holds_the_rest(word: str, outcome: Outcome, whole: Outcome) -> None:
    for kind, frame in outcome.accepted.items():
        there = whole.accepted[kind]
        if word == "later":
            assert_frame_equal(frame.drop("known_at"), there.drop("known_at"))
            assert (frame["known_at"] >= there["known_at"]).all()
            continue
        assert frame.join(there, on=there.columns, how="anti", nulls_equal=True).height == 0
    lost = _rows(whole) - _rows(outcome)
    assert (word == "part") is (_apart(outcome) > 0)
    # What lies apart is what is lost, or one row more: a false one that the whole answer does not have.
    assert lost in {"part": (_apart(outcome), _apart(outcome) - 1), "later": (0,)}.get(word, range(1, _rows(whole)))
    missing = [finding for finding in outcome.findings if finding.check == "missing_sessions"]
    assert [LOST.isoformat() in " ".join(finding.examples) for finding in missing] == ([True] if word == "gap" else [])


def _rows(outcome: Outcome) -> int:
    return sum(frame.height for frame in outcome.accepted.values())


def _apart(outcome: Outcome) -> int:
    return sum(frame.height for frame in outcome.quarantined.values())


def _is_plain(message: str, word: str, provider: str, line: Line) -> None:
    """The message names the provider and what to do or what is wrong, and nothing that it should not."""
    assert message.startswith(provider)
    assert any(part in message for part in SAYS.get(word, (message,))), message
    assert "form that cannot be read" not in message, "a parser met a shape that it does not expect"
    for secret in (*KEYS.values(), line.replay.url, "http://", "127.0.0.1", "Traceback", "/tmp"):
        assert secret not in message
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize(("fault", "provider", "kind"), HEALING)
def test_a_passing_fault_heals_by_asking_again(
    fault: str, provider: str, kind: str, database: Engine, healthy: Healthy, monkeypatch: pytest.MonkeyPatch
):
    if fault == "late":
        impatient(monkeypatch, PATIENCE)
    with connected(provider, database, VENDORS[provider].fault(kind, fault, times=1)) as line:
        outcome = line.ask(kind)
        assert line.replay.faulty == 1
        waited = sum(line.hours.waits)
    assert (outcome.code, outcome.message) == ("DONE", "")
    for table, frame in healthy(provider, kind).accepted.items():
        assert_frame_equal(outcome.accepted[table], frame)
    assert waited >= RETRY_AFTER if fault in ("throttled_with_time", "throttled_until", "busy") else waited > 0


@pytest.mark.parametrize("provider", OFFERS)
def test_a_vendor_that_names_a_time_is_left_alone_until_then_by_every_process(provider: str, database: Engine):
    kind = OFFERS[provider][0]
    with connected(provider, database, VENDORS[provider].fault(kind, "throttled_for_long")) as first:
        with pytest.raises(Throttled) as caught:
            first.provider.fetch(first.task(kind).order(NOW))
        assert caught.value.retry_after == 86_400
        assert first.replay.faulty == 1
        assert sum(first.hours.waits) < 60
    with connected(provider, database) as second:
        assert second.ask(kind).code == "THROTTLED"
        assert second.replay.asked == []
        second.hours.sleep(86_401)
        assert second.ask(kind).code == "DONE"


@pytest.mark.parametrize("provider", OFFERS)
def test_a_vendor_that_stays_down_is_left_alone_and_asked_again_after_a_rest(provider: str, database: Engine):
    kind = OFFERS[provider][0]
    with connected(provider, database, Fault(WIRE["server_error"])) as line:
        codes = {line.ask(kind).code for _ in range(5)}
        asked = line.replay.faulty
        last = line.ask(kind)
        assert codes == {last.code} == {"PROVIDER_UNAVAILABLE"}
        assert line.replay.faulty == asked
        assert "left alone until" in last.message
        line.replay.fault = None
        line.hours.sleep(61)
        assert line.ask(kind).code == "DONE"


@pytest.mark.parametrize("provider", OFFERS)
def test_questions_of_several_threads_heal_beside_each_other(provider: str, database: Engine, healthy: Healthy):
    kinds = OFFERS[provider] * 4
    fault = Fault(WIRE["server_error"], VENDORS[provider].main[kinds[0]], times=3)
    with connected(provider, database, fault) as line, ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(line.ask, kinds))
    for kind, outcome in zip(kinds, outcomes, strict=True):
        assert (outcome.code, outcome.message) == ("DONE", "")
        for table, frame in healthy(provider, kind).accepted.items():
            assert_frame_equal(outcome.accepted[table], frame)


@pytest.mark.parametrize("fault", ["throttled", "server_error", "denied", "html"])
@pytest.mark.parametrize(("provider", "kind"), EACH)
def test_every_request_that_an_answer_needs_may_fail_and_none_is_taken_for_an_unknown_name(
    fault: str, provider: str, kind: str, database: Engine, healthy: Healthy
):
    expected = {"throttled": "wait", "server_error": "down", "denied": "denied", "html": "refused"}[fault]
    with connected(provider, database) as line:
        line.ask(kind)
        paths = set(line.replay.paths())
    for path in sorted(paths):
        with connected(provider, forget(database), Fault(WIRE[fault], path)) as line:
            outcome = line.ask(kind)
        if outcome.code == "DONE":
            assert provider == "yahoo", "only Yahoo's cookie and crumb can be done without"
            for table, frame in healthy(provider, kind).accepted.items():
                assert_frame_equal(outcome.accepted[table], frame)
        else:
            assert outcome.code == OUTCOMES[expected].code, f"{path}: {outcome.message}"


@pytest.mark.parametrize("fault", ["throttled", "server_error", "half_sent", "html", "denied"])
@pytest.mark.parametrize("provider", OFFERS)
def test_no_key_reaches_an_error_its_causes_or_a_log(
    fault: str, provider: str, database: Engine, caplog: pytest.LogCaptureFixture
):
    kind = OFFERS[provider][0]
    with caplog.at_level(logging.DEBUG), connected(provider, database, VENDORS[provider].fault(kind, fault)) as line:
        errors = []
        for _ in range(3):  # the last one finds the vendor left alone or paused
            with pytest.raises(ProviderError) as caught:
                line.provider.fetch(line.task(kind).order(NOW))
            errors += traceback.format_exception(caught.value)
        used = " ".join(str((one.params, one.headers)) for one in line.replay.asked)
    told = "".join(errors) + caplog.text + repr(line.provider)
    assert not any(key in told for key in KEYS.values())
    assert any(key in used for key in KEYS.values()) is (PROVIDERS[provider].needs is not None)
