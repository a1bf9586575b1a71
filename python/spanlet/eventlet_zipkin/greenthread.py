"""Green threads, and threads, inherit the trace of the code that starts them."""
from spanlet import _patches


def patch():
    _patches.apply("greenthread", "threads")


def unpatch():
    _patches.remove("greenthread", "threads")
