"""What must not reach the warehouse: credentials and, by default, message text.

A credential is known by the key it stands under, or by what it looks like: in any
string, in JSON or base64 inside a string, in a key, in the name of a file and in a line
that is no JSON. To look so closely takes long, so first one scan asks all lines of a
block for anything that might be one (`doubtful`): what raises no doubt holds none.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MASK = "***"
SECRET_WORDS = frozenset(
    (
        "api_key",
        "apikey",
        "authorization",
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "secret",
        "token",
        "cookie",
        "credential",
        "credentials",
        "private_key",
        "access_key",
        "account_key",
        "secret_key",
        "signing_key",
        "encryption_key",
        "jwt",
        "bearer",
    )
)
MESSAGE_TEXT_KEYS = ("text", "content", "message", "body")
MAX_REJECT_BYTES = 4096
MAX_LAYERS = 4  # of base64 in base64
LONG_USER = 16  # letters before the @ of an address that are no name, but a token
LONG_BEARER = 24  # letters after `Bearer` that are no word, even without a digit

_ENDINGS = tuple(f"_{word}" for word in sorted(SECRET_WORDS))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")
# A key and its string at any depth of escaping, also where the text breaks off inside.
_PAIR = re.compile(
    r'(?P<quote>(?<!\\)\\{0,15}")(?P<key>[^"\\]{1,200})(?P=quote)(?P<colon>\s*:\s*)'
    r"(?P=quote)(?:.*?(?<!\\)(?P=quote)|.*\Z)",
    re.DOTALL,
)

# --- what gives a credential away: patterns that Python and RE2 read alike ---

# Tokens that say what they are: how each begins, and what must follow at least.
_TOKENS = (
    r"sk-[A-Za-z0-9_-]{16}",  # OpenAI, Anthropic and others
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10}",  # Stripe
    r"whsec_[A-Za-z0-9+/]{16}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{20}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{20}",
    r"gl(?:pat|dt|rt|ptt|ft|soat|agent|cbt|imt|oas)-[A-Za-z0-9_-]{20}",  # GitLab
    r"xox[a-z]-[A-Za-z0-9-]{10}",  # Slack
    r"xapp-[0-9]-[A-Za-z0-9-]{10}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20}",
    r"GOCSPX-[A-Za-z0-9_-]{20}",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4}",  # JWT
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16}",  # SendGrid
    r"key-[0-9a-f]{32}",  # Mailgun
    r"npm_[A-Za-z0-9]{30}",
    r"pypi-[A-Za-z0-9_-]{32}",
    r"hf_[A-Za-z0-9]{30}",  # Hugging Face
    r"do[opr]_v1_[a-f0-9]{40}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",  # Shopify
    r"sq0[a-z]{3}-[A-Za-z0-9_-]{22}",  # Square
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"dapi[a-f0-9]{32}",  # Databricks
    r"hv[sbr]\.[A-Za-z0-9_-]{20}",  # Vault
    r"gsk_[A-Za-z0-9]{20}",
    r"xai-[A-Za-z0-9]{20}",
    r"r8_[A-Za-z0-9]{30}",
    r"NRAK-[A-Z0-9]{20}",
    r"gl(?:sa|c)_[A-Za-z0-9+/=_]{20}",  # Grafana
    r"lin_api_[A-Za-z0-9]{20}",
    r"dckr_pat_[A-Za-z0-9_-]{20}",
    r"PMAK-[A-Za-z0-9-]{20}",
    r"sbp_[a-f0-9]{32}",
    r"ATATT3[A-Za-z0-9_=-]{20}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{20}",
    r"hooks\.slack\.com\\?/[a-z]{1,20}\\?/[A-Za-z0-9/\\]{16}",
)
_TOKEN = "|".join(_TOKENS)
_WORD = (
    r"(?:(?:api|private|access|account|secret|signing|encryption)[ _.-]?key"
    r"|authorization|passw(?:or)?d|passphrase|passcode|pwd|secret|token|cookie"
    r"|credentials?|jwt|bearer)"
)
_IN_URL = r"(?:sig|signature|key|auth|x-(?:amz|goog)-(?:signature|credential))"
# Base64 of 15 and more bytes of plain letters: a quarter of each four characters is
# left to chance, which ids and hashes do not have on their side.
_BASE64 = (
    r"(?:[I-Za-f][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589]"
    r"[A-Za-z0-9+/_-]){5}"
)

# --- the scan: RE2, over bytes as they landed, so escapes of JSON are in its way ---

_DOUBT = "|".join(
    (
        rf"(?:^|[^A-Za-z0-9]|\\[bfnrt])(?:{_TOKEN})",
        rf"""(?i:{_WORD}(?:[\\"'\])nrt\s]|\\u00[0-9a-f]{{2}})*"""
        r"(?:[:=>]|%3[ad]|\\u003[de]))",
        rf"(?i:--[a-z-]*{_WORD}(?:\s|\\[nrt]|\\*[\"']))",
        r"(?:-u|--user)[\s\\\"'=]+[^\s:]+:",
        r"-----BEGIN",
        r":(?:\\*/){2}[^\s\"@]+@",
        rf"(?i:(?:[?&;#]|\\u0026){_IN_URL}=)",
        r"(?i:bearer|basic)(?:\s|\\[nrt]|%20)+[A-Za-z0-9+/=._~-]{8}",
        _BASE64,
        # a letter that is written as an escape, or one that would vanish
        r"\\u00(?:00|2[0-57-9a-fA-F]|3[0-9abdfABDF]|[4-7][0-9a-fA-F])",
    )
)

# --- the look: what is masked of a string ---

_LEFT = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt]))"
_TOKEN_WHOLE = re.compile(rf"{_LEFT}(?:{_TOKEN})[A-Za-z0-9_.~+/=-]*+")
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?s:.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z))"
)
_USERINFO = re.compile(
    r"(?P<scheme>:(?:\\*/){2})(?P<user>[^\s/\"'<>?#]{1,300}"
    r"|[^\s:/@\"'<>]{1,100}:(?![0-9]{1,5}/)[^\s@\"'<>]{1,300})@"
)
_IN_QUERY = re.compile(rf"(?P<key>[?&;#]{_IN_URL}=)[^\s&;#\"'<>\\]+", re.IGNORECASE)
_LINE = r"(?:digest\b[^\r\n]*+|[^\r\n\"'<>]*+)"
_HEADER = re.compile(
    r"(?P<key>(?:proxy-)?authorization|(?:set-)?cookie2?"
    r"|x-[a-z-]{0,40}(?:key|token|secret|signature))"
    rf"(?P<colon>\s*+:\s*+){_LINE}",
    re.IGNORECASE,
)
_VALUE = (
    r"(?:(?P<open>\\*+[\"'])(?s:.)*?(?:(?<!\\)(?P=open)|\Z)"
    r"|[^\s\"',;&<>(){}\[\]\\]++)"
)
_STATED = re.compile(
    rf"(?P<key>{_WORD})(?P<sign>[\\\"'\])]*+\s*+(?::=|=>|[:=>]|%3[ad])\s*+){_VALUE}",
    re.IGNORECASE,
)
_OPTION = re.compile(
    rf"(?P<key>(?<![a-z-])--[a-z-]{{0,40}}?{_WORD}\s++){_VALUE}", re.IGNORECASE
)
_USER = re.compile(r"(?P<key>(?<![\w-])(?:-u|--user)[\s=]++[\"']?)[^\s:\"']+:[^\s\"']+")
_SCHEME = re.compile(
    r"(?P<key>\b(?P<kind>bearer|basic)(?:\s|%20)++)(?P<value>[A-Za-z0-9+/=._~-]{8,})",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}+={0,2}")
_HAS_BASE64 = re.compile(_BASE64).search
_ESCAPE = re.compile(r"\\u00(00|[2-7][0-9a-fA-F])")
_URL_SAFE = str.maketrans("-_", "+/")
_SUFFIXES = re.compile(
    r"(?:\.(?:jsonl|ndjson|json|log|txt|csv|parquet))?(?:\.(?:gz|zst))?\Z",
    re.IGNORECASE,
)
_LAST_RUN = re.compile(r"[^\s\"',;<>(){}\[\]]++\Z")


@lru_cache(maxsize=65_536)
def is_secret(key: str) -> bool:
    """Whether a key, as a whole or by its last word or words, names a credential."""
    words = _NOT_WORD.sub("_", _CAMEL.sub("_", key)).strip("_").lower()
    return words in SECRET_WORDS or words.endswith(_ENDINGS)


def doubtful(lines: pa.Array | Sequence[bytes]) -> pa.BooleanArray:
    """Of each line, as bytes, whether something in it might be a credential.

    One scan that takes no longer for many patterns than for one. Null stays null.
    """
    if not isinstance(lines, pa.Array):
        lines = pa.array(lines, pa.large_binary())
    return pc.match_substring_regex(lines, _DOUBT)


def is_doubtful(content: bytes) -> bool:
    """The same for one text."""
    return bool(doubtful([content])[0].as_py())


def mask(
    value: object,
    *,
    strip_nul: bool = False,
    hidden: bool = False,
    look: bool = False,
) -> object:
    """A copy in which every string beneath a secret key is `***`.

    With `look`, so are credentials in any other string. NUL characters, which not
    every engine stores, go where `strip_nul` says that there are some.
    """
    if value.__class__ is str:
        if hidden:
            return MASK
        if strip_nul:
            value = value.replace("\x00", "")
        return mask_value(value) if look else value
    if value.__class__ is dict:
        return mask_object(value, strip_nul=strip_nul, hidden=hidden, look=look)
    if value.__class__ is list:
        return [
            mask(item, strip_nul=strip_nul, hidden=hidden, look=look) for item in value
        ]
    return value


def mask_object(
    value: dict[str, object],
    *,
    strip_nul: bool = False,
    hidden: bool = False,
    look: bool = False,
) -> dict[str, object]:
    """The same for an object; most members are plain, so they are asked first."""
    masked: dict[str, object] = {}
    for key, item in value.items():
        kind = item.__class__
        if kind is str or kind is dict or kind is list:
            conceal = hidden or is_secret(key)
            if conceal or strip_nul or look or kind is not str:
                item = mask(item, strip_nul=strip_nul, hidden=conceal, look=look)
        if strip_nul:
            key = key.replace("\x00", "")
        masked[mask_value(key) if look else key] = item
    return masked


def mask_value(text: str, layers: int = MAX_LAYERS) -> str:
    """A string in which whatever looks like a credential is `***`.

    JSON in it is read as JSON, base64 as what it stands for, `layers` deep. Both
    get shorter with each layer.
    """
    if (inner := _masked_json(text)) is not None:
        return inner
    text = _PRIVATE.sub(MASK, text)
    text = _USERINFO.sub(_without_user, text)
    text = _IN_QUERY.sub(rf"\g<key>{MASK}", text)
    text = _HEADER.sub(rf"\g<key>\g<colon>{MASK}", text)
    text = _SCHEME.sub(_without_credentials, text)
    text = _STATED.sub(rf"\g<key>\g<sign>\g<open>{MASK}\g<open>", text)
    text = _OPTION.sub(rf"\g<key>\g<open>{MASK}\g<open>", text)
    text = _USER.sub(rf"\g<key>{MASK}", text)
    text = _TOKEN_WHOLE.sub(_without_token, text)
    if layers and _HAS_BASE64(text):
        text = _RUN.sub(lambda run: _without_base64(run.group(), layers), text)
    return text


def mask_id(text: str, key: bytes) -> str:
    """An id without the credential in it, and still another than all others."""
    if mask_value(text) == text:
        return text
    return f"{MASK}{hmac.digest(key, text.encode(), 'sha256').hex()[:12]}"


def mask_name(name: str) -> str:
    """The name of a landed file, part by part; how it is packed stays to be seen."""
    parts = []
    for part in name.split("/"):
        suffixes = _SUFFIXES.search(part).group()
        stem = part.removesuffix(suffixes)
        parts.append(mask_value(stem) + suffixes)
    return "/".join(parts)


def mask_text(text: str, *, keep_text: bool, is_cut: bool = False) -> str:
    """Best effort for a line that is no JSON: pairs of key and string are masked.

    `is_cut`: the text goes on where it ends here, so its last word is none.
    """

    def conceal(match: re.Match[str]) -> str:
        quote, key, colon = match["quote"], match["key"], match["colon"]
        if is_secret(key) or (not keep_text and key in MESSAGE_TEXT_KEYS):
            return f"{quote}{key}{quote}{colon}{quote}{MASK}{quote}"
        return match.group(0)

    for said in _spellings(text.replace("\x00", "")):
        masked = mask_value(_PAIR.sub(conceal, said))
        if masked != said:
            break
    return _LAST_RUN.sub(MASK, masked) if is_cut else masked


def _spellings(text: str) -> tuple[str, str]:
    """A text as it landed and with its escaped letters, as it is kept if need be."""
    spelt = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    return spelt.replace("\x00", ""), text


def _masked_json(text: str) -> str | None:
    """JSON in a string, masked as such; None where it is none, or keys stand twice."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        value = json.loads(text, object_pairs_hook=_distinct)
        masked = mask(value, look=True)
    except (ValueError, RecursionError):
        return None
    return text if masked == value else json.dumps(masked, separators=(",", ":"))


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands twice: the first one would be overlooked")
    return members


def _without_user(match: re.Match[str]) -> str:
    user = match["user"]
    is_name = ":" not in user and len(user) < LONG_USER
    return match.group() if is_name else f"{match['scheme']}{MASK}@"


def _without_credentials(match: re.Match[str]) -> str:
    """`Bearer` and `Basic` are words too: what follows must look like more."""
    value = match["value"]
    if match["kind"].lower() == "basic":
        is_known = ":" in _decoded(value)
    else:
        is_known = len(value) >= LONG_BEARER or any(map(str.isdigit, value))
    return f"{match['key']}{MASK}" if is_known else match.group()


def _without_token(match: re.Match[str]) -> str:
    """`sk-` may begin a plain name; no token is all letters."""
    token = match.group()
    is_name = token.startswith("sk-") and not any(map(str.isdigit, token))
    return token if is_name else MASK


def _without_base64(run: str, layers: int) -> str:
    """A run that stands for a text with a credential, wherever in it that begins."""
    if not _HAS_BASE64(run):
        return run
    for start in range(4):
        text = _decoded(run[start:])
        if mask_value(text, layers - 1) != text:
            return MASK
    return run


def _decoded(run: str) -> str:
    digits = run.rstrip("=").translate(_URL_SAFE)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        data = base64.b64decode(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return ""
    return data.decode("utf-8", "replace")


def cut(text: str) -> str:
    """Rejected text as it is stored: at most 4 KiB, without NUL."""
    data = text.replace("\x00", "").encode("utf-8", "replace")
    return data[:MAX_REJECT_BYTES].decode("utf-8", "ignore")
