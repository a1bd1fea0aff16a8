"""The subcommands there are."""

from __future__ import annotations

# Subcommand → (what it does, panel in the help). Each is the module of that name beside this one,
# whose `app` is a Typer application.
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "init": ("Make a new platform in a folder.", "Platform"),
    "env": ("List the environments, or show one.", "Platform"),
    "config": ("Show, explain and validate settings.", "Platform"),
    "secrets": ("List, set, generate and rotate secrets.", "Platform"),
    "notify": ("Test whether notifications arrive.", "Platform"),
    "doctor": ("Check that this machine has what the environment needs.", "Platform"),
    "health": ("Check the platform's machine, services, dbt, data and release.", "Platform"),
    "status": ("Show one screen: release, containers, runs, data, deploys, schedule, alerts.", "Platform"),
    "metrics": ("Write Prometheus metrics: runs, tests, data, deploys, containers, health.", "Platform"),
    "up": ("Bring the environment's stack up, and wait until it is healthy.", "Stack"),
    "down": ("Remove the stack's containers and networks; volumes stay.", "Stack"),
    "ps": ("List the stack's containers with their state and health.", "Stack"),
    "logs": ("Show what the stack's containers wrote, interleaved by time.", "Stack"),
    "exec": ("Run a command in a container of the stack.", "Stack"),
    "stop": ("Stop the stack's containers, dependents first; nothing is removed.", "Stack"),
    "start": ("Start the stack's containers that exist.", "Stack"),
    "restart": ("Restart the stack's containers.", "Stack"),
    "build": ("Build the images that the stack is built from.", "Stack"),
    "pull": ("Pull the stack's images.", "Stack"),
    "push": ("Push the images that were built to the registry, by their commit.", "Stack"),
    "worker": ("Run a worker for a stack on another machine; let workers finish and stop.", "Stack"),
    "lock": ("Lock the stack against changes, see who has locked it, unlock it.", "Deploy"),
    "audit": ("List the commands that changed the environment, with their outcome.", "Deploy"),
    "backup": ("List, make and restore backups of the metadata database and the warehouse.", "Deploy"),
    "source": (
        "Put data into the source: load, generate or restore it; create what SQL Server needs.",
        "Data",
    ),
    "run": ("Build, test and publish bronze, silver and gold.", "Data"),
    "runs": ("List the runs, or show one.", "Data"),
    "generations": ("List what was published, or publish an earlier generation again.", "Data"),
    "prune": (
        "Remove runs and generations beyond what runs.keep and warehouse.keep_generations say.",
        "Data",
    ),
    "sql": ("Query the warehouse.", "Data"),
    "report": (
        "Write a report on sales and the platform: one HTML file, which needs no network.",
        "Data",
    ),
    "docs": ("Build or serve the documentation with its lineage.", "Data"),
    "dbt": ("Run any dbt command with the environment's settings.", "Data"),
    "airflow": (
        "Trigger and watch Airflow's DAGs; look at runs, tasks, logs and Airflow itself.",
        "Orchestration",
    ),
    "deploy": ("Take a commit to the environment: all of it, healthy, or nothing.", "Deploy"),
    "rollback": ("Bring an earlier release back, code and data.", "Deploy"),
    "releases": ("List what was deployed; show a release, compare two.", "Deploy"),
    "repair": ("Put right what a deployment that was cut off has left.", "Deploy"),
    "ci": ("Lint, test and check a change, as the workflows do; run a workflow's commands here.", "CI"),
}

# Called in the dbt container, by the tasks of the pipeline's DAG and by `dataops backup`; no help lists them.
HIDDEN = ("step", "snapshot")
