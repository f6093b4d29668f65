"""Small wrong changes to templated SQL: what a slip of the hand would leave behind.

They are made to the text of a file and leave Jinja alone, so that each has a line and
reads as an edit. A file can carry all of its changes at once, as comments around what
they would replace: dbt renders it once, and each mutant is then a substitution in the
SQL that came out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<jinja>\{\#.*?\#\}|\{%.*?%\}|\{\{.*?\}\})
      | (?P<comment>--[^\n]*)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"[^"]*")
      | (?P<number>\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign><=|>=|!=|<>|\|\||[^\s\w])""",
    re.DOTALL | re.VERBOSE,
)
SIGNS = {
    ">=": ">",
    ">": ">=",
    "<=": "<",
    "<": "<=",
    "=": "!=",
    "!=": "=",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
}
WORDS = {
    "and": "or",
    "or": "and",
    "not": "",
    "true": "false",
    "false": "true",
    "asc": "desc",
    "desc": "asc",
    "inner": "left",
    "left": "inner",
    "first": "last",
    "last": "first",
    "distinct": "",
    "unbounded": "0",
}
CALLS = {
    "min": "max",
    "max": "min",
    "least": "greatest",
    "greatest": "least",
    "lag": "lead",
    "lead": "lag",
    "arg_min": "arg_max",
    "arg_max": "arg_min",
    "bool_and": "bool_or",
    "bool_or": "bool_and",
    "first_value": "last_value",
    "last_value": "first_value",
}
BEGIN_CONDITION = ("and", "where", "having", "qualify", "when")
END_CONDITION = re.compile(
    "or|then|else|end|when|where|having|qualify|group|order|limit|union|from|inner|left"
    "|full|cross|join|on|select|as"
)
TYPES = ("decimal", "numeric", "varchar", "char")


@dataclass(frozen=True)
class Change:
    """A piece of a file, by its offsets, and what stands there instead."""

    start: int
    end: int
    was: str
    becomes: str
    line: int
    text: str

    @property
    def shown(self) -> str:
        """What was and what becomes of it, in a few words."""
        was = " ".join(self.was.split())
        becomes = " ".join(self.becomes.split()) or "nothing"
        return f"{was if len(was) <= 60 else was[:57] + '...'} -> {becomes}"


@dataclass(frozen=True)
class Token:
    """A piece of templated SQL and how many parentheses it stands in."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """The word in lower case; empty for all that is no word."""
        return self.text.lower() if self.kind == "word" else ""


def tokens(source: str) -> list[Token]:
    """What a file is made of, without spaces and comments."""
    found, depth = [], 0
    for match in TOKEN.finditer(source):
        kind, text = str(match.lastgroup), match.group()
        depth -= text == ")"
        if kind != "comment":
            found.append(Token(kind, text, match.start(), match.end(), depth))
        depth += text == "("
    return found


def changes(source: str) -> list[Change]:
    """Every change to a file, in the order of the lines."""
    pieces = tokens(source)
    lines = source.splitlines()
    found = []
    for start, end, becomes in _edits(pieces):
        line = source.count("\n", 0, start) + 1
        found.append(
            Change(
                start, end, source[start:end], becomes, line, lines[line - 1].strip()
            )
        )
    return sorted(found, key=lambda it: (it.start, it.end, it.becomes))


def _edits(pieces: list[Token]) -> Iterator[tuple[int, int, str]]:
    between: set[int] = set()  # depths at which the next `and` belongs to a between
    in_type = -1
    for place, token in enumerate(pieces):
        if in_type >= 0 and (token.depth > in_type or token.text == "("):
            continue
        in_type = -1
        after = pieces[place + 1] if place + 1 < len(pieces) else None
        before = pieces[place - 1] if place else None
        if token.word in TYPES and after and after.text == "(":
            in_type = token.depth
        elif token.word == "between":
            between.add(token.depth)
        elif token.word == "and" and token.depth in between:
            between.discard(token.depth)
        else:
            for becomes in _other(token, before, after):
                yield token.start, token.end, becomes
            if token.word in BEGIN_CONDITION:
                yield from _dropped(pieces, place)


def _other(token: Token, before: Token | None, after: Token | None) -> Iterator[str]:
    """What may stand in a token's place."""
    word, opens = token.word, after is not None and after.text == "("
    if token.kind == "sign" and token.text in SIGNS:
        # `select *`, `count(*)` and `x.*` are no products
        if token.text != "*" or (
            before
            and before.kind in ("word", "number", "quoted")
            and before.word not in ("select", "distinct")
        ):
            yield SIGNS[token.text]
    elif word == "distinct" and before and before.word in ("is", "not"):
        return  # part of a comparison
    elif word in WORDS and not (word in ("left", "first", "last") and opens):
        yield WORDS[word]
    elif word == "null" and before and before.word == "is":
        yield "not null"
    elif word in CALLS and opens:
        yield CALLS[word]
    elif token.kind == "number":
        is_whole = token.text.isdigit()
        yield str(int(token.text) + 1) if is_whole else f"({token.text} + 1)"
    elif token.kind == "string" and "{" not in token.text:
        yield _other_text(token.text)


def _other_text(text: str) -> str:
    """Another text; of an interval such as '7 day' another one of the same kind."""
    number = re.match(r"'(\d+)", text)
    if number:
        return f"'{int(number[1]) + 1}{text[number.end() :]}"
    return text[:-1] + "_'"


def _dropped(pieces: list[Token], place: int) -> Iterator[tuple[int, int, str]]:
    """Leaves out one condition of several, or the only one."""
    first, rest, is_between = pieces[place], [], False
    for token in pieces[place + 1 :]:
        is_level = token.depth == first.depth
        if token.depth < first.depth or token.text.startswith("{%"):
            break
        if is_level and (
            END_CONDITION.fullmatch(token.word) or token.text in (",", ";")
        ):
            break
        if is_level and token.word == "and" and not is_between:
            break
        if is_level and token.word in ("and", "between"):
            is_between = token.word == "between"
        rest.append(token)
    if not rest:
        return
    if first.word == "and":
        yield first.start, rest[-1].end, ""
    else:
        yield rest[0].start, rest[-1].end, "true"


def marked(source: str, numbered: Iterable[tuple[int, Change]]) -> str:
    """A file with each change marked by comments: what it says is what it said."""
    begins, ends = [], []
    for number, change in numbered:
        size = change.end - change.start
        begins.append((change.start, -size, number, f"/*[{number}*/"))
        ends.append((change.end, size, -number, f"/*{number}]*/"))
    out, done = [], 0
    # at one offset, what ends comes before what begins, the inner before the outer
    marks = [(at, 1, size, order, mark) for at, size, order, mark in begins]
    marks += [(at, 0, size, order, mark) for at, size, order, mark in ends]
    for at, _, _, _, mark in sorted(marks):
        out += [source[done:at], mark]
        done = at
    return "".join([*out, source[done:]])


def mutated(rendered: str, number: int, change: Change) -> str:
    """Rendered SQL in which one marked change is made, wherever it was rendered."""
    span = re.compile(rf"/\*\[{number}\*/.*?/\*{number}\]\*/", re.DOTALL)
    return span.sub(lambda _: f" {change.becomes} ", rendered)


def numbers(rendered: str) -> set[int]:
    """The changes that are marked in rendered SQL."""
    return {int(it) for it in re.findall(r"/\*\[(\d+)\*/", rendered)}


def plain(rendered: str) -> str:
    """Rendered SQL without its marks."""
    return re.sub(r"/\*(?:\[\d+|\d+\])\*/", "", rendered)
