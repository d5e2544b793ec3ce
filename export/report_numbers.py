"""Figures as a reader likes them: three digits, a unit, a true minus sign."""

from __future__ import annotations

import math

TIMES, MINUS, NBSP = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def number(value: float) -> str:
    """Three significant digits, without an exponent for everyday sizes."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 6)}f}"


def signed(value: float) -> str:
    """Two decimals with a sign; a true minus, and no negative zero."""
    text = f"{value:+.2f}"
    return "±0.00" if text in ("-0.00", "+0.00") else text.replace("-", MINUS)


def count(value: int) -> str:
    """A count with its unit of thousand: ``1.42 G``, ``312 k``, ``87``."""
    for power, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{number(value / power)} {unit}"
    return f"{value} "


def byte_size(value: int) -> str:
    """Bytes in decimal units: ``1.42 MB``."""
    return f"{count(value)}B"


def split_unit(text: str) -> tuple[str, str]:
    """``"1.42 MB"`` as its number and its unit."""
    value, _, unit = text.partition(" ")
    return value, unit


def with_unit(value: float, unit: str) -> str:
    """Two decimals and a unit: ``82.41 dB``."""
    return f"{value:.2f} {unit}".strip().replace("-", MINUS)


def area(height: int, width: int) -> str:
    """``16`` by ``16`` with a true multiplication sign."""
    return f"{height}{TIMES}{width}"
