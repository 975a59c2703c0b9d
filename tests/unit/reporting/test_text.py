from elemflow.reporting.text import escape_tex


def test_an_empty_line_does_not_end_a_caption():
    assert escape_tex("one\n\n  two \r\n three\n") == "one two three "
    assert escape_tex("3.5\u202f% of $x$ & a_b") == r"3.5\,\% of \$x\$ \& a\_b"
