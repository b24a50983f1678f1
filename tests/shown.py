"""What a page shows, for tests of its words."""

from html.parser import HTMLParser


class Shown(HTMLParser):
    """What a reader of a page sees or hears, without formulas' signs, code, style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [v or "" for k, v in attrs if k in ("title", "aria-label", "alt") or k.startswith("data-")]
        if tag not in ("meta", "br"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script", "code", "mi", "tspan"} & set(self.inside):
            self.said.append(data)
