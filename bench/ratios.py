"""Ratios of interleaved rounds, their intervals, and what they say about a target.

A shared machine drifts by far more than the differences looked for. So nothing is compared across
rounds: each round gives one ratio of two contenders that ran within seconds of each other, the
ratio told is the median of these, and its interval a bootstrap over the rounds.
"""

import random
from statistics import median

RESAMPLES = 4000
SEED = 20261
TOLERANCE = 0.02  # a target of r holds when the interval's lower end is at least r - TOLERANCE
WIDE = 0.06  # of the target: an interval wider than this, across the target, decides nothing


def ratio(slower_seconds, faster_seconds):
    """How many times faster the second is: {median, low, high, rounds}, the interval 95 %."""
    each = [slow / fast for slow, fast in zip(slower_seconds, faster_seconds)]
    source = random.Random(SEED)
    medians = sorted(median(source.choices(each, k=len(each))) for _ in range(RESAMPLES))
    return {
        "median": median(each),
        "low": medians[int(0.025 * RESAMPLES)],
        "high": medians[int(0.975 * RESAMPLES) - 1],
        "rounds": len(each),
    }


def verdict(interval, required):
    """"holds", "does not hold" or "not resolvable here" for "at least `required`"."""
    bound = required - TOLERANCE
    if interval["low"] >= bound:
        return "holds"
    wide = interval["high"] - interval["low"] > WIDE * required
    if interval["high"] >= bound and wide:
        return "not resolvable here"
    return "does not hold"
