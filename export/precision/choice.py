"""What a precision plan decides beyond a dialect's own rules, as the quantisers take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .ir_edit import RangeTable

BY_PLAN = "float by the precision plan"
"""The reason a node carries that the rules would make INT8 and the plan does not."""
OUTPUT = "facedge.precision.output"
"""Key of a node's metadata; ``float`` where an integer kernel may give its result unrounded."""


@dataclass(frozen=True)
class Choice:
    """Decisions by exact name; the empty choice leaves everything to the rules.

    Attributes:
        floats: contractions that stay out of INT8.
        full: those of them that stay FP32 where the others become FP16.
        unrounded: tensors of the portable dialect that get no Q/DQ pair although the rules would
            give them one; none may be read by an INT8 contraction.
        methods: tensor -> range method in place of the one the quantiser is called with.
    """

    floats: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    unrounded: frozenset[str] = frozenset()
    methods: Mapping[str, str] = field(default_factory=dict)

    def ranges(self, table: RangeTable) -> RangeTable:
        """The table with this choice's method for each tensor."""
        return _Chosen(table, self.methods) if self.methods else table


NO_CHOICE = Choice()


class _Chosen:
    def __init__(self, table: RangeTable, methods: Mapping[str, str]) -> None:
        self._table, self._methods = table, methods

    def of(self, tensor: str, method: str, symmetric: bool = False) -> tuple[float, float]:
        return self._table.of(tensor, self._methods.get(tensor, method), symmetric)
