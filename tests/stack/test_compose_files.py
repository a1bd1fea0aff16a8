"""Our reading of Compose files beside the real `docker compose config`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.stack.load import load_stack
from support import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

WIDE = """\
name: ${STACK_NAME:-demo}
x-common: &common
  restart: unless-stopped
  environment: &env
    A: 1
    B: "${B:-bee}"
    C:
    T: true
services:
  db:
    <<: *common
    image: db:1
    ports: ["127.0.0.1:5432:5432", "8000-8001:9000-9001", 99]
    volumes: ["data:/data", "./conf:/conf:ro", {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
    healthcheck: {test: "true", interval: 90s, retries: 3}
    mem_limit: 512m
    shm_size: 64m
    stop_grace_period: 1m30s
    secrets: [pw, {source: other, target: /x/y, mode: 0400}]
    deploy: {resources: {limits: {cpus: 0.5, memory: 512m}}}
    logging: {driver: json-file, options: {max-size: 10m}}
    extra_hosts: ["a:1.2.3.4"]
    tmpfs: /run
    cap_drop: [ALL]
    ulimits: {nofile: 100, nproc: {soft: 1, hard: 2}}
  web:
    build: ./web
    command: echo "a b" $$X
    depends_on: [db]
    networks: {front: {aliases: [w]}, back: }
    profiles: [p]
    labels: [a=b]
    expose: [80]
    environment: [Q=1, C]
    scale: 2
    init: true
    pids_limit: 10
networks: {front: , back: {internal: true, driver: bridge, labels: {x: y}}}
volumes: {data: , unused: }
secrets: {pw: {environment: PW}, other: {file: ./o}}
"""
OVER = """\
services:
  db:
    command: ["x"]
    ports: !override ["1.2.3.4:1:1"]
    environment: {A: 2, Z: !reset null}
    volumes: ["./other:/conf", "/abs:/abs:z"]
    healthcheck: {test: ["CMD", "y"], timeout: 5s}
    mem_limit: 1g
    deploy: {resources: {limits: {memory: 1g}}}
    cap_drop: [NET_RAW, ALL]
    extra_hosts: ["b:1.1.1.1"]
    secrets: [{source: pw, uid: "5"}]
    tmpfs: [/run, /two]
    expose: ["90"]
    labels: {n: 1.10, m: yes}
  web:
    build: {args: [K=v, C], target: t}
    depends_on: {db: {condition: service_healthy, restart: true}}
    profiles: [p, q]
    cpus: "1.5"
    user: 1000:1000
    entrypoint: ""
    command: !reset []
"""
SMALL = [
    "services: {a: {image: 'i:1', command: a 'b c' d, entrypoint: [x], hostname: h, user: '1', working_dir: /w}}",
    "services: {a: {image: i, environment: {A: 1.5, B: 'yes', C: yes, D: 0400, E: null, F: false}}}",
    "services: {a: {image: i, environment: ['A=', B, 'C=d=e']}}",
    "services: {a: {image: i, ports: ['53:53/udp', '[::1]:80:80', '3000-3002', '9-10:90']}}",
    "services: {a: {image: i, ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}, {target: 81}]}}",
    "services: {a: {image: i, volumes: [/anon, 'vol:/v:ro', '../up:/up', '/x:/x:ro,z']}}\nvolumes: {vol: {name: other}}",
    "services: {a: {image: i, volumes: [{type: bind, source: ./b, target: /b, read_only: true}]}}",
    "services: {a: {image: i, healthcheck: {disable: true}}, b: {image: i, healthcheck: {test: [NONE]}}}",
    "services: {a: {image: i, restart: 'on-failure:3', stop_signal: SIGINT, tty: true, stdin_open: true}}",
    "services: {a: {image: i, networks: {n: {ipv4_address: 10.1.0.5}}}}\n"
    "networks: {n: {ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.1.0.1}]}}}",
    "services: {a: {image: i, networks: [e]}}\nnetworks: {e: {external: true, name: outside}}",
    "services: {a: {image: i, mem_limit: 1.5g, cpus: 0.25, pids_limit: 5, read_only: true, group_add: [x]}}",
    "services: {a: {image: i, logging: {driver: none}, security_opt: [a], cap_add: [B], init: false}}",
    "services: {a: {image: i, deploy: {replicas: 2, resources: {reservations: {memory: 5m}}}}}",
    "services: {a: {build: ., pull_policy: build}, b: {build: {context: sub, dockerfile: D, args: {A: 1}}}}",
    "services: {a: {image: '${NOT_SET:-x}', labels: {a: '${C}', b: '$$', n: 1}}}",
]


def same_as_compose(
    compose: Callable[..., subprocess.CompletedProcess[str]],
    folder: Path,
    files: list[Path],
    **variables: str,
) -> None:
    chosen = [part for file in files for part in ("-f", str(file))]
    done = compose(*chosen, "--profile", "*", "config", "--format", "json", cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    theirs = {key: item for key, item in json.loads(done.stdout).items() if not key.startswith("x-")}
    ours = load_stack(files, variables=variables, profiles=["*"]).document()
    assert ours == unescaped(theirs)


def unescaped(value: Any) -> Any:
    """Compose doubles dollars when it prints, so that its output is a Compose file again."""
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def test_a_wide_file(tmp_path: Path, compose: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    base, over = tmp_path / "compose.yml", tmp_path / "over.yml"
    base.write_text(WIDE)
    over.write_text(OVER)
    same_as_compose(compose, tmp_path, [base], C="cee", B="")
    base.write_text(WIDE.replace("memory: 512m", "memory: 1g").replace("mem_limit: 512m", "mem_limit: 1g"))
    same_as_compose(compose, tmp_path, [base, over], C="cee", STACK_NAME="other")


@pytest.mark.parametrize("text", SMALL)
def test_small_files(
    tmp_path: Path, compose: Callable[..., subprocess.CompletedProcess[str]], text: str
) -> None:
    (tmp_path / "compose.yml").write_text(text)
    same_as_compose(compose, tmp_path, [tmp_path / "compose.yml"], C="cee")


def test_the_platform_s_own_files(compose: Callable[..., subprocess.CompletedProcess[str]]) -> None:
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
            "services:\n  a:\n    image: i\n    volumes: ['v:/v']\n",
            ":4: services.a.volumes names v, which does not",
        ),
    ],
)
def test_what_is_refused_names_file_line_and_key(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(text)
    with pytest.raises(DataopsError) as caught:
        load_stack([file], variables={})
    assert reason in caught.value.reason
    assert caught.value.exit_code == 2
    assert caught.value.hint
