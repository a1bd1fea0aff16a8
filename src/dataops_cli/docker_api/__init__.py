"""The Docker engine, through the Docker SDK. The only package that imports `docker`.

Answers are the Engine API's own JSON documents; what goes wrong becomes a DataopsError.
"""

from dataops_cli.docker_api.address import engine_place
from dataops_cli.docker_api.build_context import build_context, packed_context
from dataops_cli.docker_api.connect import connect
from dataops_cli.docker_api.engine import Engine
from dataops_cli.docker_api.errors import EngineError, or_none, refusal

__all__ = [
    "Engine",
    "EngineError",
    "build_context",
    "connect",
    "engine_place",
    "or_none",
    "packed_context",
    "refusal",
]
