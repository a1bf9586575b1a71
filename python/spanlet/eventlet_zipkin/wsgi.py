"""Requests to eventlet's WSGI server make server spans."""
import random

from spanlet import _patches, _tracer


class Sampler:
    """Draws whether to record a new trace."""

    def __init__(self, sampling_rate):
        self.sampling_rate = sampling_rate

    def sampling(self):
        return self.sampling_rate == 1.0 or random.random() < self.sampling_rate


def int_or_none(val):
    """Reads a hexadecimal id."""
    return None if val is None else int(val, 16)


def bool_or_none(val):
    """Reads a sampling decision."""
    return {"1": True, "0": False}.get(val)


def patch(sampling_rate=None):
    if sampling_rate is not None:
        _tracer.set_sampling_rate(sampling_rate)
    _patches.apply("wsgi")


def unpatch():
    _patches.remove("wsgi")
