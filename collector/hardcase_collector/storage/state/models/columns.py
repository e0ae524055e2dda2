"""Column types and the shared columns of the models: what SQLite and PostgreSQL must agree on."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, MetaData, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_TWO_63 = 1 << 63
_TWO_64 = 1 << 64


def fold(value: int) -> int:
    """A uint64 as the signed number of the same bits."""
    if value < _TWO_63:
        return value
    return (value % _TWO_64) - (_TWO_64 if value % _TWO_64 >= _TWO_63 else 0)


class Words(TypeDecorator[str]):
    """Text from devices. PostgreSQL refuses NUL, and neither driver encodes a lone surrogate: both are replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or value.isascii():
            return value.replace("\x00", "") if value else value
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


class Unsigned(TypeDecorator[int]):
    """A uint64 of the wire in a signed 64-bit column, folded: what an agent sends must never overflow a column."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None else fold(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return value + _TWO_64 if value is not None and value < 0 else value


Ms = Annotated[int, mapped_column(BigInteger)]
"""Milliseconds of Unix time."""
Wide = Annotated[int, mapped_column(Unsigned)]
Text_ = Annotated[str, mapped_column(Words)]
Bytes = Annotated[bytes, mapped_column(LargeBinary)]
# SQLite makes a row id only of a column declared exactly INTEGER; PostgreSQL gets 64 bits.
Number = Annotated[
    int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
]
Ref = Annotated[int, mapped_column(BigInteger)]


class Model(DeclarativeBase):
    """All tables. Constraint names are fixed, so that a later migration can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class StampColumns:
    """Where and when a record came from; see `Stamp` of domain/observation.py."""

    agent: Mapped[Ref]
    asset: Mapped[Ref]
    source: Mapped[Text_]
    epoch: Mapped[Bytes]
    sequence: Mapped[Wide]
    time_ms: Mapped[Ms]
    received_ms: Mapped[Ms]
    flag: Mapped[int]
    backlog: Mapped[bool]
    rehearsal: Mapped[bool]
