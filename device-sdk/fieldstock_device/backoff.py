"""How long to wait before trying again."""

import random


class Backoff:
    """Exponential, with full jitter: anywhere between nothing and a bound that doubles with every failure.

    Thousands of devices lose their server at the same instant; full jitter is what keeps them from coming back at the
    same instant, too (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """

    def __init__(self, rng: random.Random, *, base: float = 1.0) -> None:
        self._rng = rng
        self._base = base
        self.attempts = 0

    def reset(self) -> None:
        self.attempts = 0

    def next(self, *, cap: float) -> float:
        """Seconds to wait before the next attempt, at most `cap`."""
        bound = min(cap, self._base * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return self._rng.uniform(0.0, bound)
