"""Sets fields of protobuf messages to what no agent says, so that damage reaches behind the parser. Pure."""

from __future__ import annotations

import random

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def spoil(message: Message, chance: random.Random) -> None:
    """Sets fields, somewhere below, to what no agent says."""
    for _ in range(chance.randint(1, 3)):
        inner = message
        while True:
            below = [value for field, value in inner.ListFields() if field.message_type and not field.is_repeated]
            if not below or chance.random() < 0.3:
                break
            inner = chance.choice(below)
        field = chance.choice(inner.DESCRIPTOR.fields)
        if not field.is_repeated and field.message_type is None:
            setattr(inner, field.name, _odd(field, chance))
        elif field.is_repeated and field.message_type is not None:
            children = getattr(inner, field.name)
            children.add()
            if chance.random() < 0.5 and len(children) > 1:
                children[-1].CopyFrom(children[0])


def _odd(field: FieldDescriptor, chance: random.Random) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return chance.randbytes(chance.choice((0, 1, 2, 7, 8, 16, 40)))
        case FieldDescriptor.CPPTYPE_STRING:
            return chance.choice(("", "\x00", "x" * 3000, "\u202e", "temperature", "../..", "%s"))
        case FieldDescriptor.CPPTYPE_BOOL:
            return bool(chance.randrange(2))
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return chance.choice((0.0, -1e308, 1e30, float("nan"), float("inf")))
        case FieldDescriptor.CPPTYPE_INT32 | FieldDescriptor.CPPTYPE_UINT32 | FieldDescriptor.CPPTYPE_ENUM:
            return chance.choice((0, 1, 7, 255, 2**31 - 1))
        case _:
            return chance.choice((0, 1, 2**31, 2**63 - 1))
