"""What a release changes, in words: models, settings, Airflow. No git, no engine, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dataops_cli.deploy.model_changes import ModelChanges

NAMES_SHOWN = 5

SettingChange = tuple[str, str | None, str | None]
"""The key, and what it is before and after; None where it is not set."""


@dataclass(frozen=True)
class AirflowChange:
    """Another version of Airflow."""

    before: str
    after: str

    @property
    def goes_back(self) -> bool:
        return _release(self.after) < _release(self.before)

    def describe(self) -> str:
        if self.goes_back:
            return (
                f"Airflow goes back from {self.before} to {self.after}"
                f"  [its metadata database is backed up, and {self.before} brings it back to the schema of {self.after}]"
            )
        return (
            f"Airflow goes from {self.before} to {self.after}"
            "  [its metadata database is backed up before its schema is migrated, and put back where the deployment fails]"
        )


def locked_version(requirements: str, package: str) -> str | None:
    """The version that a requirements file pins a package to (`name==1.2`, with or without hashes)."""
    pin = re.compile(
        r"\s*([a-z0-9][a-z0-9._-]*)\s*(?:\[[^]]*\])?\s*===?\s*([^\s;,#*]+)(?=[\s;,#]|$)", re.IGNORECASE
    )
    for line in re.sub(r"\\\r?\n", " ", requirements).splitlines():
        if (found := pin.match(line)) and _normalized(found[1]) == _normalized(package):
            return found[2]
    return None


def settings_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[SettingChange]:
    """The settings that differ, by key."""
    return [
        (key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def describe(
    models: ModelChanges | None,
    settings: Sequence[SettingChange] = (),
    airflow: AirflowChange | None = None,
) -> list[str]:
    """The lines of a plan: what readers of gold will miss comes first. `models` is None where a manifest is gone."""
    return [
        *(
            _describe_all_of(models)
            if models
            else ["Which models changed is not known: a manifest is not kept."]
        ),
        *(_describe_setting(*setting) for setting in settings),
        *([airflow.describe()] if airflow else []),
    ]


def _describe_all_of(models: ModelChanges) -> list[str]:
    return [
        *(f"breaks readers: {line}" for line in models.breaking),
        *(_describe_models(models) or ([] if models.breaking else ["No model changed."])),
        *([] if models.first else _describe_tests(models)),
        *models.columns_added,
    ]


def _describe_models(models: ModelChanges) -> list[str]:
    if models.first:
        return [f"everything is new: {_count(models.added, 'model')}, {_count(models.tests_added, 'test')}"]
    return [
        *(f"model {name} is new" for name in models.added),
        *(
            f"model {name} is removed"
            for name in models.removed
            if f"{name} is removed" not in models.breaking
        ),
        *(_with_causes(f"model {model.name} changes", model.causes) for model in models.changed),
        *(
            _with_causes(f"model {model.name} may get other rows", model.causes)
            for model in models.downstream
        ),
        *(
            [_with_causes("every model may be built otherwise", models.every_model)]
            if models.every_model
            else []
        ),
    ]


def _describe_tests(models: ModelChanges) -> Iterator[str]:
    for names, one, more in (
        (models.tests_added, "is new", "are new"),
        (models.tests_changed, "changes", "change"),
        (models.tests_removed, "is removed", "are removed"),
    ):
        if names:
            rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            shown = ", ".join(names[:NAMES_SHOWN])
            yield f"{_count(names, 'test')} {one if len(names) == 1 else more} ({shown}{rest})"


def _describe_setting(key: str, before: str | None, after: str | None) -> str:
    if after is None:
        return f"setting {key} is set no more, was {before}"
    return f"setting {key} is {after}, was " + ("not set" if before is None else before)


def _with_causes(text: str, causes: Sequence[str]) -> str:
    return f"{text}  [{'; '.join(causes)}]"


def _count(names: Sequence[str], noun: str) -> str:
    return f"{len(names)} {noun}{'s' * (len(names) != 1)}"


def _normalized(package: str) -> str:
    """Source: https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", package).lower()


def _release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in numbers[0].split(".")) if numbers else ()
