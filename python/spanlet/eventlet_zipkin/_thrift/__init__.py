"""Names of eventlet.zipkin's thrift code; the encoding itself is native."""
