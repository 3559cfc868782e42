"""Words that carry an opinion in financial texts, and the polarity of a text made of them.

General word lists misread finance (a "liability" or a "tax" is no complaint there), so the list is made for it: the
categories follow Loughran and McDonald [1]_, the words are our own compilation, with the language of trading desks
and stock message boards added (upgrade, beats, bullish, calls). A negation turns the next three words round.

References
----------
.. [1] Loughran and McDonald (2011), When Is a Liability Not a Liability? Textual Analysis, Dictionaries, and 10-Ks,
   Journal of Finance 66(1).
.. [2] Antweiler and Frank (2004), Is All That Talk Just Noise? The Information Content of Internet Stock Message
   Boards, Journal of Finance 59(3).
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["NEGATIVE", "POSITIVE", "polarity", "words"]

_RESULTS_GOOD: Final = """
accelerate accelerated accelerates accelerating achieve achieved achievement achieves beat beating beats best better
boom booming boost boosted boosting boosts breakthrough climb climbed climbing climbs double doubled doubles doubling
efficiency efficient efficiently exceed exceeded exceeding exceeds excel excellent exceptional expand expanded
expanding expansion expands flourish flourishing gain gained gaining gains grew grow growing grows growth healthy
highs improve improved improvement improvements improves improving increase increased increases jump jumped jumping
jumps leading outpace outpaced outperform outperformed outperforming outperforms profit profitability profitable
profitably profits progress prosper prosperity rebound rebounded rebounding rebounds record recover recovered
recovering recovers recovery resilient robust solid soar soared soaring soars spike spiked spikes stellar
strength strengthen strengthened strengthening strengthens strong stronger strongest succeed succeeded succeeds
success successes successful successfully superior surge surged surges surging surpass surpassed surpasses thrive
thriving tripled upbeat uptrend
"""

_OUTLOOK_GOOD: Final = """
advantage advantages attractive award awarded awards benefit benefits brilliant confidence confident delight delighted
encouraged encouraging enthusiasm excited exciting favorable favourable good great happy impress impressed
impressive innovation innovative innovator lead leader leadership love lucrative opportunities opportunity optimism
optimistic outstanding pleased popular positive positively premier promising rally rallied rallies rallying reward
rewarded rewarding rich smart stable stability upside valuable win winner winners winning wins wow
"""

_TRADING_GOOD: Final = """
accumulate accumulating accumulation bottomed bought breakout breakouts bull bullish bulls buy buyback buybacks buyers
buying buys calls cheap green longs moon oversold overweight reiterates repurchase undervalued upgrade upgraded
upgrades upgrading uptick
"""

_RESULTS_BAD: Final = """
abandon abandoned bankrupt bankruptcy bleak bleeding burden cancel canceled cancelled cancels closures collapse
collapsed collapses collapsing contraction crash crashed crashes crashing cut cuts cutting damage damaged damages
decline declined declines declining decrease decreased decreases default defaulted defaults deficit delay delayed
delays deteriorate deteriorated deteriorates deteriorating deterioration difficult difficulties disappoint
disappointed disappointing disappointment disappoints disaster disastrous downturn drag dragged drop dropped dropping
drops dwindling fail failed failing fails failure failures fall fallen falling falls fell halt halted impair impaired
impairment impairments insolvency insolvent lag lagged lagging lags layoff layoffs lose loser losers loses losing loss
losses lost lower lowered lowering lowers miss missed misses missing plummet plummeted plummets plunge plunged
plunges plunging poor poorly recession reduce reduced reduces restate restated restatement setback shortage shortfall
shrink shrinking shrinks shrank shutdown sink sinking sinks slash slashed slashes slide slides sliding slid slow
slowdown slowed slower slowing slowest sluggish slump slumped slumping slumps stagnant struggle struggled
struggles struggling suffer suffered suffering suffers tank tanked tanking tanks terminate terminated tumble tumbled
tumbles tumbling turmoil underperform underperformed underperforming underperforms unprofitable weak weaken weakened
weakening weaker weakness weakest worse worsen worsening worst writedown writeoff
"""

_TROUBLE: Final = """
abuse accident accuse accused accuses adverse adversely afraid allegation allegations allege alleged alleges angry
antitrust bad ban banned bans blame blamed boycott breach breached breaches bribery cautious charged
complain complaint complaints concern concerned concerns convicted corrupt corruption crime criminal crisis critical
criticism criticized danger dangerous dead deceptive defect defective defects defendant dispute disputes doubt doubts
embarrassing evade exposed fear fears felony fined fines fraud fraudulent guilty hack hacked harm harmful horrible
illegal inquiry investigate investigated investigating investigation investigations lawsuit lawsuits litigation
manipulation misconduct misleading negative negatively negligence outage panic penalties penalty pessimism pessimistic
plead poison problem problems probe probes prosecution protest punish recall recalled recalls resign resigned resigns
risk risks risky sanction sanctions scandal scam severe sue sued sues suing terrible threat threaten threatened
threatens threats trouble troubled troubling uncertain uncertainties uncertainty unfavorable unrest violate violated
violation violations volatile vulnerable warn warned warning warnings warns worried worries worry wrong
"""

_TRADING_BAD: Final = """
bear bearish bears breakdown bubble correction dip downgrade downgraded downgrades downgrading downside downtrend dump
dumped dumping dumps expensive lows overbought overpriced overvalued puts red resistance sell sellers selling selloff
shorted shorting shorts sold underweight
"""

POSITIVE: Final[frozenset[str]] = frozenset(f"{_RESULTS_GOOD} {_OUTLOOK_GOOD} {_TRADING_GOOD}".split())
"""Words that speak for a stock."""

NEGATIVE: Final[frozenset[str]] = frozenset(f"{_RESULTS_BAD} {_TROUBLE} {_TRADING_BAD}".split())
"""Words that speak against it."""

_PHRASES: Final[dict[tuple[str, str], int]] = {
    ("go", "long"): 1,
    ("going", "long"): 1,
    ("im", "long"): 1,
    ("am", "long"): 1,
    ("still", "long"): 1,
    ("staying", "long"): 1,
    ("go", "short"): -1,
    ("going", "short"): -1,
    ("im", "short"): -1,
    ("am", "short"): -1,
    ("still", "short"): -1,
    ("staying", "short"): -1,
    ("short", "interest"): -1,
    ("short", "squeeze"): 1,
    ("short", "covering"): 1,
    ("best", "buy"): 0,
}
"""Pairs read as one: "long" and "short" are positions only in company, and Best Buy is a shop."""

_NEGATING: Final = """
aint arent cannot cant couldnt didnt doesnt dont hadnt hardly hasnt havent isnt lack lacks neither never no nobody
none nor not nothing shouldnt wasnt werent without wont wouldnt
"""
_NEGATIONS: Final[frozenset[str]] = frozenset(_NEGATING.split())
_NEGATION_REACH: Final = 3

_SCORES: Final[dict[str, int]] = {**dict.fromkeys(POSITIVE, 1), **dict.fromkeys(NEGATIVE, -1)}
_STARTERS: Final[frozenset[str]] = frozenset(_SCORES) | {first for first, _ in _PHRASES}

_WORD: Final = re.compile(r"[a-z]+(?:\s?['\u2019]\s?[tm]\b)?")
_APART: Final = re.compile(r"[^a-z]")


def words(text: str) -> list[str]:
    """Split a text into lower-case words; contractions become one word, however the source spaced them.

    Examples
    --------
    >>> words("They don't BEAT; it isn \u2019 t up 3%")
    ['they', 'dont', 'beat', 'it', 'isnt', 'up']
    """
    found = _WORD.findall(text.lower())
    return [word if word.isalpha() else _APART.sub("", word) for word in found]


def polarity(text: str) -> tuple[int, int]:
    """Count the words of a text that speak for and against a stock.

    Parameters
    ----------
    text : str
        English; case and punctuation do not matter.

    Returns
    -------
    tuple of int
        Positive and negative words, each turned round when one of the three words before it is a negation.

    Examples
    --------
    >>> polarity("Profit beats estimates despite weak sales")
    (2, 1)
    >>> polarity("not a good quarter")
    (0, 1)
    """
    tokens = words(text)
    if _STARTERS.isdisjoint(tokens):
        return 0, 0
    counts = {1: 0, -1: 0, 0: 0}
    negated_until = -1
    at = 0
    while at < len(tokens):
        pair = _PHRASES.get((tokens[at], tokens[at + 1])) if at + 1 < len(tokens) else None
        sign = _SCORES.get(tokens[at], 0) if pair is None else pair
        counts[-sign if at <= negated_until else sign] += 1
        if tokens[at] in _NEGATIONS:
            negated_until = at + _NEGATION_REACH
        at += 1 if pair is None else 2
    return counts[1], counts[-1]
