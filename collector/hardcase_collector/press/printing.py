"""ReportPress: a laid-out service report as HTML (Jinja) and as PDF (ReportLab, with the font of `fonts/` embedded).

The same paper gives the same bytes: papers are kept by their hash.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from hardcase_collector.press.sheet import Grid, Prose, Rows, Sheet, lay_out
from hardcase_collector.service.paper import Paper

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

_FONT = "WenQuanYiMicroHei"
_MARGIN_MM = 18
_BODY_PT, _TITLE_PT, _HEADING_PT = 9.5, 16, 11
_NAME_MM = 38
"""Width of the column of names: the longest, "Customer's signature", fits."""
_EVERYWHERE = ((0, 0), (-1, -1))
_TIGHT = [("VALIGN", *_EVERYWHERE, "TOP"), ("TOPPADDING", *_EVERYWHERE, 1), ("BOTTOMPADDING", *_EVERYWHERE, 1)]


class ReportPress:
    """See `Press`. The font is read when the first PDF is printed. Not for two threads at once on one PDF library:
    callers print within the state store's writer, which takes turns."""

    @cached_property
    def _template(self) -> Environment:
        loader = PackageLoader("hardcase_collector.press", ".")
        return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)

    def html(self, paper: Paper, language: str) -> bytes:
        return self._template.get_template("report.html").render(sheet=lay_out(paper, language)).encode()

    def pdf(self, paper: Paper, language: str) -> bytes:
        # Imported when needed: serving without ever printing does without its 20 MB.
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.units import mm
        from reportlab.platypus import SimpleDocTemplate

        self._load_font()
        sheet, out = lay_out(paper, language), io.BytesIO()
        margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN_MM * mm)
        document = SimpleDocTemplate(
            out, pagesize=A4, invariant=1, title=f"{sheet.title} {sheet.number}", lang=sheet.language, **margins
        )
        document.build(list(_flow(sheet, document.width)))
        return out.getvalue()

    def _load_font(self) -> None:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        if _FONT not in pdfmetrics.getRegisteredFontNames():
            file = resources.files("hardcase_collector.press").joinpath("fonts", "wqy-microhei.ttf")
            pdfmetrics.registerFont(TTFont(_FONT, io.BytesIO(file.read_bytes())))


def _flow(sheet: Sheet, width: float) -> Iterator[Flowable]:
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, Spacer, Table

    def style(size: float, colour: object = colors.black) -> ParagraphStyle:
        return ParagraphStyle("", fontName=_FONT, fontSize=size, leading=size * 1.4, textColor=colour, wordWrap="CJK")

    body, faint = style(_BODY_PT), style(_BODY_PT, colors.HexColor("#555555"))
    lines = [("GRID", *_EVERYWHERE, 0.5, colors.grey), ("VALIGN", *_EVERYWHERE, "TOP")]

    def text(words: str, in_style: ParagraphStyle = body) -> Paragraph:
        return Paragraph(escape(words, quote=False).replace("\n", "<br/>"), in_style)

    yield text(f"{sheet.title}  {sheet.number}", style(_TITLE_PT))
    if sheet.mark:
        yield text(sheet.mark, style(_HEADING_PT, colors.HexColor("#aa0000")))
    for section in sheet.sections:
        yield Spacer(1, 4 * mm)
        yield text(section.heading, style(_HEADING_PT))
        match section:
            case Prose():
                yield text(section.text)
            case Rows():
                cells = [[text(name, faint), text(value)] for name, value in section.rows]
                yield Table(cells, [_NAME_MM * mm, width - _NAME_MM * mm], style=_TIGHT)
            case Grid():
                rows = [[text(column, faint) for column in section.columns]]
                rows += [[text(cell) for cell in line] for line in section.lines]
                yield Table(rows, [width / len(section.columns)] * len(section.columns), style=lines, repeatRows=1)
