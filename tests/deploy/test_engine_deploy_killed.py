"""SIGKILL at many moments of a deploy and of a rollback: the next command explains what it found, and the environment
ends on a healthy, known release. What consumers read is a release's whole data all the time."""

from __future__ import annotations

import pytest

from deploy.small_platform import Platform

pytestmark = pytest.mark.engine

# Moments, each when its share of the journal's documents has been written, or up to a second later.
OF_A_DEPLOY, OF_A_ROLLBACK = 20, 10
LATER = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def commits(platform: Platform) -> dict[str, str]:
    """Two releases, deployed one after the other, by their marks."""
    names = {}
    for mark in ("A", "B"):
        names[mark] = platform.commit(mark)
        platform.done("deploy")
    return names


def require_whole(platform: Platform, commits: dict[str, str]) -> str:
    """The environment is on one of the two releases in every respect; returns its mark."""
    found = platform.releases()
    last = found["deployments"][0]
    assert last["outcome"] in ("succeeded", "failed, and put back"), last
    mark = next(mark for mark, name in commits.items() if name == found["current"])
    assert platform.image() == mark
    assert (platform.published() or ("",))[0] == mark
    assert platform.done("lock", "status")["held"] is False
    assert platform.done("repair")["repaired"] is None
    return mark


def documents_of(platform: Platform, *command: str) -> int:
    """How many documents a command writes into the journal that is not killed."""
    before = platform.written()
    platform.done(*command)
    return platform.written() - before


def test_a_killed_deploy(platform: Platform, commits: dict[str, str]) -> None:
    """Deploys of A and B by turns; by turns repair, the next deploy and a rollback put it right, and the same
    deploy again goes on with it."""
    on = "B"
    whole = documents_of(platform, "deploy", "--sha", commits["A"])
    on = "A"
    explained, gone_on = 0, list[int]()
    for moment in range(OF_A_DEPLOY):
        to = "B" if on == "A" else "A"
        documents, after = whole * moment // OF_A_DEPLOY, LATER[moment % len(LATER)]
        if not platform.killed("deploy", "--sha", commits[to], documents=documents, after=after):
            on = to
            continue
        before = platform.published()
        assert before is None or before[0] in commits  # None while dbt's container is being replaced
        cut_off = platform.releases()["deployments"][0]
        next_command = (
            ["repair"],
            ["deploy", "--sha", commits[on]],
            ["rollback", commits[to], "--no-rebuild"],
            ["deploy", "--sha", commits[to]],
        )[moment % 4]
        if cut_off["outcome"] == "succeeded" and next_command[0] != "deploy":
            next_command = ["repair"]  # it had done everything but say so
        if cut_off["outcome"] is None and not explained:
            refused = platform.run("up")
            assert (refused.returncode, "is not known" in refused.stderr) == (5, True), refused.stderr
            refused = platform.run("run")
            assert (refused.returncode, "dataops repair" in refused.stderr) == (5, True), refused.stderr
        ended = platform.run(*next_command)
        assert ended.returncode == 0, (
            f"moment {moment}: {' '.join(next_command)}\n{ended.stdout}{ended.stderr}"
        )
        if cut_off["outcome"] is None:
            explained += 1
            assert f"of {commits[to]}, begun" in ended.stdout + ended.stderr
            if "It goes on where it stopped" in ended.stderr:
                gone_on.append(moment)
                assert next_command == ["deploy", "--sha", commits[to]]
                assert platform.releases()["deployments"][0]["number"] == cut_off["number"]
        on = require_whole(platform, commits)
    # The others were killed before they had begun, or when they had done all.
    assert explained >= OF_A_DEPLOY / 2
    assert gone_on


def test_a_killed_rollback(platform: Platform, commits: dict[str, str]) -> None:
    on = require_whole(platform, commits)
    command = ["rollback", "--no-rebuild"]
    other = commits["B" if on == "A" else "A"]
    whole = documents_of(platform, *command, other)
    on = require_whole(platform, commits)
    told = False
    for moment in range(OF_A_ROLLBACK):
        to = "B" if on == "A" else "A"
        documents, after = whole * moment // OF_A_ROLLBACK, LATER[moment % len(LATER)]
        platform.killed(*command, commits[to], documents=documents, after=after)
        cut_off = platform.releases()["deployments"][0]["outcome"] is None
        # Asked for by name: it puts right what was cut off, and goes back where all had been done.
        back = [*command, commits[on]] if cut_off or platform.image() == to else ["repair"]
        if cut_off and not told:  # `rollback` alone undoes it, and says that it has not gone back
            ended = platform.run(*command)
            told = (ended.returncode, "was put right, and not made again" in ended.stderr) == (1, True)
            assert told, f"moment {moment}: {ended.stdout}{ended.stderr}"
        else:
            ended = platform.run(*(["repair"], back)[moment % 2])
            assert ended.returncode == 0, f"moment {moment}: {ended.stdout}{ended.stderr}"
        on = require_whole(platform, commits)
