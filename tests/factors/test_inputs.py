"""How far each kind of input reaches: what an answer's ages are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from vfr.data.records import Macro, MacroSeries, Membership
from vfr.data.snapshot import Snapshot
from vfr.factors.inputs import known_inputs


def newest(snapshot: Snapshot, kind: str) -> str | None:
    found = known_inputs(snapshot)[kind]
    assert found.available == (found.newest is not None)
    return found.newest


def observed(dates: Sequence[object], value: float = 1.0) -> MacroSeries:
    days = np.array(dates, dtype="datetime64[D]")
    return MacroSeries(days, days, np.full(days.size, value), revised=False)


def daily(end: np.datetime64) -> MacroSeries:
    return observed([end - k for k in range(30, -1, -1)])


def monthly(last: np.datetime64) -> MacroSeries:
    return observed([(last.astype("datetime64[M]") - k).astype("datetime64[D]") for k in range(12, -1, -1)])


def month_end(day: np.datetime64) -> np.datetime64:
    return (day.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1


def with_macro(snapshot: Snapshot, **series: MacroSeries) -> Snapshot:
    return replace(snapshot, macro=Macro(series))


def test_the_daily_series_furthest_behind_decides(seeded_snapshot: Snapshot) -> None:
    end = seeded_snapshot.as_of
    found = with_macro(seeded_snapshot, VIXCLS=daily(end - 1), DGS10=daily(end - 12), UNRATE=monthly(end - 40))
    assert newest(found, "macro") == str(end - 12)


def test_an_observation_counts_not_the_day_it_was_published(seeded_snapshot: Snapshot) -> None:
    old = daily(seeded_snapshot.as_of - 20)
    late = replace(old, known_at=old.date + 20)
    assert newest(with_macro(seeded_snapshot, VIXCLS=late), "macro") == str(seeded_snapshot.as_of - 20)


def test_a_withdrawn_figure_is_no_observation(seeded_snapshot: Snapshot) -> None:
    series = daily(seeded_snapshot.as_of)
    series.value[-3:] = np.nan
    assert newest(with_macro(seeded_snapshot, VIXCLS=series), "macro") == str(seeded_snapshot.as_of - 3)


@pytest.mark.parametrize(("months", "behind"), [(0, False), (1, False), (2, False), (3, True), (14, True)])
def test_a_monthly_series_counts_once_it_is_older_than_monthly_ones_may_be(
    seeded_snapshot: Snapshot, months: int, behind: bool
) -> None:
    end = seeded_snapshot.as_of
    last = (end.astype("datetime64[M]") - months).astype("datetime64[D]")
    observed_to = month_end(last)
    assert bool((end - observed_to).astype(int) > 60) == behind
    found = with_macro(seeded_snapshot, VIXCLS=daily(end - 2), UNRATE=monthly(last))
    assert newest(found, "macro") == str(observed_to if behind else end - 2)


def test_without_a_daily_series_the_monthly_one_furthest_behind_decides(seeded_snapshot: Snapshot) -> None:
    end = seeded_snapshot.as_of
    last = (end.astype("datetime64[M]") - 1).astype("datetime64[D]")
    found = with_macro(seeded_snapshot, UNRATE=monthly(last), CPIAUCSL=monthly(end))
    assert newest(found, "macro") == str(month_end(last))
    assert newest(with_macro(seeded_snapshot, UNRATE=monthly(end)), "macro") == str(min(month_end(end), end))


def test_no_series_or_an_empty_one_is_no_macro(seeded_snapshot: Snapshot) -> None:
    assert newest(replace(seeded_snapshot, macro=None), "macro") is None
    assert newest(with_macro(seeded_snapshot, VIXCLS=observed([])), "macro") is None


def indexed(snapshot: Snapshot, member: np.ndarray, size: np.ndarray | None = None) -> Snapshot:
    sizes = member.sum(axis=1) if size is None else size
    return replace(snapshot, membership=Membership("index", member, sizes, 0, ()))


def listed_column(snapshot: Snapshot) -> int:
    return int(np.flatnonzero(np.isfinite(snapshot.panel.adj_close).all(axis=0))[0])


def test_membership_reaches_to_its_last_change_not_to_the_last_session(seeded_snapshot: Snapshot) -> None:
    column = listed_column(seeded_snapshot)
    member = np.zeros(seeded_snapshot.panel.shape, dtype=np.bool_)
    member[100:, column] = True
    assert newest(indexed(seeded_snapshot, member), "membership") == str(seeded_snapshot.sessions[100])
    member[300:, column] = False
    assert newest(indexed(seeded_snapshot, member), "membership") == str(seeded_snapshot.sessions[300])


def test_a_list_that_never_changed_reaches_to_where_it_begins(seeded_snapshot: Snapshot) -> None:
    member = np.zeros(seeded_snapshot.panel.shape, dtype=np.bool_)
    member[:, listed_column(seeded_snapshot)] = True
    assert newest(indexed(seeded_snapshot, member), "membership") == str(seeded_snapshot.sessions[0])


def test_a_swap_between_members_is_a_change_though_the_size_stays(seeded_snapshot: Snapshot) -> None:
    whole = np.flatnonzero(np.isfinite(seeded_snapshot.panel.adj_close).all(axis=0))[:2]
    member = np.zeros(seeded_snapshot.panel.shape, dtype=np.bool_)
    member[:200, whole[0]] = member[200:, whole[1]] = True
    assert newest(indexed(seeded_snapshot, member), "membership") == str(seeded_snapshot.sessions[200])


def test_prices_that_end_are_no_change_of_the_index_but_members_without_prices_are(seeded_snapshot: Snapshot) -> None:
    finite = np.isfinite(seeded_snapshot.panel.adj_close)
    gone = 4  # delisted early
    assert not finite[-1, gone]
    member = np.zeros(seeded_snapshot.panel.shape, dtype=np.bool_)
    member[:, listed_column(seeded_snapshot)] = True
    member[:, gone] = finite[:, gone]
    size = np.full(seeded_snapshot.sessions.size, 2)
    assert newest(indexed(seeded_snapshot, member, size), "membership") == str(seeded_snapshot.sessions[0])
    size[50:] = 3
    assert newest(indexed(seeded_snapshot, member, size), "membership") == str(seeded_snapshot.sessions[50])


def test_a_list_of_nobody_who_is_priced_is_no_membership(seeded_snapshot: Snapshot) -> None:
    nobody = np.zeros(seeded_snapshot.panel.shape, dtype=np.bool_)
    found = indexed(seeded_snapshot, nobody, np.full(seeded_snapshot.sessions.size, 500))
    assert newest(found, "membership") is None


def test_a_series_is_daily_by_the_median_of_its_gaps(seeded_snapshot: Snapshot) -> None:
    rng = np.random.default_rng(5)
    last = (seeded_snapshot.as_of.astype("datetime64[M]") - 1).astype("datetime64[D]") + 9
    kinds = set()
    for _ in range(200):
        gaps = rng.choice([1, 9, 10, 11, 12, 30], rng.integers(1, 7))
        days = last - np.append(np.cumsum(gaps[::-1])[::-1], 0)
        is_daily = bool(np.median(np.diff(days)) <= np.timedelta64(10, "D"))
        kinds.add(is_daily)
        found = newest(with_macro(seeded_snapshot, one=observed(days)), "macro")
        assert found == str(last if is_daily else month_end(last)), gaps
    assert kinds == {True, False}
