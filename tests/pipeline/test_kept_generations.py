"""Which generations are kept for going back to a release: the one that each has published last."""

from __future__ import annotations

from dataops_cli.warehouse.generation import Generation, last_of_releases


def generation(number: int, release: str | None, published: str | None) -> Generation:
    at = f"2026-11-25T{published}:00+00:00" if published else None
    return Generation(f"run-{number}", number, release, None, {}, f"2026-11-{number:02d}", at)


def test_of_a_release_the_one_is_kept_that_it_published_last() -> None:
    # 3 was built after 2; then 2 was published again.
    found = [generation(3, "a", "03:00"), generation(2, "a", "04:00"), generation(1, "a", "01:00")]
    assert last_of_releases(found, 5) == {"run-2"}


def test_releases_count_by_when_they_were_published_last() -> None:
    # A rollback to the oldest, without building its data again.
    found = [generation(3, "c", "03:00"), generation(2, "b", "02:00"), generation(1, "a", "04:00")]
    assert last_of_releases(found, 2) == {"run-1", "run-3"}


def test_within_a_second_the_later_run_is_the_last() -> None:
    found = [generation(2, "a", "01:00"), generation(1, "a", "01:00")]
    assert last_of_releases(found, 1) == last_of_releases(found[::-1], 1) == {"run-2"}


def test_what_was_never_published_or_is_of_no_release_is_not_gone_back_to() -> None:
    found = [
        generation(4, "a", None),
        generation(3, "a-dirty", "03:00"),
        generation(2, None, "02:00"),
        generation(1, "a", "01:00"),
    ]
    assert last_of_releases(found, 5) == {"run-1"}
