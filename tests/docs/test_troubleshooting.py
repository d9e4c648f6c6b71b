"""docs/troubleshooting.md and the errors in the sources hold each other."""

import ast
import re
from operator import itemgetter

from tests.docs.pages import ROOT
from tests.docs.sentences import ANY, all_sentences, covers, headings, python_sentences, sentences_in
from vss_router.log import mask

PAGE = ROOT / "docs" / "troubleshooting.md"


def test_every_error_sentence_has_its_entry() -> None:
    entries = headings(PAGE)
    missing = [
        f"{said.text} ({said.place})"
        for said in all_sentences()
        if not any(covers(entry, said.text) for entry in entries)
    ]
    assert missing == []


def test_no_sentence_loses_a_word_to_the_masking_of_secrets() -> None:
    sentences = [re.sub(r"\w+:\w+@", "", said.text) for said in all_sentences()]  # a URL written as an example may
    assert [sentence for sentence in sentences if mask(sentence) != sentence] == []


def test_no_entry_outlives_its_error() -> None:
    sentences = [said.text for said in all_sentences()]
    stale = [entry for entry in headings(PAGE) if not any(covers(entry, sentence) for sentence in sentences)]
    assert stale == []


def test_every_entry_says_what_to_do() -> None:
    assert [entry for entry, body in headings(PAGE).items() if len(body.split()) < 5] == []


def test_no_entry_is_so_short_that_it_covers_anything() -> None:
    short = [entry for entry in headings(PAGE) if len(re.findall(r"\w{2,}", entry.replace(ANY, " "))) < 2]
    assert short == []


def test_every_error_is_raised_with_its_sentence_in_sight() -> None:
    assert [said.place for said in python_sentences() if not said.text] == []


def test_a_sentence_is_found_with_its_changing_parts_left_open() -> None:
    source = """
def why(path):
    return f"{path} is empty: record a session first"

def load(path, error):
    if error:
        raise CaptureError(f"the recording {path} cannot be read ({error}): "
                           "check the file")
    raise CaptureError(why(path))
"""
    assert [text for text, _ in sorted(sentences_in(ast.parse(source)), key=itemgetter(1))] == [
        "the recording … cannot be read (…): check the file",
        "… is empty: record a session first",
    ]
