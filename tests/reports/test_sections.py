import re

from class_balancing.reports.sections import Section, markdown, page

SECTION = Section("A & B", ("1 < 2",), (("name", ""), ("value", "n")), (("a|b\n\\c <i>", "+0.5 ± 1"), ("d", "-2")))


def test_markdown_tables_keep_their_cells(tmp_path):
    text = markdown("Title", [SECTION], tmp_path)
    assert "| a\\|b \\\\c &lt;i> | +0.5 ± 1 |" in text
    assert "1 &lt; 2" in text
    assert text.startswith("# Title\n")


def test_the_page_escapes_and_sorts_by_numbers():
    html = page("Title", [SECTION])
    assert "<i>" not in html
    assert re.findall(r'data-key="([^"]*)">[+-]', html) == ["0.5", "-2.0"]
    assert html.count('href="#s0"') == html.count('id="s0"') == 1
