"""Green threads inherit the trace of the code that spawns them."""
from spanlet import _patches


def patch():
    _patches.apply("greenthread")


def unpatch():
    _patches.remove("greenthread")
