"""Zipkin's thrift structs, as plain data."""
from dataclasses import dataclass
from enum import IntEnum


class AnnotationType(IntEnum):
    BOOL = 0
    BYTES = 1
    I16 = 2
    I32 = 3
    I64 = 4
    DOUBLE = 5
    STRING = 6


@dataclass
class Endpoint:
    ipv4: int | None = None
    port: int | None = None
    service_name: str | None = None


@dataclass
class Annotation:
    timestamp: int | None = None
    value: str | None = None
    host: Endpoint | None = None


@dataclass
class BinaryAnnotation:
    key: str | None = None
    value: str | None = None
    annotation_type: AnnotationType | None = None
    host: Endpoint | None = None


@dataclass
class Span:
    trace_id: int | None = None
    name: str | None = None
    id: int | None = None
    parent_id: int | None = None
    annotations: list[Annotation] | None = None
    binary_annotations: list[BinaryAnnotation] | None = None
