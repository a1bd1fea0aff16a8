"""The checks that look at an environment itself, in the order in which they are shown."""

from __future__ import annotations

from dataops_cli.health import (
    airflow_imports,
    airflow_parts,
    certificate,
    cloudbeaver,
    containers,
    disk,
    drift,
    images,
    memory,
    pipeline,
    postgres,
    redis,
    secret_files,
    sqlserver,
    volumes,
)
from dataops_cli.health.check import Check, Layer, Need

MACHINE, SERVICES, RELEASE = Layer.MACHINE, Layer.SERVICES, Layer.RELEASE

CHECKS: tuple[Check, ...] = (
    Check("disk", MACHINE, disk.look_at_project, disk.LATE),
    Check("engine-disk", MACHINE, disk.look_at_engine, disk.LATE, needs=Need.STACK),
    Check("secrets", MACHINE, secret_files.look, secret_files.LATE, needs=Need.STACK_IF_THERE),
    Check("certificate", MACHINE, certificate.look, certificate.LATE),
    Check("containers", SERVICES, containers.look, containers.LATE, needs=Need.STACK),
    Check("memory", SERVICES, memory.look, memory.LATE, needs=Need.STACK),
    Check("volumes", SERVICES, volumes.look, volumes.LATE, needs=Need.STACK),
    Check("sqlserver", SERVICES, sqlserver.look, sqlserver.LATE),
    Check("postgres", SERVICES, postgres.look, postgres.LATE, needs=Need.STACK),
    Check("redis", SERVICES, redis.look, redis.LATE, needs=Need.STACK),
    *(
        Check(name, SERVICES, look, airflow_parts.LATE, airflow_parts.DEADLINE, Need.STACK_IF_THERE)
        for name, look in (
            ("airflow", airflow_parts.look),
            ("airflow-imports", airflow_imports.look),
            ("pipeline", pipeline.look),
        )
    ),
    Check("cloudbeaver", SERVICES, cloudbeaver.look, cloudbeaver.LATE, needs=Need.STACK),
    Check("images", RELEASE, images.look, images.LATE, needs=Need.STACK),
    Check("drift", RELEASE, drift.look, drift.LATE, needs=Need.STACK),
)
