"""Text files: whether they can be read at all, and how Spark reads them as the embedded engine does."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import uuid4

from incrementality.errors import SourceUnreadable

if TYPE_CHECKING:
    from incrementality.warehouse.sources import Locator

__all__ = ["CSV_OPTIONS", "check_encoding", "is_padded", "path_of", "separator_of"]

CSV_OPTIONS = {
    "header": "true",
    "encoding": "UTF-8",
    "quote": '"',
    "escape": '"',
    "multiLine": "true",
    "mode": "FAILFAST",
    "nullValue": "",
    "emptyValue": "",
    "nanValue": "NaN",
    "positiveInf": "inf",
    "negativeInf": "-inf",
}
_CHUNK = 1 << 20
_PATTERN = re.compile(r"[\\*?\[\]{},]")


def path_of(locator: Locator, folder: Path) -> str:
    """Return the file's path, or a link in the folder where Spark would take the path for a pattern."""
    path = Path(str(locator.path))
    if not _PATTERN.search(str(path)):
        return str(path)
    link = folder / f"{uuid4().hex}{''.join(path.suffixes[-2:]) if path.suffix == '.gz' else path.suffix}"
    link.symlink_to(path)
    return str(link)


def separator_of(locator: Locator) -> str:
    """Return the separator that the header uses most: comma, semicolon, tab or bar."""
    with _opened(locator) as file:
        header = file.readline(_CHUNK).decode(errors="replace")
    return max(",;\t|", key=header.count)


def _opened(locator: Locator) -> BinaryIO:
    path = str(locator.path)
    return cast("BinaryIO", gzip.open(path) if path.lower().endswith(".gz") else Path(path).open("rb"))


def is_padded(texts: Any) -> Any:  # noqa: ANN401 - a column of pyspark
    """Return whether a text is a code such as 007."""
    return texts.rlike("^0[0-9]")


def check_encoding(locator: Locator) -> None:
    """Read the file's bytes once: Spark says nothing where they are no UTF-8, and the embedded engine is vague.

    Raises:
        SourceUnreadable: The text is not UTF-8, or the compression is damaged.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    name = Path(str(locator.path)).name
    try:
        with _opened(locator) as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            f"{name} is not encoded in UTF-8", hint=f"convert it: iconv -f LATIN1 -t UTF-8 {name} > utf8-{name}"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise SourceUnreadable(f"{name} cannot be read: {error}", hint="check that the file is whole") from error
