"""What must not reach the warehouse: credentials and, by default, message text."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
SECRET_WORDS = frozenset(
    (
        "api_key",
        "apikey",
        "authorization",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "cookie",
        "credential",
        "credentials",
        "private_key",
        "access_key",
        "secret_key",
        "jwt",
        "bearer",
    )
)
MESSAGE_TEXT_KEYS = ("text", "content", "message", "body")
MAX_REJECT_BYTES = 4096

_ENDINGS = tuple(f"_{word}" for word in sorted(SECRET_WORDS))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")
# A key and its string, also where the text breaks off inside the string.
_PAIR = re.compile(
    r'"((?:[^"\\]|\\.)*)"(\s*:\s*)"((?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.DOTALL
)


@lru_cache(maxsize=65_536)
def is_secret(key: str) -> bool:
    """Whether a key, as a whole or by its last word or words, names a credential."""
    words = _NOT_WORD.sub("_", _CAMEL.sub("_", key)).strip("_").lower()
    return words in SECRET_WORDS or words.endswith(_ENDINGS)


def mask(value: object, *, strip_nul: bool = False, hidden: bool = False) -> object:
    """A copy in which every string beneath a secret key is `***`.

    NUL characters, which not every engine stores, go where `strip_nul` says that
    there are some.
    """
    if value.__class__ is str:
        if hidden:
            return MASK
        return value.replace("\x00", "") if strip_nul else value
    if value.__class__ is dict:
        return mask_object(value, strip_nul=strip_nul, hidden=hidden)
    if value.__class__ is list:
        return [mask(item, strip_nul=strip_nul, hidden=hidden) for item in value]
    return value


def mask_object(
    value: dict[str, object], *, strip_nul: bool = False, hidden: bool = False
) -> dict[str, object]:
    """The same for an object; most members are plain, so they are asked first."""
    masked: dict[str, object] = {}
    for key, item in value.items():
        kind = item.__class__
        if kind is str or kind is dict or kind is list:
            conceal = hidden or is_secret(key)
            if conceal or strip_nul or kind is not str:
                item = mask(item, strip_nul=strip_nul, hidden=conceal)
        masked[key.replace("\x00", "") if strip_nul else key] = item
    return masked


def mask_text(text: str, *, keep_text: bool) -> str:
    """Best effort for a line that is no JSON: pairs of key and string are masked."""

    def conceal(match: re.Match[str]) -> str:
        key, colon, _ = match.groups()
        if is_secret(key) or (not keep_text and key in MESSAGE_TEXT_KEYS):
            return f'"{key}"{colon}"{MASK}"'
        return match.group(0)

    return _PAIR.sub(conceal, text)


def cut(text: str) -> str:
    """Rejected text as it is stored: at most 4 KiB, without NUL."""
    data = text.replace("\x00", "").encode("utf-8", "replace")
    return data[:MAX_REJECT_BYTES].decode("utf-8", "ignore")
