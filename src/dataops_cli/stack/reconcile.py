"""From what is wanted and what is there to a plan. Pure: no engine, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack import labels
from dataops_cli.stack.config_hash import config_hash, network_hash
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.observe import Container, Observation, image_of


class Action(StrEnum):
    PULL = "pull"
    BUILD = "build"
    CREATE_NETWORK = "create network"
    CREATE_VOLUME = "create volume"
    REMOVE = "remove"
    CREATE = "create"
    RECREATE = "recreate"
    RENAME = "rename"
    START = "start"
    RESTART = "restart"
    STOP = "stop"
    REMOVE_NETWORK = "remove network"
    REMOVE_VOLUME = "remove volume"


@dataclass(frozen=True)
class Operation:
    """One step of a plan, with its cause. `container` is the one acted on, where it exists already."""

    action: Action
    subject: str
    cause: str
    service: str = ""
    number: int = 1
    container: Container | None = None

    @property
    def container_id(self) -> str:
        """The id of the container acted on. Raises ValueError where it does not exist yet."""
        if self.container is None:
            raise ValueError(f"{self.action} needs the container it acts on")
        return self.container.id

    def __str__(self) -> str:
        return f"{self.action} {self.subject}: {self.cause}"


def container_name(stack: Stack, service: str, number: int) -> str:
    """A name of the service's own is that of its first container; the others have their number behind it."""
    own = stack.services[service].get("container_name")
    if own:
        return own if number == 1 else f"{own}-{number}"
    return f"{stack.name}-{service}-{number}"


def replicas(service: Service) -> int:
    """How many containers a service has: `scale`, else `deploy.replicas`, else one."""
    return int(service.get("scale", service.get("deploy", {}).get("replicas", 1)))


def is_one_shot(stack: Stack, name: str) -> bool:
    """Whether a service does its work and ends. One with a health check is to stay, unless its end is awaited."""
    service = stack.services[name]
    check = service.get("healthcheck", {})
    stays = bool(check.get("test")) and not check.get("disable")
    return service.get("restart", "no") == "no" and (not stays or is_awaited_to_complete(stack, name))


def is_awaited_to_complete(stack: Stack, name: str) -> bool:
    needs = [
        other.get("depends_on", {}).get(name, {}) for other in {**stack.disabled, **stack.services}.values()
    ]
    return any(how.get("condition") == "service_completed_successfully" for how in needs)


def start_order(services: Mapping[str, Service]) -> list[str]:
    """The services, each after those it depends on, otherwise in their own order."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or name not in services:
            return
        for dependency in sorted(services[name].get("depends_on", {})):
            visit(dependency)
        order.append(name)

    for name in services:
        visit(name)
    return order


def plan_up(
    stack: Stack,
    seen: Observation,
    *,
    secrets: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    build: bool = False,
    pull: str = "",
    force_recreate: bool = False,
    remove_orphans: bool = False,
) -> list[Operation]:
    """What brings the stack up, in order. Empty when everything is as wanted.

    `secrets` has, by service, the fingerprint of its secrets, and `inputs`, by image, the hash of what it is built
    from. `pull` is a pull policy for all services, in place of their own. Raises DataopsError where something of
    another owner is in the way.
    """
    plan = plan_images(stack, seen, inputs=inputs or {}, build=build, pull=pull)
    renewed = {operation.subject for operation in plan}
    plan += _networks_and_volumes(stack, seen)
    if remove_orphans:
        plan += [_remove(item, "its service is no longer in the files") for item in orphans(stack, seen)]
    recreated: set[str] = set()
    for name in start_order(stack.services):
        operations = list(
            _service(stack, seen, name, (secrets or {}).get(name, ""), renewed, force_recreate, recreated)
        )
        if any(item.action in (Action.CREATE, Action.RECREATE) for item in operations):
            recreated.add(name)
        plan += operations
    return plan


def orphans(stack: Stack, seen: Observation) -> list[Container]:
    """Containers of the project whose service is in the files no more (a disabled one still is)."""
    known = {*stack.services, *stack.disabled}
    return [item for item in seen.containers if item.service not in known and not item.one_off]


def plan_down(
    containers: Iterable[Container],
    networks: Mapping[str, Mapping[str, str]],
    volumes: Collection[str],
) -> list[Operation]:
    """What takes a project away, dependents first. Volumes are removed only where they are named."""
    ordered = stop_order(containers)
    plan = [_remove(item, "down was asked for") for item in ordered]
    plan += [
        Operation(Action.REMOVE_NETWORK, name, "down was asked for")
        for name, its_labels in sorted(networks.items())
        if labels.NETWORK in its_labels
    ]
    return plan + [Operation(Action.REMOVE_VOLUME, name, "--volumes was given") for name in sorted(volumes)]


def stop_order(containers: Iterable[Container]) -> list[Container]:
    """Dependents before what they depend on, as the containers' own labels say."""
    items = list(containers)
    graph: dict[str, Service] = {
        item.service: {"depends_on": {name: {} for name in dependencies(item)}} for item in items
    }
    place = {name: index for index, name in enumerate(start_order(graph))}
    return sorted(items, key=lambda item: (-place[item.service], item.number, item.name))


def plan_lifecycle(action: Action, containers: Iterable[Container]) -> list[Operation]:
    """Stop, start or restart containers as they are: dependents last to start and first to stop.

    Raises DataopsError (exit 3) for one that an interrupted `up` has not started yet.
    """
    ordered = [item for item in stop_order(containers) if not item.one_off]
    if action is not Action.STOP and (half_made := [item for item in ordered if item.state == "created"]):
        # It may lack its secrets, which are copied into it before its first start.
        raise DataopsError(
            f"{half_made[0].name} was made and never started",
            hint="Finish it with: dataops up",
            exit_code=ExitCode.UNAVAILABLE,
        )
    if action is Action.STOP:
        ordered = [item for item in ordered if item.running]
    else:
        ordered.reverse()
        if action is Action.START:
            ordered = [item for item in ordered if not item.running]
    return [
        Operation(action, item.name, "it was asked for", item.service, item.number, item) for item in ordered
    ]


def dependencies(container: Container) -> list[str]:
    """The services in the label `depends_on`: `db:service_healthy:false,…`."""
    return [part.split(":")[0] for part in container.labels.get(labels.DEPENDS_ON, "").split(",") if part]


def plan_images(
    stack: Stack, seen: Observation, *, inputs: Mapping[str, str], build: bool = False, pull: str = ""
) -> list[Operation]:
    """What brings the images to the engine. The parameters are those of `plan_up`."""
    plan: dict[str, Operation] = {}
    for name, service in stack.services.items():
        image = image_of(stack, name)
        if image in plan:
            continue
        missing = (seen.images or {}).get(image) is None
        policy = pull or service.get("pull_policy", "")
        changed = (seen.inputs or {}).get(image, inputs.get(image)) != inputs.get(image)
        if "build" in service and (build or missing or changed or policy == "build"):
            asked = "what it is built from changed" if changed else "a build was asked for"
            plan[image] = Operation(Action.BUILD, image, "the image is missing" if missing else asked, name)
        elif "build" not in service and policy != "never" and (missing or policy == "always"):
            cause = "the image is missing" if missing else "a pull was asked for"
            plan[image] = Operation(Action.PULL, image, cause, name)
        elif missing:
            raise DataopsError(
                f"Service {name} needs the image {image}, which is not on the engine (pull_policy: never)",
                hint=f"Bring it there: docker pull {image}, or docker load",
                exit_code=ExitCode.UNAVAILABLE,
            )
    return list(plan.values())


def _networks_and_volumes(stack: Stack, seen: Observation) -> list[Operation]:
    plan = []
    for kind, wanted, there, action in (
        ("network", stack.networks, seen.networks or {}, Action.CREATE_NETWORK),
        ("volume", stack.volumes, seen.volumes or {}, Action.CREATE_VOLUME),
    ):
        for key, item in wanted.items():
            name = item["name"]
            if item.get("external"):
                if name not in there:
                    raise DataopsError(
                        f"{kind} {name} is external and not on the engine",
                        hint=f"Make it: docker {kind} create {name}",
                        exit_code=ExitCode.UNAVAILABLE,
                    )
            elif moved := _under_another_name(stack, kind, key, there):
                raise DataopsError(
                    f"The {kind} {key} of the stack {stack.name} is there under another name: {moved}",
                    hint="Put stack.prefix back as it was. If that is the stack of another platform on this engine, "
                    "give yours a stack.name and a stack.prefix of its own.",
                    exit_code=ExitCode.REFUSED,
                )
            elif name not in there:
                plan.append(Operation(action, name, "it is missing", key))
            elif there[name].get(labels.PROJECT) != stack.name:
                raise DataopsError(
                    f"{kind} {name} is there already and belongs to {there[name].get(labels.PROJECT, 'no project')}",
                    hint=f"Give this environment another prefix (stack.prefix), or declare the {kind} external.",
                    exit_code=ExitCode.REFUSED,
                )
            elif kind == "network" and there[name].get(
                labels.NETWORK_CONFIG, network_hash(stack.networks[key])
            ) != network_hash(stack.networks[key]):
                raise DataopsError(
                    f"The files say something else about the network {name} than when it was made",
                    hint="A network is made anew only without its containers: dataops down, then up again.",
                    exit_code=ExitCode.REFUSED,
                )
    return plan


def _under_another_name(
    stack: Stack, kind: str, key: str, there: Mapping[str, Mapping[str, str]]
) -> str | None:
    """What bears our project's and key's labels, but not our name: what it holds would be left behind."""
    label = labels.NETWORK if kind == "network" else labels.VOLUME
    wanted = (stack.networks if kind == "network" else stack.volumes)[key]["name"]
    for name, its_labels in there.items():
        if (its_labels.get(labels.PROJECT), its_labels.get(label)) == (stack.name, key) and name != wanted:
            return name
    return None


def made_elsewhere(stack: Stack, plan: Iterable[Operation]) -> list[str]:
    """The folders of other platforms whose containers a plan would change."""
    changed = (Action.RECREATE, Action.REMOVE)
    folders = {
        item.container.labels.get(labels.WORKING_DIR, "")
        for item in plan
        if item.container is not None and item.action in changed
    }
    return sorted(folders - {"", str(stack.folder)})


def _service(
    stack: Stack,
    seen: Observation,
    name: str,
    secrets: str,
    renewed: Collection[str],
    force: bool,
    recreated: Collection[str],
) -> Iterable[Operation]:
    service = stack.services[name]
    mine = [item for item in seen.containers if item.service == name and not item.one_off]
    wanted = replicas(service)
    for number in range(1, wanted + 1):
        subject = container_name(stack, name, number)
        # First what is not on its way out, and what has its name: the rest was left by a change that was cut off.
        ours = sorted(
            (item for item in mine if item.number == number),
            key=lambda item: (item.state == "removing", item.name != subject),
        )
        current = ours[0] if ours else None
        for item in ours:
            if item is not current:
                yield _remove(item, "an interrupted change left it")
        if current is None:
            yield Operation(Action.CREATE, subject, "it is missing", name, number)
        elif cause := _outdated(stack, seen, name, current, secrets, renewed, force):
            yield Operation(Action.RECREATE, subject, cause, name, number, current)
        else:
            if current.name != subject:
                yield Operation(
                    Action.RENAME, subject, "an interrupted change left it", name, number, current
                )
            yield from _start(stack, subject, name, number, current, recreated)
    for item in mine:
        if item.number > wanted:
            yield _remove(item, f"the service has {wanted} container(s)")


def _start(
    stack: Stack, subject: str, name: str, number: int, current: Container, recreated: Collection[str]
) -> Iterable[Operation]:
    restarts = [
        dependency
        for dependency, how in stack.services[name].get("depends_on", {}).items()
        if how.get("restart") and dependency in recreated
    ]
    finished = current.state == "exited" and current.exit_code == 0 and is_one_shot(stack, name)
    if not current.running and not finished:
        cause = "it is not running" if current.state == "created" else f"it has {current.state}"
        yield Operation(Action.START, subject, cause, name, number, current)
    elif current.running and restarts:
        yield Operation(Action.RESTART, subject, f"{restarts[0]} is new", name, number, current)


def _outdated(
    stack: Stack,
    seen: Observation,
    name: str,
    current: Container,
    secrets: str,
    renewed: Collection[str],
    force: bool,
) -> str:
    """Why a container must be made anew; empty when it need not."""
    service = stack.services[name]
    image = image_of(stack, name)
    networks = {stack.networks[key]["name"] for key in service.get("networks", {})}
    volumes = {
        stack.volumes[mount["source"]]["name"]
        for mount in service.get("volumes", [])
        if mount["type"] == "volume" and mount.get("source") in stack.volumes
    }
    if force:
        return "--force-recreate was given"
    if current.labels.get(labels.CONFIG_HASH) != config_hash(service):
        return "its configuration changed"
    if image in renewed or current.image_id != (seen.images or {}).get(image):
        return "its image changed"
    if current.labels.get(labels.SECRETS, "") != secrets:
        return "a secret changed"
    if missing := networks - current.networks:
        return f"it is not on the network {min(missing)}"
    if missing := networks - set(seen.networks or {}):
        return f"its network {min(missing)} is gone"
    if missing := volumes - current.volumes:
        return f"the volume {min(missing)} is not mounted"
    return "it is dead" if current.state in ("dead", "removing") else ""


def _remove(container: Container, cause: str) -> Operation:
    return Operation(Action.REMOVE, container.name, cause, container.service, container.number, container)
