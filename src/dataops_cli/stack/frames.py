"""The frames in which the engine sends stdout and stderr over one stream.

Source: the Engine API reference, `POST /containers/{id}/attach`: eight bytes of header (the stream's number,
three zeros, the length as a big-endian number), then as many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

STDOUT, STDERR = 1, 2
_HEADER = struct.Struct(">BxxxL")


def frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(number of the stream, content) of each frame, wherever the pieces were cut.

    What has come of a last frame that was cut off is given too.
    """
    held = bytearray()
    for piece in pieces:
        held += piece
        start = 0
        while len(held) - start >= _HEADER.size:
            stream, length = _HEADER.unpack_from(held, start)
            end = start + _HEADER.size + length
            if len(held) < end:
                break
            yield stream, bytes(held[start + _HEADER.size : end])
            start = end
        del held[:start]
    if len(held) > _HEADER.size:
        yield held[0], bytes(held[_HEADER.size :])
