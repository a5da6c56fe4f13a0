"""Ratios: the only figures that mean anything outside the machine and the minute they were taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Self

__all__ = ["Ratio"]


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The median of the ratios of single rounds, and how far the middle half of them spreads."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, subject: Sequence[float], baseline: Sequence[float]) -> Self:
        """Each round of one against the same round of the other."""
        return cls.from_rounds([one / other for one, other in zip(subject, baseline, strict=True)])

    @classmethod
    def from_rounds(cls, ratios: Sequence[float]) -> Self:
        """Ratios that were taken already, one a round."""
        low, _, high = quantiles(ratios if len(ratios) > 1 else [*ratios, *ratios], n=4, method="inclusive")
        return cls(median=median(ratios), low=low, high=high, rounds=len(ratios))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)}..{_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
