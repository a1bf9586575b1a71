"""The names of eventlet.zipkin, over Spanlet. Imported as `eventlet.zipkin`."""
__spanlet__ = True
