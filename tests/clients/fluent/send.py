"""Sends base64 thrift spans, one on each line of standard input, by fluent-logger to HOST PORT."""

import sys

from fluent import sender


def main():
    host, port = sys.argv[1:3]
    logger = sender.FluentSender('zipkin', host=host, port=int(port), nanosecond_precision='--nanoseconds' in sys.argv)
    for line in sys.stdin:
        if not logger.emit('span', {'message': line.strip()}):
            sys.exit(f'not sent: {logger.last_error}')
    logger.close()


if __name__ == '__main__':
    main()
