"""The messages that the Python peers send: every kind of field at its limits. Made the same at each call."""

from peers_pb2 import (
    GREEN, INFRARED, RED, All, Blob, Choice, Lists, Maps, Nothing, Presence, Scalars, Session, Tree,
)

INT32 = (-(2**31), -1, 0, 1, 2**31 - 1)
INT64 = (-(2**63), -(2**53) - 1, -1, 0, 1, 2**53 + 1, 2**63 - 1)
UINT32 = (0, 1, 2**31, 2**32 - 1)
UINT64 = (0, 1, 2**53 + 1, 2**63, 2**64 - 1)
# Exact in single precision. Not its very greatest: json_format writes that as 3.4028235e+38 and then refuses to read it.
FLOATS = (0.0, 1.0, -1.5, 2.0**-149, 1.5 * 2.0**127, float("inf"), float("-inf"))
DOUBLES = FLOATS + (0.1, 5e-324, 1.7976931348623157e308)
# One to four bytes of UTF-8 a character, and the character of code 0.
STRINGS = ("", "a", "grüße", "日本語", "😀🦆", "\0 in the middle", "x" * 1000)
BYTES = (b"", b"\x00", bytes(range(256)))


def scalars(large: bool) -> Scalars:
    """Every scalar at its upper limit, or at its lower."""
    end = -1 if large else 0
    return Scalars(
        a_double=DOUBLES[-1] if large else -DOUBLES[-1], a_float=FLOATS[4] if large else -FLOATS[4],
        an_int32=INT32[end], an_int64=INT64[end], a_uint32=UINT32[end], a_uint64=UINT64[end],
        a_sint32=INT32[end], a_sint64=INT64[end], a_fixed32=UINT32[end], a_fixed64=UINT64[end],
        a_sfixed32=INT32[end], a_sfixed64=INT64[end], a_bool=large, a_string=STRINGS[4] if large else "",
        some_bytes=BYTES[2] if large else b"", a_colour=GREEN if large else INFRARED, the_last_field=INT32[end],
    )


def lists() -> Lists:
    colours = (RED, GREEN, INFRARED, 0, 77)  # 77: an open enum takes any number.
    return Lists(
        doubles=DOUBLES, floats=FLOATS, int32s=INT32, int64s=INT64, uint32s=UINT32, uint64s=UINT64, sint32s=INT32,
        sint64s=INT64, fixed32s=UINT32, fixed64s=UINT64, sfixed32s=INT32, sfixed64s=INT64, bools=(True, False, True),
        strings=STRINGS, byte_strings=BYTES, colours=colours, unpacked_int32s=INT32, unpacked_uint64s=UINT64,
        unpacked_doubles=DOUBLES, unpacked_colours=colours,
    )


def tree(depth: int) -> Tree:
    root = Tree(label="leaf")
    for level in range(depth):
        root = Tree(label=f"level {level}", left=root, more=[Tree(), Tree(label="side")])
    return root


def maps() -> Maps:
    return Maps(
        by_string={text: text[::-1] for text in STRINGS}, by_int32={key: Tree(label=str(key)) for key in INT32},
        by_int64={key: key for key in INT64}, by_uint32={key: bytes([key & 255]) for key in UINT32},
        by_uint64={key: key for key in UINT64}, by_sint32={key: key / 4 for key in INT32},
        by_sint64={key: str(key) for key in INT64}, by_fixed32={key: float(key & 1) for key in UINT32},
        by_fixed64={key: key % 2 == 1 for key in UINT64}, by_sfixed32={key: RED for key in INT32},
        by_sfixed64={key: key & (2**64 - 1) for key in INT64}, by_bool={True: GREEN, False: INFRARED},
    )


def presence(present: bool) -> Presence:
    """Defaults that are there, against nothing at all."""
    if not present:
        return Presence()
    return Presence(number=0, large=0, text="", blob=b"", flag=False, colour=0, real=0.0, plain=0)


def messages() -> list:
    """One of each kind, for a stream with type numbers."""
    return [
        Nothing(), scalars(large=True), scalars(large=False), Scalars(), Scalars(a_double=float("nan"), a_float=0.1),
        lists(), Lists(), tree(0), tree(40), maps(), Maps(),
        Choice(number=0), Choice(text=""), Choice(blob=b"\xff"), Choice(tree=Tree()), Choice(colour=INFRARED),
        Choice(large=2**64 - 1, beside="beside"), Choice(beside="none"), presence(True), presence(False),
        Blob(content=bytes(index * 7 & 255 for index in range(70_000))), Session.Close(code=2**32 - 1, reason="done"),
    ]


def delimited_messages() -> list:
    """The same in the one message of a delimited stream, the empty one first and last."""
    return [
        All(), All(scalars=scalars(large=True)), All(scalars=scalars(large=False)), All(lists=lists()), All(tree=tree(40)),
        All(maps=maps()), All(choice=Choice(large=2**64 - 1)), All(presence=presence(True)),
        All(blob=Blob(content=bytes(index * 7 & 255 for index in range(70_000)))),
        All(scalars=Scalars(), lists=Lists(), tree=Tree(), maps=Maps(), choice=Choice(), presence=Presence(), blob=Blob()),
        All(),
    ]


def same(left, right) -> bool:
    """Equality to the bit: NaN equals itself, and an absent field is not its default."""
    return (
        left.DESCRIPTOR.full_name == right.DESCRIPTOR.full_name
        and left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True)
    )
