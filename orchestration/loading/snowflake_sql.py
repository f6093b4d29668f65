"""What a batch of load files does to the raw tables of Snowflake, as statements.

No name or value of a landed file is ever part of a statement: they come with the load
files' lines or as bound parameters (`?`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestration.loading.contracts import Feed
from orchestration.loading.warehouse import HISTORY, REJECTED, TRACE, Columns

STAGE = "raw.load_files"
EXTERNAL_STAGE = "raw.landing"
TYPES = {"timestamp": "timestamp_ntz(6)", "json": "variant", "double": "float"}
REPLACE_JSON = "parse_json(replace(to_json({}), ?, ?))"
LOCK_COLUMNS: Columns = (("load_id", "varchar"), ("taken_at", "timestamp"))

TABLES_THERE = """
select tables.table_name
from information_schema.schemata as schemata
left join information_schema.tables as tables
    on tables.table_schema = schemata.schema_name
where schemata.schema_name = 'RAW'
"""
SHOW_STAGES = "show stages in schema raw"
CREATE_STAGE = f"create stage if not exists {STAGE}"
FILL_LOCK = """
insert into raw.load_lock (load_id, taken_at)
select 'none', null
from (select count(*) as locks from raw.load_lock) as held
where held.locks = 0
"""
# An UPDATE keeps other updates of its table waiting until the transaction ends.
TAKE_LOCK = "update raw.load_lock set load_id = ?, taken_at = cast(? as timestamp_ntz)"

CREATE_RECORDS = "create or replace temporary table raw.load_records (record variant)"
COPY = """
copy into raw.load_records from @{place}
file_format = (type = json compression = gzip)
on_error = abort_statement
force = true
purge = {purge}
"""

KNOWN = """
select
    history.content_sha256,
    history.path,
    history.load_id,
    history.loaded,
    history.replaced,
    history.bytes,
    history.started_at,
    rejects.path is not null
from raw.load_history as history
left join raw.rejected_records as rejects
    on rejects.feed = history.feed
    and rejects.path = history.path
    and rejects.load_id = history.load_id
    and rejects.reason = ?
where history.feed = ?
order by history.started_at
"""
REPLAYABLE = """
select content_sha256, path, load_id, loaded, replaced
from raw.load_history
where feed = ? and rejected > 0
"""

_FILES = """
files as (

    select
        cast(record['_file_no'] as bigint) as file_no,
        cast(record['path'] as varchar) as path,
        cast(record['content_sha256'] as varchar) as content_sha256,
        cast(record['bytes'] as bigint) as bytes,
        cast(record['clean'] as bigint) as clean,
        cast(record['rejected'] as bigint) as rejected,
        cast(cast(record['first_timestamp'] as varchar) as timestamp_ntz(6))
            as first_timestamp,
        cast(cast(record['last_timestamp'] as varchar) as timestamp_ntz(6))
            as last_timestamp,
        cast(cast(record['started_at'] as varchar) as timestamp_ntz(6)) as started_at,
        cast(record['earlier_path'] as varchar) as earlier_path,
        cast(record['earlier_load_id'] as varchar) as earlier_load_id,
        coalesce(cast(record['earlier_loaded'] as bigint), 0) as earlier_loaded,
        coalesce(cast(record['earlier_replaced'] as bigint), 0) as earlier_replaced
    from raw.load_records
    where cast(record['_kind'] as varchar) = 'file'

)"""
_COUNTS = """
counts as (

    select
        file_no,
        count_if(is_loaded) as loaded,
        count_if(is_replacing) as replaced,
        count_if(is_kept and is_ousting) as ousted,
        count(case when is_kept and is_ousting then ousted_at end) as timed,
        min(case when is_kept then ousted_at end) as first_ousted_at,
        max(case when is_kept then ousted_at end) as last_ousted_at
    from raw.load_verdicts
    group by file_no

)"""

# A file is overtaken where another load committed it after this one read the history.
OUTCOMES = f"""
with
{_FILES},
{_COUNTS}

select
    files.file_no,
    coalesce(counts.loaded, 0),
    coalesce(counts.replaced, 0),
    coalesce(counts.ousted, 0),
    coalesce(counts.timed, 0),
    counts.first_ousted_at,
    counts.last_ousted_at,
    case
        when files.earlier_load_id is null then known.load_id is not null
        else coalesce(known.load_id != files.earlier_load_id, true)
    end as is_overtaken
from files
left join counts
    on counts.file_no = files.file_no
left join raw.load_history as known
    on known.feed = ?
    and known.content_sha256 = files.content_sha256
order by files.file_no
"""

FORGET_REJECTS = f"""
delete from raw.rejected_records as rejects
using (with {_FILES} select * from files) as files
where rejects.feed = ?
    and rejects.path = files.earlier_path
    and rejects.load_id = files.earlier_load_id
"""
FORGET_HISTORY = f"""
delete from raw.load_history as history
using (with {_FILES} select * from files) as files
where history.feed = ?
    and history.content_sha256 = files.content_sha256
    and files.earlier_load_id is not null
"""


def name(column: str) -> str:
    """A column as Snowflake keeps it, quoted: some are words of its grammar."""
    return f'"{column.upper()}"'


def _listed(columns: Iterable[str], prefix: str = "") -> str:
    return ", ".join(prefix + name(column) for column in columns)


def create_table(table: str, columns: Columns) -> str:
    """A raw table, in the types of Snowflake."""
    listed = ", ".join(
        f"{name(column)} {TYPES.get(kind, kind)}" for column, kind in columns
    )
    return f"create table if not exists {table} ({listed})"


def typed(column: str, kind: str, record: str = "record") -> str:
    """The value of a load file's line as the column's type; absent is NULL."""
    value = f"{record}['{column}']"
    if kind == "json":
        return value
    if kind in ("timestamp", "double"):  # they are written as text
        value = f"cast({value} as varchar)"
    return f"cast({value} as {TYPES.get(kind, kind)})"


def create_verdicts(feed: Feed) -> str:
    """Where the batch's best record of each file and identity is judged."""
    kinds = dict(feed.columns)
    identity = ", ".join(
        f"{name(column)} {TYPES.get(kinds[column], kinds[column])}"
        for column in feed.identity
    )
    return (
        "create or replace temporary table raw.load_verdicts (file_no bigint, "
        "row_no bigint, is_loaded boolean, is_replacing boolean, is_kept boolean, "
        f"is_ousting boolean, ousted_at timestamp_ntz(6), {identity})"
    )


def judge(feed: Feed) -> str:
    """Judges the batch as if its files came one by one, in their order.

    Of a file and identity the greatest record counts, of equal ones the first. It is
    loaded if it is greater than what the table and the files before it hold, and
    replaces that; the last one loaded is kept.
    """
    kinds = dict(feed.columns)
    identity = _listed(feed.identity)
    columns = dict.fromkeys((*feed.identity, *_ranking(feed)))
    read = ",\n        ".join(
        f"{typed(column, kinds[column])} as {name(column)}" for column in columns
    )
    matches = " and ".join(
        f"best.{name(column)} = held.{name(column)}" for column in feed.identity
    )
    first_time = name(feed.times[0])
    return f"""
insert into raw.load_verdicts (
    file_no, row_no, is_loaded, is_replacing, is_kept, is_ousting, ousted_at,
    {identity}
)
with

records as (

    select
        cast(record['_file_no'] as bigint) as file_no,
        cast(record['_row_no'] as bigint) as row_no,
        cast(record['_line_sha256'] as varchar) as line_sha256,
        {read}
    from raw.load_records
    where cast(record['_kind'] as varchar) = 'row'

),

ranked as (

    select
        file_no,
        row_no,
        {identity},
        {_version(feed)} as version_rank,
        {_moment(feed)} as moment_rank,
        line_sha256
    from records

),

best as (

    select *
    from ranked
    qualify
        row_number() over (
            partition by file_no, {identity}
            order by
                version_rank desc,
                moment_rank desc,
                line_sha256 desc,
                row_no asc
        ) = 1

),

contenders as (

    select
        file_no,
        row_no,
        {identity},
        version_rank,
        moment_rank,
        line_sha256,
        cast(null as timestamp_ntz(6)) as held_at
    from best

    union all

    select
        -1 as file_no,
        null as row_no,
        {_listed(feed.identity, "held.")},
        {_version(feed, "held.")} as version_rank,
        {_moment(feed, "held.")} as moment_rank,
        held."_LINE_SHA256" as line_sha256,
        held.{first_time} as held_at
    from {feed.table} as held
    where exists (select 1 from best where {matches})

),

stood as (

    select
        *,
        dense_rank() over (
            partition by {identity}
            order by version_rank, moment_rank, line_sha256
        ) as standing,
        min(file_no) over (partition by {identity}) = -1 as is_held,
        max(held_at) over (partition by {identity}) as ousted_at
    from contenders

),

compared as (

    select
        *,
        max(standing) over (
            partition by {identity}
            order by file_no
            rows between unbounded preceding and 1 preceding
        ) as standing_before,
        max(standing) over (partition by {identity}) as standing_at_last
    from stood

)

select
    file_no,
    row_no,
    standing > coalesce(standing_before, 0) as is_loaded,
    standing > coalesce(standing_before, 0) and standing_before is not null
        as is_replacing,
    standing > coalesce(standing_before, 0) and standing = standing_at_last
        as is_kept,
    is_held as is_ousting,
    ousted_at,
    {identity}
from compared
where row_no is not null
"""


def _ranking(feed: Feed) -> Sequence[str]:
    return (*(() if feed.version is None else (feed.version,)), *feed.times)


def _version(feed: Feed, prefix: str = "") -> str:
    return "0" if feed.version is None else prefix + name(feed.version)


def _moment(feed: Feed, prefix: str = "") -> str:
    """The first known of the times; none is before all."""
    known = _listed(feed.times, prefix)
    return f"coalesce({known}, cast('0001-01-01' as timestamp_ntz))"


def delete_ousted(feed: Feed, *, between: bool) -> str:
    """Deletes the rows that lose; a range of their times spares most of the scan."""
    matches = " and ".join(
        f"held.{name(column)} = verdicts.{name(column)}" for column in feed.identity
    )
    if between:
        matches += (
            f" and held.{name(feed.times[0])} between cast(? as timestamp_ntz(6)) "
            "and cast(? as timestamp_ntz(6))"
        )
    return (
        f"delete from {feed.table} as held using raw.load_verdicts as verdicts "
        f"where verdicts.is_kept and verdicts.is_ousting and {matches}"
    )


def insert_rows(feed: Feed) -> str:
    """Inserts what is kept; parameters: load id, its moment."""
    stamped = {
        "_file": "files.path",
        "_load_id": "?",
        "_loaded_at": "cast(? as timestamp_ntz(6))",
    }
    columns = (*feed.columns, *TRACE)
    values = ",\n    ".join(
        stamped.get(column, typed(column, kind, "landed.record"))
        for column, kind in columns
    )
    return f"""
insert into {feed.table} ({_listed(column for column, _ in columns)})
with
{_FILES}

select
    {values}
from raw.load_records as landed
inner join raw.load_verdicts as verdicts
    on verdicts.row_no = cast(landed.record['_row_no'] as bigint)
inner join files
    on files.file_no = verdicts.file_no
where verdicts.is_kept
"""


INSERT_REJECTS = f"""
insert into raw.rejected_records ({_listed(column for column, _ in REJECTED)})
with
{_FILES}

select
    ?,
    files.path,
    {typed("line_number", "bigint", "landed.record")},
    {typed("reason", "varchar", "landed.record")},
    {typed("detail", "varchar", "landed.record")},
    {typed("text", "varchar", "landed.record")},
    ?,
    cast(? as timestamp_ntz(6))
from raw.load_records as landed
inner join files
    on files.file_no = cast(landed.record['_file_no'] as bigint)
where cast(landed.record['_kind'] as varchar) = 'reject'
"""

INSERT_HISTORY = f"""
insert into raw.load_history ({_listed(column for column, _ in HISTORY)})
with
{_FILES},
{_COUNTS},

together as (

    select
        files.*,
        files.earlier_loaded + coalesce(counts.loaded, 0) as loaded,
        files.earlier_replaced + coalesce(counts.replaced, 0) as replaced
    from files
    left join counts
        on counts.file_no = files.file_no

)

select
    ?,
    path,
    content_sha256,
    bytes,
    loaded + greatest(0, clean - loaded) + rejected,
    loaded,
    replaced,
    greatest(0, clean - loaded),
    rejected,
    first_timestamp,
    last_timestamp,
    ?,
    started_at,
    cast(? as timestamp_ntz(6))
from together
"""
