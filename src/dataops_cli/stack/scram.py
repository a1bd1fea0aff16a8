"""What PostgreSQL keeps of a password, so that it can be changed without sending the password itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

# PostgreSQL's own number, and the smallest that RFC 7677 allows.
ITERATIONS = 4096


def scram_verifier(password: str) -> str:
    """The verifier of an ASCII password, as `ALTER ROLE … PASSWORD` takes it; nobody can log in with it.

    Sources: RFC 5802, section 3, and PostgreSQL's documentation of pg_authid.rolpassword.
    """
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
