"""Canonical names of statement items; every source maps its own columns to these."""

from __future__ import annotations

from typing import Final

__all__ = ["ITEMS"]

ITEMS: Final = (
    "revenue",
    "gross_profit",
    "operating_income",
    "ebit",
    "net_income",
    "depreciation",
    "total_assets",
    "total_liabilities",
    "total_equity",
    "current_assets",
    "current_liabilities",
    "cash",
    "long_term_debt",
    "short_term_debt",
    "cfo",
    "capex",
    "shares",
    "eps",
    "interest_expense",
    "inventory",
    "receivables",
    "goodwill",
    "intangibles",
)
"""Figures in USD as reported (`shares` in shares, `eps` in USD per share); `capex` is an outflow, so negative."""
