"""The annotation API: adds to the span of the running request, from anywhere in the application."""
import random
import time
import weakref

from spanlet import _native, _settings, _tracer

from . import _convert
from ._thrift.zipkinCore import ttypes
from ._thrift.zipkinCore.constants import SERVER_SEND

client = None

_random = random.SystemRandom()  # random.seed() in the application must not make ids repeat
_handles = weakref.WeakValueDictionary()  # by the id of the scope, which its handle keeps alive


def put_annotation(msg, endpoint=None):
    """Adds something that happened, now. Does nothing outside a recorded request; never raises."""
    _native.annotate(msg)


def put_key_value(key, value, endpoint=None):
    """Adds a tag. Does nothing outside a recorded request; never raises."""
    _native.tag(key, value)


def is_tracing():
    """Says whether the running code belongs to a trace."""
    return _native.current() is not None


def is_sample():
    """Says whether the running code belongs to a trace that is recorded."""
    scope = _native.current()
    return scope is not None and scope.sampled


def get_trace_data():
    """Returns the trace the running code belongs to, or None."""
    scope = _native.current()
    if scope is None:
        return None
    return _handles.get(id(scope)) or TraceData._of(scope)


def set_trace_data(trace_data):
    """Makes the running code belong to this trace."""
    _native.set_current(trace_data._scope if trace_data is not None else None)


def init_trace_data():
    """Makes the running code belong to no trace."""
    _native.set_current(None)


def generate_trace_id():
    return _random.getrandbits(64) or 1


def generate_span_id():
    return _random.getrandbits(64) or 1


class TraceData:
    """A span being recorded: the request's own, or one of the application's making."""

    END_ANNOTATION = SERVER_SEND

    def __init__(self, name, trace_id, span_id, parent_id, sampled, endpoint):
        self.name = name
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.sampled = sampled
        self.endpoint = endpoint
        self._scope = None
        ids = _convert.unsigned(trace_id, _convert.U128), _convert.unsigned(span_id)
        if all(ids) and _tracer.current() is not None:
            ids += (_convert.unsigned(parent_id),)
            self._scope = _native.Scope(name, ids, bool(sampled), _convert.address(endpoint))
            _handles[id(self._scope)] = self

    @classmethod
    def _of(cls, scope):
        self = cls.__new__(cls)
        self.name, self.sampled = scope.name, scope.sampled
        self.trace_id, self.span_id, self.parent_id = scope.trace_id, scope.span_id, scope.parent_id
        self.endpoint = _convert.endpoint(scope.endpoint)
        self._scope = scope
        return _handles.setdefault(id(scope), self)

    @property
    def annotations(self):
        pairs = [] if self._scope is None else self._scope.annotations()
        return [ttypes.Annotation(at, value, self.endpoint) for at, value in pairs]

    @property
    def bannotations(self):
        pairs = [] if self._scope is None else self._scope.tags()
        return [ttypes.BinaryAnnotation(key, value, ttypes.AnnotationType.STRING, self.endpoint) for key, value in pairs]

    @property
    def _done(self):
        return self._scope is None or self._scope.finished

    def add_annotation(self, annotation):
        """Adds an annotation; END_ANNOTATION sends the span."""
        if annotation.host is None:
            annotation.host = self.endpoint
        if self._scope is not None:
            self._scope.annotate(annotation.value, int(annotation.timestamp))
            if annotation.value == self.END_ANNOTATION:
                self.flush()

    def add_binary_annotation(self, bannotation):
        """Adds a tag."""
        if bannotation.host is None:
            bannotation.host = self.endpoint
        if self._scope is not None:
            self._scope.tag(bannotation.key, bannotation.value)

    def flush(self):
        """Sends the span. What is added later is dropped."""
        if self._scope is not None:
            self._scope.finish()


class ZipkinDataBuilder:
    """Makes thrift structs."""

    @staticmethod
    def build_span(name, trace_id, span_id, parent_id, annotations, bannotations):
        return ttypes.Span(name=name, trace_id=trace_id, id=span_id, parent_id=parent_id,
                           annotations=annotations, binary_annotations=bannotations)

    @staticmethod
    def build_annotation(value, endpoint=None):
        return ttypes.Annotation(time.time_ns() // 1000, _convert.text(value), endpoint)

    @staticmethod
    def build_binary_annotation(key, value, endpoint=None):
        return ttypes.BinaryAnnotation(key, value, ttypes.AnnotationType.STRING, endpoint)

    @staticmethod
    def build_endpoint(ipv4=None, port=None, service_name=None):
        return _convert.endpoint((service_name or _settings.service_name(), ipv4, port))
