"""What a taxonomy, a campaign's name or a link may not be.

InputError
└── TaxonomyError         definitions, a name or a link cannot be used: one line a problem
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TaxonomyError"]


class TaxonomyError(InputError):
    """Definitions, a campaign's name or a link cannot be used.

    ``problems`` holds one line a problem, each naming its key.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, what: str, problems: Sequence[str], *, hint: str) -> TaxonomyError:
        """Return the error that lists every problem of a thing.

        Examples:
            >>> print(TaxonomyError.of("the link", ["utm_source is missing"], hint="add it"))
            the link has 1 problem:
            utm_source is missing
            Next: add it
        """
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        return cls("\n".join([f"{what} has {count}:", *problems]), problems=problems, hint=hint)
