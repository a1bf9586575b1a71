"""The types of the settings, for editors and type checkers. What they mean and how they are checked: `_settings.py`."""
from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict


class Keywords(TypedDict, total=False):
    service_name: str | None
    endpoint: str | None
    encoding: str | None
    gzip: bool | None
    token: str | None
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None
    ca_file: str | None
    propagation: str | None
    sampling_rules: Iterable[tuple[str, float]] | None
    sampler: Callable[[str, str], bool | None] | None
    traces_per_second: float | None
    trace_id_128: bool | None
    query_keys: list[str] | tuple[str, ...] | set[str] | None
    log_ids: bool | None
    log_annotations: bool | None
    queue_spans_max: int | None
    queue_bytes_max: int | None
