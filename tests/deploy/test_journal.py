"""What the journal says of an environment, and what of its releases is kept."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy.journal import (
    Journal,
    Kind,
    Outcome,
    StepRecord,
    current,
    next_number,
    release_before,
    succeeded,
    to_put_right,
)
from dataops_cli.deploy.neighbours import Needed
from dataops_cli.deploy.release import Image, Release, Releases, find
from dataops_cli.deploy.retention import doomed
from dataops_cli.errors import DataopsError


class Memory:
    """The part of State that a journal uses, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Mapping[str, Any]] = {}

    def documents(self, folder: str) -> dict[str, Any]:
        return {
            path.removeprefix(f"{folder}/").removesuffix(".json"): document
            for path, document in sorted(self.files.items())
            if path.startswith(f"{folder}/")
        }

    def content(self, path: str) -> bytes | None:
        return b"{}" if path in self.files else None

    def add(self, path: str, document: Mapping[str, Any]) -> None:
        assert path not in self.files, "append-only"
        self.files[path] = document


@pytest.fixture
def journal() -> Journal:
    return Journal(Memory())  # type: ignore[arg-type]


def deployed(journal: Journal, release: str, outcome: Outcome | None, kind: Kind = Kind.DEPLOY) -> None:
    before = journal.deployments()
    beginning = journal.begin(
        next_number(before),
        kind,
        release,
        previous=current(before),
        generation=None,
        was_paused=None,
        had_containers=True,
    )
    journal.step(beginning, 0, StepRecord("images", ok=True, seconds=1.5))
    if outcome:
        journal.end(beginning, outcome, generation=f"of {release}")


def test_the_release_in_force(journal: Journal) -> None:
    assert current(journal.deployments()) is None
    deployed(journal, "a", Outcome.SUCCEEDED)
    deployed(journal, "b", Outcome.SUCCEEDED)
    deployed(journal, "c", Outcome.UNDONE)
    assert current(journal.deployments()) == "b"
    deployed(journal, "a", Outcome.SUCCEEDED, Kind.ROLLBACK)
    assert current(journal.deployments()) == "a"
    assert succeeded(journal.deployments()) == ["a", "b"]
    newest = journal.deployments()[0]
    assert (newest.beginning.number, newest.beginning.previous, newest.seconds) == (4, "b", 1.5)


@pytest.mark.parametrize("outcome", [None, Outcome.BROKEN])
def test_what_is_to_be_put_right(journal: Journal, outcome: Outcome | None) -> None:
    deployed(journal, "a", Outcome.SUCCEEDED)
    deployed(journal, "b", outcome)
    found = to_put_right(journal.deployments())
    assert found is not None
    assert (found.beginning.release, found.beginning.previous) == ("b", "a")
    assert current(journal.deployments()) == "a"
    deployed(journal, "c", Outcome.SUCCEEDED)
    assert to_put_right(journal.deployments()) is None


def test_the_release_before_is_never_one_that_was_left_behind(journal: Journal) -> None:
    for name in ("a", "b", "c"):
        deployed(journal, name, Outcome.SUCCEEDED)
    assert release_before(journal.deployments()) == "b"
    deployed(journal, "b", Outcome.SUCCEEDED, Kind.ROLLBACK)
    assert release_before(journal.deployments()) == "a"
    deployed(journal, "a", Outcome.SUCCEEDED, Kind.ROLLBACK)
    assert release_before(journal.deployments()) is None
    deployed(journal, "a", Outcome.SUCCEEDED)
    assert release_before(journal.deployments()) == "c"


def test_what_was_given_up_is_not_to_be_put_right(journal: Journal) -> None:
    deployed(journal, "a", Outcome.SUCCEEDED)
    deployed(journal, "b", Outcome.BROKEN)
    found = to_put_right(journal.deployments())
    assert found is not None
    journal.end(found.beginning, Outcome.LEFT)
    assert to_put_right(journal.deployments()) is None
    assert current(journal.deployments()) == "a"


def test_what_was_found_out_later_counts(journal: Journal) -> None:
    deployed(journal, "a", None)
    journal.found(journal.deployments()[0].beginning, generation="run-1", backup="b-1")
    beginning = journal.deployments()[0].beginning
    assert (beginning.generation, beginning.backup) == ("run-1", "b-1")


def test_steps_after_the_end_are_no_part_of_it(journal: Journal) -> None:
    deployed(journal, "a", Outcome.SUCCEEDED)
    beginning = journal.deployments()[0].beginning
    journal.step(beginning, 0, StepRecord("dbt gold", ok=True, seconds=9), after_the_end=True)
    (found,) = journal.deployments()
    assert (found.seconds, [step.name for step in found.again]) == (1.5, ["dbt gold"])


def release(name: str, airflow: str | None = None) -> Release:
    images = {"dbt": Image(f"registry:5000/dbt:{name}", f"id-{name}")}
    images |= {"airflow": Image(f"airflow:{airflow or name}", "id")}
    return Release(name, name * 4, "", "", "", images)


def test_only_the_last_ones_are_kept_with_their_images(journal: Journal) -> None:
    for name in ("a", "b", "c", "d"):
        deployed(journal, name, Outcome.SUCCEEDED)
    deployed(journal, "e", Outcome.UNDONE)
    releases = {"a": release("a"), "b": release("b"), "c": release("c", airflow="b"), "d": release("d")}
    found = doomed(journal.deployments(), releases, 2, Needed())
    assert found.releases == ("a", "b")
    # c runs Airflow's image by the name that b gave it; e was never reached.
    assert found.images == (
        "airflow:a",
        "airflow:e",
        "registry:5000/dbt:a",
        "registry:5000/dbt:b",
        "registry:5000/dbt:e",
    )
    assert doomed(journal.deployments(), releases, 9, Needed()).releases == ()


def test_a_release_is_found_by_what_means_it_alone() -> None:
    releases = {name: Release(name, name + "f" * 28, "", "", "") for name in ("abcd12345678", "abcd99999999")}
    assert find(releases, "abcd1", []).name == "abcd12345678"
    assert find(releases, "abcd99999999" + "f" * 28, []).name == "abcd99999999"
    for asked, said in (
        ("abcd", "several"),
        ("beef", "no release beef"),
        ("ab", "no release ab"),
        ("", "no release"),
    ):
        with pytest.raises(DataopsError, match=said) as caught:
            find(releases, asked, ["abcd12345678"])
        assert caught.value.exit_code == 5


def test_a_full_sha_means_the_commit_without_changes() -> None:
    sha = "abcd12345678" + "f" * 28
    releases = {
        name: Release(name, sha, "", "", "") for name in ("abcd12345678-dirty-0123456789ab", "abcd12345678")
    }
    assert find(releases, sha, []).name == "abcd12345678"
    del releases["abcd12345678"]
    assert find(releases, sha, []).name == "abcd12345678-dirty-0123456789ab"


def test_what_was_cut_off_after_all_was_done(journal: Journal) -> None:
    deployed(journal, "a", None)
    beginning = journal.deployments()[0].beginning
    assert not journal.deployments()[0].lacks_its_end_only
    journal.step(beginning, 1, StepRecord("resume", ok=True, seconds=1))
    assert journal.deployments()[0].lacks_its_end_only
    journal.step(beginning, 2, StepRecord("back: data", ok=True, seconds=1))
    journal.step(beginning, 3, StepRecord("resume", ok=True, seconds=1))
    assert not journal.deployments()[0].lacks_its_end_only


def test_the_last_fence_is_the_highest(journal: Journal) -> None:
    assert journal.last_fence() == 0
    for number in (9, 10):
        journal.state.add(f"journal/{number:06d}-begin.json", {"fence": number})
    journal.state.add("journal/000011-begin.json", {"of": "an older version"})
    assert journal.last_fence() == 10


@pytest.mark.parametrize(
    ("steps", "cut_off"),
    [
        ([], True),
        ([("dbt bronze", True, "")], True),
        ([("dbt bronze", True, ""), ("dbt silver", False, "a test failed")], False),
        ([("dbt bronze", True, ""), ("dbt silver", False, "interrupted")], True),
        ([("publish", True, ""), ("documentation", True, "")], False),
    ],
)
def test_a_rollback_whose_data_were_not_built_again_to_the_end(
    journal: Journal, steps: list[tuple[str, bool, str]], *, cut_off: bool
) -> None:
    deployed(journal, "a", Outcome.SUCCEEDED)
    deployed(journal, "b", Outcome.SUCCEEDED)
    deployed(journal, "a", Outcome.SUCCEEDED, Kind.ROLLBACK)
    beginning = journal.deployments()[0].beginning
    assert not journal.deployments()[0].was_cut_off_while_it_built_again
    journal.build_again(beginning)
    for place, (name, ok, detail) in enumerate(steps):
        journal.step(beginning, place, StepRecord(name, ok, 1.0, detail), after_the_end=True)
    assert journal.deployments()[0].was_cut_off_while_it_built_again is cut_off


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("abcd12345678", "Deploy the commit again: dataops deploy --sha abcd12345678"),
        (
            "abcd12345678-dirty-0123456789ab",
            "Git does not know it: it was abcd12345678 with changes that were not committed. Deploy a working tree that "
            "has them: dataops deploy",
        ),
    ],
)
def test_how_a_release_comes_back_whose_files_are_gone(name: str, hint: str) -> None:
    releases = Releases(SimpleNamespace(content=lambda _path: None))  # type: ignore[arg-type]
    with pytest.raises(DataopsError) as caught:
        releases.source(name)
    assert caught.value.hint == hint
