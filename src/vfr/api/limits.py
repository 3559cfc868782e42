"""Limits over HTTP: who pays for a request, what is refused, and the fields that say what is left.

The fields are ``RateLimit`` and ``RateLimit-Policy`` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10) and
the three that its first versions named, which many clients read: ``RateLimit-Limit``, ``-Remaining`` and ``-Reset``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.requests import ClientDisconnect

from vfr.accounts.address import Network, client_address
from vfr.accounts.limits import Budget, Verdict, members_for, ml_budget, payer, request_budget
from vfr.accounts.tiers import Allowance, row_name
from vfr.api.errors import Refusal
from vfr.typing import MEMBER_NAMES
from vfr.workflows.forecaster import MlUnavailable

if TYPE_CHECKING:
    from starlette.requests import Request

    from vfr.accounts.limits import Limiter
    from vfr.accounts.principal import Principal
    from vfr.settings import Settings
    from vfr.workflows.query import AnalyzeQuery

__all__ = ["FIELDS", "RETRY_AFTER", "Limits"]

FIELDS: Final = "rate_limit_fields"
"""Name in the state of a request under which the fields of its answer lie, as pairs of names and values."""

RETRY_AFTER: Final = "ml_retry_after"
"""Name in the state of a request that was short of units: seconds until they may suffice."""

_SHORT: Final = 256
"""Characters of a forwarded address that may be remembered: who sends it chooses how long it is."""

_NO_LEARNING: Final = MlUnavailable("ML_QUOTA", "this tier holds no machine learning")


class _Row(NamedTuple):
    """What a tier may use up, and its budgets."""

    may: Allowance
    requests: Budget
    units: Budget


class Limits:
    """What callers are charged. Whoever is not `limited`, the user of this machine, is charged nothing.

    Parameters
    ----------
    limiter : Limiter
    settings : Settings
    """

    def __init__(self, limiter: Limiter, settings: Settings) -> None:
        self._limiter = limiter
        self._rows = {name: _Row(row, request_budget(row), ml_budget(row)) for name, row in settings.tier_table.items()}
        self._proxies = settings.proxies
        self._streams: Counter[str] = Counter()
        self._limited: Counter[str] = Counter()

    async def charge_request(self, caller: Principal, request: Request, *, drained: bool = False) -> None:
        """Charge one request; every route but health asks this once it knows the caller.

        Parameters
        ----------
        caller : Principal
        request : Request
        drained : bool
            The body was read already.

        Raises
        ------
        Refusal
            429 if the minute's budget is used up.
        """
        if not caller.limited:
            return
        budget = self._row(caller).requests
        verdict = await self._limiter.charge(self._payer(caller, request), budget, 1)
        _tell(request, (budget,), (verdict,))
        if not verdict.allowed:
            if not drained:
                # The guard bounds it. A server closes the connection under a client whose body it leaves unread.
                with suppress(ClientDisconnect):
                    await request.body()
            raise self._rate_limited(budget, verdict)

    async def charge_analysis(self, caller: Principal, request: Request, query: AnalyzeQuery) -> AnalyzeQuery:
        """Charge one request, and the forecasts it asks for, at once.

        Returns
        -------
        AnalyzeQuery
            Where units are short it says why machine learning is left out; the request is charged all the same.

        Raises
        ------
        Refusal
            429 if the minute's budget is used up; no units are charged then.
        """
        if not caller.limited:
            return query
        (_, requests, units), n = self._row(caller), _symbols(query)
        learns = query.include_ml and query.ml_refused is None
        charges = ((requests, 1), (units, n)) if learns else ((requests, 1),)
        verdicts = await self._limiter.charge_in_turn(self._payer(caller, request), charges)
        _tell(request, (requests, units)[: len(verdicts)], verdicts)
        if not verdicts[0].allowed:
            raise self._rate_limited(requests, verdicts[0])
        if not verdicts[-1].allowed:
            return replace(query, ml_refused=self._short(request, units, verdicts[-1], n))
        return query

    def held(self, caller: Principal, query: AnalyzeQuery) -> AnalyzeQuery:
        """Return a query with the members that the caller's tier holds.

        Raises
        ------
        Refusal
            403 for more symbols, or other members, than the tier holds.
        """
        if not caller.limited:
            return query
        row = self._row(caller).may
        symbols, most = _symbols(query), row.symbols_per_request
        if symbols > most:
            raise _over(f"{symbols} stocks are asked for; this tier takes at most {most} per request")
        if not query.include_ml:
            return query
        members, denied = members_for(row, query.ml_models, MEMBER_NAMES)
        if denied:
            raise _over(f"the models of this tier are {', '.join(row.members) or 'none'}, not {', '.join(denied)}")
        if not row.members or not row.ml_units_per_day:
            return replace(query, ml_refused=_NO_LEARNING)
        return query if members == query.ml_models else replace(query, ml_models=members)

    @contextmanager
    def stream(self, caller: Principal, request: Request) -> Iterator[bool]:
        """Hold one of the caller's places for event streams in this process; yields False where all are taken."""
        who = self._payer(caller, request)
        free = not caller.limited or self._streams[who] < self._row(caller).may.event_streams
        self._streams[who] += free
        self._limited["streams"] += not free
        try:
            yield free
        finally:
            self._streams[who] -= free
            if not self._streams[who]:
                del self._streams[who]

    async def usage(self, caller: Principal, request: Request) -> dict[str, Any]:
        """Return the caller's tier, its limits, and what is left of them."""
        if not caller.limited:
            return {"subject": caller.subject, "tier": None, "limits": None, "usage": None}
        row = self._row(caller)
        used = {}
        for key, budget in (("requests", row.requests), ("mlUnits", row.units)):
            seen = await self._limiter.charge(self._payer(caller, request), budget, 0)
            used[key] = {
                "limit": seen.limit,
                "remaining": seen.remaining,
                "windowSeconds": budget.window_s,
                "resetSeconds": seen.reset_s,
            }
        return {"subject": caller.subject, "tier": row_name(caller), "limits": row.may.to_dict(), "usage": used}

    def limited(self) -> dict[str, int]:
        """Return how many requests were refused or degraded, by what ran out, and how many charges Redis missed."""
        return {**self._limited, "fallbacks": self._limiter.stats()["fallbacks"]}

    def address(self, request: Request) -> str:
        """Return where a request comes from, as far as trusted proxies tell; see `client_address`."""
        peer = request.scope.get("client")
        forwarded = request.scope["state"]["headers"].get("x-forwarded-for", "") if self._proxies else ""
        find = _address if len(forwarded) <= _SHORT else client_address
        return find(peer[0] if peer else None, forwarded, self._proxies)

    async def close(self) -> None:
        """Let go of what the limiter holds."""
        await self._limiter.close()

    def _rate_limited(self, budget: Budget, verdict: Verdict) -> Refusal:
        self._limited[budget.name] += 1
        wait = verdict.retry_after_s
        message = f"the {budget.amount} requests of a minute are used up; try again in {wait} s"
        return Refusal(429, "RATE_LIMITED", message, {"Retry-After": str(wait)})

    def _short(self, request: Request, budget: Budget, verdict: Verdict, units: int) -> MlUnavailable:
        self._limited[budget.name] += 1
        request.scope["state"][RETRY_AFTER] = str(verdict.retry_after_s)
        left = f"{verdict.remaining} of the day's {budget.amount} units are left and this request needs {units}"
        return MlUnavailable("ML_QUOTA", f"{left}; units come back from {verdict.reset_s} s on", True)

    def _row(self, caller: Principal) -> _Row:
        return self._rows[row_name(caller)]

    def _payer(self, caller: Principal, request: Request) -> str:
        # Where a user pays, nobody need find out the address.
        return payer(caller, self.address(request) if row_name(caller) == "anonymous" else "")


@lru_cache(maxsize=4096)
def _address(peer: str | None, forwarded: str, proxies: tuple[Network, ...]) -> str:
    return client_address(peer, forwarded, proxies)


def _symbols(query: AnalyzeQuery) -> int:
    return query.limit if query.mode == "sector" else len(query.symbols)


def _over(message: str) -> Refusal:
    return Refusal(403, "TIER_LIMIT", f"{message}; GET /api/account/usage shows the limits of your tier")


def _tell(request: Request, budgets: tuple[Budget, ...], verdicts: Sequence[Verdict]) -> None:
    """Put the fields of an answer into the state of its request."""
    first = verdicts[0]
    left = ", ".join([f'"{b.name}";r={v.remaining};t={v.reset_s}' for b, v in zip(budgets, verdicts, strict=True)])
    limit, policy = _steady(budgets)
    request.scope["state"][FIELDS] = (
        limit,
        (b"ratelimit-remaining", b"%d" % first.remaining),
        (b"ratelimit-reset", b"%d" % first.reset_s),
        policy,
        (b"ratelimit", left.encode()),
    )


@lru_cache(maxsize=64)
def _steady(budgets: tuple[Budget, ...]) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Return the fields that are the same in every answer: the first budget's limit, and the policy of all."""
    policy = ", ".join(f'"{budget.name}";q={budget.amount};w={budget.window_s}' for budget in budgets)
    return (b"ratelimit-limit", b"%d" % budgets[0].amount), (b"ratelimit-policy", policy.encode())
