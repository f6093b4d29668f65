"""Why a record or a file is turned away."""

from __future__ import annotations

from dataclasses import dataclass

NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
OVERSIZE = "oversize"
UNREADABLE_FILE = "unreadable_file"


@dataclass(frozen=True)
class Fault:
    """A reason of the closed list, and what exactly was seen."""

    reason: str
    detail: str


class UnreadableFileError(Exception):
    """A file that cannot be read as what its name says; the text says what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(sayable(text))


def sayable(text: str) -> str:
    """A text whose bytes that are no UTF-8, as they came from a file, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def missing(field: str, detail: str | None = None) -> Fault:
    """The fault of a required field that says nothing."""
    return Fault(f"missing_{field}", detail or f"{field} is required")


def invalid(field: str, value: object, wanted: str) -> Fault:
    """The fault of a field whose value the contract does not allow.

    The value itself is left to the record's masked text: a detail is not masked.
    """
    return Fault(f"invalid_{field}", f"{field} is {_kind(value)}; wanted {wanted}")


def _kind(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)
