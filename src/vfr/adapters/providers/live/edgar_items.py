"""Which XBRL concepts stand for which item, in order of preference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["CONCEPTS", "COUNT", "PER_SHARE", "Concepts", "Measure"]

Measure: TypeAlias = Literal["flow", "balance"]
"""What a figure covers: a span of time, or one day."""

PER_SHARE: Final = "USD/shares"
COUNT: Final = "shares"


@dataclass(frozen=True, slots=True)
class Concepts:
    """The concepts of one item.

    Parameters
    ----------
    measure : Measure
    names : tuple of str
        ``taxonomy:Concept``, best first: the one nearest to the item's meaning, then what filers used in its place.
        A concept that means something else (pre-tax income for EBIT, cash before interest for operating cash flow) is
        not listed: the item is unknown then.
    unit : str
        The only unit taken.
    sign : float
        -1 where the filers' figure is positive and the item's is not.
    """

    measure: Measure
    names: tuple[str, ...]
    unit: str = "USD"
    sign: float = 1.0


def _us(*names: str) -> tuple[str, ...]:
    return tuple(f"us-gaap:{name}" for name in names)


def _ifrs(*names: str) -> tuple[str, ...]:
    return tuple(f"ifrs-full:{name}" for name in names)


CONCEPTS: Final[dict[str, Concepts]] = {
    # `Revenues` comes first: where a filer states both, revenue from contracts is a part of it (rent, interest and
    # derivatives are missing).
    "revenue": Concepts(
        "flow",
        _us(
            "Revenues",
            "RevenueFromContractWithCustomerExcludingAssessedTax",
            "RevenueFromContractWithCustomerIncludingAssessedTax",
            "SalesRevenueNet",
            "RevenuesNetOfInterestExpense",
        )
        + _ifrs("Revenue", "RevenueFromContractsWithCustomers"),
    ),
    "gross_profit": Concepts("flow", _us("GrossProfit") + _ifrs("GrossProfit")),
    "operating_income": Concepts("flow", _us("OperatingIncomeLoss") + _ifrs("ProfitLossFromOperatingActivities")),
    "net_income": Concepts(
        "flow", _us("NetIncomeLoss", "ProfitLoss") + _ifrs("ProfitLossAttributableToOwnersOfParent", "ProfitLoss")
    ),
    "depreciation": Concepts(
        "flow",
        _us(
            "DepreciationDepletionAndAmortization",
            "DepreciationAmortizationAndAccretionNet",
            "DepreciationAndAmortization",
        )
        + _ifrs("AdjustmentsForDepreciationAndAmortisationExpense", "DepreciationAndAmortisationExpense"),
    ),
    "total_assets": Concepts("balance", _us("Assets") + _ifrs("Assets")),
    "total_liabilities": Concepts("balance", _us("Liabilities") + _ifrs("Liabilities")),
    "total_equity": Concepts(
        "balance",
        _us("StockholdersEquity", "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest")
        + _ifrs("EquityAttributableToOwnersOfParent", "Equity"),
    ),
    "current_assets": Concepts("balance", _us("AssetsCurrent") + _ifrs("CurrentAssets")),
    "current_liabilities": Concepts("balance", _us("LiabilitiesCurrent") + _ifrs("CurrentLiabilities")),
    "cash": Concepts(
        "balance",
        _us("CashAndCashEquivalentsAtCarryingValue", "Cash", "CashAndDueFromBanks")
        + _ifrs("CashAndCashEquivalents", "Cash"),
    ),
    "long_term_debt": Concepts(
        "balance",
        _us("LongTermDebtNoncurrent", "LongTermDebtAndCapitalLeaseObligations", "LongTermDebt")
        + _ifrs("LongtermBorrowings", "NoncurrentPortionOfNoncurrentBorrowings"),
    ),
    "short_term_debt": Concepts(
        "balance",
        _us("DebtCurrent", "ShortTermBorrowings")
        + _ifrs("CurrentBorrowingsAndCurrentPortionOfNoncurrentBorrowings", "ShorttermBorrowings"),
    ),
    "cfo": Concepts(
        "flow",
        _us(
            "NetCashProvidedByUsedInOperatingActivities",
            "NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",
        )
        + _ifrs("CashFlowsFromUsedInOperatingActivities"),
    ),
    "capex": Concepts(
        "flow",
        _us("PaymentsToAcquirePropertyPlantAndEquipment", "PaymentsToAcquireProductiveAssets")
        + _ifrs("PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities"),
        sign=-1.0,
    ),
    "shares": Concepts(
        "balance",
        _us("CommonStockSharesOutstanding", "SharesOutstanding") + _ifrs("NumberOfSharesOutstanding"),
        unit=COUNT,
    ),
    "eps": Concepts(
        "flow",
        _us("EarningsPerShareDiluted", "EarningsPerShareBasicAndDiluted", "EarningsPerShareBasic")
        + _ifrs("DilutedEarningsLossPerShare", "BasicEarningsLossPerShare"),
        unit=PER_SHARE,
    ),
    "interest_expense": Concepts(
        "flow",
        _us("InterestExpense", "InterestExpenseNonoperating", "InterestExpenseDebt")
        + _ifrs("InterestExpense", "FinanceCosts"),
    ),
    "inventory": Concepts("balance", _us("InventoryNet") + _ifrs("Inventories")),
    "receivables": Concepts(
        "balance",
        _us("AccountsReceivableNetCurrent", "ReceivablesNetCurrent") + _ifrs("TradeAndOtherCurrentReceivables"),
    ),
    "goodwill": Concepts("balance", _us("Goodwill") + _ifrs("Goodwill")),
    "intangibles": Concepts(
        "balance",
        _us("IntangibleAssetsNetExcludingGoodwill", "FiniteLivedIntangibleAssetsNet")
        + _ifrs("IntangibleAssetsOtherThanGoodwill"),
    ),
}
"""Item to its concepts; `ebit` has none, for no filer states it under a name of its own."""
