import pytest

from judges.folders import write_folder
from llms.errors import UserError

SITE = [
    ("index.html", b"page"),
    ("s/p1.js", b"shard"),
    ("SHA256SUMS", b"1  index.html\n2  s/p1.js\n"),
]


def test_a_file_the_new_build_does_not_have_is_taken_away(tmp_path):
    write_folder(tmp_path, SITE)
    write_folder(tmp_path, [("index.html", b"new"), ("SHA256SUMS", b"3  index.html\n")])
    assert (tmp_path / "index.html").read_bytes() == b"new"
    assert not (tmp_path / "s" / "p1.js").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not made here"):
        write_folder(tmp_path, SITE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_list_of_files_that_points_outside_removes_nothing_there(tmp_path):
    outside = tmp_path / "precious.txt"
    outside.write_text("keep")
    write_folder(tmp_path / "site", [("SHA256SUMS", b"1  ../precious.txt\n")])
    write_folder(tmp_path / "site", SITE)
    assert outside.read_text() == "keep"


def test_what_a_killed_build_wrote_is_taken_away_by_the_next(tmp_path):
    def killed():
        yield "s/p1.js", b"private"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "site", killed())
    unfinished = tmp_path / "site" / "s" / ".p1.js.x7.unfinished"
    unfinished.write_text("private")
    write_folder(tmp_path / "site", [("index.html", b"new"), ("SHA256SUMS", b"3  index.html\n")])
    files = sorted(path.name for path in (tmp_path / "site").rglob("*") if path.is_file())
    assert files == ["SHA256SUMS", "index.html"]


def test_a_build_killed_at_any_byte_can_be_run_again(tmp_path):
    out = tmp_path / "site"
    out.mkdir()
    (out / "SHA256SUMS.unfinished").touch()
    assert write_folder(out, SITE) == 3
