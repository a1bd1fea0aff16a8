"""Plans, as golden text, from what is wanted and what is there. No engine is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack import labels
from dataops_cli.stack.config_hash import config_hash
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.observe import Container, Observation
from dataops_cli.stack.reconcile import Action, made_elsewhere, plan_down, plan_lifecycle, plan_up

DB: Service = {
    "image": "db:1",
    "networks": {"default": None},
    "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
    "restart": "unless-stopped",
}
WEB: Service = {
    "image": "web:1",
    "networks": {"default": None},
    "depends_on": {"db": {"condition": "service_healthy", "restart": True}},
    "restart": "unless-stopped",
}
INIT: Service = {"image": "web:1", "networks": {"default": None}, "restart": "no"}


def stack(**services: Service) -> Stack:
    return Stack(
        name="shop",
        folder=Path("/shop"),
        files=(Path("/shop/compose.yml"),),
        services=services,
        networks={"default": {"name": "shop_default"}},
        volumes={"data": {"name": "shop_data"}},
    )


def container(service: str, definition: Service, **changes: object) -> Container:
    needs = ",".join(f"{name}:service_healthy:false" for name in definition.get("depends_on", {}))
    made = Container(
        id=f"{service}-id",
        name=f"shop-{service}-1",
        service=service,
        number=1,
        state="running",
        health="",
        exit_code=None,
        image=definition["image"],
        image_id=f"sha256:{definition['image']}",
        labels={labels.CONFIG_HASH: config_hash(definition), labels.DEPENDS_ON: needs},
        networks=frozenset({"shop_default"}),
        volumes=frozenset({"shop_data"}) if "volumes" in definition else frozenset(),
        ports=(),
        status="Up",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(*containers: Container) -> Observation:
    mine = {labels.PROJECT: "shop", labels.NETWORK: "default"}
    return Observation(
        containers,
        networks={"shop_default": mine},
        volumes={"shop_data": {labels.PROJECT: "shop"}},
        images={"db:1": "sha256:db:1", "web:1": "sha256:web:1"},
    )


def lines(plan: list) -> list[str]:
    return [str(operation) for operation in plan]


def test_nothing_is_there() -> None:
    nothing = Observation((), {}, {}, {"db:1": None, "web:1": "sha256:web:1"})
    assert lines(plan_up(stack(web=WEB, db=DB), nothing)) == [
        "pull db:1: the image is missing",
        "create network shop_default: it is missing",
        "create volume shop_data: it is missing",
        "create shop-db-1: it is missing",
        "create shop-web-1: it is missing",
    ]


def test_all_is_there() -> None:
    assert plan_up(stack(web=WEB, db=DB), seen(container("db", DB), container("web", WEB))) == []


def test_an_edited_service_is_recreated_alone_and_what_asked_for_it_restarts() -> None:
    edited: Service = DB | {"environment": {"A": "1"}}  # type: ignore[assignment]
    assert lines(plan_up(stack(web=WEB, db=edited), seen(container("db", DB), container("web", WEB)))) == [
        "recreate shop-db-1: its configuration changed",
        "restart shop-web-1: db is new",
    ]


def test_what_shows_in_no_container_changes_nothing() -> None:
    edited: Service = WEB | {"profiles": ["x"], "pull_policy": "missing", "depends_on": {}}  # type: ignore[assignment]
    assert plan_up(stack(web=edited), seen(container("web", WEB))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"image_id": "sha256:old"}, "recreate shop-db-1: its image changed"),
        ({"networks": frozenset()}, "recreate shop-db-1: it is not on the network shop_default"),
        ({"volumes": frozenset()}, "recreate shop-db-1: the volume shop_data is not mounted"),
        ({"state": "created"}, "start shop-db-1: it is not running"),
        ({"state": "exited", "exit_code": 137}, "start shop-db-1: it has exited"),
        ({"state": "exited", "exit_code": 0}, "start shop-db-1: it has exited"),
        ({"name": "0123_shop-db-1"}, "rename shop-db-1: an interrupted change left it"),
        ({"state": "dead"}, "recreate shop-db-1: it is dead"),
    ],
)
def test_what_is_wrong_with_a_container(changes: dict, expected: str) -> None:
    assert lines(plan_up(stack(db=DB), seen(container("db", DB, **changes)))) == [expected]


def test_a_changed_secret_recreates() -> None:
    there = container("db", DB)
    assert lines(plan_up(stack(db=DB), seen(there), secrets={"db": "new"})) == [
        "recreate shop-db-1: a secret changed"
    ]


def test_an_interrupted_recreate_leaves_one_container() -> None:
    half_made = container("db", DB, id="new", name="0123_shop-db-1", state="created")
    assert lines(plan_up(stack(db=DB), seen(half_made, container("db", DB)))) == [
        "remove 0123_shop-db-1: an interrupted change left it"
    ]


def test_a_recreate_that_was_cut_off_while_the_old_one_goes_keeps_the_new_one() -> None:
    new = container("db", DB, id="new", name="0123_shop-db-1")
    going = container("db", DB, state="removing")
    assert lines(plan_up(stack(db=DB), seen(going, new))) == [
        "remove shop-db-1: an interrupted change left it",
        "rename shop-db-1: an interrupted change left it",
    ]


def test_a_one_shot_that_succeeded_does_not_run_again() -> None:
    done = container("init", INIT, state="exited", exit_code=0)
    assert plan_up(stack(init=INIT), seen(done)) == []
    failed = replace(done, exit_code=1)
    assert lines(plan_up(stack(init=INIT), seen(failed))) == ["start shop-init-1: it has exited"]


def test_a_service_with_a_health_check_is_to_stay_unless_its_end_is_awaited() -> None:
    checked: Service = {**INIT, "healthcheck": {"test": ["CMD", "true"]}}
    stopped = container("init", checked, state="exited", exit_code=0)
    assert lines(plan_up(stack(init=checked), seen(stopped))) == ["start shop-init-1: it has exited"]
    after: Service = {**WEB, "depends_on": {"init": {"condition": "service_completed_successfully"}}}
    there = seen(stopped, container("web", after))
    assert plan_up(stack(init=checked, web=after), there) == []


def test_fewer_replicas_and_orphans() -> None:
    second = container("web", WEB, id="second", name="shop-web-2", number=2)
    orphan = container("old", WEB, name="shop-old-1")
    there = seen(container("web", WEB), second, orphan)
    assert lines(plan_up(stack(web=WEB), there)) == ["remove shop-web-2: the service has 1 container(s)"]
    assert lines(plan_up(stack(web=WEB), there, remove_orphans=True)) == [
        "remove shop-old-1: its service is no longer in the files",
        "remove shop-web-2: the service has 1 container(s)",
    ]


def test_containers_of_a_service_with_a_name_of_its_own() -> None:
    named: Service = {**WEB, "container_name": "shop", "scale": 2}
    assert lines(plan_up(stack(web=named), seen())) == [
        "create shop: it is missing",
        "create shop-2: it is missing",
    ]
    first = container("web", named, name="shop")
    second = replace(first, id="second", name="shop-2", number=2)
    assert plan_up(stack(web=named), seen(first, second)) == []
    one: Service = {**named, "scale": 1}
    assert lines(plan_up(stack(web=one), seen(first, second))) == [
        "remove shop-2: the service has 1 container(s)"
    ]
    none: Service = {**named, "scale": 0}
    assert lines(plan_up(stack(web=none), seen(first))) == ["remove shop: the service has 0 container(s)"]


def test_another_project_s_volume_is_refused() -> None:
    there = replace(seen(), volumes={"shop_data": {labels.PROJECT: "other"}})
    with pytest.raises(DataopsError, match="belongs to other") as caught:
        plan_up(stack(db=DB), there)
    assert caught.value.exit_code is ExitCode.REFUSED


def test_an_image_that_must_not_be_pulled_and_is_missing() -> None:
    never: Service = DB | {"pull_policy": "never"}  # type: ignore[assignment]
    with pytest.raises(DataopsError, match="needs the image db:1") as caught:
        plan_up(stack(db=never), replace(seen(), images={"db:1": None}))
    assert caught.value.exit_code is ExitCode.UNAVAILABLE


def test_down_removes_dependents_first_and_volumes_only_on_request() -> None:
    mine = {labels.PROJECT: "shop", labels.NETWORK: "default"}
    containers = [container("db", DB), container("web", WEB)]
    networks = {"shop_default": mine, "foreign": {labels.PROJECT: "shop"}}
    assert lines(plan_down(containers, networks, ())) == [
        "remove shop-web-1: down was asked for",
        "remove shop-db-1: down was asked for",
        "remove network shop_default: down was asked for",
    ]
    assert lines(plan_down([], {}, ["shop_data"])) == ["remove volume shop_data: --volumes was given"]


def test_what_was_made_and_never_started_is_not_started_by_hand() -> None:
    half_made = [container("db", DB, state="created"), container("web", WEB)]
    for action in (Action.START, Action.RESTART):
        with pytest.raises(DataopsError, match="was made and never started") as caught:
            plan_lifecycle(action, half_made)
        assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert lines(plan_lifecycle(Action.STOP, half_made)) == ["stop shop-web-1: it was asked for"]


def test_a_network_that_the_files_changed_is_not_left_as_it_was() -> None:
    mine = {labels.PROJECT: "shop", labels.NETWORK: "default", labels.NETWORK_CONFIG: "another"}
    there = replace(seen(container("db", DB)), networks={"shop_default": mine})
    with pytest.raises(DataopsError, match="something else about the network shop_default") as caught:
        plan_up(stack(db=DB), there)
    assert caught.value.exit_code is ExitCode.REFUSED


def test_containers_of_another_platform_are_named_before_they_change() -> None:
    there = container("db", DB)
    foreign = replace(there, labels={**there.labels, labels.WORKING_DIR: "/elsewhere"})
    edited: Service = DB | {"environment": {"A": "1"}}  # type: ignore[assignment]
    wanted = stack(db=edited)
    assert made_elsewhere(wanted, plan_up(wanted, seen(foreign))) == ["/elsewhere"]
    ours = replace(there, labels={**there.labels, labels.WORKING_DIR: str(wanted.folder)})
    assert made_elsewhere(wanted, plan_up(wanted, seen(ours))) == []
    assert made_elsewhere(stack(db=DB), plan_up(stack(db=DB), seen(foreign))) == []


@pytest.mark.parametrize(
    ("pull", "expected"),
    [("", []), ("missing", []), ("never", []), ("always", ["pull db:1: a pull was asked for"])],
)
def test_when_an_image_that_is_there_is_pulled(pull: str, expected: list[str]) -> None:
    there = seen(container("db", DB))
    assert lines(plan_up(stack(db=DB), there, pull=pull))[: len(expected)] == expected
    assert bool(plan_up(stack(db=DB), there, pull=pull)) == bool(expected)


def test_never_pulling_is_for_all_services() -> None:
    with pytest.raises(DataopsError, match="needs the image db:1"):
        plan_up(stack(db=DB), replace(seen(), images={"db:1": None}), pull="never")
