"""One Compose file with every key that shows in a container, a network or a volume."""

from __future__ import annotations

from pathlib import Path

# The image ends at SIGTERM within a moment; what would not says stop_grace_period: 0s.
FILE = """\
x-quick: &quick
  image: dataops-test/stand-in:1
  init: true
  stop_grace_period: 0s
services:
  process:
    image: dataops-test/stand-in:1
    container_name: ${NAME}-own-name
    entrypoint: [/bin/sh, -c]
    command: ["echo hello $$WHO; exec sleep 1000"]
    environment: {WHO: me, EMPTY: "", ABSENT: , NUMBER: 1.50, FLAG: true, EQUALS: "a=b c"}
    env_file: [some.env]
    user: "1000:1000"
    group_add: ["10", "20"]
    working_dir: /www
    hostname: own-host
    init: true
    tty: true
    stdin_open: true
    stop_signal: SIGKILL
    stop_grace_period: 1m30s
    restart: on-failure:3
    labels: {mine: "1", empty: , "dollar": "$$X"}
    cap_add: [NET_ADMIN, SYS_TIME]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    read_only: true
    expose: ["80", 90/udp, "100-102"]
    extra_hosts: ["a.example:10.0.0.9", "b.example=::1", "host.docker.internal:host-gateway"]
  limits:
    <<: *quick
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 50
    shm_size: 8m
    ulimits: {nofile: {soft: 100, hard: 200}, core: 0, nproc: 77}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
    restart: unless-stopped
  deployed:
    <<: *quick
    init: false
    command: sleep 1000
    deploy: {replicas: 2, resources: {limits: {cpus: "0.25", memory: 32m}, reservations: {memory: 16m}}}
    restart: always
  mounts:
    <<: *quick
    restart: "no"
    tmpfs: [/one, "/two:size=1m,mode=1777"]
    volumes:
      - data:/data
      - data:/data-ro/:ro
      - data:/data-nocopy:nocopy
      - /anonymous
      - ./folder:/folder
      - ./folder:/folder-ro:ro
      - ./folder:/folder-z:z
      - {type: volume, source: data, target: /long, read_only: true, volume: {nocopy: true}}
      - {type: volume, source: named, target: /named}
      - {type: volume, target: /anonymous-long}
      - {type: bind, source: ./folder, target: /long-bind, read_only: true}
      - {type: bind, source: ./made, target: /long-made, bind: {create_host_path: true}}
      - {type: bind, source: ./folder, target: /long-z, bind: {create_host_path: true, selinux: z}}
      - {type: tmpfs, target: /scratch, tmpfs: {size: 2m}}
      - {type: tmpfs, target: /scratch-plain}
  check:
    <<: *quick
    healthcheck: {test: "true", interval: 1m30s, timeout: 5s, retries: 4, start_period: 2s}
    depends_on:
      process: {condition: service_started, restart: true}
      limits: {condition: service_started, required: false}
    ports:
      - "127.0.0.1::80"
      - "127.0.0.1:29281-29282:81-82/udp"
      - {target: 83, published: "29283", host_ip: 127.0.0.1, protocol: tcp, mode: host}
      - {target: 84}
  words:
    <<: *quick
    healthcheck: {test: [CMD, "true"], retries: 1}
    depends_on: [process]
    scale: 1
    networks:
      default:
      back: {aliases: [w, words-too]}
      fixed: {ipv4_address: 10.213.7.20}
  silent:
    <<: *quick
    healthcheck: {disable: true}
    networks: [back]
    secrets:
      - plain
      - {source: file, target: renamed}
      - {source: plain, target: /somewhere/else, uid: "1000", gid: "1001", mode: 0400}
  none:
    <<: *quick
    healthcheck: {test: [NONE]}
    networks: [outside]
    volumes: ["elsewhere:/e"]
    scale: 2
  not-up:
    <<: *quick
    profiles: [other]
    pull_policy: never
networks:
  default: {labels: {a: b}}
  back: {internal: true, driver: bridge, name: "${NAME}-back"}
  fixed:
    ipam:
      driver: default
      config: [{subnet: 10.213.7.0/24, gateway: 10.213.7.1, ip_range: 10.213.7.128/25}]
  outside: {external: true, name: "${NAME}-outside"}
volumes:
  data: {labels: [c=d]}
  named: {name: "${NAME}-volume", driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}
  elsewhere: {external: true, name: "${NAME}-elsewhere"}
secrets:
  plain: {environment: PLAIN}
  file: {file: ./secret.txt, name: whatever}
"""


def write(folder: Path) -> Path:
    """The file in a folder, with what it reads there."""
    (folder / "folder").mkdir()
    (folder / "some.env").write_text("FROM_FILE=${WHO_ELSE} x\nWHO=not me\n")
    (folder / "secret.txt").write_text("from a file")
    file = folder / "compose.yml"
    file.write_text(FILE)
    return file
