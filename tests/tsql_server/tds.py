"""The frame of TDS: packets, the handshake (PRELOGIN, TLS inside TDS, LOGIN7), and reading messages.

Written after [MS-TDS]; `pysqlbridge` (MIT) was read for what real servers were measured to answer.
"""

from __future__ import annotations

import datetime
import select
import socket
import ssl
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

SQL_BATCH, RPC, TABULAR_RESULT, ATTENTION, BULK_LOAD, TRANSACTION_MANAGER = 1, 3, 4, 6, 7, 14
LOGIN7, PRELOGIN = 16, 18
END_OF_MESSAGE = 1
IGNORED = 2
RESET_CONNECTION = 8
RESET_CONNECTION_KEEP_TRANSACTION = 16
HEADER = struct.Struct(">BBHHBB")

# What the server says it is: SQL Server 2017.
VERSION = (14, 0, 3465)

ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUPPORTED, ENCRYPT_REQUIRED = 0, 1, 2, 3


class Disconnected(Exception):
    """The client went away."""


@dataclass(frozen=True)
class Message:
    type: int
    payload: bytes
    status: int = 0


@dataclass(frozen=True)
class Login:
    user: str
    password: str
    database: str
    host: str
    program: str
    packet_size: int


def server_context() -> ssl.SSLContext:
    """TLS with a certificate made for this process."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # TLS 1.3 sends tickets after the handshake, where the client expects none inside TDS frames.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.flush()
        context.load_cert_chain(Path(file.name))
    return context


class Transport:
    """One client's socket: whole messages in, whole messages out, encrypted or not."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.packet_size = 4096
        self.spid = 0
        self._received = bytearray()
        self._plain = bytearray()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._encrypting = False
        self._packet = 1

    # --- handshake ---

    def open(self, context: ssl.SSLContext) -> Login:
        asked = self._message_of(PRELOGIN)
        wanted = _prelogin_option(asked, 1)
        wish = wanted[0] if wanted else ENCRYPT_NOT_SUPPORTED
        agreed = {ENCRYPT_OFF: ENCRYPT_OFF, ENCRYPT_NOT_SUPPORTED: ENCRYPT_NOT_SUPPORTED}.get(
            wish, ENCRYPT_ON
        )
        self.send(_prelogin_answer(agreed))
        if agreed != ENCRYPT_NOT_SUPPORTED:
            self._handshake(context)
        login = _login(self._message_of(LOGIN7))
        # Without encryption the tunnel was for the password alone.
        if agreed == ENCRYPT_OFF:
            self._tls, self._encrypting = None, False
        if 512 <= login.packet_size <= 32767:
            self.packet_size = login.packet_size
        return login

    def _handshake(self, context: ssl.SSLContext) -> None:
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            self._incoming.write(self._message_of(PRELOGIN))
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            records = self._outgoing.read()
            if records:
                self._write_packets(PRELOGIN, records, last=True)
            if done:
                break
        self._tls, self._encrypting = tls, True
        # What came with the last record already is application data.
        self._decrypt()

    # --- in ---

    def _message_of(self, kind: int) -> bytes:
        message = self.receive()
        if message.type != kind:
            raise Disconnected(f"expected a message of type {kind}, not {message.type}")
        return message.payload

    def receive(self) -> Message:
        """Wait for the next whole message."""
        while True:
            message = self._take()
            if message:
                return message
            self._read()

    def attention(self) -> bool:
        """Read what is there without waiting; whether the client cancels. Raises where it went away."""
        while select.select([self.socket], [], [], 0)[0]:
            self._read()
        message = self._take()
        if message is None:
            return False
        if message.type != ATTENTION:
            raise Disconnected("the client sent a request before the answer to the one before")
        return True

    def pending(self) -> bool:
        return bool(self._plain if self._encrypting else self._received)

    def _read(self) -> None:
        try:
            data = self.socket.recv(262144)
        except OSError as error:
            raise Disconnected(str(error)) from None
        if not data:
            raise Disconnected("the client closed the connection")
        self._received += data
        self._decrypt()

    def _decrypt(self) -> None:
        if not (self._encrypting and self._tls):
            return
        self._incoming.write(bytes(self._received))
        self._received.clear()
        while True:
            try:
                data = self._tls.read(262144)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError as error:
                raise Disconnected(str(error)) from None
            if not data:
                raise Disconnected("the client ended TLS")
            self._plain += data

    def _take(self) -> Message | None:
        buffer = self._plain if self._encrypting else self._received
        at, first, parts = 0, None, []
        while len(buffer) >= at + HEADER.size:
            kind, status, length, _, _, _ = HEADER.unpack_from(buffer, at)
            if length < HEADER.size:
                raise Disconnected("a packet shorter than its header")
            if len(buffer) < at + length:
                return None
            first = (kind, status) if first is None else first
            parts.append(bytes(buffer[at + HEADER.size : at + length]))
            at += length
            if status & END_OF_MESSAGE:
                del buffer[:at]
                if status & IGNORED:
                    return self._take()
                return Message(first[0], b"".join(parts), first[1])
        return None

    # --- out ---

    def send(self, payload: bytes, *, last: bool = True) -> None:
        """Send (a part of) an answer. Parts that are not last are whole packets: see `room`."""
        self._write_packets(TABULAR_RESULT, payload, last=last)

    @property
    def room(self) -> int:
        return self.packet_size - HEADER.size

    def _write_packets(self, kind: int, payload: bytes, *, last: bool) -> None:
        out = bytearray()
        room = self.room
        pieces = [payload[at : at + room] for at in range(0, len(payload), room)] or [b""]
        for number, piece in enumerate(pieces, 1):
            end = END_OF_MESSAGE if last and number == len(pieces) else 0
            out += HEADER.pack(kind, end, len(piece) + HEADER.size, self.spid & 0xFFFF, self._packet, 0)
            out += piece
            self._packet = self._packet % 255 + 1
        if last:
            self._packet = 1
        data = bytes(out)
        if self._encrypting and self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from None


def _prelogin_option(payload: bytes, wanted: int) -> bytes | None:
    at = 0
    while at < len(payload) and payload[at] != 0xFF:
        option, offset, length = struct.unpack_from(">BHH", payload, at)
        if option == wanted:
            return payload[offset : offset + length]
        at += 5
    return None


def _prelogin_answer(encryption: int) -> bytes:
    options = [
        (0, struct.pack(">BBHH", *VERSION, 0)),
        (1, bytes([encryption])),
        (2, b"\0"),
        (3, b""),
        (4, b"\0"),
    ]
    offset = 5 * len(options) + 1
    table, data = b"", b""
    for option, value in options:
        table += struct.pack(">BHH", option, offset + len(data), len(value))
        data += value
    return table + b"\xff" + data


def _login(payload: bytes) -> Login:
    def text(at: int) -> bytes:
        offset, characters = struct.unpack_from("<HH", payload, at)
        return payload[offset : offset + 2 * characters]

    # The client swaps the halves of each byte, then XORs; this is the way back.
    hidden = (byte ^ 0xA5 for byte in text(44))
    password = bytes((byte & 0x0F) << 4 | byte >> 4 for byte in hidden)
    return Login(
        user=text(40).decode("utf-16-le"),
        password=password.decode("utf-16-le"),
        database=text(68).decode("utf-16-le"),
        host=text(36).decode("utf-16-le"),
        program=text(48).decode("utf-16-le"),
        packet_size=struct.unpack_from("<I", payload, 8)[0],
    )


def without_headers(payload: bytes) -> bytes:
    """A request without its ALL_HEADERS."""
    (length,) = struct.unpack_from("<I", payload)
    return payload[length:]
