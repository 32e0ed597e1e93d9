"""Answers as trees of whitelisted elements, so that no markup of theirs ever reaches the page.

A tree is a list of nodes; a node is a text, or `[tag, children]`, or `[tag, children, extra]` where
extra is the address of a link, the language of a code block or the first number of a list. The
page's script turns it into elements; a tag it does not know becomes text.
"""

import re
from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

Node = str | list["str | int | Tree"]
Tree = list[Node]

LONGEST = 100_000
"""Characters of an answer beyond which only its raw text is shown."""

TAGS = {
    *("p", "strong", "em", "s", "code", "pre", "blockquote", "hr", "br", "a", "h5", "h6"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
_HEADINGS = {"h1": "h5", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6", "h6": "h6"}
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_MARKS = re.compile(r"[\n!&*<\[\]\\_`~]")
"""What may begin an element inside a paragraph; text without any is left as it is."""


def markdown_tree(text: str) -> Tree | None:
    """Return the tree of a Markdown text, or None where it is longer than `LONGEST`."""
    if len(text) > LONGEST:
        return None
    return _tree(_PARSER.parse(text))


def _inline(state: StateCore) -> None:
    """Parse the contents of blocks, but those that are plain text."""
    for token in state.tokens:
        if token.type == "inline" and _MARKS.search(token.content):
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _parser() -> MarkdownIt:
    """Return a parser of what a tree can hold; markup stays text, and nothing looks for it."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline", "text_join"])
    parser.core.ruler.at("inline", _inline)
    parser.inline.terminator_re = _MARKS
    return parser


_PARSER = _parser()


def _tree(tokens: Iterable[Token]) -> Tree:
    root: Tree = []
    open_lists = [root]
    for token in tokens:
        if token.nesting == 1:
            children: Tree = []
            node = _element(token, children)
            if node is not None:
                open_lists[-1].append(node)
            open_lists.append(open_lists[-1] if node is None else children)
        elif token.nesting == -1:
            open_lists.pop()
        else:
            _append(open_lists[-1], _leaf(token))
    return root


def _append(nodes: Tree, more: Iterable[Node]) -> None:
    """Append nodes, texts that follow one another as one text."""
    for node in more:
        if isinstance(node, str) and nodes and isinstance(nodes[-1], str):
            nodes[-1] += node
        elif node:
            nodes.append(node)


def _element(token: Token, children: Tree) -> Node | None:
    """Return the node of an opening token; None where only its contents are to be shown."""
    tag = _HEADINGS.get(token.tag, token.tag)
    if tag not in TAGS or (tag == "p" and token.hidden):
        return None
    if tag == "a":
        link = str(token.attrs.get("href", ""))
        return ["a", children, link] if _SAFE_LINK.match(link) else None
    if tag == "ol" and "start" in token.attrs:
        return ["ol", children, int(token.attrs["start"])]
    return [tag, children]


def _leaf(token: Token) -> Sequence[Node]:
    if token.type == "inline":
        return _tree(token.children) if token.children else [token.content]
    if token.type in ("fence", "code_block"):
        language = token.info.split()[0][:40] if token.info.strip() else ""
        return [["pre", [token.content], language]]
    if token.type == "code_inline":
        return [["code", [token.content]]]
    if token.type == "image":
        return [f"[image: {token.content}]"]
    if token.type == "hardbreak":
        return [["br", []]]
    if token.type == "softbreak":
        return ["\n"]
    if token.type == "hr":
        return [["hr", []]]
    return [token.content]
