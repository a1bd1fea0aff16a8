"""A platform in git whose stack is dbt's container alone, with a dbt project that is built in seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataops_cli import docker_api
from dataops_cli.docker_api import EngineError
from dataops_cli.stack.state import State
from local_engine import STAND_IN
from support import clean_environment, until
from sweep import sweep

ENVIRONMENT = """\
[warehouse]
engine = "duckdb"
[dbt]
runner = "container"
[freshness]
warn_after_days = 36500
error_after_days = 36500
[stack]
enabled = true
files = ["compose/small.yml"]
name = "{name}"
prefix = "{name}-"
timeout = 120
[deploy]
keep_releases = 3
"""
# The service `dbt` of the real stack, without Airflow's worker in it; and a service that no release changes.
SERVICES = {
    "dbt": {
        "command": ["sleep", "infinity"],
        "secrets": [],
        "volumes": ["dbt_state:/opt/dataops/.dataops"],
        "depends_on": {},
        "healthcheck": {
            "test": ["CMD", "test", "!", "-e", "/opt/dbt/project/ill"],
            "interval": "1s",
            "retries": 3,
        },
        "stop_grace_period": "1s",
    },
    "still": {"image": STAND_IN, "command": ["sleep", "infinity"], "init": True},
}
VARIABLES = {"PYTHON_IMAGE": "dataops-test/python:3.11"}
QUERY = "select min(mark) as mark, max(mark) as other, count(*) as rows from gold.gld_product_performance"


@dataclass
class Platform:
    """A platform whose environment is `flow`."""

    folder: Path
    name: str

    def write(self) -> None:
        """The dbt project with nine models and three tests, of which one model says which release built it."""
        (self.folder / "environments" / "flow.toml").write_text(ENVIRONMENT.format(name=self.name))
        stack = yaml.safe_load((self.folder / "compose" / "compose.yml").read_text())
        dbt = stack["services"]["dbt"] | SERVICES["dbt"]
        small = {key: stack[key] for key in ("x-defaults", "x-celery", "networks")}
        small |= {"services": {"dbt": dbt, "still": SERVICES["still"]}}
        small["services"]["still"]["networks"] = ["dataops_network"]
        small["volumes"] = {"dbt_state": stack["volumes"]["dbt_state"]}
        (self.folder / "compose" / "small.yml").write_text(yaml.safe_dump(small))
        shutil.rmtree(self.folder / "dbt" / "tests")
        for path in (self.folder / "dbt" / "models").rglob("*.yml"):
            document = yaml.safe_load(path.read_text())
            if path.stem == "unit_tests":
                path.unlink()
                continue
            for model in document.get("models", []):
                model.pop("data_tests", None)
                for column in model.get("columns", []):
                    column.pop("data_tests", None)
            for source in document.get("sources", []):
                for table in source["tables"]:
                    table.pop("data_tests", None)
                    for column in table.get("columns", []):
                        column.pop("data_tests", None)
            path.write_text(yaml.safe_dump(document, sort_keys=False))
        self.git("init", "--quiet", "--initial-branch=main")

    def commit(
        self, mark: str, *, fails: bool = False, ill: bool = False, wide: bool = False, other: str = ""
    ) -> str:
        """A commit whose gold table has `mark` in every row; its short SHA. Its test fails, its container is ill, the
        table has a column more, as asked; `other` goes into a file that is in no image."""
        gold = self.folder / "dbt" / "models" / "gold"
        columns = f"cast('{mark}' as varchar(20)) as mark, product_id" + ", product_id as more" * wide
        select = f"select {columns} from {{{{ ref('slvr_products') }}}}"
        described = gold / "gld_product_performance.yml"
        document = yaml.safe_load(described.read_text())
        known = {"mark": "varchar(20)", "product_id": "int"} | ({"more": "int"} if wide else {})
        document["models"][0]["columns"] = [
            {"name": name, "data_type": data_type} for name, data_type in known.items()
        ]
        described.write_text(yaml.safe_dump(document, sort_keys=False))
        (gold / "gld_product_performance.sql").write_text(select + "\n")
        tests = self.folder / "dbt" / "tests"
        tests.mkdir(exist_ok=True)
        limit = "0 = 0" if fails else "0 = 1"
        (tests / "nobody.sql").write_text(
            f"select product_id from {{{{ ref('gld_product_performance') }}}} where {limit}\n"
        )
        marker = self.folder / "dbt" / "ill"
        marker.unlink(missing_ok=True)
        if ill:
            marker.write_text("ill\n")
        (self.folder / "NOTES.md").write_text(f"{mark} {other}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Release {mark}")
        return self.git("rev-parse", "HEAD")[:12]

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=op", "-c", "user.email=op@example.net", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        process = self.begin(*arguments, **variables)
        output, errors = process.communicate(timeout=900)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments],
            cwd=self.folder,
            env=clean_environment(DATAOPS_ENV="flow", DBT_IMAGE=self.repository, **VARIABLES, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def done(self, *arguments: str) -> Any:
        """The JSON document of a command that must succeed."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def written(self) -> int:
        """How many documents are in the journal."""
        return len(State(docker_api.connect(), self.name, f"{self.name}-deploy_state").documents("journal"))

    def killed(self, *arguments: str, documents: int, after: float) -> bool:
        """Begin a command and kill it so many seconds after it has written so many documents into the journal; False
        where it had ended before."""
        before = self.written()
        process = self.begin(*arguments)

        def reached() -> bool:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=0.05)  # what it writes is taken
            return process.poll() is not None or self.written() >= before + documents

        until(reached, 600, pause=0)
        time.sleep(after)
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        return not ended

    def releases(self) -> dict[str, Any]:
        """The deployments, the newest first, and the release in force."""
        deployments = self.done("releases")
        current = next((item["release"] for item in deployments if item["role"] == "current"), None)
        return {"current": current, "deployments": deployments}

    @property
    def repository(self) -> str:
        """The name of dbt's images, without their tag."""
        return f"{self.name}/dbt"

    def tags(self) -> set[str]:
        """The tags of dbt's images that the engine has."""
        listed = ["docker", "images", "--format", "{{.Tag}}", self.repository]
        return {*subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()}

    @property
    def dbt(self) -> str:
        return f"{self.name}-dataops-dbt"

    def processes(self) -> str:
        """What runs in dbt's container, a command a line."""
        listed = ["docker", "top", self.dbt, "-eo", "pid,args"]
        return subprocess.run(listed, check=True, capture_output=True, text=True).stdout

    def image(self) -> str:
        """The release whose image dbt's container runs, by the content that is in it."""
        return subprocess.run(
            ["docker", "exec", self.dbt, "cat", "/opt/dbt/project/models/gold/gld_product_performance.sql"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("'")[1]

    def image_is(self, mark: str) -> bool:
        try:
            return self.image() == mark
        except subprocess.CalledProcessError:
            return False

    def published(self, container: str = "") -> tuple[str, int] | None:
        """The mark that every published row bears, and the number of rows; None where it cannot be asked. A mixture is
        an error."""
        asked = subprocess.run(
            ["docker", "exec", container or self.dbt, "dataops", "sql", "--json", QUERY],
            check=False,
            capture_output=True,
            text=True,
        )
        if asked.returncode:
            return None
        (row,) = json.loads(asked.stdout)
        assert row["mark"] == row["other"], row
        return row["mark"], int(row["rows"])

    def down(self) -> None:
        ended = self.run("down", "--volumes", "--yes")
        engine = docker_api.connect()
        sweep(engine, self.name)  # or the next module would meet what is left
        for line in subprocess.run(
            ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", self.repository],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines():
            with suppress(EngineError):  # another name of it is used
                engine.remove_image(line)
        assert ended.returncode == 0, ended.stderr


def new_name() -> str:
    return f"dataops-deploy-{os.getpid()}"
