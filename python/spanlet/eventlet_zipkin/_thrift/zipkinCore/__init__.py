"""Zipkin's thrift structs and constants."""
