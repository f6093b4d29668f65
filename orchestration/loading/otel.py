"""Spans of OpenTelemetry, in the shapes in which people have them on disk.

OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/, "JSON Protobuf Encoding") as the
Collector's file exporter writes it, one export a line, and as Tempo gives it out
(`batches`); beside it what Jaeger's API, the SDKs' own span dumps and Langfuse's trace
export hold. One record is one span, whatever it came in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import zstandard

from orchestration.loading.containers import MAX_FILE_BYTES, unpacked
from orchestration.loading.faults import (
    OVERSIZE,
    Fault,
    UnreadableFileError,
    invalid,
    missing,
)
from orchestration.loading.files import LandedFile, unchanged_blocks
from orchestration.loading.json_lines import rejected_text
from orchestration.loading.lines import MAX_LINE_BYTES
from orchestration.loading.otel_shapes import (
    Span,
    is_text,
    micros_of,
    spans_of,
    trace_id_of,
)
from orchestration.loading.records import (
    Context,
    Row,
    canonical_json,
    parse_json,
    to_json,
)
from orchestration.loading.secrets import (
    is_doubtful,
    mask,
    mask_id,
    mask_object,
    mask_value,
)
from orchestration.loading.staging import Clean, Rejected, line_sha256
from orchestration.loading.times import iso

MAX_EXPORT_BYTES = 64 << 20  # one export holds a batch of spans, not one record
MAX_DOCUMENT_BYTES = 256 << 20  # a pretty-printed export is read as a whole
SOURCE_SYSTEM = "otel"
CUSTOMER_KEYS = (
    "acsr.customer.id",
    "enduser.pseudo.id",
    "enduser.id",
    "user.id",
    "langfuse.user.id",
)

_ZSTD = b"\x28\xb5\x2f\xfd"
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_PROTOBUF = (
    "this is protobuf; set `format: json` in the Collector's file exporter "
    "and land what it writes then"
)


class _Export(NamedTuple):
    """One export of a file: the line on which it begins and its bytes."""

    line: int
    content: bytes


def read_otel(file: LandedFile, context: Context) -> Iterator[Clean | Rejected]:
    """Every span of a file; an export that is no JSON is one rejected record."""
    reader = _SpanReader(context)
    for export in _exports(_content(file)):
        if len(export.content) > MAX_EXPORT_BYTES:
            fault = Fault(OVERSIZE, f"an export over {MAX_EXPORT_BYTES:,} bytes")
            yield reader.refused(fault, export)
            continue
        document = parse_json(export.content)
        if isinstance(document, Fault):
            yield reader.refused(document, export)
        else:
            yield from reader.read(document, export)


def _content(file: LandedFile) -> Iterator[bytes]:
    """The text of a file; the Collector's own zstd frames are unpacked."""
    blocks = unchanged_blocks(file)
    head = next(blocks, b"")
    blocks = chain([head], blocks) if head else iter(())
    if head[4:8] == _ZSTD and not head.startswith((_ZSTD, b"\x1f\x8b")):
        return _framed(blocks)
    if head[:1] in (b"\x00", b"\n") and _is_binary(head):
        raise UnreadableFileError(_PROTOBUF)
    return _text(unpacked(blocks, file.name))


def _text(content: Iterator[bytes]) -> Iterator[bytes]:
    first = True
    for block in content:
        if first and block[:1] in (b"\x00", b"\n") and _is_binary(block):
            raise UnreadableFileError(_PROTOBUF)
        first = False
        yield block


def _is_binary(head: bytes) -> bool:
    """Control characters, which JSON text has none of."""
    return any(byte < 9 or 13 < byte < 32 for byte in head[:4096])


def _framed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What the file exporter writes with `compression: zstd`: length, then a frame."""
    decompressor = zstandard.ZstdDecompressor()
    rest, total = b"", 0
    for block in chain(blocks, [b""]):
        rest += block
        while len(rest) >= 4:
            (length,) = struct.unpack(">I", rest[:4])
            if length > MAX_EXPORT_BYTES:
                raise UnreadableFileError("a frame without end; land the file again")
            if len(rest) < 4 + length:
                break
            try:
                content = decompressor.decompressobj().decompress(rest[4 : 4 + length])
            except zstandard.ZstdError as error:
                raise UnreadableFileError(
                    f"no sound frame of zstd ({error}); land the file again"
                ) from error
            rest, total = rest[4 + length :], total + len(content)
            if total > MAX_FILE_BYTES or len(content) > 4 * MAX_EXPORT_BYTES:
                raise UnreadableFileError(
                    f"more than {MAX_FILE_BYTES:,} bytes unpacked; split the file"
                )
            if _is_binary(content):
                raise UnreadableFileError(_PROTOBUF)
            yield content + b"\n"
    if rest:
        raise UnreadableFileError("the last frame ends too early; land it again")


def _exports(content: Iterator[bytes]) -> Iterator[_Export]:
    """One export a line; or one in the whole file, printed over many lines."""
    lines = _lines(content)
    first = next(lines, None)
    if first is None:
        return
    if not isinstance(parse_json(first.content), Fault):
        yield first
        yield from lines
        return
    held, size = [first], len(first.content)
    for line in lines:
        held.append(line)
        size += len(line.content)
        if size > MAX_DOCUMENT_BYTES:
            break
    whole = b"\n".join(line.content for line in held)
    if size <= MAX_DOCUMENT_BYTES and not isinstance(parse_json(whole), Fault):
        yield _Export(first.line, whole)
        return
    yield from held
    yield from lines


def _lines(content: Iterator[bytes]) -> Iterator[_Export]:
    """Lines that are not blank; one that is too long is cut to a byte too many."""
    number, parts, size = 1, [], 0
    for block in content:
        *ended, rest = block.split(b"\n")
        for piece in ended:
            line = _trimmed(b"".join([*parts, piece]))
            if line:
                yield _Export(number, line)
            number, parts, size = number + 1, [], 0
        if size <= MAX_EXPORT_BYTES:
            parts.append(rest)
            size += len(rest)
    if line := _trimmed(b"".join(parts)):
        yield _Export(number, line)


def _trimmed(line: bytes) -> bytes:
    return line.strip(_BLANK).removeprefix(_BOM).lstrip(_BLANK)


class _SpanReader:
    """Turns the spans of exports into rows."""

    def __init__(self, context: Context) -> None:
        self._keep_text = context.settings.keep_message_text
        self._hash_key = context.settings.hash_key
        self._look = True  # whether a credential might be in what is read
        self._latest = context.latest
        self._customer_key = lru_cache(maxsize=100_000)(context.settings.customer_key)
        self._resources: dict[int, tuple[object, list[object], str]] = {}

    def refused(self, fault: Fault, export: _Export) -> Rejected:
        text = rejected_text(export.content[:MAX_LINE_BYTES], keep_text=self._keep_text)
        return Rejected(fault, export.line, text)

    def read(self, document: object, export: _Export) -> Iterator[Clean | Rejected]:
        self._resources.clear()
        self._look = is_doubtful(export.content)
        spans = spans_of(document)
        if isinstance(spans, Fault):
            yield self.refused(spans, export)
            return
        for span in spans:
            outcome = self._row(span)
            if isinstance(outcome, Fault):
                yield Rejected(outcome, export.line, self._shown(span))
            else:
                row, sha256 = outcome
                yield Clean(row, export.line, sha256)

    def _row(self, span: Span | Fault) -> tuple[Row, str] | Fault:
        if isinstance(span, Fault):
            return span
        trace_id = trace_id_of(span.trace_id, 16)
        span_id = trace_id_of(span.span_id, 8)
        started_at = micros_of(span.started, self._latest)
        ended_at = micros_of(span.ended, self._latest)
        fault = self._fault(span, trace_id, span_id, started_at, ended_at)
        if fault is not None:
            return fault
        duration = None
        if ended_at is not None and span.duration_ms is not None:
            duration = max(span.duration_ms, 0.0)
        attributes, customer = self._attributes(span.attributes)
        events = [self._event(event) for event in span.events]
        resource, resource_json = self._resource(span)
        row: Row = [
            resource[0],
            trace_id,
            span_id,
            trace_id_of(span.parent_id, 8),
            self._plain(span.name),
            span.kind,
            span.status,
            started_at,
            ended_at,
            duration,
            *resource[1:],
            None if span.scope is None else self._plain(span.scope),
            customer,
            None if customer is None else self._customer_key(customer),
            resource_json,
            to_json(attributes),
            to_json([event for event in events if event is not None]),
        ]
        text = canonical_json([*row[:-2], attributes, row[-1]])
        if len(text) > MAX_LINE_BYTES:
            return Fault(OVERSIZE, f"a span over {MAX_LINE_BYTES:,} bytes")
        return row, line_sha256(text)

    def _fault(
        self,
        span: Span,
        trace_id: str | None,
        span_id: str | None,
        started_at: int | None,
        ended_at: int | None,
    ) -> Fault | None:
        for field, stated, read in (
            ("trace_id", span.trace_id, trace_id),
            ("span_id", span.span_id, span_id),
            ("started_at", span.started, started_at),
        ):
            if read is None:
                wanted = (
                    "a time from 2000 to 24 h after the load"
                    if field == "started_at"
                    else "hexadecimal digits that are not all zero"
                )
                is_unsaid = stated in (None, "", 0, "0")
                return missing(field) if is_unsaid else invalid(field, stated, wanted)
        if ended_at is None and span.ended not in (None, "", 0, "0"):
            return invalid("ended_at", span.ended, "a time as of the start, or none")
        return None

    def _resource(self, span: Span) -> tuple[list[object], str]:
        """Columns of a resource and its JSON, made once for all its spans."""
        known = self._resources.get(id(span.resource))
        if known is None or known[0] is not span.resource:
            said = span.resource
            attributes, _ = self._attributes(said)
            columns: list[object] = [
                _text_of(said, "acsr.source_system") or SOURCE_SYSTEM,
                _service_of(said),
                _text_of(said, "service.version"),
                _text_of(said, "deployment.environment.name")
                or _text_of(said, "deployment.environment"),
            ]
            columns = [
                None if value is None else self._plain(str(value)) for value in columns
            ]
            known = said, columns, to_json(attributes)
            self._resources[id(said)] = known
        return known[1], known[2]

    def _attributes(
        self, stated: dict[str, object]
    ) -> tuple[dict[str, object], str | None]:
        """Attributes without words and customers, and the customer's id."""
        customer = None
        for key in CUSTOMER_KEYS:
            if key in stated:
                value = stated[key]
                if (
                    customer is None
                    and type(value) in (str, int)
                    and str(value).strip()
                ):
                    customer = str(value).replace("\x00", "")
                stated = {name: it for name, it in stated.items() if name != key}
        if not self._keep_text:
            stated = {
                key: value
                for key, value in stated.items()
                if not (value.__class__ in (str, list, dict) and is_text(key))
            }
        if customer is not None and self._look:
            customer = mask_id(customer, self._hash_key)
        return mask_object(stated, strip_nul=True, look=self._look), customer

    def _event(self, event: dict[str, object]) -> dict[str, object] | None:
        micros = micros_of(event["time"], self._latest)
        attributes, _ = self._attributes(event["attributes"])
        return {
            "name": self._plain(str(event["name"])),
            "time": None if micros is None else iso(micros),
            "attributes": attributes,
        }

    def _plain(self, text: str) -> str:
        """A text without NUL and credentials."""
        text = text.replace("\x00", "")
        return mask_value(text) if self._look else text

    def _shown(self, span: Span | Fault) -> str:
        """What may be shown of a rejected span."""
        if isinstance(span, Fault):
            return ""
        attributes, _ = self._attributes(span.attributes)
        return to_json(
            {
                "traceId": mask(span.trace_id, strip_nul=True, look=True),
                "spanId": mask(span.span_id, strip_nul=True, look=True),
                "name": self._plain(span.name),
                "start": mask(span.started, strip_nul=True, look=True),
                "end": mask(span.ended, strip_nul=True, look=True),
                "attributes": attributes,
            }
        )


def _id_of(value: object) -> str | None:
    """A text or an integer as an id; a blank one is none."""
    if type(value) not in (str, int):
        return None
    return str(value).replace("\x00", "").strip() or None


def _service_of(attributes: dict[str, object]) -> str | None:
    """A service's name; the SDKs' stand-in for none is none."""
    name = _text_of(attributes, "service.name")
    return None if name is None or name.startswith("unknown_service") else name


def _text_of(attributes: dict[str, object], key: str) -> str | None:
    value = attributes.get(key)
    if not isinstance(value, str) or not value.strip():
        return None
    return value.strip().replace("\x00", "")
