"""Sends base64 thrift spans, one on each line of standard input, by facebook-scribe to HOST PORT, as eventlet.zipkin did."""

import sys

from scribe import scribe
from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport


def main():
    host, port = sys.argv[1:3]
    transport = TTransport.TFramedTransport(TSocket.TSocket(host=host, port=int(port)))
    protocol = TBinaryProtocol.TBinaryProtocol(trans=transport, strictRead=False, strictWrite=False)
    client = scribe.Client(iprot=protocol, oprot=protocol)
    transport.open()
    entries = [scribe.LogEntry(category='zipkin', message=line.strip()) for line in sys.stdin]
    result = client.Log(messages=entries)
    transport.close()
    if result != 0:
        sys.exit(f'result code {result}')


if __name__ == '__main__':
    main()
