"""Patches over OSC: files of the patch's folder, and of no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import PATCH, Desk, until
from kinds import rendered

from graphflow.control.osc.peer import Call
from graphflow.core.errors import UserError
from graphflow.core.patch_text import read
from graphflow.session import Session


def answered(desk: Desk, session: Session, address: str, *values: object) -> list[tuple[str, list[object]]]:
    """What comes back when it is done, however long it takes."""
    told = desk.send(address, *values)
    until(session, lambda: bool(told.extend(desk.heard()) or told))
    return told


def test_save_writes_what_plays_and_keeps_what_was_typed(session: Session, desk: Desk, tmp_path: Path):
    (tmp_path / "test.toml").write_text(f"# mine\n{PATCH}")
    desk.server.files.files.text = f"# mine\n{PATCH}"
    desk.send("/gf/node/a/value", 0.5)
    assert desk.send("/gf/patch/save") == [("/gf/patch/save", ["test"])]
    text = (tmp_path / "test.toml").read_text()
    assert text.startswith("# mine\n") and read(text)[0].nodes["a"].values == {"value": 0.5}
    assert desk.send("/gf/patch/save", "evening") == [("/gf/patch/save", ["evening"])]
    assert desk.send("/gf/patch/list") == [("/gf/patch/list", ["evening", "test"])]


def test_another_patch_is_only_written_over_where_that_is_meant(session: Session, desk: Desk, tmp_path: Path):
    (tmp_path / "other.toml").write_text("theirs")
    line = "other.toml is there already; /gf/patch/save other 1 replaces it"
    assert desk.send("/gf/patch/save", "other") == [("/gf/sys/error", ["/gf/patch/save", line])]
    assert (tmp_path / "other.toml").read_text() == "theirs"
    assert desk.send("/gf/patch/save", "other", 1) == [("/gf/patch/save", ["other"])]
    assert desk.send("/gf/patch/save", "other") == [("/gf/patch/save", ["other"])]  # it is this patch's own now
    (tmp_path / "other.toml").chmod(0o444)
    (told,) = desk.send("/gf/patch/save")
    assert told[1][1] == "other.toml is read-only; save under another name, or make it writable first"


def test_load_goes_over_to_another_patch_and_undo_comes_back(session: Session, desk: Desk, tmp_path: Path):
    other = PATCH.replace('kind = "steady"', 'kind = "steady"\nvalue = 0.75')
    (tmp_path / "other.toml").write_text(other)
    desk.send("/gf/node/a/value", 0.5)
    assert answered(desk, session, "/gf/patch/load", "other") == [("/gf/patch/load", ["other"])]
    assert session.get("a", "value") == 0.75
    desk.send("/gf/patch/undo", 1)
    assert session.patch == read(PATCH)[0]
    desk.send("/gf/patch/redo", 0)
    assert session.patch == read(PATCH)[0]
    desk.send("/gf/patch/redo")
    assert session.patch == read(other)[0]
    desk.send("/gf/node/a/value", 0.1)
    assert answered(desk, session, "/gf/patch/reload") == [("/gf/patch/reload", ["other"])]
    assert session.get("a", "value") == 0.75


@pytest.mark.parametrize(
    "name",
    [
        "../other",
        "/etc/passwd",
        "",
        "a/../../x",
        "..",
        "x\\..\\y",
        "link",
        "n" * 5000,
        "\ud7ff/../../..",
        "%2e%2e/x",
        "a\x01b",
        "a\nb",
    ],
)
def test_no_name_leaves_the_folder(session: Session, desk: Desk, tmp_path: Path, name: str):
    outside = tmp_path.parent / "outside.toml"
    outside.write_text(PATCH)
    (tmp_path / "link.toml").symlink_to(outside)
    before = outside.read_text()
    for verb in ("load", "save"):
        if name or verb == "load":
            (told,) = answered(desk, session, f"/gf/patch/{verb}", name)
            assert told[0] == "/gf/sys/error"
    assert outside.read_text() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.toml", "test.toml"]
    assert session.patch == read(PATCH)[0]


@pytest.mark.parametrize(
    "text, line",
    [
        ("not toml", "wrong.toml, line 1, column 5: not TOML: expected '=' after a key in a key/value pair"),
        (PATCH.replace('"a -> out"', '"a -> a"'), 'wires: "a -> a": '),
        (PATCH.replace('kind = "steady"', 'kind = "steady"\nvalue = 9'), "nodes.a.value is 9; expected -1 to 1"),
    ],
)
def test_a_patch_that_is_wrong_changes_nothing(session: Session, desk: Desk, tmp_path: Path, text: str, line: str):
    (tmp_path / "wrong.toml").write_text(text)
    (told,) = answered(desk, session, "/gf/patch/load", "wrong")
    assert told[0] == "/gf/sys/error" and str(told[1][1]).startswith(line)
    assert session.patch == read(PATCH)[0] and rendered(session, 512)[-1, 0] == 0.25


def test_a_file_that_is_not_there_is_said(session: Session, desk: Desk, tmp_path: Path):
    (told,) = answered(desk, session, "/gf/patch/load", "gone")
    assert told[1][1] == f"gone.toml: no such file in {tmp_path}"
    assert desk.send("/gf/patch/load")[0][1][1] == "/gf/patch/load: 0 arguments; expected one value"
    assert desk.send("/gf/patch/load", 3)[0][1][1] == "/gf/patch/load is 3; expected a name"
    assert desk.send("/gf/patch/undo")[0][1][1] == "nothing to undo"


def test_only_this_computer_loads_and_saves(session: Session, desk: Desk):
    class Stranger:
        transport, host, port, local = "udp", "192.168.1.9", 9000, False

        def send(self, data: bytes) -> None: ...

    for address in ("/gf/patch/load", "/gf/patch/save"):
        with pytest.raises(UserError, match="only programs on this computer may; --allow-files lets the others too"):
            desk.server.files.check(Call(Stranger()), address)
    desk.server.files._remote = True
    desk.server.files.check(Call(Stranger()), "/gf/patch/save")


def test_a_patch_without_a_file_has_to_be_named(session: Session, desk: Desk):
    desk.server.files.files.path = None
    assert desk.send("/gf/patch/save")[0][1][1] == "/gf/patch/save: this patch has no file yet; give it a name"
    assert desk.send("/gf/patch/reload")[0][1][1] == "/gf/patch/reload: this patch has no file yet; give it a name"
