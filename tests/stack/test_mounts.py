"""Which volumes a container takes over from the one in whose place it comes."""

from __future__ import annotations

from typing import Any

from dataops_cli.stack.model import Service
from dataops_cli.stack.mounts import SECRETS_FOLDER, anonymous_volumes

IMAGE = {"Config": {"Volumes": {"/of-image": {}, "/bound": {}}}}


def old(*mounts: tuple[str, str]) -> dict[str, Any]:
    return {"Mounts": [{"Type": "volume", "Name": name, "Destination": target} for target, name in mounts]}


def test_volumes_without_a_name_are_taken_over() -> None:
    service: Service = {
        "volumes": [
            {"type": "volume", "target": "/own"},
            {"type": "volume", "source": "data", "target": "/data"},
            {"type": "bind", "source": "/host", "target": "/bound"},
        ]
    }
    before = old(
        ("/own", "a"), ("/data", "stack_data"), ("/of-image", "b"), ("/bound", "c"), ("/no-longer", "d")
    )
    assert anonymous_volumes(service, IMAGE, before) == {"/own": "a", "/of-image": "b"}


def test_a_folder_that_was_bound_is_none() -> None:
    before = {"Mounts": [{"Type": "bind", "Source": "/host", "Destination": "/of-image"}]}
    assert anonymous_volumes({}, IMAGE, before) == {}


def test_old_secrets_are_left_behind() -> None:
    service: Service = {"read_only": True, "secrets": [{"source": "s", "target": "/run/secrets/s"}]}
    assert anonymous_volumes(service, {"Config": {"Volumes": None}}, old((SECRETS_FOLDER, "x"))) == {}


def test_a_container_or_image_without_volumes() -> None:
    assert anonymous_volumes({"volumes": [{"type": "volume", "target": "/own"}]}, {}, {"Mounts": None}) == {}
