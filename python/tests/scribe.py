"""A scribe collector on a real socket, and the thrift it is sent, decoded by hand: knows nothing of our codec."""
import base64
import ipaddress
import socket
import struct
import threading
import time

STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 15
OK, TRY_LATER = 0, 1
CORE = {"sr": "SERVER", "ss": "SERVER", "cs": "CLIENT", "cr": "CLIENT"}


class Reader:
    """Reads TBinaryProtocol."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        piece = self.data[self.at:self.at + size]
        assert len(piece) == size, "short message"
        self.at += size
        return piece

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def value(self, kind):
        if kind == STRING:
            return self.take(self.number("i"))
        if kind == STRUCT:
            return self.struct()
        if kind == LIST:
            of, size = self.number("b"), self.number("i")
            return [self.value(of) for _ in range(size)]
        return self.number({BOOL: "?", BYTE: "b", DOUBLE: "d", I16: "h", I32: "i", I64: "q"}[kind])

    def struct(self):
        fields = {}
        while (kind := self.number("b")) != STOP:
            field = self.number("h")
            fields[field] = self.value(kind)
        return fields


class Endpoint:
    """Field 1 ipv4, 2 port, 3 service name, 4 ipv6 (zipkinCore.thrift)."""

    def __init__(self, fields):
        self.service = fields.get(3, b"").decode()
        self.port = fields.get(2, 0) & 0xFFFF or None
        self.ipv4 = str(ipaddress.IPv4Address(fields[1] & 0xFFFFFFFF)) if fields.get(1) else None
        self.ipv6 = str(ipaddress.IPv6Address(fields[4])) if 4 in fields else None


class Span:
    """Field 1 trace id, 3 name, 4 id, 5 parent, 6 annotations, 8 binary annotations, 9 debug, 12 upper trace id."""

    def __init__(self, fields):
        mask = (1 << 64) - 1
        self.trace_id = ((fields.get(12, 0) & mask) << 64) | (fields[1] & mask)
        self.id = fields[4] & mask
        self.parent_id = fields[5] & mask if 5 in fields else None
        self.name = fields[3].decode()
        self.debug = fields.get(9, False)
        annotations = [(a[1], a[2].decode(), a.get(3)) for a in fields.get(6, [])]
        self.times = {value: at for at, value, _ in annotations if value in CORE}
        self.annotations = [value for _, value, _ in sorted(annotations, key=lambda a: a[0]) if value not in CORE]
        self.kind = next((CORE[value] for value in self.times), None)
        tags = fields.get(8, [])
        self.tags = {t[1].decode(): t[2].decode() for t in tags if t[1] not in (b"sa", b"ca")}
        self.remote = next((Endpoint(t[4]) for t in tags if t[1] in (b"sa", b"ca")), None)
        host = next((a[2] for a in annotations if a[2] is not None), None) or next((t.get(4) for t in tags), None)
        self.local = Endpoint(host or {})

    @property
    def duration_us(self):
        times = sorted(self.times.values())
        return times[-1] - times[0]

    def __repr__(self):
        return f"<{self.kind} {self.name} {self.trace_id:x}/{self.id:x} parent {self.parent_id} {self.tags} {self.annotations}>"


class Sink:
    """Answers scribe Log calls until it is closed. `answer` may be OK, TRY_LATER, or None to stall."""

    def __init__(self, port=0, answer=OK):
        self.answer = answer
        self.spans = []
        self.connections = 0
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while header := stream.read(4):
                reply = self.log(stream.read(struct.unpack(">i", header)[0]))
                if reply is not None:
                    connection.sendall(struct.pack(">i", len(reply)) + reply)
        except OSError:
            pass

    def log(self, call):
        """Takes one call, with the strict header or the old one. Returns the reply."""
        reader = Reader(call)
        first = reader.number("i")
        strict = first < 0
        name = reader.take(reader.number("i") if strict else first)
        assert name == b"Log", name
        if not strict:
            assert reader.number("b") == 1
        sequence = reader.number("i")
        entries = reader.struct()[1]
        if self.answer is None:
            return None
        if self.answer == OK:
            for entry in entries:
                assert entry[1] == b"zipkin"
                self.spans.append(Span(Reader(base64.b64decode(entry[2], validate=True)).struct()))
        header = struct.pack(">I", 0x80010002) + struct.pack(">i", 3) + b"Log" if strict else struct.pack(">i", 3) + b"Log\x02"
        result = struct.pack(">bhib", I32, 0, self.answer, STOP)
        return header + struct.pack(">i", sequence) + result

    def wait(self, count, timeout_s=10):
        """Waits until this many spans have come. Returns all that came."""
        end = time.monotonic() + timeout_s
        while len(self.spans) < count and time.monotonic() < end:
            time.sleep(0.005)
        assert len(self.spans) >= count, f"{len(self.spans)} of {count} spans came: {self.spans}"
        return self.spans

    def close(self):
        """Refuses connections from now on and cuts those that are open."""
        for each in [self.listener, *self.open]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
