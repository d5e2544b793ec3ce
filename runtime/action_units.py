"""The twelve action units of ABAW2 and what the muscles do (FACS; Ekman and Friesen, 1978)."""

from __future__ import annotations

NAMES = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    6: "cheek raiser",
    7: "lid tightener",
    10: "upper lip raiser",
    12: "lip corner puller",
    15: "lip corner depressor",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
}
"""Action unit -> name, in the order of every AU output."""

ACTION_UNITS = tuple(NAMES)
"""The action units in the order of every AU output."""
