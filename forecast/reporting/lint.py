"""Faults of wording in the text of a product: what analytic standards ask of its sentences.

The rules are those of Intelligence Community Directives 203 and 206: a term of likelihood stands
with a number, terms of one row are used and mean what the lexicon says, likelihood and confidence
are kept apart, a judgement names what it rests on, and no word that commits to nothing stands in
for a probability. Sentences are told apart by their words, not understood: what a fault quotes is
to be read by somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from forecast.arguments import checked
from forecast.layout import PrintsItself, Row, Summary, shortened
from forecast.lexicon import Lexicon, lexicon_names, read_lexicon

Kind = Literal[
    "no number",
    "number outside its term",
    "vague",
    "mixed terms",
    "confidence and likelihood",
    "no source",
    "undefined term",
]

NUMBER = re.compile(
    r"(?<![\w.])[<>]?\s?(\d+(?:\.\d+)?)(?:\s?(?:[-–]|to)\s?[<>]?(\d+(?:\.\d+)?))?\s?%"
)
VAGUE = re.compile(
    r"""\b(?:
      (?:can(?:no|')t|cannot|can\ not|could\ not|unable\ to|not\ be\ able\ to)\ (?:be\ )?
        (?:ruled?\ out|exclude[d]?|discount(?:ed)?|dismiss(?:ed)?)
    | may(?!\ \d)(?!\ be\ found\b)
    | (?<!military\ )(?<!the\ )(?<!its\ )(?<!their\ )might(?!\ of\b)
    | could
    | (?<!soon\ as\ )(?<!far\ as\ )(?<!much\ as\ )(?<!if\ )(?<!where\ )possible(?!\ to\b)
    | possibly | possibilit(?:y|ies) | perhaps | maybe | conceivabl[ye] | plausibl[ye]
    | potentially
    | (?:a|some|every|any|good|fair|slim|slight|real)\ chance
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
MONTH = re.compile(r"\bMay\b(?=,?\s\d)|(?<=\d\s)May\b|(?<=[a-z,;]\s)May\b")
CONFIDENCE = re.compile(
    r"\b(?:high|moderate|medium|low|little|great|some)\s(?:analytic\s)?confidence\b|\bconfident\b"
    r"|\bconfidence\s(?:is|:)\s(?:high|moderate|medium|low)\b|^confidence[.:]",
    re.IGNORECASE,
)
JUDGEMENT = re.compile(
    r"\b(?:we|i|analysts|the\s(?:author|service|agency|staff))\s(?:\w+\s)?"
    r"(?:assess|judge|believe|estimate|expect|conclude|anticipate)(?:es|s|ed)?\b",
    re.IGNORECASE,
)
SOURCE = re.compile(
    r"\[\^?\w+\]|\^\d|\((?:source|basis|see|reports?|from)\b|\b(?:source|sources|basis|based\son|according"
    r"\sto|reported\sby|rests?\son)\b|\bmodel\b|https?://|\b[A-Z]{1,3}\d+[a-z]?\b",
    re.IGNORECASE,
)
ACRONYM = re.compile(r"(?<![\w.-])(?:[A-Z]{2,}[a-z]?s?)(?![\w-])")
ORDINARY = frozenset(
    [
        "AD",
        "AM",
        "BC",
        "CIA",
        "DOI",
        "EU",
        "FBI",
        "GMT",
        "ID",
        "IDs",
        "ISO",
        "NATO",
        "OK",
        "PM",
        "TV",
        "UK",
        "UN",
        "US",
        "USA",
        "UTC",
        "I",
        "II",
        "III",
        "IV",
        "VI",
        "VII",
    ]
)
"""Capitals that need no explanation."""
TECHNICAL = {
    "R-hat": r"R-hat|R̂",
    "Pareto k": r"Pareto k",
    "effective sample size": r"effective sample size",
    "Monte Carlo error": r"Monte Carlo error",
    "NUTS": r"\bNUTS\b",
    "likelihood ratio": r"likelihood ratio",
}
"""Terms of the method that a product explains where it uses them."""
QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»|`[^`]*`")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"“(\[A-Z\d*])")
NAMES_A_COURSE = re.compile(
    r"\b(?:(?:most|more|less|least|how|as|equally|that|so)\s(?:\w+\s)?(?:likely|probable|unlikely))\b"
    r"(?=\s(?:course|than|now|each|one|as\b|it\b|is\b|are\b|an?\b|the\b|they\b|[?:,.)|]|$)|[?:,.)|]|$)",
    re.IGNORECASE,
)
SHOWN_ROWS = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of wording.

    Attributes
    ----------
    kind
        Which rule is broken.
    line
        Line of the text, from 1.
    quote
        The words at fault.
    text
        The sentence that they stand in.
    rule
        What the standard asks for, with what to write instead.
    """

    kind: Kind
    line: int
    quote: str
    text: str
    rule: str


@dataclass(frozen=True, repr=False)
class Lint(PrintsItself):
    """Faults of wording in a text; made by `lint`. It is false where there are none.

    Attributes
    ----------
    faults
        In the order of the text.
    lexicon
        The lexicon that terms were looked up in.
    """

    faults: tuple[Fault, ...]
    lexicon: str

    def __bool__(self) -> bool:
        return bool(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    @property
    def kinds(self) -> frozenset[Kind]:
        """Which rules are broken."""
        return frozenset(fault.kind for fault in self.faults)

    @property
    def _summary(self) -> Summary:
        if not self.faults:
            return Summary("No fault of wording was found", (), ())
        count = f"{len(self.faults)} fault{'s' if len(self.faults) > 1 else ''} of wording"
        rows = [_row(fault) for fault in self.faults[:SHOWN_ROWS]]
        left = len(self.faults) - SHOWN_ROWS
        below = (f"{left} more; .faults has all.",) if left > 0 else ()
        return Summary(count, ("Line", "Fault", "Words", "Rule"), rows, below)


def _row(fault: Fault) -> Row:
    return str(fault.line), fault.kind, shortened(fault.quote, 40), fault.rule


_Maker = Callable[[Kind, str, str], Fault]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence, with its line and with what its section says of sources."""

    line: int
    text: str
    paragraph: str
    sourced: bool


@checked
def lint(text: str, lexicon: str | Lexicon = "icd203", *, defined: Sequence[str] = ()) -> Lint:
    """Find faults of wording in the text of a product, ours or anybody's.

    Seven kinds are found: a term of likelihood without a number, or with a number outside its
    range; "may", "could", "possible", "cannot rule out" and the like in place of a probability;
    terms of two rows or of two lexicons in one text; likelihood and confidence in one sentence; a
    judgement whose paragraph or section names no source; and a capitalised or technical term that
    is nowhere explained. What stands in quotation marks is not judged.

    Parameters
    ----------
    text
        Plain text or Markdown. The rows of a table count as sentences, and what a section says of
        its sources ("Source:", "Basis:", a number of a note, the name of a report) counts for all
        of its sentences.
    lexicon
        Whose terms are used.
    defined
        Terms that readers are taken to know.

    Returns
    -------
    Lint
        False where nothing was found; it prints itself as a table.

    Examples
    --------
    >>> sorted(lint("An attack is likely. It could come at night.").kinds)
    ['no number', 'no source', 'vague']
    >>> bool(lint("An attack is likely (55-80 %; model 70 %), from reports R1 and R2."))
    False
    """
    words = read_lexicon(lexicon)
    sentences = list(_sentences(text))
    found = [
        *(fault for sentence in sentences for fault in _sentence_faults(sentence, words)),
        *_mixed(sentences, words),
        *_undefined(sentences, frozenset(defined)),
    ]
    return Lint(tuple(sorted(found, key=lambda fault: fault.line)), words.name)


def _sentences(text: str) -> Iterator[_Sentence]:
    """Sentences, headings and rows of tables, section by section: headings of rank 1 and 2."""
    section: list[tuple[int, str]] = []
    for number, line in enumerate([*text.splitlines(), "#"], 1):
        if re.match(r"##?(?!#)", line):
            sourced = any(SOURCE.search(each) for _, each in section)
            for start, paragraph in _paragraphs(section):
                yield from _split(start, paragraph, sourced)
            section = []
        section.append((number, line))


def _paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Paragraphs, rows of tables and items of lists, each with its first line."""
    start, parts = 0, list[str]()
    for number, line in [*lines, (0, "")]:
        alone = line.startswith(("|", "- ", "* ", "> ", "#"))
        if parts and (alone or not line.strip()):
            yield start, " ".join(parts)
            parts = []
        if alone:
            yield number, line
        elif line.strip():
            start = number if not parts else start
            parts.append(line.strip())


def _split(line: int, paragraph: str, sourced: bool) -> Iterator[_Sentence]:
    plain = _plain(paragraph).lstrip("# ")
    parts = [plain] if paragraph.startswith(("|", "#")) else SENTENCE.split(plain)
    for part in parts:
        if part.strip("|- "):
            yield _Sentence(line, part, plain, sourced)


def _plain(line: str) -> str:
    """Text without the marks of Markdown, and without what is quoted."""
    text = re.sub(r"\\([\\`*\[\]|~$#_.)+<>-])", r"\1", line.replace("\N{NO-BREAK SPACE}", " "))
    text = re.sub(r"<br>|</?[a-z]+>", " ", text.replace("&lt;", "<"))
    return QUOTED.sub("“…”", re.sub(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}", "", text))


def _sentence_faults(sentence: _Sentence, lexicon: Lexicon) -> Iterator[Fault]:
    terms = list(_terms_in(sentence.text, lexicon))
    numbers = list(NUMBER.finditer(sentence.text))
    question = sentence.text.rstrip().endswith("?")

    def fault(kind: Kind, quote: str, rule: str) -> Fault:
        return Fault(kind, sentence.line, quote, sentence.text.strip(), rule)

    if terms and not numbers and not question:
        term = terms[0]
        range_ = f"({_range_text(lexicon, term)})" if term in lexicon.ranges else "and a number"
        yield fault("no number", term, f"a term stands with its range and number: {term} {range_}")
    yield from _disagreeing(sentence, lexicon, fault_of=fault)
    for found in VAGUE.finditer(MONTH.sub("month", sentence.text)):
        if not any(found[0].lower() in term for term in terms):
            rule = "it commits to no probability: give a term with its range, or say what is known"
            yield fault("vague", found[0], rule)
    confident = CONFIDENCE.search(sentence.text)
    if confident and (terms or _is_probability(sentence.text)):
        rule = "confidence in a judgement is stated in a sentence of its own"
        yield fault("confidence and likelihood", confident[0], rule)
    judged = JUDGEMENT.search(sentence.text)
    claims = [*terms, judged[0]] if judged else [] if question else terms
    if claims and not sentence.sourced and not SOURCE.search(sentence.paragraph):
        rule = "a judgement says what it rests on: reports, sources, or the model and its basis"
        yield fault("no source", claims[0], rule)


def _is_probability(text: str) -> bool:
    return bool(re.search(r"\b(?:probability|chance|odds|likelihood)\b", text, re.IGNORECASE))


def _range_text(lexicon: Lexicon, term: str) -> str:
    return next(band.range for band in lexicon.bands if term in band.terms)


def _terms_in(text: str, lexicon: Lexicon) -> Iterator[str]:
    """Terms of likelihood, of this lexicon and of others, the longest where several begin."""
    named = NAMES_A_COURSE.sub("…", text)
    for found in _term_pattern(lexicon).finditer(named):
        yield found[0].lower()


def _disagreeing(sentence: _Sentence, lexicon: Lexicon, fault_of: _Maker) -> Iterator[Fault]:
    """Terms that are followed, or preceded, by a single number outside their range."""
    ranges = {term: band for band in lexicon.bands for term in band.terms}
    for term in dict.fromkeys(_terms_in(sentence.text, lexicon)):
        beside = rf"\b{re.escape(term)}\s*\(?\s*(?:about\s|model\s)?({NUMBER.pattern})"
        before = rf"({NUMBER.pattern})\s*(?:\([^)]*\))?,?\s*\(?{re.escape(term)}\b"
        for found in (
            *re.finditer(beside, sentence.text, re.IGNORECASE),
            *re.finditer(before, sentence.text, re.IGNORECASE),
        ):
            number = NUMBER.search(found[1])
            single = number is not None and number[2] is None and number[0][0] not in "<>"
            if single and number and term in ranges and float(number[1]) / 100 not in ranges[term]:
                rule = f"{term} stands for {ranges[term].range}"
                yield fault_of("number outside its term", found[0], rule)


def _mixed(sentences: Iterable[_Sentence], lexicon: Lexicon) -> Iterator[Fault]:
    """Terms that are not of the row that the text used first."""
    rows = {key: terms for key, terms in _all_terms().items() if terms}
    own = [key for key in rows if key.startswith(f"{lexicon.name},")]
    common = frozenset.intersection(*(rows[key] for key in own)) if own else frozenset()
    first: str | None = None
    for sentence in sentences:
        for term in _terms_in(sentence.text, lexicon):
            homes = [key for key in own if term in rows[key]]
            if not homes and term not in lexicon.ranges:
                rule = f"it is no term of {lexicon.title}; use one lexicon in one product"
                yield Fault("mixed terms", sentence.line, term, sentence.text.strip(), rule)
            elif len(homes) == 1 and term not in common:
                first = first or homes[0]
                if homes[0] != first:
                    rule = f"the text uses {first} of {lexicon.title}; do not mix its rows"
                    yield Fault("mixed terms", sentence.line, term, sentence.text.strip(), rule)


def _undefined(sentences: Sequence[_Sentence], defined: frozenset[str]) -> Iterator[Fault]:
    """Capitalised and technical terms that no sentence explains, once each."""
    seen = set(defined) | ORDINARY
    plain = "\n".join(sentence.text for sentence in sentences)
    for sentence in sentences:
        names = [found[0] for found in ACRONYM.finditer(sentence.text)]
        names += [name for name, way in TECHNICAL.items() if re.search(way, sentence.text)]
        for name in names:
            singular = name.removesuffix("s")
            if name in seen or singular in seen:
                continue
            seen.add(name)
            if not _explained(singular if name not in TECHNICAL else name, plain):
                rule = "say what it stands for where it is first used, or in a list of terms"
                yield Fault("undefined term", sentence.line, name, sentence.text.strip(), rule)


def _explained(name: str, text: str) -> bool:
    """Whether a term stands beside its meaning: "Long Name (LN)", "LN (long name)", "LN: long"."""
    escaped = re.escape(name)
    inside = rf"[a-z]\w*\s\({escaped}s?\)|\b{escaped}\s\([A-Za-z][^)]*[a-z]{{3}}"
    listed = rf"(?:^|\|\s?){escaped}\s*(?:[:=|]|[-–—]\s)\s*\w+"
    return bool(re.search(inside, text) or re.search(listed, text, re.MULTILINE | re.IGNORECASE))


@lru_cache(maxsize=16)
def _term_pattern(lexicon: Lexicon) -> re.Pattern[str]:
    terms = set(lexicon.ranges) | {term for terms in _all_terms().values() for term in terms}
    ordered = sorted(terms - {"remote"}, key=len, reverse=True)
    alone = r"|(?:is|are|was|seems?|remains?|as)\sremote(?!\s\w)" if "remote" in terms else ""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, ordered))}{alone})\b", re.IGNORECASE)


@lru_cache(maxsize=1)
def _all_terms() -> dict[str, frozenset[str]]:
    """Terms of every row of every lexicon that ships, by its name and row."""
    found = {}
    for name in lexicon_names():
        bands = read_lexicon(name).bands
        for row in range(max(len(band.terms) for band in bands)):
            key = f"{name}, row {'AB'[row]}"
            found[key] = frozenset(band.terms[row] for band in bands if len(band.terms) > row)
    return found
