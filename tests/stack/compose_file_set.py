"""Compose files that between them hold every key, merge rule and form of a value that we support."""

from __future__ import annotations

from collections.abc import Iterable

WIDE = """\
name: ${STACK_NAME:-demo}
version: "3.8"
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
# What a service says besides its image. Volumes `vol` and `own`, networks `n` and `m`, secrets `s` and `t` and
# a service `b` are there.
SERVICES = [
    "command: a 'b c' d, entrypoint: [x], hostname: h, user: '1', working_dir: /w",
    "command: [], entrypoint: []",
    "command: '', entrypoint: a 'b'",
    "command: 'echo $$HOME'",
    "container_name: own-name",
    "environment: {A: 1.5, B: 'yes', C: yes, D: 0400, E: null, F: false}",
    "environment: {a: 1.10, b: 1e3, c: 0x10, d: 010, e: .5, f: 1_000, g: 12345678901234567890, h: -0, i: 1.0}",
    "environment: {a: 0b11, b: 123456789.5, c: 1e21, d: 1e-7, e: 10000000.0, f: No, g: Null, h: TRUE, i: +5}",
    "environment: {a: 123456.5, b: 999999.0, c: 0.0001, d: 0.00001, e: 0800, f: -0x1F, g: -010, h: 0o17, i: _1}",
    "environment: {a: 18446744073709551616, b: 1., c: 12e03, d: 1:30, e: 0b2, f: 0x1p-2, g: 08.5, h: 1_, i: '01'}",
    "environment: ['A=', B, 'C=d=e']",
    "env_file: one.env",
    "env_file: [one.env, two.env], environment: {A: own}",
    "env_file: [two.env, two.env]",
    "ports: ['53:53/udp', '[::1]:80:80', '3000-3002', '9-10:90', '8080:80/TCP']",
    "ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}, {target: 81}, {target: '82'}]",
    "ports: [{target: 80, published: '8000-8001', protocol: udp, mode: host}]",
    "ports: ['127.0.0.1::80', '127.0.0.1:8000-8001:9000-9001', '80-82:80-82/udp', '80', '80']",
    "volumes: [/anon, 'own:/v:ro', '../up:/up', '/x:/x:ro,z', '~/a:/home/', './a:/z:Z']",
    "volumes: ['vol:/x/:ro,nocopy', '/a/../b:/x/../y', '.:/here', './x:/rw:ro,rw']",
    "volumes: ['vol:/x', 'own:/x:ro', './a:/x/']",
    "volumes: [{type: bind, source: ./b, target: /b, read_only: true}, {type: volume, target: /anon}]",
    "volumes: [{type: bind, source: /a/../b/, target: /b/, bind: {create_host_path: true, selinux: z}}]",
    "volumes: [{type: bind, source: ., target: /b, bind: {create_host_path: false}, read_only: false}]",
    "volumes: [{type: volume, source: vol, target: /v, read_only: true, volume: {nocopy: true}}]",
    "volumes: [{type: tmpfs, target: /a, tmpfs: {size: 1.5m}}, {type: tmpfs, target: /b, tmpfs: {size: 10000}}]",
    "healthcheck: {disable: true}",
    "healthcheck: {disable: false, test: x}",
    "healthcheck: {test: [NONE]}",
    "healthcheck: {test: [CMD, x], interval: 1m, timeout: 1s, retries: '3', start_period: 3s, start_interval: 2s}",
    "healthcheck: {interval: 1s, x-note: 1}",
    "restart: 'on-failure:3', stop_signal: SIGINT, tty: true, stdin_open: true",
    "restart: no, stop_grace_period: 500us, tty: false, read_only: 'false', init: 'true'",
    "networks: {n: {aliases: [x, y, x]}, m: {ipv4_address: 10.9.0.4}, default: }",
    "networks: [m, n]",
    "networks: []",
    "mem_limit: 1.5g, cpus: 0.25, pids_limit: 5, read_only: true, group_add: [x, 1]",
    "mem_limit: 1gb, shm_size: 1.5g, pids_limit: -1, cpus: 1, stop_grace_period: 1.5s",
    "logging: {driver: none}, security_opt: [a], cap_add: [B, B], cap_drop: [C, C], init: false",
    "logging: {options: {a: 1, b: 1.5}}, profiles: [a, a], expose: [80, '80', '80-81', 90/udp]",
    "deploy: {replicas: 2, resources: {reservations: {memory: 5m, cpus: '.5'}}}",
    "deploy: {replicas: 0}",
    "scale: 2, deploy: {replicas: 2}",
    "cpus: 0.5, mem_limit: 1g, deploy: {resources: {limits: {cpus: '0.50', memory: 1024m}}}",
    "scale: 0",
    "build: ., pull_policy: build",
    "build: {context: sub, dockerfile: D, args: {A: 1}}",
    "build: {context: .., labels: [a=b], args: [A=1, C, NOT_SET], network: host, target: t}",
    "build: {context: '~/x', dockerfile: /abs/D, labels: {a: 1}}",
    "pull_policy: if_not_present",
    "extra_hosts: {z: 1.1.1.1, y: 2.2.2.2}",
    "extra_hosts: ['a=::1', 'b:[::1]', 'c:::1', 'host.docker.internal:host-gateway']",
    "tmpfs: [/a, '/b:size=1m', /a], ulimits: {nofile: '100', nproc: {soft: 1, hard: 2}}",
    "secrets: [s, s, {source: t, target: x, mode: 0440, uid: '1', gid: '2'}, {source: t, target: /abs}]",
    "depends_on: {b: {condition: service_healthy, restart: true, required: false}}",
    "depends_on: [b]",
    "labels: {a: '${C}', b: '$$', n: 1, o: null}",
    "labels: [a, b=, 'c=${NOT_SET:-x}', 'p=${COMPOSE_PROJECT_NAME}']",
    "user: '', hostname: '', x-note: '${C}'",
]
RESOURCES_OF_SERVICES = """\
volumes: {vol: , own: {name: other}}
networks: {n: , m: }
secrets: {s: {environment: C}, t: {file: ./t}}
"""
# What a network `n`, a volume `vol` and a secret `s` say.
RESOURCES = [
    ("", "", "environment: C"),
    ("driver: bridge, internal: false", "driver: local", "file: ./x"),
    ("external: true", "external: true", "file: /x/../y"),
    ("external: true, name: own", "external: true, name: own", "file: ~/x, name: own"),
    ("external: false, name: own", "external: false, name: own", "environment: C, name: own"),
    ("internal: true, labels: {a: 1, b: }", "labels: {a: 1}", "environment: C"),
    ("labels: [a=b], ipam: {}", "labels: [a=b]", "environment: C"),
    ("ipam: {driver: default, config: []}", "driver_opts: {type: tmpfs, o: 'size=1m', n: 5}", "file: y"),
    ("ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.1.0.1, ip_range: 10.1.0.128/25}]}", "", "file: y"),
]
# What a service says in the first file, and in the second.
MERGES = [
    ("command: x", "command: [y, z]"),
    ("command: x", "command: null"),
    ("command: [a]", "command: []"),
    ("command: x", "command: !reset null"),
    ("entrypoint: x", "entrypoint: ''"),
    ("entrypoint: [a, b]", "entrypoint: [c]"),
    ("ports: ['80:80', '127.0.0.1:81:81']", "ports: ['80:80', '81:81', '80:80/udp']"),
    ("ports: ['80:80']", "ports: [{target: 80, published: '80', mode: host}]"),
    ("ports: ['80:80']", "ports: !reset []"),
    ("ports: ['80:80']", "ports: !override ['1:1']"),
    ("volumes: ['vol:/x', './b:/y']", "volumes: ['./c:/x/:ro', /z, {type: tmpfs, target: /y}]"),
    ("environment: {A: 1, B: 2}", "environment: [A=3, C]"),
    ("environment: {A: 1}", "environment: {A: null}"),
    ("environment: {A: 1, B: 2}", "environment: {A: !reset null}"),
    ("environment: {A: 1}", "environment: !override {B: 1}"),
    ("env_file: [one.env, two.env]", "env_file: [one.env]"),
    ("env_file: two.env", "environment: {A: 9}"),
    ("labels: {a: 1}", "labels: [a=2, b]"),
    ("tmpfs: ['/a:size=1m', /b]", "tmpfs: [/a, /b]"),
    ("cap_add: [A]", "cap_add: [B, A]"),
    ("cap_drop: [A]", "cap_drop: [A]"),
    ("security_opt: [a]", "security_opt: [b]"),
    ("group_add: [a]", "group_add: [b]"),
    ("expose: [1]", "expose: [1, 2]"),
    ("extra_hosts: ['a:1.1.1.1']", "extra_hosts: ['a:2.2.2.2', 'a:1.1.1.1']"),
    ("depends_on: [b]", "depends_on: {b: {condition: service_healthy}}"),
    ("depends_on: {b: {condition: service_healthy, restart: true}}", "depends_on: [b]"),
    ("networks: [n]", "networks: {n: {aliases: [x]}}"),
    ("networks: {n: {aliases: [x]}}", "networks: {n: {aliases: [x, y]}, m: }"),
    ("networks: {n: {aliases: [x]}}", "networks: [n]"),
    ("networks: [n]", "networks: !override [m]"),
    ("healthcheck: {test: a b, interval: 1s, retries: 2}", "healthcheck: {test: [CMD, x], timeout: 2s}"),
    ("healthcheck: {disable: true}", "healthcheck: {test: x, disable: false}"),
    ("healthcheck: {test: x, interval: 1s}", "healthcheck: !override {test: y}"),
    ("logging: {driver: local, options: {a: 1, b: 2}}", "logging: {options: {b: 3, c: 4}}"),
    ("logging: {driver: local, options: {a: 1}}", "logging: {driver: syslog, options: {b: 3}}"),
    ("logging: {options: {a: 1}}", "logging: {driver: syslog}"),
    ("ulimits: {nofile: 1}", "ulimits: {nofile: {soft: 1, hard: 2}, nproc: 4}"),
    ("ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: 3}"),
    ("deploy: {resources: {limits: {cpus: 1, memory: 1g}}}", "deploy: {resources: {limits: {memory: 2g}}}"),
    ("deploy: {replicas: 1}", "deploy: {resources: {reservations: {memory: 1g}}}"),
    ("build: x", "build: {target: t}"),
    ("build: {context: x, args: {A: 1, B: 2}}", "build: {args: [B=3, C], labels: {b: 1}, network: none}"),
    ("build: {context: x, labels: [a=1]}", "build: y"),
    ("secrets: [s]", "secrets: [t, {source: s, mode: 0400}]"),
    ("secrets: [s, {source: s, target: x}]", "secrets: [{source: t, target: x}]"),
    ("profiles: [p]", "profiles: [q, p]"),
    ("init: true, tty: true, scale: 2", "init: false, tty: false, scale: 3"),
    ("restart: always, mem_limit: 1g, user: a", "restart: 'no', mem_limit: 2g, user: ''"),
    ("mem_limit: 1g", "mem_limit: !reset null"),
    ("labels: {a: 1}", "labels: {a: !override 2}"),
]
# Whole files, one over the other.
LAYERS = [
    ("name: one\nservices: {a: {image: i}}", "name: two"),
    ("name: My.Stack_1\nservices: {a: {image: i, environment: ['P=${COMPOSE_PROJECT_NAME}']}}",),
    ("services: {a: {image: i}}\nnetworks: {default: {name: own, labels: {a: b}}, unused: }",),
    (
        "services: {a: {image: i}}\nnetworks: {default: {ipam: {config: [{subnet: 10.1.0.0/24}]}}}",
        "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.1.0.1}]}}}",
        "networks: {default: {labels: {c: d}, ipam: {config: [{subnet: 10.2.0.0/24}]}}}",
    ),
    (
        "services: {a: {image: i, volumes: ['vol:/x']}}\nvolumes: {vol: {driver_opts: {a: b, c: d}}}",
        "volumes: {vol: {driver: x, driver_opts: {c: e}}}",
    ),
    (
        "services: {a: {image: i}, b: {image: j, depends_on: [a]}}",
        "services: {a: !reset null, b: {depends_on: !reset []}}",
    ),
    ("services: {a: {image: i, tty: true}}", "services: {a: !override {image: z}}"),
    (
        "services: {a: &x {image: i, labels: {q: r}}, b: {<<: *x, labels: {s: t}}, c: {<<: [*x, {tty: true}]}}",
    ),
    (
        "services: {a: {image: i, env_file: one.env}}",
        "services: {a: {environment: [A=7]}}",
        "services: {a: {env_file: [two.env]}}",
    ),
    (
        "services: {a: {image: i, depends_on: {b: {condition: service_started, required: false}}},"
        " b: {image: j, profiles: [p]}}",
    ),
]
ENV_FILES = {
    "one.env": """\
A=1
B="two words"
export X=3

# a comment
D=$C
E=${C}x
F=${NONE:-def}
G='$C ${C}'
NOT_SET
C
I=a # comment
J="a\\nb\\t\\$C"
K=a#b
L=
M=${NONE:-${C}}${C:+p}
N = 1
O=price$ $1 $$C
P='it\\'s "quoted"'
Q="on
two lines"
""",
    "two.env": "A=2\nZ=${A}\nY=$X\n",
}


def services_file(texts: Iterable[str]) -> str:
    """A file with a service for each text: that many calls of Compose in one."""
    services = "".join(
        f"  s{index}: {{{'' if 'build:' in text else 'image: i, '}{text}}}\n"
        for index, text in enumerate(texts)
    )
    return f"services:\n  b: {{image: j}}\n{services}{RESOURCES_OF_SERVICES}"


def resource_file(network: str, volume: str, secret: str) -> str:
    return (
        "services: {a: {image: i, networks: [n], volumes: ['vol:/x'], secrets: [s]}}\n"
        f"networks: {{n: {{{network}}}}}\nvolumes: {{vol: {{{volume}}}}}\nsecrets: {{s: {{{secret}}}}}\n"
    )


def file_sets() -> list[tuple[str, ...]]:
    """Every set of files, the later ones over the earlier ones."""
    over_wide = WIDE.replace("memory: 512m", "memory: 1g").replace("mem_limit: 512m", "mem_limit: 1g")
    over_services = "".join(f"  s{index}: {{{second}}}\n" for index, (_first, second) in enumerate(MERGES))
    return [
        (WIDE,),
        (over_wide, OVER),
        (services_file(SERVICES),),
        (services_file(first for first, _second in MERGES), f"services:\n{over_services}"),
        *((resource_file(*texts),) for texts in RESOURCES),
        *LAYERS,
    ]
