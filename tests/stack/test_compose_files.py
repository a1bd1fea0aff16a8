"""Our reading of Compose files beside the real `docker compose config`."""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_file_set import ENV_FILES, MERGES, file_sets
from flat import flat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataops_cli.errors import DataopsError
from dataops_cli.stack.load import load_stack
from dataops_cli.stack.merge import REPLACED, UNIQUE
from dataops_cli.stack.readers import Record
from support import ROOT

pytestmark = pytest.mark.engine

Compose = Callable[..., "subprocess.CompletedProcess[str]"]


def same_as_compose(compose: Compose, folder: Path, files: list[Path], **variables: str) -> None:
    chosen = [part for file in files for part in ("-f", str(file))]
    done = compose(*chosen, "--profile", "*", "config", "--format", "json", cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    theirs = {key: item for key, item in json.loads(done.stdout).items() if not key.startswith("x-")}
    ours = load_stack(files, variables=variables, profiles=["*"]).document()
    assert flat(without_blank_options(ours)) == flat(without_blank_options(unescaped(theirs)))


def unescaped(value: Any) -> Any:
    """Compose doubles dollars when it prints, so that its output is a Compose file again."""
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def without_blank_options(document: dict[str, Any]) -> dict[str, Any]:
    """Compose prints `volume: {}` of a short mount, but loses it when a second file is merged; it says nothing."""
    for service in document["services"].values():
        for mount in service.get("volumes", []):
            if mount.get("volume") == {}:
                del mount["volume"]
    return document


def write(folder: Path, texts: tuple[str, ...]) -> list[Path]:
    for name, content in ENV_FILES.items():
        (folder / name).write_text(content)
    files = [folder / f"{index}.yml" for index in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return files


@pytest.mark.parametrize("texts", file_sets(), ids=lambda texts: " | ".join(texts)[:100])
def test_a_set_of_files(tmp_path: Path, compose: Compose, texts: tuple[str, ...]) -> None:
    same_as_compose(compose, tmp_path, write(tmp_path, texts), C="cee", PW="x")


def test_variables_that_are_set_and_not(tmp_path: Path, compose: Compose) -> None:
    files = write(tmp_path, file_sets()[0])
    same_as_compose(compose, tmp_path, files, B="", STACK_NAME="other")
    same_as_compose(compose, tmp_path, files, COMPOSE_PROJECT_NAME="from-outside", C="", B="b")


def test_every_key_is_in_a_file_of_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [item for item in gc.get_objects() if isinstance(item, Record)]
    assert len(tables) > 20
    met: dict[Record, set[str]] = {table: set() for table in tables}
    read = Record.__call__

    def noting(table: Record, value: Any) -> dict[str, Any]:
        met[table].update(value)
        return read(table, value)

    monkeypatch.setattr(Record, "__call__", noting)
    for texts in file_sets():
        load_stack(write(tmp_path, texts), variables={"C": "cee", "PW": "x"}, profiles=["*"])
    missing = [sorted({*table.readers} - keys) for table, keys in met.items()]
    assert [keys for keys in missing if keys] == []


def test_every_merge_rule_is_in_a_file_of_the_set() -> None:
    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {*value}.union(*(keys(item) for item in value.values()))
        return set()

    class Loader(yaml.SafeLoader):
        """Takes `!reset` and `!override` for nothing special."""

    Loader.add_multi_constructor("!", lambda loader, _suffix, node: None)
    tried: set[str] = set()
    for first, second in MERGES:
        tried |= keys(yaml.load(f"{{{first}}}", Loader)) & keys(yaml.load(f"{{{second}}}", Loader))  # noqa: S506
    assert {*UNIQUE, *REPLACED, "logging"} <= tried


NAMES = ("SET", "EMPTY", "UNSET", "DOLLAR")
VARIABLES = {"SET": "value", "EMPTY": "", "DOLLAR": "$SET ${SET}"}


def expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    name = st.sampled_from(NAMES)
    operator = st.sampled_from([":-", "-", ":+", "+"])
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        name.map("${}".format),
        name.map("${{{}}}".format),
        st.builds("${{{}{}{}}}".format, name, operator, inner),
    )


EXPRESSIONS = st.recursive(st.text("ab :-+?/.,_1", max_size=4) | st.just("$$"), expressions, max_leaves=8)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EXPRESSIONS, min_size=60, max_size=60))
def test_variables_are_replaced_as_compose_does(compose: Compose, texts: list[str]) -> None:
    labels = {f"l{index}": text for index, text in enumerate(texts)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "compose.yml")
        file.write_text(json.dumps({"services": {"a": {"image": "i", "labels": labels}}}))
        same_as_compose(compose, Path(folder), [file], **VARIABLES)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.builds("${{{}{}{}}}".format, st.sampled_from(NAMES), st.sampled_from([":?", "?"]), EXPRESSIONS),
        st.text("$ }A:-?+1", min_size=1, max_size=6).map("a${}".format),
    )
)
def test_broken_and_required_variables_are_refused_as_compose_does(compose: Compose, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "compose.yml")
        file.write_text(json.dumps({"services": {"a": {"image": "i", "labels": {"l": text}}}}))
        done = compose("config", "--format", "json", cwd=Path(folder), **VARIABLES)
        if done.returncode:
            with pytest.raises(DataopsError) as caught:
                load_stack([file], variables=VARIABLES)
            assert ":1: services.a.labels.l" in caught.value.reason
        else:
            theirs = unescaped(json.loads(done.stdout))["services"]["a"]["labels"]
            assert load_stack([file], variables=VARIABLES).services["a"]["labels"] == theirs


def test_the_platform_s_own_files(compose: Compose) -> None:
    files = [ROOT / "compose" / "compose.yml"]
    same_as_compose(compose, ROOT, files)
    same_as_compose(
        compose, ROOT, files, STACK_PREFIX="staging-", SQLSERVER_PORT="11433", POSTGRES_IMAGE="p:1"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "services:\n  a:\n    image: i\n    network_mode: host\n",
            ":4: services.a.network_mode is not supported",
        ),
        ("services:\n  a:\n    imge: i\n", ":3: services.a.imge is not supported"),
        ("services:\n  a:\n    image: i\n    ports: 80\n", ":4: services.a.ports must be a list"),
        ("services:\n  a:\n    image: i\n    image: j\n", ":4: services.a.image is there twice"),
        ("services:\n  a: [\n", ":3: no valid YAML"),
        (
            "services:\n  a:\n    image: ${I:?name one}\n",
            ":3: services.a.image needs the variable I: name one",
        ),
        ("services:\n  a:\n    command: x\n", ":2: services.a needs image or build"),
        ("name: ${N?}\nservices: {}\n", ":1: name needs the variable N"),
        ("name: '...'\nservices: {}\n", "'...' can be no name of a Compose project"),
        (
            "services:\n  a: {image: i, depends_on: [b]}\n  b: {image: i, depends_on: [a]}\n",
            ":2: services.a.depends_on goes round: a → b → a",
        ),
        (
            "services:\n  a: {image: i, depends_on: [c]}\n",
            "services.a.depends_on.c names a service which does not",
        ),
        ("services:\n  a:\n    image: i\n    mem_limit: lots\n", ":4: services.a.mem_limit must be a size"),
        (
            "services:\n  a:\n    image: i\n    volumes: ['vol:/v']\n",
            ":4: services.a.volumes names vol, which does not",
        ),
        ("services:\n  a:\n    image: i\n    volumes: ['v:/v']\n", "Compose takes for a drive"),
        (
            "services:\n  a: {image: i, depends_on: {c: {condition: service_started, required: false}}}\n",
            "services.a.depends_on.c names a service which does not",
        ),
        ("services:\n  a: {image: i, depends_on: {a: {}}}\n", "services.a.depends_on.a needs condition"),
        (
            "services:\n  a:\n    image: i\n    scale: 2\n    deploy: {replicas: 3}\n",
            ":4: services.a.scale and deploy.replicas differ",
        ),
        (
            "services:\n  a:\n    image: i\n    cpus: 2\n    deploy: {resources: {limits: {memory: 1g}}}\n",
            ":4: services.a.cpus and deploy.resources.limits.cpus differ",
        ),
        (
            "services:\n  a:\n    image: i\nvolumes:\n  v: {external: true, driver: local}\n",
            ":5: volumes.v is external and has driver",
        ),
        (
            "services:\n  a:\n    image: i\nsecrets:\n  s: {environment: A, file: b}\n",
            ":5: secrets.s needs either environment or file",
        ),
        ("services:\n  a b:\n    image: i\n", ":2: services.a b is no name"),
        (
            "services:\n  a:\n    image: i\n    container_name: x\n    scale: 2\n",
            ":4: services.a.container_name is one name for 2 containers",
        ),
        (
            "services:\n  a: {image: i, container_name: x}\n  b: {image: i, container_name: x}\n",
            ":2: services.a.container_name is shared by service b",
        ),
        (
            "services:\n  a:\n    image: i\n    volumes: [{type: bind, target: /x}]\n",
            ":4: services.a.volumes needs source",
        ),
        (
            "services:\n  a:\n    image: i\n    ports: [{target: 80, published: x}]\n",
            ":4: services.a.ports.published must be a whole number (it is 'x')",
        ),
        (
            "services:\n  a:\n    image: i\n    build: https://x/y.git\n",
            ":4: services.a.build must be a folder",
        ),
        (
            "services:\n  a:\n    image: i\n    environment:\n      DAY: 2026-01-31\n",
            ":5: 2026-01-31 is a date to Compose",
        ),
        (
            "services:\n  a:\n    image: i\n    volumes:\n"
            "      - {type: bind, source: /a, target: /a, bind: {selinux: z}}\n",
            ":5: services.a.volumes has selinux, which",
        ),
        ("services:\n  a:\n    image: i\n    env_file: bad.env\n", "bad.env:3: no variable"),
        ("services:\n  a:\n    image: i\n    env_file: need.env\n", "need.env:1: A needs the variable N: it"),
        ("services:\n  a:\n    image: i\n    env_file: gone.env\n", "services.a.env_file: cannot read"),
    ],
)
def test_what_is_refused_names_file_line_and_key(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(text)
    (tmp_path / "bad.env").write_text("A=1\n\nA B=1\n")
    (tmp_path / "need.env").write_text("A=${N?}\n")
    with pytest.raises(DataopsError) as caught:
        load_stack([file], variables={})
    assert reason in caught.value.reason
    assert caught.value.exit_code == 2
    assert caught.value.hint
