"""Frozen dataclasses that become JSON objects, and come back as strictly as they were written.

A field is a key. What is unknown (None) is absent, never 0. A key that is missing, unknown or of another type is
refused in one sentence that names the file, the key, what was expected and what was there.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from edgeblur.errors import UserError
from edgeblur.files import read_json, write_json

T = TypeVar("T")
_Reader = Callable[[Any], Any]


class MismatchError(ValueError):
    """JSON is not what a record needs: says where in it, and why."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place} {reason}" if place else reason)
        self.reason, self.place = reason, place

    def below(self, key: str) -> MismatchError:
        """The same, seen from one level further up."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return MismatchError(self.reason, f"{key}{joint}{self.place}")


class Record:
    """Base of frozen dataclasses that lie in JSON files. Where key and field are not the same, class variables say so.

    Attributes:
        KEYS: the first keys in the order in which they are written, properties that are written too among them; a
            reader passes over those. Other fields follow as they were declared.
        NAMES: fields whose keys have another name.
        DIGITS: decimals that fields and properties are rounded to.
        FLAT: fields that are records, and whose keys lie among this record's own.
        SPARSE: fields that are left out where they have their default.
        ALONE: a property, and the list whose first item it is; only of several the list is written too.
        REMEDY: what to do about a damaged file.
    """

    KEYS: ClassVar[tuple[str, ...]] = ()
    NAMES: ClassVar[Mapping[str, str]] = {}
    DIGITS: ClassVar[Mapping[str, int]] = {}
    FLAT: ClassVar[Collection[str]] = ()
    SPARSE: ClassVar[Collection[str]] = ()
    ALONE: ClassVar[tuple[str, str] | None] = None
    REMEDY: ClassVar[str] = "restore it, or make it again"

    def as_json(self) -> dict[str, Any]:
        """The record as a JSON object; what is unknown is absent."""
        written = object_of(self)
        if self.ALONE is not None and len(written.get(self.ALONE[1], ())) < 2:
            written.pop(self.ALONE[1], None)
        return written

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of `as_json`.

        Raises:
            MismatchError: a key is missing, unknown or of another type.
        """
        if cls.ALONE is not None and isinstance(data, dict):
            one, several = cls.ALONE
            if one in data and several not in data:
                data = {**data, several: [data[one]]}
        return record_of(cls, data)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that holds one such record.

        Raises:
            UserError: it is missing, no JSON, or not such a record.
        """
        return read_record(path, cls, cls.REMEDY)

    @classmethod
    def read_if_there(cls, path: Path) -> Self | None:
        """The same; None where there is no such file.

        Raises:
            UserError: it is no JSON, or not such a record.
        """
        return cls.read(path) if path.exists() else None

    def write(self, path: Path) -> None:
        """Write the record to a file."""
        write_json(path, self.as_json())


def read_record(path: Path, kind: type[T], remedy: str = Record.REMEDY) -> T:
    """Read a JSON file that holds one record of any kind.

    Args:
        path: of the file.
        kind: a dataclass.
        remedy: what to do about a damaged file, for the error.

    Raises:
        UserError: it is missing, no JSON, or not such a record.
    """
    data = read_json(path)
    try:
        return value_of(kind, data)  # type: ignore[no-any-return]
    except (ValueError, UserError) as error:
        raise UserError(f"{path} is damaged: {error}; {remedy}") from error


# Writing


def json_of(value: Any) -> Any:
    """Anything that a record may hold, as JSON."""
    if hasattr(value, "as_json"):
        return value.as_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return object_of(value)
    if isinstance(value, Mapping):
        return {str(key): json_of(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [json_of(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def object_of(record: Any) -> dict[str, Any]:
    """A dataclass as a JSON object, by its class variables if it is a `Record`."""
    written: dict[str, Any] = {}
    kind: Any = type(record)
    for name in _order(kind):
        value = getattr(record, name)
        if name in _settings(record, "FLAT"):
            written |= json_of(value) if value is not None else {}
        elif value is not None and not (name in _settings(record, "SPARSE") and value == _default(kind, name)):
            digits = _settings(record, "DIGITS").get(name)
            written[_settings(record, "NAMES").get(name, name)] = json_of(
                value if digits is None else round(value, digits)
            )
    return written


def _settings(record: Any, name: str) -> Any:
    return getattr(record, name, getattr(Record, name))


@functools.cache
def _order(kind: Any) -> tuple[str, ...]:
    """Fields and written properties, in the order of their keys."""
    return tuple(dict.fromkeys((*_settings(kind, "KEYS"), *(field.name for field in dataclasses.fields(kind)))))


@functools.cache
def _default(kind: Any, name: str) -> Any:
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


# Reading


def value_of(kind: Any, data: Any) -> Any:
    """JSON as a value of a type: of a dataclass, of str, int, float, bool or Path, or of tuples, mappings and such.

    Raises:
        MismatchError: it is something else.
    """
    return _reader(kind)(data)


def record_of(kind: type[T], data: Any) -> T:
    """A JSON object as a dataclass.

    Raises:
        MismatchError: a key is missing, unknown or of another type.
    """
    if not isinstance(data, dict):
        raise _unlike("an object", data)
    shape: Any = kind
    fields = _fields(shape)
    flat = {name: field for name, field in fields.items() if field.flat}
    known = {field.key for field in fields.values()} | set(_settings(kind, "KEYS"))
    if not flat and (unknown := data.keys() - known):
        raise MismatchError(f"is not known here: expected one of {', '.join(sorted(known))}", min(unknown))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if field.flat:
            values[name] = field.read({key: value for key, value in data.items() if key not in known})
        elif field.key in data:
            values[name] = _below(field.key, field.read, data[field.key])
        elif field.required:
            raise MismatchError("is missing", field.key)
        elif not field.has_default:
            values[name] = None
    return kind(**values)


@dataclasses.dataclass(frozen=True)
class _Field:
    """How a field is read."""

    key: str
    read: _Reader
    required: bool
    has_default: bool
    flat: bool


@functools.cache
def _fields(kind: Any) -> dict[str, _Field]:
    hints = get_type_hints(kind)
    return {field.name: _field(kind, field, hints[field.name]) for field in dataclasses.fields(kind) if field.init}


def _field(kind: Any, field: dataclasses.Field[Any], hint: Any) -> _Field:
    has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    return _Field(
        key=_settings(kind, "NAMES").get(field.name, field.name),
        read=_reader(hint),
        required=not (has_default or _optional(hint)),
        has_default=has_default,
        flat=field.name in _settings(kind, "FLAT"),
    )


def _below(key: str, read: _Reader, data: Any) -> Any:
    """Read a part; what is wrong with it is reported with its key."""
    try:
        return read(data)
    except MismatchError as error:
        raise error.below(key) from error
    except (ValueError, UserError) as error:  # a dataclass that checks its fields itself
        raise MismatchError(f"is wrong: {error}", key) from error


def _unlike(wanted: str, data: Any) -> MismatchError:
    return MismatchError(f"should be {wanted}, but is {data!r:.60}")


def _optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


@functools.cache
def _reader(kind: Any) -> _Reader:
    """What reads a type."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda data: data
    if kind in _PLAIN:
        return functools.partial(_plain, kind)
    if origin is Literal:
        return functools.partial(_one_of, parts)
    if origin in (Union, types.UnionType):
        return functools.partial(_any_of, tuple(map(_reader, parts)))
    if origin is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return functools.partial(_items, _reader(parts[0]))
        return functools.partial(_row, tuple(map(_reader, parts)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return functools.partial(_mapping, _reader(parts[1]))
    if hasattr(kind, "from_json"):
        return kind.from_json  # type: ignore[no-any-return]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return functools.partial(record_of, kind)
    raise TypeError(f"a record cannot hold {kind}")


_PLAIN: dict[Any, tuple[str, tuple[type, ...]]] = {
    type(None): ("nothing", (type(None),)),
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("text", (str,)),
    Path: ("a path", (str,)),
}


def _plain(kind: Any, data: Any) -> Any:
    number: Any = data
    wanted, accepted = _PLAIN[kind]
    if not isinstance(data, accepted) or (isinstance(data, bool) and kind is not bool):
        raise _unlike(wanted, data)
    if kind is float and not abs(number) <= sys.float_info.max:  # which is false for NaN too
        raise _unlike("a finite number", data)
    return Path(str(data)) if kind is Path else data


def _one_of(values: tuple[Any, ...], data: Any) -> Any:
    if data not in values:
        raise _unlike(" or ".join(map(repr, values)), data)
    return data


def _any_of(readers: tuple[_Reader, ...], data: Any) -> Any:
    """The first type that fits; errors are those of the first."""
    first: MismatchError | None = None
    for read in readers:
        try:
            return read(data)
        except MismatchError as error:
            first = first or error
    assert first is not None
    raise first


def _items(read: _Reader, data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise _unlike("a list", data)
    return tuple(_below(f"[{number}]", read, item) for number, item in enumerate(data))


def _row(readers: tuple[_Reader, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list) or len(data) != len(readers):
        raise _unlike(f"a list of {len(readers)}", data)
    return tuple(
        _below(f"[{number}]", read, item) for number, (read, item) in enumerate(zip(readers, data, strict=True))
    )


def _mapping(read: _Reader, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _unlike("an object", data)
    return {key: _below(key, read, item) for key, item in data.items()}
