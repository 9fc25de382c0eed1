"""One error tree; each class is named after the condition.

IncrementalityError
├── InputError                 something that the user gave cannot be used (also a ValueError)
│   ├── ExperimentFileError    the experiment file: names file, line, key, what is allowed
│   ├── SourceNotFound         the data's locator points nowhere
│   ├── SourceUnreadable       the data is there and cannot be read (encoding, damaged file)
│   ├── UnsafePath             a path that leaves the workspace
│   ├── ColumnNotFound         a column that the experiment names is not in the data
│   ├── ColumnTypeError        a column has a type that its use does not allow
│   ├── InvalidUnitId          null, blank or float ids
│   ├── EmptyTable             no rows
│   ├── EmptyArm               a planned arm without units, or one arm only
│   ├── TooFewClusters         accounts, or other randomised groups, too few or too unequal for an interval
│   ├── ValueNotAllowed        a value outside what the kind of metric allows
│   ├── SourcesError           the settings that say where a company's tables lie; names every problem by its key
│   ├── MixedCurrencies        amounts in several currencies and no rates between them
│   ├── UnmappedNames          too many rows carry a name that no mapping knows
│   └── InfluenceIsNoCredit    influence overlaps; its sum means nothing
├── WarehouseError             the engine refused or failed; keeps the SQL that it was given
│   └── EngineNotInstalled     the engine needs an optional dependency
├── LedgerDamaged              a file of a ledger does not hold what its name says
├── LedgerDoesNotReconcile     credit, unknown, unallocated and quarantined do not add up to the revenue
└── WorkspaceError             the project folder
    ├── WorkspaceNotFound      no incrementality.yaml here
    ├── ExperimentNotFound     no experiments/<id>/experiment.yaml
    ├── WorkspaceBusy          another process is writing the same answer
    └── StaleReadout           what is on disk was made from other inputs
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ColumnNotFound",
    "ColumnTypeError",
    "EmptyArm",
    "EmptyTable",
    "EngineNotInstalled",
    "ExperimentFileError",
    "ExperimentNotFound",
    "IncrementalityError",
    "InfluenceIsNoCredit",
    "InputError",
    "InvalidUnitId",
    "LedgerDamaged",
    "LedgerDoesNotReconcile",
    "MixedCurrencies",
    "SourceNotFound",
    "SourceUnreadable",
    "SourcesError",
    "StaleReadout",
    "TooFewClusters",
    "UnmappedNames",
    "UnsafePath",
    "ValueNotAllowed",
    "WarehouseError",
    "WorkspaceBusy",
    "WorkspaceError",
    "WorkspaceNotFound",
    "did_you_mean",
]


class IncrementalityError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        message: What is wrong: the thing, its value, what was allowed.
        hint: The next step, in the imperative.

    Examples:
        >>> error = IncrementalityError("arm 'B' has no units", hint="check the column 'arm'")
        >>> print(error)
        arm 'B' has no units
        Next: check the column 'arm'
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nNext: {self.hint}" if self.hint else self.message


class InputError(IncrementalityError, ValueError):
    """Something that the user gave cannot be used."""


class ExperimentFileError(InputError):
    """The experiment file cannot be read as an experiment.

    ``problems`` holds one line a problem, each naming file, line and key.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class SourceNotFound(InputError):
    """The data's locator points nowhere."""


class SourceUnreadable(InputError):
    """The data is there and cannot be read."""


class UnsafePath(InputError):
    """A path leaves the workspace."""


class ColumnNotFound(InputError):
    """A column that the experiment names is not in the data."""


class ColumnTypeError(InputError):
    """A column has a type that its use does not allow."""


class InvalidUnitId(InputError):
    """Unit ids that are null, blank or floating point."""


class EmptyTable(InputError):
    """The data has no rows."""


class EmptyArm(InputError):
    """A planned arm has too few units, or there is one arm only."""


class TooFewClusters(InputError):
    """Whole clusters were randomised, and they are too few or too unequal for an interval."""


class ValueNotAllowed(InputError):
    """A column holds values outside what the kind of its metric allows."""


class SourcesError(InputError):
    """The settings that say where a company's tables lie cannot be used.

    ``problems`` holds one line a problem, each naming its key.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class MixedCurrencies(InputError):
    """Amounts are in several currencies, and nothing says what one is worth in the other."""


class UnmappedNames(InputError):
    """Too many rows carry a name that no mapping knows."""


class InfluenceIsNoCredit(InputError):
    """Revenue of events that a function touched overlaps with that of others; it cannot be summed."""


class WarehouseError(IncrementalityError):
    """The engine refused or failed.

    ``sql`` is the statement that it was given, for whoever has to debug it.
    """

    def __init__(self, message: str, *, sql: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sql = sql


class EngineNotInstalled(WarehouseError):
    """The engine needs an optional dependency that is not installed."""


class LedgerDamaged(IncrementalityError):
    """A file of a ledger does not hold what its name says.

    ``damages`` holds each file's name with what is wrong with it.
    """

    def __init__(self, message: str, *, damages: Iterable[tuple[str, str]] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.damages = tuple(damages)

    @classmethod
    def of(cls, damages: Iterable[tuple[str, str]], *, hint: str) -> LedgerDamaged:
        """Return the error that names every damaged file with what is wrong with it."""
        found = tuple(damages)
        told = "; ".join(f"{name}: {reason}" for name, reason in found)
        return cls(f"the assignment ledger is damaged: {told}", damages=found, hint=hint)


class LedgerDoesNotReconcile(IncrementalityError):
    """Credited, unknown, unallocated and quarantined amounts do not add up to the revenue."""


class WorkspaceError(IncrementalityError):
    """The project folder is not as it should be."""


class WorkspaceNotFound(WorkspaceError):
    """No workspace at or above the folder."""


class ExperimentNotFound(WorkspaceError):
    """The workspace holds no experiment of that id."""


class WorkspaceBusy(WorkspaceError):
    """Another process is writing the same answer."""


class StaleReadout(WorkspaceError):
    """What is on disk was made from other inputs."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest allowed word, or an empty string.

    Examples:
        >>> did_you_mean("conversions", ["conversion", "mean"])
        " Did you mean 'conversion'?"
        >>> did_you_mean("zzz", ["conversion", "mean"])
        ''
    """
    options = {option.casefold(): option for option in allowed}
    close = get_close_matches(word.casefold(), options, n=1, cutoff=0.6)
    return f" Did you mean {options[close[0]]!r}?" if close else ""
