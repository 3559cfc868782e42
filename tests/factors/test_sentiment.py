"""The sentiment factor: market cut-off, decay and counts by hand, reasons."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.data.records import Texts
from vfr.factors import sentiment
from vfr.factors.scores import Reason

TONE, ATTENTION = "sentiment.texts.tone", "sentiment.texts.attention"


def texts(*rows):
    rows = sorted(rows, key=lambda row: row[1])
    created = np.array([row[1] for row in rows], dtype="datetime64[s]")
    return Texts(np.array([row[0] for row in rows], dtype=np.int64), created, tuple(row[2] for row in rows))


def reasons(measured, row=0):
    return [Reason(int(code)).name for code in measured.reason[row]]


def test_tone_by_hand(market):
    written = texts(
        (0, "2014-01-02T21:00", "profit beats"),  # at the close: age 0, tone 1
        (0, "2013-12-30T21:00", "weak sales"),  # three days: half the weight, tone -1
        (0, "2014-01-02T21:00", "strong growth but a lawsuit"),  # tone (2 - 1) / 3
        (0, "2014-01-01T21:00", "annual meeting"),  # no opinion
        (0, "2013-12-26T20:59", "bankruptcy"),  # more than seven days
        (0, "2014-01-02T21:01", "fraud"),  # after the close
    )
    measured = sentiment.measure(market(texts=written), np.array([1]))[TONE]
    expected = (1 - 0.5 + 1 / 3) / (1 + 0.5 + 1 + 2)
    assert measured.value[0, 0] == pytest.approx(expected, rel=1e-12)
    assert measured.score[0, 0] == pytest.approx(50 + 50 * expected, rel=1e-12)
    assert measured.as_of[0, 0] == np.datetime64("2014-01-02")


def test_a_text_after_the_close_belongs_to_the_next_session(market):
    calm = [(0, "2014-01-01T12:00", f"meeting {i}") for i in range(3)]
    late = (0, "2014-01-02T21:00:01", "bullish")
    out = sentiment.measure(market(texts=texts(*calm, late)), np.array([1, 2]))[TONE]
    assert out.value[0, 0] == 0.0
    assert out.value[1, 0] > 0.1


def test_an_early_close_moves_the_cut_off(market):
    snapshot = market(texts=texts(*[(0, "2014-01-01T19:00", f"bullish {i}") for i in range(3)]))
    closes_at = snapshot.closes_at.copy()
    early = closes_at.copy()
    early[0] -= np.timedelta64(3, "h")
    from dataclasses import replace

    assert reasons(sentiment.measure(snapshot, np.array([0]))[TONE])[0] == "PRESENT"
    assert reasons(sentiment.measure(replace(snapshot, closes_at=early), np.array([0]))[TONE])[0] == "NOT_COVERED"


def test_what_is_missing_says_why(market):
    written = texts(
        *[(0, "2014-01-01T12:00", f"bullish {i}") for i in range(3)],
        *[(1, "2014-01-01T12:00", f"bullish {i % 2}") for i in range(3)],
        *[(2, "2013-12-01T12:00", "bullish")] * 9,
        (3, "2014-01-03T12:00", "bullish"),
    )
    out = sentiment.measure(market(texts=written), np.array([1]))
    assert reasons(out[TONE]) == ["PRESENT", "UNUSABLE", "STALE", "NOT_COVERED", "NOT_COVERED", "NOT_COVERED"]
    assert reasons(out[ATTENTION])[:3] == ["NO_HISTORY", "NO_HISTORY", "STALE"]
    for measured in sentiment.measure(market(), np.array([1, 2])).values():
        assert (measured.reason == Reason.NO_INPUT).all()
    empty = sentiment.measure(market(texts=texts()), np.array([1]))
    assert all((measured.reason == Reason.NOT_COVERED).all() for measured in empty.values())


def test_copies_of_a_text_are_one_opinion_dated_by_the_last(market):
    other = [(0, "2014-01-02T21:00", "strong"), (0, "2014-01-02T21:00", "meeting")]
    copies = [(0, f"2013-12-{day}T12:00", "weak") for day in range(27, 31)]
    once = texts(*other, copies[-1])
    expected = sentiment.measure(market(texts=once), np.array([1]))[TONE].value[0, 0]
    assert sentiment.measure(market(texts=texts(*other, *copies)), np.array([1]))[TONE].value[0, 0] == expected
    elsewhere = texts(*other, copies[-1], (1, "2014-01-01T12:00", "weak"))
    assert sentiment.measure(market(texts=elsewhere), np.array([1]))[TONE].value[0, 0] == expected


def test_attention_by_hand(market):
    old = [(0, f"2013-11-{day:02d}T12:00", "meeting") for day in range(1, 19)]  # 18 in nine weeks: two a week
    new = [(0, "2014-01-02T12:00", "meeting")] * 8
    snapshot = market(texts=texts((1, "2013-10-01T12:00", "meeting"), *old, *new))
    measured = sentiment.measure(snapshot, np.array([1]))[ATTENTION]
    assert measured.value[0, 0] == pytest.approx(np.log(9 / 3))
    assert 50 < measured.score[0, 0] < 75
    assert reasons(measured)[1:3] == ["STALE", "NOT_COVERED"]


def test_more_praise_never_lowers_the_tone(market):
    base = [(0, "2014-01-01T12:00", "weak"), (0, "2014-01-01T13:00", "meeting"), (0, "2014-01-01T14:00", "lunch")]
    scores = []
    for praise in range(6):
        written = texts(*base, *[(0, "2014-01-02T12:00", f"bullish {i}") for i in range(praise)])
        scores.append(sentiment.measure(market(texts=written), np.array([1]))[TONE].score[0, 0])
    assert scores == sorted(scores)
    assert scores[0] < 50 < scores[-1] < 100


def test_only_the_texts_of_the_window_are_read(market, monkeypatch):
    read = []
    monkeypatch.setattr(sentiment, "polarity", lambda text: read.append(text) or (0, 0))
    written = texts((0, "2013-06-01T12:00", "old"), (0, "2014-01-01T12:00", "new"), (0, "2014-01-08T12:00", "later"))
    sentiment.measure(market(texts=written), np.array([1, 2]))
    assert read == ["new"]


def test_real_texts_give_scores_while_they_last(real_snapshot):
    panel = real_snapshot.panel
    names = [panel.column(symbol) for symbol in ("AAPL", "MSFT", "JPM")]
    rows = np.array([panel.row(np.datetime64(day)) for day in ("2015-06-30", "2019-06-28")])
    for measured in sentiment.measure(real_snapshot, rows).values():
        assert np.isfinite(measured.score[0, names]).all()
        assert (measured.reason[1, names] == Reason.STALE).all()
        assert np.isnan(measured.score[1]).all()
        assert (measured.reason[:, panel.column("A")] == Reason.NOT_COVERED).all()
