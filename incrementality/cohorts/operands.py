"""One input of a rule, as of t0: an attribute that holds, or a look-back over the events in ``[t0 - within, t0)``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    PlainSerializer,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
)

from incrementality.cohorts.durations import Duration, duration_text

__all__ = [
    "Attribute",
    "ColumnPath",
    "Count",
    "Filter",
    "Operand",
    "OperandRecord",
    "Record",
    "Scalar",
    "Since",
    "SinceLast",
    "Sum",
    "TableName",
    "Until",
    "ValueKind",
    "Where",
    "Within",
    "key_of",
]

Scalar = StrictBool | StrictInt | FiniteFloat | StrictStr
Where = tuple[tuple[str, tuple[Scalar, ...]], ...]
ValueKind = Literal["any", "number", "duration"]


class Record(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _filter(value: object) -> object:
    """A mapping of columns to a value or a list of values, as sorted pairs."""
    if not isinstance(value, dict):
        return value
    listed = {str(k): tuple(v) if isinstance(v, (list, tuple)) else (v,) for k, v in value.items()}
    if empty := [name for name, values in listed.items() if not values]:
        raise ValueError(f"the filter on {empty[0]!r} lists no value; give at least one")
    return tuple(sorted(listed.items()))


def _mapping(value: Where) -> dict[str, list[Scalar]]:
    return {name: list(values) for name, values in value}


Filter = Annotated[
    Where,
    BeforeValidator(_filter, json_schema_input_type=dict[str, Scalar | list[Scalar]]),
    PlainSerializer(_mapping, return_type=dict[str, Any]),
    Field(description="Only rows whose columns hold these values; a row whose column is empty is not one of them."),
]
TableName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,62}$", description="A table of the rule's 'tables'.")]
ColumnPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,62}\..+$", description="table.column")]
Within = Annotated[Duration | None, Field(description="How far back; default: all history before t0.")]


class _Operand(Record):
    where: Filter = ()
    kind: ClassVar[ValueKind] = "number"

    @property
    def label(self) -> str:
        """How a reason names the input."""
        rows = ",".join(f"{name}={'|'.join(map(str, values))}" for name, values in self.where)
        within = getattr(self, "within", None)
        past = "" if within is None else f" within {duration_text(within)}"
        return f"{self._said()}{f'[{rows}]' if rows else ''}{past}".replace(";", ",")

    def _said(self) -> str:
        raise AssertionError(self)


class _Columned(_Operand):
    @property
    def path(self) -> str:
        """The table and column, ``table.column``."""
        raise AssertionError(self)

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.path.partition(".")[0]

    @property
    def column(self) -> str:
        """The column that is read."""
        return self.path.partition(".")[2]


class Attribute(_Columned):
    """The value of a state table's column that holds at t0: its last row at or before t0.

    Two different values at the same instant leave it unknown.
    """

    attribute: ColumnPath
    kind: ClassVar[ValueKind] = "any"

    @property
    def path(self) -> str:
        """The table and column."""
        return self.attribute

    def _said(self) -> str:
        return self.attribute


class Since(_Columned):
    """How long before t0 the time lies that a state table's column holds; negative if it lies ahead."""

    since: ColumnPath
    kind: ClassVar[ValueKind] = "duration"

    @property
    def path(self) -> str:
        """The table and column."""
        return self.since

    def _said(self) -> str:
        return f"since {self.since}"


class Until(_Columned):
    """How long after t0 the time lies that a state table's column holds; negative if it lies behind."""

    until: ColumnPath
    kind: ClassVar[ValueKind] = "duration"

    @property
    def path(self) -> str:
        """The table and column."""
        return self.until

    def _said(self) -> str:
        return f"until {self.until}"


class Count(_Operand):
    """How many events lie in ``[t0 - within, t0)``; none is 0, never unknown."""

    count: TableName
    within: Within = None

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.count

    def _said(self) -> str:
        return f"count {self.count}"


class Sum(_Columned):
    """The sum of a column over the events in ``[t0 - within, t0)``: 0 for none, unknown if one of them is empty."""

    sum: ColumnPath
    within: Within = None

    @property
    def path(self) -> str:
        """The table and column."""
        return self.sum

    def _said(self) -> str:
        return f"sum {self.sum}"


class SinceLast(_Operand):
    """How long before t0 the last event lies; unknown if there is none."""

    since_last: TableName
    within: Within = None
    kind: ClassVar[ValueKind] = "duration"

    @property
    def table(self) -> str:
        """The table that is read."""
        return self.since_last

    def _said(self) -> str:
        return f"since last {self.since_last}"


def key_of(*keys: str) -> Any:  # noqa: ANN401 - pydantic's discriminator
    """Return the discriminator of a union whose members are told apart by a key of their own."""

    def chosen(value: object) -> str | None:
        names = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, BaseModel) else ()
        aliases = {"all": "conditions", "any": "options", "not": "condition"}
        return next((key for key in keys if key in names or aliases.get(key) in names), None)

    return Discriminator(
        chosen,
        custom_error_type="kind_unknown",
        custom_error_message=f"none of the keys that say what this is; write one of: {', '.join(keys)}",
    )


def _named_attribute(value: object) -> object:
    return {"attribute": value} if isinstance(value, str) else value


Operand = Annotated[
    Annotated[Attribute, Tag("attribute")]
    | Annotated[Since, Tag("since")]
    | Annotated[Until, Tag("until")]
    | Annotated[Count, Tag("count")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[SinceLast, Tag("since_last")],
    key_of("attribute", "since", "until", "count", "sum", "since_last"),
    BeforeValidator(_named_attribute),
]
OperandRecord = Attribute | Since | Until | Count | Sum | SinceLast
