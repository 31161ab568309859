"""The files of exports: CSV that a spreadsheet opens safely, and Parquet.

CSV (RFC 4180) is one file, made of pieces that are compressed one by one; the first has the heads. Parquet
is one file for every 100,000 rows: a file of it ends with an index of its whole content, so that a process
that goes on with another's work cannot add to one.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import Any, final

from offhook.clock import iso_milliseconds
from offhook.reporting.export_rows import COLUMNS, Value
from offhook.session.ports.exports import ExportFormat

Rows = Iterable[Sequence[Value]]

CSV_ROWS = 2_000
PARQUET_ROWS = 100_000
_FORMULA = re.compile(r"[=+\-@\t\r\n|%]")
_NUMBER = re.compile(r"[+-]?[0-9.]+")
_TIMES = {"InitiatedAt", "ConnectedAt", "DisconnectedAt"}
_INTEGERS = {"DurationInSec", "BillingUnit", "BillableDurationInSec", "SipStatus", "TTSLength"}
_DECIMALS = {"UnitPrice", "TotalPriceOfCall"}


class ExportFile(ABC):
    """Collects the rows of one piece."""

    most_rows: int
    """Rows of a piece."""

    @abstractmethod
    def add(self, rows: Rows) -> None:
        """Add rows, in order."""

    @abstractmethod
    def piece(self) -> bytes:
        """The piece, as it is stored; the next rows begin another."""


def new_file(format_: ExportFormat, pieces: int) -> ExportFile:
    """The file of a job of which so many pieces are stored."""
    return ParquetFile() if format_ is ExportFormat.PARQUET else CsvFile(with_heads=not pieces)


def parquet_installed() -> bool:
    """Whether Parquet can be written here (the extra ``offhook[parquet]``)."""
    return find_spec("pyarrow") is not None


@final
class CsvFile(ExportFile):
    """CSV in UTF-8."""

    most_rows = CSV_ROWS

    def __init__(self, *, with_heads: bool) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        if with_heads:
            self._writer.writerow(COLUMNS)

    def add(self, rows: Rows) -> None:
        self._writer.writerows([cell(value) for value in row] for row in rows)

    def piece(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return zlib.compress(text.encode("utf-8", "replace"), 1)


def cell(value: Value) -> str:
    """A value as CSV text.

    A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers with a sign, such
    as phone numbers, stay as they are.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        if _FORMULA.match(value) and not _NUMBER.fullmatch(value):
            return "'" + value
        return value
    if isinstance(value, datetime):
        return iso_milliseconds(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


@final
class ParquetFile(ExportFile):
    """Typed columns: times in UTC, prices as decimals."""

    most_rows = PARQUET_ROWS

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, rows: Rows) -> None:
        import pyarrow

        columns = list(zip(*rows, strict=True))
        if columns:
            arrays = [
                pyarrow.array([_arrow(value) for value in column], field.type)
                for column, field in zip(columns, _schema(), strict=True)
            ]
            self._parts.append(pyarrow.record_batch(arrays, schema=_schema()))

    def piece(self) -> bytes:
        import pyarrow
        from pyarrow import parquet

        parts, self._parts = self._parts, []
        sink = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_batches(parts, _schema()), sink, compression="zstd")
        return sink.getvalue()


def _schema() -> Any:
    import pyarrow

    def type_of(name: str) -> Any:
        if name in _TIMES:
            return pyarrow.timestamp("us", tz="UTC")
        if name in _INTEGERS:
            return pyarrow.int64()
        if name in _DECIMALS:
            return pyarrow.decimal128(24, 6)
        return pyarrow.float64() if name == "MOS" else pyarrow.string()

    return pyarrow.schema([(name, type_of(name)) for name in COLUMNS])


def _arrow(value: Value) -> Value:
    """A value that Arrow can store: it has no half characters."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
