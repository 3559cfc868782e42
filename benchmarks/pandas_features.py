"""The features of symbols, sessions and peers once more in plain pandas: the peer in benchmarks, the oracle in tests.

Written from the definitions in the registry, not from the kernels: rolling windows over each symbol's own bars, one
`groupby` over symbols. Statements and macro series are left out; nothing here is meant to be fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot

YEAR = 252


def compute(snapshot: Snapshot) -> dict[str, pd.DataFrame]:
    """Return features by name, each a [T x N] frame."""
    bars = _long(snapshot)
    index = _market(bars)
    bars = bars.join(index["level"], on="date")
    pieces = [_of_symbol(group) for _, group in bars.groupby("symbol", sort=False)]
    features = pd.concat(pieces)
    features[["symbol", "date"]] = bars[["symbol", "date"]]
    _peers(features, dict(zip(snapshot.symbols, snapshot.securities.sector, strict=True)))
    wide = features.set_index(["date", "symbol"]).unstack("symbol")
    order = pd.Index(snapshot.sessions.astype("datetime64[ns]")), list(snapshot.symbols)
    out = {name: wide[name].reindex(index=order[0], columns=order[1]) for name in features.columns[:-2]}
    for name, series in _regime(index).items():
        out[name] = pd.DataFrame(dict.fromkeys(snapshot.symbols, series), index=order[0])
    return out


def _long(snapshot: Snapshot) -> pd.DataFrame:
    panel = snapshot.panel
    t, n = panel.shape
    frame = pd.DataFrame(
        {
            "symbol": np.tile(np.array(panel.symbols), t),
            "date": np.repeat(panel.sessions.astype("datetime64[ns]"), n),
            **{name: getattr(panel, name).ravel() for name in ("open", "high", "low", "close", "adj_close", "volume")},
        }
    )
    return frame.dropna(subset="adj_close").reset_index(drop=True)


def _market(bars: pd.DataFrame) -> pd.DataFrame:
    wide = bars.pivot_table(index="date", columns="symbol", values="adj_close")
    changes = wide.pct_change(fill_method=None)
    mean = changes.mean(axis=1).fillna(0.0)
    return pd.DataFrame({"market": mean, "level": (1 + mean).cumprod(), "dispersion": changes.std(axis=1, ddof=0)})


def _regime(index: pd.DataFrame) -> dict[str, pd.Series]:
    level = index["level"]
    return {
        "market_return_21": level.pct_change(21),
        "market_return_252": level.pct_change(YEAR),
        "market_volatility_21": index["market"].iloc[1:].rolling(21).std(ddof=0) * np.sqrt(YEAR),
        "market_drawdown_252": level / level.rolling(YEAR).max() - 1,
        "dispersion_21": index["dispersion"].iloc[1:].rolling(21).mean(),
    }


def _of_symbol(b: pd.DataFrame) -> pd.DataFrame:
    out: dict[str, pd.Series] = {}
    c = b["adj_close"]
    r = c.pct_change(fill_method=None)
    _returns(c, r, out)
    _volatility(r, out)
    _market_relative(r, b["level"].pct_change(fill_method=None), out)
    _bars(b, out)
    _trading(b, r, out)
    _oscillators(b, out)
    return pd.DataFrame(out)


def _returns(c: pd.Series, r: pd.Series, out: dict[str, pd.Series]) -> None:
    for n in (1, 2, 3, 5, 10, 21, 63, 126, 252):
        out[f"return_{n}"] = c.pct_change(n, fill_method=None)
    out["momentum_12_1"] = c.shift(21) / c.shift(252) - 1
    out["momentum_6_1"] = c.shift(21) / c.shift(126) - 1
    out["momentum_12_7"] = c.shift(126) / c.shift(252) - 1
    out["reversal_24_13"] = c.shift(252) / c.shift(504) - 1
    fell, rose = (r < 0).astype(float), (r > 0).astype(float)
    balance = (fell - rose).rolling(231).mean().shift(21)
    out["discreteness_252"] = np.sign(out["momentum_12_1"]) * balance
    for n in (21, 5, 1):
        seasons = [c.shift(YEAR * k - n) / c.shift(YEAR * k) - 1 for k in range(1, 6)]
        out[f"seasonality_{n}"] = pd.concat(seasons, axis=1).mean(axis=1)
    out["seasonality_21_1y"] = c.shift(YEAR - 21) / c.shift(YEAR) - 1
    out["max_return_21"], out["min_return_21"] = r.rolling(21).max(), r.rolling(21).min()
    out["high_252"] = c / c.rolling(YEAR).max() - 1
    out["low_252"] = c / c.rolling(YEAR).min() - 1
    out["high_age_252"] = (YEAR - 1 - c.rolling(YEAR).apply(np.argmax, raw=True)) / YEAR
    out["drawdown_63"] = c / c.rolling(63).max() - 1


def _volatility(r: pd.Series, out: dict[str, pd.Series]) -> None:
    for n in (10, 21, 63, 252):
        out[f"volatility_{n}"] = r.rolling(n).std(ddof=0) * np.sqrt(YEAR)
    out["volatility_ratio_21_252"] = out["volatility_21"] / out["volatility_252"]
    out["downside_share_63"] = (r.clip(upper=0) ** 2).rolling(63).sum() / (r**2).rolling(63).sum()
    out["volatility_of_volatility_63"] = r.abs().rolling(63).std(ddof=0) / r.abs().rolling(63).mean()
    for n in (63, 252):
        mean, deviation = r.rolling(n).mean(), r.rolling(n).std(ddof=0)
        third = (r**3).rolling(n).mean() - 3 * mean * (r**2).rolling(n).mean() + 2 * mean**3
        out[f"skewness_{n}"] = third / deviation**3
    n = YEAR
    out["kurtosis_252"] = (r.rolling(n).kurt() * (n - 2) * (n - 3) / (n - 1) - 6) / (n + 1)
    mean = r.rolling(63).mean()
    lagged = (r * r.shift(1)).rolling(62).sum() - mean * (r.rolling(62).sum() + r.shift(1).rolling(62).sum())
    out["autocorrelation_63"] = (lagged + 62 * mean**2) / (63 * r.rolling(63).var(ddof=0))
    out["zero_returns_252"] = (r == 0).astype(float).where(r.notna()).rolling(YEAR).mean()


def _slope(y: pd.Series, x: pd.Series, n: int) -> pd.Series:
    return y.rolling(n).cov(x, ddof=0) / x.rolling(n).var(ddof=0)


def _market_relative(r: pd.Series, m: pd.Series, out: dict[str, pd.Series]) -> None:
    for n in (63, 252):
        out[f"beta_{n}"] = _slope(r, m, n)
    out["correlation_252"] = r.rolling(YEAR).corr(m)
    for n in (63, 252):
        unexplained = r.rolling(n).var(ddof=0) - out[f"beta_{n}"] ** 2 * m.rolling(n).var(ddof=0)
        out[f"idiosyncratic_volatility_{n}"] = np.sqrt(unexplained * YEAR)
    beta, own = out["beta_252"], out["idiosyncratic_volatility_252"] / np.sqrt(YEAR)
    past = r.rolling(231).sum().shift(21) - beta * m.rolling(231).sum().shift(21)
    out["residual_momentum_12_1"] = past / own / np.sqrt(231)
    for n in (21, 5):
        out[f"residual_reversal_{n}"] = (r.rolling(n).sum() - beta * m.rolling(n).sum()) / own / np.sqrt(n)
    fell = m < 0
    y, x = r.where(fell), m.where(fell)
    n_fell = fell.astype(float).rolling(YEAR).sum()
    mean_y, mean_x = (v.fillna(0).rolling(YEAR).sum() / n_fell for v in (y, x))
    cov = (x * y).fillna(0).rolling(YEAR).sum() / n_fell - mean_x * mean_y
    out["downside_beta_252"] = cov / ((x * x).fillna(0).rolling(YEAR).sum() / n_fell - mean_x**2)
    out["downside_beta_252"] = out["downside_beta_252"].where(r.rolling(YEAR).count() == YEAR)
    mean_r, mean_m = r.rolling(YEAR).mean(), m.rolling(YEAR).mean()
    rm, mm = (r * m).rolling(YEAR).mean(), (m * m).rolling(YEAR).mean()
    rmm, mmm = (r * m * m).rolling(YEAR).mean(), (m**3).rolling(YEAR).mean()
    with_r = rmm - 2 * mean_m * rm + 2 * mean_m**2 * mean_r - mean_r * mm
    with_m = mmm - 3 * mean_m * mm + 2 * mean_m**3
    out["coskewness_252"] = (with_r - beta * with_m) / (own * m.rolling(YEAR).var(ddof=0))
    out["lagged_beta_252"] = _slope(r, m.shift(1), YEAR)


def _bars(b: pd.DataFrame, out: dict[str, pd.Series]) -> None:
    whole = b.dropna(subset=["open", "high", "low", "close"])
    o, h, low, c, adj = (whole[k] for k in ("open", "high", "low", "close", "adj_close"))
    overnight, intraday = o * adj / c / adj.shift(1) - 1, c / o - 1
    out["overnight_1"], out["intraday_1"] = overnight, intraday
    out["overnight_21"] = overnight.rolling(21).sum()
    out["intraday_21"] = intraday.rolling(21).sum().where(overnight.rolling(21).count() == 21)
    out["overnight_252"] = overnight.rolling(YEAR).sum()
    hl, co = np.log(h / low), np.log(c / o)
    out["parkinson_21"] = np.sqrt((hl**2).rolling(21).mean() / (4 * np.log(2)) * YEAR)
    classic = (0.5 * hl**2 - (2 * np.log(2) - 1) * co**2).rolling(21).mean()
    out["garman_klass_21"] = np.sqrt(classic * YEAR)
    free = np.log(h / o) * np.log(h / c) + np.log(low / o) * np.log(low / c)
    out["rogers_satchell_21"] = np.sqrt(free.rolling(21).mean() * YEAR)
    out["relative_range_21"] = hl / hl.rolling(21).mean()
    location = ((c - low) / (h - low)).fillna(0.5)
    out["close_location_1"], out["close_location_21"] = location, location.rolling(21).mean()
    top, bottom = h * adj / c, low * adj / c
    beta = np.log(top / bottom) ** 2 + np.log(top / bottom).shift(1) ** 2
    gamma = np.log(np.maximum(top, top.shift(1)) / np.minimum(bottom, bottom.shift(1))) ** 2
    scale = 3 - 2 * np.sqrt(2)
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / scale - np.sqrt(gamma / scale)
    out["spread_21"] = np.maximum(2 * np.tanh(alpha / 2), 0).rolling(21).mean()


def _trading(b: pd.DataFrame, r: pd.Series, out: dict[str, pd.Series]) -> None:
    b = b.dropna(subset=["close", "volume"])
    adj, v, usd = b["adj_close"], b["volume"], b["close"] * b["volume"]
    r = adj.pct_change(fill_method=None)
    mean = {n: v.rolling(n).mean() for n in (5, 21, 63, 252)}
    with np.errstate(divide="ignore"):
        out["relative_volume_1"] = np.log(v / mean[21])
    out["relative_volume_5_63"] = np.log(mean[5] / mean[63])
    out["volume_trend_21_252"] = np.log(mean[21] / mean[252])
    out["dollar_volume_63"] = np.log(usd.rolling(63).mean())
    out["volume_variation_63"] = v.rolling(63).std(ddof=0) / mean[63]
    impact = r.abs() / usd
    for n in (21, 252):
        out[f"amihud_{n}"] = np.log(impact.rolling(n).mean())
    out["zero_volume_252"] = (v == 0).astype(float).rolling(YEAR).mean().where(r.rolling(YEAR).count() == YEAR)
    out["return_volume_correlation_21"] = r.rolling(21).corr(v)
    signed = np.sign(adj.diff()) * v
    out["obv_trend_21"] = signed.rolling(21).sum() / v.rolling(21).sum()
    out["volume_rank_50"] = v.rolling(50).rank() * 2 - 1
    _flows(b, out)


def _flows(b: pd.DataFrame, out: dict[str, pd.Series]) -> None:
    b = b.dropna(subset=["high", "low"])
    h, low, c, v = (b[k] for k in ("high", "low", "close", "volume"))
    typical = (h + low + c) / 3
    flow = typical * v
    change = typical.diff()
    up, down = (flow.where(move, 0.0).where(change.notna()).rolling(14).sum() for move in (change > 0, change < 0))
    out["mfi_14"] = 100 * up / (up + down)
    where = ((2 * c - h - low) / (h - low)).fillna(0.0)
    out["money_flow_20"] = (where * v).rolling(20).sum() / v.rolling(20).sum()
    out["vwap_distance_21"] = c / (flow.rolling(21).sum() / v.rolling(21).sum()) - 1


def _oscillators(b: pd.DataFrame, out: dict[str, pd.Series]) -> None:
    c = b["adj_close"]
    change = c.diff()
    gain, loss = (x.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean() for x in (change, -change))
    out["rsi_14"] = 100 * gain / (gain + loss)
    line = c.ewm(span=12, adjust=False).mean() - c.ewm(span=26, adjust=False).mean()
    out["macd_histogram"] = (line - line.ewm(span=9, adjust=False).mean()) / c
    for n in (50, 200):
        out[f"price_vs_sma_{n}"] = c / c.rolling(n).mean() - 1
    deviation = c.rolling(20).std(ddof=0)
    out["bollinger_b_20"] = (c - c.rolling(20).mean() + 2 * deviation) / (4 * deviation)
    whole = b.dropna(subset=["high", "low", "close"])
    _ranges(whole, out)


def _ranges(b: pd.DataFrame, out: dict[str, pd.Series]) -> None:
    c = b["adj_close"]
    h, low = b["high"] * c / b["close"], b["low"] * c / b["close"]
    bottom, top = low.rolling(14).min(), h.rolling(14).max()
    out["stochastic_14"] = 100 * (c - bottom) / (top - bottom)
    bottom, top = low.rolling(63).min(), h.rolling(63).max()
    out["williams_r_63"] = -100 * (top - c) / (top - bottom)
    typical = (h + low + c) / 3
    away = typical.rolling(20).apply(lambda x: np.abs(x - x.mean()).mean(), raw=True)
    out["cci_20"] = (typical - typical.rolling(20).mean()) / (0.015 * away)
    true_range = pd.concat([h - low, (h - c.shift(1)).abs(), (low - c.shift(1)).abs()], axis=1).max(axis=1)
    average = true_range.ewm(alpha=1 / 14, adjust=False).mean()
    out["natr_14"] = 100 * average / c
    up, down = h.diff(), -low.diff()
    plus, minus = (
        100 * x.where(win, 0.0).ewm(alpha=1 / 14, adjust=False).mean() / average
        for x, win in ((up, (up > down) & (up > 0)), (down, (down > up) & (down > 0)))
    )
    out["adx_14"] = (100 * (plus - minus).abs() / (plus + minus)).ewm(alpha=1 / 14, adjust=False).mean()
    out["directional_14"] = plus - minus


def _peers(f: pd.DataFrame, sectors: dict[str, str]) -> None:
    sector = f["symbol"].map(sectors)
    for name in ("momentum_12_1", "return_21", "return_5", "return_1"):
        groups = f.groupby(["date", sector])[name]
        mean = groups.transform("mean").where(groups.transform("count") >= 3).where(f[name].notna())
        if name in ("momentum_12_1", "return_21"):
            f.insert(0, f"sector_{name}", mean)
        f.insert(0, f"{name}_in_sector", f[name] - mean)

    def rank(name: str) -> pd.Series:
        by_day = f.groupby("date")[name]
        return (by_day.rank() - 0.5) / by_day.transform("count") - 0.5

    momentum, volatility = rank("momentum_12_1"), rank("volatility_252")
    f.insert(0, "rank_momentum_12_1", momentum)
    f.insert(0, "rank_volatility_252", volatility)
    f.insert(0, "anomaly_rank", (momentum + rank("high_252") - rank("return_5") - volatility) / 4)
