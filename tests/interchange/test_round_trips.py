"""What is written is read back: to the last bit, by files of every kind."""

import bz2
import gzip
import lzma
import zipfile

import pytest

from forecast.interchange import bif, hugin, uai, xdsl, xmlbif
from forecast.interchange.network_files import read_network, write_network
from tests.interchange.files import FILES, FIXTURES, SWITCH, random_network, same_numbers, sprinkler
from tests.refusals import problems

LOSSLESS = {"bif": bif, "xmlbif": xmlbif, "xdsl": xdsl, "net": hugin}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("form", LOSSLESS)
def test_fixtures_come_back_to_the_last_bit(path, form):
    network = read_network(path)
    text = LOSSLESS[form].write(network)
    again = LOSSLESS[form].read(text)
    assert again == network
    assert not again.notes
    assert LOSSLESS[form].write(again) == text


@pytest.mark.parametrize("form", LOSSLESS)
def test_random_networks_come_back_to_the_last_bit(form):
    for seed in range(50):
        network = random_network(seed)
        assert LOSSLESS[form].read(LOSSLESS[form].write(network)) == network, seed


def test_uai_keeps_structure_and_numbers():
    for seed in range(50):
        network = random_network(seed)
        text = uai.write(network)
        assert same_numbers(uai.read(text), network), seed
        assert uai.write(uai.read(text)) == text


@pytest.mark.parametrize("suffix", ["xml", "xdsl"])
def test_the_same_network_in_every_format(suffix):
    assert sprinkler(suffix) == sprinkler()


def test_the_same_numbers_in_uai():
    assert same_numbers(sprinkler("uai"), sprinkler())


def test_files_are_written_as_a_whole(tmp_path):
    network = sprinkler()
    for suffix in (".bif", ".xml", ".xmlbif", ".bifxml", ".xdsl"):
        path = write_network(network, tmp_path / f"n{suffix}")
        assert read_network(path) == network
    write_network(network, tmp_path / "n.txt", "bif")
    assert read_network(tmp_path / "n.txt", "bif") == network
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_file_problems_say_which_file(tmp_path):
    assert "did you mean '.bif'" in problems(read_network, tmp_path / "n.biff")[0]
    assert "cannot be read" in problems(read_network, tmp_path / "n.bif")[0]
    assert "not a file" in problems(read_network, tmp_path, "bif")[0]
    assert "did you mean 'bif'" in problems(read_network, tmp_path / "n.bif", "biff")[0]
    assert "cannot be written" in problems(write_network, sprinkler(), tmp_path / "no" / "n.bif")[0]
    (tmp_path / "n.bif").write_bytes(b"network x {\n}\n\xff")
    assert (
        f"{tmp_path / 'n.bif'}:3: not a text file" in problems(read_network, tmp_path / "n.bif")[0]
    )


def test_latin_letters_of_genie_files(tmp_path):
    text = (FIXTURES / "sprinkler.xdsl").read_text().replace("the tests", "Žofie é".lstrip("Ž"))
    path = tmp_path / "n.xdsl"
    path.write_bytes(text.encode("iso-8859-1"))
    assert read_network(path).properties[""] == (("author", "ofie é, by hand"),)


def test_compressed_files_are_read(tmp_path):
    text = bif.write(sprinkler()).encode()
    packed = {"gz": gzip.compress(text), "bz2": bz2.compress(text), "xz": lzma.compress(text)}
    for suffix, content in packed.items():
        (tmp_path / f"n.bif.{suffix}").write_bytes(content)
        assert read_network(tmp_path / f"n.bif.{suffix}") == sprinkler()
        (tmp_path / f"cut.bif.{suffix}").write_bytes(content[: len(content) // 2])
        assert "cannot be read" in problems(read_network, tmp_path / f"cut.bif.{suffix}")[0]
    for names in (["deep/n.bif"], ["one.bif", "two.bif"]):
        with zipfile.ZipFile(tmp_path / "n.zip", "w") as archive:
            for name in names:
                archive.writestr(name, text)
        if len(names) == 1:
            assert read_network(tmp_path / "n.zip") == sprinkler()
    assert (
        "an archive of 2 files (one.bif, two.bif)" in problems(read_network, tmp_path / "n.zip")[0]
    )
    (tmp_path / "bomb.bif.gz").write_bytes(gzip.compress(b" " * 30_000_000))
    assert "more than the 20,000,000 bytes" in problems(read_network, tmp_path / "bomb.bif.gz")[0]
    assert "files of Hugin are not read" in problems(read_network, tmp_path / "n.hkb")[0]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        *[("utf-16", "utf-16"), ("UTF-16", "utf-16-le"), ("utf-16", "utf-8")],
        *[("windows-1252", "cp1252"), ("ISO-8859-2", "iso-8859-2")],
        *[("utf-8", "utf-8-sig"), ("Shift_JIS", "shift_jis")],
    ],
)
def test_encodings_that_a_document_declares(tmp_path, declared, encoding):
    name = {"Shift_JIS": "洪水", "ISO-8859-2": "Žofie"}.get(declared, "crué é")
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\n<!DOCTYPE BIF [ <!ELEMENT BIF (NETWORK)> ]>'
        f"<BIF><NETWORK><NAME>{name}</NAME><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME></VARIABLE>"
        "<DEFINITION><FOR>a</FOR><TABLE>1</TABLE></DEFINITION></NETWORK></BIF>"
    )
    path = tmp_path / "n.xml"
    path.write_bytes(text.encode(encoding))
    assert read_network(path).name == name


def test_an_encoding_that_nothing_says_is_given(tmp_path):
    path = tmp_path / "n.bif"
    path.write_bytes(SWITCH.replace("Gate", "\nécluse").encode("cp1252"))
    (found,) = problems(read_network, path)
    assert found.startswith(f"{path}:2: not a text file in UTF-8")
    assert "encoding='cp1252'" in found
    assert "is not known" in problems(lambda: read_network(path, encoding="zlib"))[0]
    path.write_bytes(SWITCH.replace("Gate", "écluse").encode("cp1252"))
    assert read_network(path, encoding="cp1252").name == "écluse"
