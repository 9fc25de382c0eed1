"""One deal's credit as a tree: deal, function, touch group; what is not allocated is a line of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from incrementality.display import DisplayMixin
from incrementality.errors import InputError

__all__ = ["DealTree", "FunctionBranch", "TouchGroup"]

_DUST = 1e-9


@dataclass(frozen=True, slots=True)
class TouchGroup:
    """Touches of one kind by one function.

    Attributes:
        name: What they are called: ``demo``, ``webinar``.
        touches: How many.
    """

    name: str
    touches: int


@dataclass(frozen=True, slots=True)
class FunctionBranch:
    """One function's part in a deal.

    Attributes:
        function: The function.
        share: Its share of the amount, from 0 to 1.
        touches: How many touches it is stated to have had.
        groups: Those touches by group; their counts are shown beside the stated ones, nothing is rescaled.
        role: Source, close, assist or "".
    """

    function: str
    share: float
    touches: int
    groups: tuple[TouchGroup, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class DealTree(DisplayMixin):
    """Who touched one deal, and how its amount was split. Nothing is rescaled to make numbers meet.

    Attributes:
        deal: The deal's id or name.
        amount: What it is worth, in currency units.
        currency: The currency.
        branches: One a function.
        touches: All touches of the deal, as stated; ``None``: those of the branches.
        model: The model that split it.
        notes: Words of people on the deal (reason, competitor, objection): shown, never part of the credit.

    Raises:
        InputError: The shares add up to more than one: such columns overlap and are influence, not credit.

    Examples:
        >>> branch = FunctionBranch("ae", 0.95, 14, (TouchGroup("demo", 15),))
        >>> print(DealTree("d-1", 180_000.0, "USD", (branch,), touches=38).to_text())
        d-1  USD 180,000.00  38 touches
        ├── ae  USD 171,000.00  95.0 %  14 touches  (15 listed, 14 stated)
        │   └── demo  15 touches
        └── unallocated  USD 9,000.00  5.0 %  24 touches
    """

    deal: str
    amount: float
    currency: str
    branches: tuple[FunctionBranch, ...]
    touches: int | None = None
    model: str = ""
    notes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        total = sum(branch.share for branch in self.branches)
        if total > 1 + _DUST:
            raise InputError(
                f"the shares of deal {self.deal!r} add up to {100 * total:.1f} %: they overlap, so they are "
                "influence, not credit",
                hint="report them as influenced revenue, which is never added up",
            )

    @property
    def unallocated(self) -> float:
        """The amount that no function was credited with, in currency units."""
        return self.amount * self._rest

    @property
    def unallocated_touches(self) -> int:
        """Touches that the deal is stated to have beyond those of its functions; negative where more are listed."""
        return self._stated - sum(branch.touches for branch in self.branches)

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Where the touches listed differ from those stated, in words."""
        return tuple(f"{branch.function}: {told}" for branch in self.branches if (told := _mismatch(branch)))

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a function and one for what is not allocated."""
        rows = [(b.function, b.role, b.share, b.touches, _mismatch(b)) for b in self.branches]
        if self._has_rest:
            rows.append(("unallocated", "", self._rest, self.unallocated_touches, ""))
        return tuple(
            {"function": name, "role": role, "credit": self.amount * part, "share": part, "touches": n, "remark": told}
            for name, role, part, n, told in rows
        )

    def to_text(self) -> str:
        """Return the tree as lines."""
        lines = [f"{self.deal}  {self._money(self.amount)}  {_touches(self._stated)}"]
        rows = self.to_dicts()
        for number, row in enumerate(rows):
            last = number == len(rows) - 1
            lines.append(f"{'└── ' if last else '├── '}{self._line(row)}")
            groups = self.branches[number].groups if number < len(self.branches) else ()
            stem = "    " if last else "│   "
            for k, group in enumerate(groups):
                lines.append(
                    f"{stem}{'└── ' if k == len(groups) - 1 else '├── '}{group.name}  {_touches(group.touches)}"
                )
        return "\n".join([*lines, *(f"{name}: {words}" for name, words in self.notes)])

    def to_html(self) -> str:
        """Return the tree as nested lists; every name is escaped."""
        items = []
        for number, row in enumerate(self.to_dicts()):
            groups = self.branches[number].groups if number < len(self.branches) else ()
            inner = "".join(f"<li>{escape(group.name)}: {_touches(group.touches)}</li>" for group in groups)
            items.append(f"<li>{escape(self._line(row))}{f'<ul>{inner}</ul>' if inner else ''}</li>")
        notes = "".join(f"<li>{escape(name)}: {escape(words)}</li>" for name, words in self.notes)
        head = f"{escape(self.deal)} {escape(self._money(self.amount))}, {_touches(self._stated)}"
        return f'<div class="deal-tree"><p>{head}</p><ul>{"".join(items)}{notes}</ul></div>'

    @property
    def _stated(self) -> int:
        return sum(branch.touches for branch in self.branches) if self.touches is None else self.touches

    @property
    def _rest(self) -> float:
        return max(0.0, 1.0 - sum(branch.share for branch in self.branches))

    @property
    def _has_rest(self) -> bool:
        return self._rest > _DUST or self.unallocated_touches != 0

    def _money(self, amount: float) -> str:
        return f"{self.currency} {amount:,.2f}"

    def _line(self, row: dict[str, object]) -> str:
        role, remark = (str(row[key]) for key in ("role", "remark"))
        parts = [
            f"{row['function']}{f' ({role})' if role else ''}",
            f"{self.currency} {row['credit']:,.2f}",
            f"{100 * float(str(row['share'])):.1f} %",
            _touches(int(str(row["touches"]))),
        ]
        return "  ".join([*parts, f"({remark})"] if remark else parts)


def _mismatch(branch: FunctionBranch) -> str:
    listed = sum(group.touches for group in branch.groups)
    return f"{listed} listed, {branch.touches} stated" if branch.groups and listed != branch.touches else ""


def _touches(number: int) -> str:
    return f"{number:,} {'touch' if number == 1 else 'touches'}"
