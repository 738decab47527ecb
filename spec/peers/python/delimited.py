"""Delimited protobuf messages, `length:varint` and a body, as Java's writeDelimitedTo makes them; every message is peers.All.

    delimited.py server              echoes every message; prints its port, then a line of JSON for each connection that
                                     ended; stops at the end of its standard input
    delimited.py client HOST PORT    sends the messages of script.py, one at a time and then all at once, expects each
                                     back equal and a clean end behind them; prints a line of JSON

It needs peers_pb2 and qbp.options_pb2, made by `protoc --python_out`, in PYTHONPATH.
"""

import json
import socket
import sys
import threading

from google.protobuf.internal.decoder import _DecodeVarint32
from google.protobuf.internal.encoder import _VarintBytes
from peers_pb2 import All
from script import delimited_messages, same


class Truncated(Exception):
    """The stream ended inside a frame."""


def write_delimited(stream, message):
    body = message.SerializeToString(deterministic=True)
    stream.write(_VarintBytes(len(body)) + body)


def read_delimited(stream):
    """The next message, or None at a clean end."""
    prefix = b""
    while True:
        byte = stream.read(1)
        if not byte:
            if prefix:
                raise Truncated
            return None
        prefix += byte
        if byte[0] < 0x80:
            break
    length, _ = _DecodeVarint32(prefix, 0)
    body = stream.read(length)
    if len(body) < length:
        raise Truncated
    return All.FromString(body)


def echo(connection):
    count, end = 0, "clean"
    with connection, connection.makefile("rwb") as stream:
        try:
            while (message := read_delimited(stream)) is not None:
                write_delimited(stream, message)
                stream.flush()
                count += 1
        except Truncated:
            end = "truncated"
        except ConnectionError:
            end = "reset"
    print(json.dumps({"messages": count, "end": end}), flush=True)


def serve():
    def accept(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


def talk(host, port):
    script = delimited_messages()

    def expect(stream, sent, how):
        received = read_delimited(stream)
        if received is None:
            raise SystemExit(f"{how}: the stream ended where a message was due")
        if not same(sent, received):
            raise SystemExit(f"{how}: sent {sent!s:.500}, received {received!s:.500}")

    with socket.create_connection((host, port), timeout=10) as connection, connection.makefile("rwb") as stream:
        for message in script:
            write_delimited(stream, message)
            stream.flush()
            expect(stream, message, "one at a time")

        def send_all():
            with connection.makefile("wb") as outgoing:
                for message in script:
                    write_delimited(outgoing, message)
            connection.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send_all)
        sending.start()
        for message in script:
            expect(stream, message, "all at once")
        sending.join()
        if read_delimited(stream) is not None:
            raise SystemExit("a message came behind the last one")
    print(json.dumps({"messages": 2 * len(script), "end": "clean"}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            serve()
        case ["client", host, port]:
            talk(host, int(port))
        case _:
            raise SystemExit(__doc__)
