"""README.ru.md says what README.md says: the same sections, the same examples, the same links."""

import re

from tests.docs.pages import ROOT, RUN, blocks_of

ENGLISH = ROOT / "README.md"
RUSSIAN = ROOT / "README.ru.md"
_LINK = re.compile(r"\]\(([^)]+)\)")


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_the_translation_has_the_same_sections_in_the_same_order() -> None:
    levels = [
        [len(marks) for marks in re.findall(r"^(#+) ", prose(page.read_text()), re.MULTILINE)]
        for page in (ENGLISH, RUSSIAN)
    ]
    assert levels[0] == levels[1]


def test_the_translation_has_the_same_examples() -> None:
    english, russian = (
        [(block.language, block.text, block.directives) for block in blocks_of(page) if block.language in RUN | {"ini"}]
        for page in (ENGLISH, RUSSIAN)
    )
    assert english == russian


def test_the_translation_has_as_many_pictures() -> None:
    english, russian = ([block.language for block in blocks_of(page)] for page in (ENGLISH, RUSSIAN))
    assert english == russian


def test_the_translation_links_to_the_same_pages() -> None:
    english, russian = (_LINK.findall(prose(page.read_text())) for page in (ENGLISH, RUSSIAN))
    assert [link for link in english if link != RUSSIAN.name] == [link for link in russian if link != ENGLISH.name]
