"""The echo server as Qbp began: StreamReader and StreamWriter, a header, readexactly. Prints its port; answers each line on
standard input with the microseconds of processor time it has had."""

import asyncio
import base64
import struct
import sys
import time

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: F401 (options.proto needs descriptor.proto)

HEADER = struct.Struct(">HI")
TYPES = {1: "Say", 2: "Move", 3: "Reading", 4: "Order", 5: "Blob"}


def message_classes():
    pool = descriptor_pool.Default()
    for text in sys.argv[1:]:
        pool.AddSerializedFile(base64.b64decode(text))
    descriptors = {number: pool.FindMessageTypeByName("bench." + name) for number, name in TYPES.items()}
    if hasattr(message_factory, "GetMessageClass"):
        return {number: message_factory.GetMessageClass(each) for number, each in descriptors.items()}
    factory = message_factory.MessageFactory(pool)
    return {number: factory.GetPrototype(each) for number, each in descriptors.items()}


CLASSES = message_classes()


async def serve(reader, writer):
    try:
        while True:
            number, length = HEADER.unpack(await reader.readexactly(HEADER.size))
            message = CLASSES[number].FromString(await reader.readexactly(length))
            body = message.SerializeToString()
            writer.write(HEADER.pack(number, len(body)) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def tell_time():
    if not sys.stdin.readline():
        sys.exit()
    print(int(time.process_time() * 1e6), flush=True)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin, tell_time)
    await server.serve_forever()


asyncio.run(main())
