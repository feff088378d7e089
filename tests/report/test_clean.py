import pytest

from crmkit.report.clean import clean


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p onclick=x()>a</p>", "<p>a</p>"),
        ("<script>x()</script>b", "b"),
        ("<ScRiPt>x()</ScRiPt>b", "b"),
        ("<style>p{background:url(//x)}</style>b", "b"),
        ("<iframe srcdoc='<script>x()</script>'></iframe>b", "b"),
        ("<svg><script>x()</script><path d='M0 0'></path></svg>", '<svg><path d="M0 0"></path></svg>'),
        ("<svg><foreignObject><body onload=x()></foreignObject></svg>", ""),
        ("<svg><circle r='1' onclick='x()'></circle></svg>", '<svg><circle r="1"></circle></svg>'),
        ("<svg><use href='data:image/svg+xml,x'></use></svg>", ""),
        ("<math><mtext><img src=x onerror=x()></mtext></math>c", "c"),
        ("<!-- <script>x()</script> -->d", "d"),
        ("<!DOCTYPE html>d", "d"),
        ("<a href='javascript:x()'>e</a>", "<a>e</a>"),
        ("<a href=' jAvAsCrIpT:x()'>e</a>", "<a>e</a>"),
        ("<a href='data:text/html,x'>e</a>", "<a>e</a>"),
        ("<a href='//evil.example/x'>e</a>", "<span>e (evil.example/x)</span>"),
        ("<a href='#part'>e</a>", '<a href="#part">e</a>'),
        ("<a href='file:///etc/passwd'>e</a>", "<a>e</a>"),
        ("<img src='https://x/y.png' alt='Y'>", "[Y]"),
        ("<img src='data:text/html;base64,AA' alt='Y'>", "[Y]"),
        ("<img src='data:image/png;base64,AAAA' alt='Y'>", '<img alt="Y" src="data:image/png;base64,AAAA"/>'),
        ("<td style='background:url(//x)'>1</td>", "<td>1</td>"),
        ("<p style='position:fixed;top:0'>f</p>", "<p>f</p>"),
        ("<td style='color:red'>1</td>", '<td style="color:red">1</td>'),
        ("<form action=//x><input name=a></form>g", "g"),
        ("<td id='T_0a1b2_row0_col0'>1</td>", "<td>1</td>"),
        ("<dt id='term-nps'>NPS</dt>", '<dt id="term-nps">NPS</dt>'),
        ("<blink>h</blink>", "h"),
        ("<meta http-equiv=refresh content='0;url=//x'>i", "i"),
        ("<base href='//x/'>i", "i"),
    ],
)
def test_only_what_describes_and_places_is_left(html, left):
    assert str(clean(html)) == left


def test_escaped_text_stays_text():
    text = "<p>&lt;script&gt;x()&lt;/script&gt; &amp;lt; 東京</p>"
    assert str(clean(text)) == text
