"""What Qbp began as: protobuf messages over asyncio's streams, by subclasses of StreamReader and StreamWriter and a protocol
that hands a ready pair of them to `client_connected`.

    origin.py server              echoes every message; prints its port, then a line of JSON for each connection that
                                  ended; stops at the end of its standard input
    origin.py client HOST PORT    sends the messages of script.py, one at a time and then all at once, expects each back
                                  equal and a clean end behind them; prints a line of JSON
    origin.py golden write FILE   writes the frames of script.py to FILE, and to FILE.json what they hold
    origin.py golden read FILE    reads both, and expects that the frames are what FILE.json says; prints a line of JSON

A frame is the default layout, `type:u16 length:u32`, and a body. It needs peers_pb2 and qbp.options_pb2, made by
`protoc --python_out`, in PYTHONPATH.
"""

import asyncio
import json
import struct
import sys

import peers_pb2
from google.protobuf import json_format
from qbp import options_pb2
from script import messages, same

HEADER = struct.Struct(">HI")


def _messages_of(container):
    for descriptor in container:
        yield descriptor
        yield from _messages_of(descriptor.nested_types)


# The type numbers come from the option (qbp.type), as ours do.
NUMBERS = {
    descriptor.full_name: descriptor.GetOptions().Extensions[options_pb2.type]
    for descriptor in _messages_of(peers_pb2.DESCRIPTOR.message_types_by_name.values())
    if descriptor.GetOptions().HasExtension(options_pb2.type)
}


def _class_of(descriptor):
    return descriptor._concrete_class


CLASSES = {
    NUMBERS[descriptor.full_name]: _class_of(descriptor)
    for descriptor in _messages_of(peers_pb2.DESCRIPTOR.message_types_by_name.values())
    if descriptor.full_name in NUMBERS
}


class QbpStreamReader(asyncio.StreamReader):
    async def read_msg(self):
        """The next message, or None at a clean end: one where no byte of a next frame has come."""
        try:
            header = await self.readexactly(HEADER.size)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        number, length = HEADER.unpack(header)
        return CLASSES[number].FromString(await self.readexactly(length))


class QbpStreamWriter(asyncio.StreamWriter):
    def write_msg(self, message):
        body = message.SerializeToString(deterministic=True)
        self.write(HEADER.pack(NUMBERS[message.DESCRIPTOR.full_name], len(body)) + body)


class QbpStreamReaderProtocol(asyncio.StreamReaderProtocol):
    """As asyncio's own, which would make a plain StreamWriter; so the base class gets no callback to make one for."""

    def __init__(self, reader, client_connected, loop):
        super().__init__(reader, None, loop=loop)
        self._reader = reader
        self._client_connected = client_connected
        self._handler = None

    def connection_made(self, transport):
        super().connection_made(transport)
        writer = QbpStreamWriter(transport, self, self._reader, self._loop)
        result = self._client_connected(self._reader, writer)
        if asyncio.iscoroutine(result):
            self._handler = self._loop.create_task(result)


async def start_server(client_connected, host=None, port=None, **options):
    """The counterpart of asyncio.start_server."""
    loop = asyncio.get_running_loop()

    def factory():
        return QbpStreamReaderProtocol(QbpStreamReader(loop=loop), client_connected, loop)

    return await loop.create_server(factory, host, port, **options)


async def open_connection(host, port, **options):
    """The counterpart of asyncio.open_connection."""
    loop = asyncio.get_running_loop()
    pair = loop.create_future()

    def factory():
        return QbpStreamReaderProtocol(QbpStreamReader(loop=loop), lambda *it: pair.set_result(it), loop)

    await loop.create_connection(factory, host, port, **options)
    return await pair


async def echo(reader, writer):
    count, end = 0, "clean"
    try:
        while (message := await reader.read_msg()) is not None:
            writer.write_msg(message)
            await writer.drain()
            count += 1
    except asyncio.IncompleteReadError:
        end = "truncated"
    except ConnectionError:
        end = "reset"
    writer.close()
    print(json.dumps({"messages": count, "end": end}), flush=True)


async def serve():
    server = await start_server(echo, "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def talk(host, port):
    reader, writer = await open_connection(host, port)
    script = messages()
    faults = []

    async def expect(sent, how):
        received = await reader.read_msg()
        if received is None:
            raise SystemExit(f"{how}: the stream ended where {sent.DESCRIPTOR.full_name} was due")
        if not same(sent, received):
            faults.append(f"{how}: sent {sent.DESCRIPTOR.full_name} {sent!s:.500}, received {received!s:.500}")

    for message in script:
        writer.write_msg(message)
        await writer.drain()
        await expect(message, "one at a time")

    async def send_all():
        for message in script:
            writer.write_msg(message)
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send_all())
    for message in script:
        await expect(message, "all at once")
    await sending
    if await reader.read_msg() is not None:
        faults.append("a message came behind the last one")
    writer.close()
    await writer.wait_closed()
    if faults:
        raise SystemExit("\n".join(faults))
    print(json.dumps({"messages": 2 * len(script), "end": "clean"}))


def described(message):
    """As golden files hold it: proto3's JSON, with numbers for enums."""
    return {
        "type": NUMBERS[message.DESCRIPTOR.full_name],
        "name": message.DESCRIPTOR.full_name.removeprefix("peers."),
        "message": json_format.MessageToDict(message, use_integers_for_enums=True),
    }


def golden_write(file):
    with open(file, "wb") as frames:
        for message in messages():
            body = message.SerializeToString(deterministic=True)
            frames.write(HEADER.pack(NUMBERS[message.DESCRIPTOR.full_name], len(body)) + body)
    with open(f"{file}.json", "w", encoding="utf-8") as descriptions:
        json.dump([described(message) for message in messages()], descriptions, ensure_ascii=False, indent=1)


async def golden_read(file):
    reader = QbpStreamReader()
    with open(file, "rb") as frames:
        reader.feed_data(frames.read())
    reader.feed_eof()
    with open(f"{file}.json", encoding="utf-8") as descriptions:
        expected = json.load(descriptions)
    for index, entry in enumerate(expected):
        message = await reader.read_msg()
        if message is None:
            raise SystemExit(f"{index} frames, where {len(expected)} were due")
        wanted = json_format.ParseDict(entry["message"], CLASSES[entry["type"]]())
        if not same(wanted, message):
            raise SystemExit(f"frame {index}: wanted {wanted!s:.500}, found {message!s:.500}")
    if await reader.read_msg() is not None:
        raise SystemExit(f"more than {len(expected)} frames")
    print(json.dumps({"messages": len(expected), "end": "clean"}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            asyncio.run(serve())
        case ["client", host, port]:
            asyncio.run(talk(host, int(port)))
        case ["golden", "write", file]:
            golden_write(file)
        case ["golden", "read", file]:
            asyncio.run(golden_read(file))
        case _:
            raise SystemExit(__doc__)
