"""What every dated factor promises: no look-ahead, no dependence on price units, on the order of symbols or of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.data.panel import PRICE_FIELDS
from vfr.data.records import Actions, Fundamentals, Membership, Securities, Texts
from vfr.factors import alternative, analysts, fundamental, insiders, macro, sentiment
from vfr.factors.scores import Reason
from vfr.factors.shares import market_cap

MODULES = (fundamental, macro, sentiment, analysts, alternative, insiders)
by_factor = pytest.mark.parametrize("factor", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
ROWS = np.array([40, 130, 260, 420, 421, 690])


def assert_same(one, other, pick=slice(None), shown=slice(None)):
    """Compare two results bit for bit: rows `pick` of the first with rows `shown` of the second."""
    assert one.keys() == other.keys()
    for name in one:
        for field in ("value", "score", "reason", "as_of"):
            a, b = getattr(one[name], field)[pick], getattr(other[name], field)[shown]
            np.testing.assert_array_equal(a, b, err_msg=f"{name} {field}")


@by_factor
def test_names_are_the_factors_own(factor):
    own = {analysts: "sentiment", insiders: "alternative"}.get(factor, factor.__name__.rsplit(".", 1)[1])
    assert len({sub.name for sub in factor.SUB_FACTORS}) == len(factor.SUB_FACTORS)
    for sub in factor.SUB_FACTORS:
        assert sub.factor == own
        assert sub.name.startswith(f"{own}.")
        assert sub.unit
        assert "(" in sub.source
        assert len(sub.description) > 40


@by_factor
def test_results_are_whole_and_finite_somewhere(factor, seeded_snapshot):
    out = factor.measure(seeded_snapshot, np.arange(100, 700, 7))
    assert list(out) == [sub.name for sub in factor.SUB_FACTORS]
    for name, measured in out.items():
        present = np.isfinite(measured.score)
        assert present.any(), name
        assert (present == (measured.reason == Reason.PRESENT)).all(), name
        assert (np.isnat(measured.as_of) != np.isfinite(measured.score))[present].all(), name
        assert ((measured.score[present] >= 0) & (measured.score[present] <= 100)).all(), name


@by_factor
def test_a_row_of_many_is_the_last_row_of_what_was_known_then(factor, seeded_snapshot):
    together = factor.measure(seeded_snapshot, ROWS)
    for i, row in enumerate(ROWS):
        then = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        assert_same(together, factor.measure(then, np.array([row])), slice(i, i + 1))


@by_factor
def test_a_row_of_many_is_the_last_row_of_what_was_known_then_on_real_data(factor, real_snapshot):
    days = ("2008-10-15", "2013-12-31", "2014-07-03", "2015-06-30", "2017-07-03", "2019-06-28")
    rows = np.array([real_snapshot.panel.row(np.datetime64(day)) for day in days])
    together = factor.measure(real_snapshot, rows)
    for i, row in enumerate(rows):
        then = real_snapshot.upto(real_snapshot.sessions[row])
        assert_same(together, factor.measure(then, np.array([row])), slice(i, i + 1))


@by_factor
def test_the_order_of_rows_does_not_matter(factor, seeded_snapshot):
    turned = ROWS[::-1].copy()
    assert_same(factor.measure(seeded_snapshot, ROWS), factor.measure(seeded_snapshot, turned), slice(None, None, -1))


@by_factor
def test_no_rows_give_an_empty_result(factor, seeded_snapshot):
    for measured in factor.measure(seeded_snapshot, np.array([], dtype=np.int64)).values():
        assert measured.score.shape == (0, len(seeded_snapshot.symbols))


def permuted(snapshot, order):
    """Return the snapshot with its symbols in another order."""
    place = np.argsort(order)

    def moved(names):
        return tuple(names[i] for i in order)

    s, f, t, a, m = snapshot.securities, snapshot.fundamentals, snapshot.texts, snapshot.actions, snapshot.membership
    return replace(
        snapshot,
        panel=snapshot.panel.take(order),
        securities=Securities(moved(s.name), moved(s.sector), moved(s.sub_industry)),
        actions=Actions(place[a.column], a.date, a.ratio),
        fundamentals=Fundamentals(place[f.column], f.period_end, f.known_at, f.values),
        texts=Texts(place[t.column], t.created_at, t.text),
        membership=Membership(m.index, m.member[:, order], m.index_size, m.renamed, m.unreconciled),
        insiders=replace(snapshot.insiders, column=place[snapshot.insiders.column]),
        ratings=replace(snapshot.ratings, column=place[snapshot.ratings.column]),
    )


@by_factor
def test_permuting_symbols_permutes_the_result(factor, seeded_snapshot):
    order = np.random.default_rng(3).permutation(len(seeded_snapshot.symbols))
    one = factor.measure(seeded_snapshot, ROWS)
    other = factor.measure(permuted(seeded_snapshot, order), ROWS)
    assert_same(one, other, (slice(None), order))


def rescaled(snapshot, factor):
    """Return the snapshot as if every symbol's shares had been `factor` [N] times as big from the start."""
    panel, known = snapshot.panel, snapshot.fundamentals
    fields = {name: getattr(panel, name) * factor for name in PRICE_FIELDS}
    values = dict(known.values)
    values["shares"] = values["shares"] / factor[known.column]
    values["eps"] = values["eps"] * factor[known.column]
    return replace(
        snapshot,
        panel=replace(panel, **fields, volume=panel.volume / factor),
        fundamentals=Fundamentals(known.column, known.period_end, known.known_at, values),
    )


@by_factor
def test_units_of_a_share_do_not_matter(factor, seeded_snapshot):
    scale = np.random.default_rng(5).choice([0.125, 0.5, 2.0, 8.0], len(seeded_snapshot.symbols))
    assert_same(factor.measure(seeded_snapshot, ROWS), factor.measure(rescaled(seeded_snapshot, scale), ROWS))


def test_market_value_is_point_in_time_and_knows_no_unit_of_a_share(seeded_snapshot):
    together = market_cap(seeded_snapshot, ROWS)
    assert np.isfinite(together).mean() > 0.5
    for i, row in enumerate(ROWS):
        then = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        np.testing.assert_array_equal(together[i], market_cap(then, np.array([row]))[0])
    scale = np.random.default_rng(5).choice([0.125, 0.5, 2.0, 8.0], len(seeded_snapshot.symbols))
    np.testing.assert_array_equal(together, market_cap(rescaled(seeded_snapshot, scale), ROWS))
