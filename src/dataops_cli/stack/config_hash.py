"""Whether a container still is what its service says: a stable hash under Compose's label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from dataops_cli.stack.model import Network, Service

# What can change without a new container.
NOT_IN_THE_CONTAINER = {"build", "depends_on", "profiles", "pull_policy", "scale"}


def config_hash(service: Service) -> str:
    """Hex SHA-256 of the service's canonical form, without what no container shows."""
    shown = {key: value for key, value in service.items() if key not in NOT_IN_THE_CONTAINER}
    if isinstance(deploy := shown.get("deploy"), dict):
        shown["deploy"] = {key: value for key, value in deploy.items() if key != "replicas"}
    return hashlib.sha256(json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def network_hash(network: Network) -> str:
    """Hex SHA-256 of a network's canonical form."""
    return hashlib.sha256(json.dumps(network, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def secrets_hash(project: str, service: str, contents: Mapping[str, bytes]) -> str:
    """A fingerprint of a service's secrets, made slow so that a label cannot be used to guess them."""
    if not contents:
        return ""
    parts = [
        name.encode() + b"\0" + str(len(text)).encode() + b"\0" + text
        for name, text in sorted(contents.items())
    ]
    salt = f"{project}/{service}".encode()
    return hashlib.scrypt(b"".join(parts), salt=salt, n=4096, r=8, p=1, dklen=32).hex()
