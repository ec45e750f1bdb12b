"""A record of the CMDB is a server's by its name or by its wave, and by nothing else."""

from __future__ import annotations

import pytest

from migration_ops.integrations.cmdb.identity import Identity


def fits(mine: tuple[str, ...], theirs: list[object], wave: object = None, my_wave: str | None = "w") -> bool:
    return Identity(mine, my_wave).fits(theirs, lambda: wave)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("web01", "web01"),
        ("WEB01", "web01"),
        ("web01.corp.example.com", "web01"),
        ("web01", "web01.corp.example.com"),
        ("web01.corp.example.com.", "WEB01.corp.example.com"),
    ],
)
def test_one_host_in_two_spellings(mine: str, theirs: str) -> None:
    assert fits((mine,), [None, theirs])


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("web01", "web02"),
        ("web01", "web010"),
        ("web01.a.example", "web01.b.example"),
        ("web01", ""),
        ("", ""),
        (".", "."),
    ],
)
def test_two_hosts(mine: str, theirs: str) -> None:
    assert not fits((mine,), [theirs])


@pytest.mark.parametrize("theirs", [[], [None], [7], [["web01"]]])
def test_a_record_without_a_name_fits_no_name(theirs: list[object]) -> None:
    assert not fits(("web01",), theirs)


def test_the_wave_fits_where_the_name_does_not() -> None:
    assert fits((), [], wave="w")
    assert fits(("web01",), ["web02"], wave="w")
    assert not fits((), [], wave="W")
    assert not fits((), [], wave=None, my_wave=None)
    assert not fits((), [], wave="", my_wave="")


def test_the_wave_is_asked_for_only_when_no_name_fits() -> None:
    def never() -> object:
        raise AssertionError

    assert Identity(("web01",), "w").fits(["web01"], never)
