#!/usr/bin/env python3
"""Writes a corpus of English texts for measuring, one per line, from files that every Debian has.

    tools/make_corpus.py --count 1000 > mixed.txt
    tools/make_corpus.py --count 1000000 --short --output short.txt

Sources are licences, copyright notes, Perl's manual and man pages of this machine, cut into
sentences and paragraphs. The lengths follow those of sentences and paragraphs as people embed them:
a mean of 36 tokens, a median of 28, a few beyond 256. --short writes fragments of common words, at
most 9 tokens each with the two special ones, for streaming.

The same machine, seed and options give the same bytes; another machine has other texts of the same
lengths. Tokens are estimated for a WordPiece vocabulary of English: no tokenizer is needed, and a
whole corpus comes within a few per cent. When the sources are used up, texts come again with a word
exchanged.
"""

import argparse
import bisect
import collections
import gzip
import pathlib
import random
import re
import sys

# Share of texts -> tokens at most, special tokens included.
LENGTHS = [(0, 5), (0.01, 6), (0.05, 9), (0.1, 11), (0.2, 15), (0.25, 18), (0.3, 19), (0.4, 23),
           (0.5, 28), (0.6, 35), (0.7, 41), (0.75, 45), (0.8, 50), (0.9, 71), (0.95, 98),
           (0.98, 115), (0.99, 135), (0.995, 211), (0.998, 265), (1, 300)]
MAX_FILE_BYTES = 1 << 20
MAX_MAN_PAGES = 400
MAX_SENTENCES = 200_000
SHORT_TOKENS = 9
SPECIAL_TOKENS = 2
# A piece of a word seen this often in the sources is taken for one token.
FREQUENT_USES = 30
# Words that English WordPiece vocabularies hold whole, so that --short keeps its promise.
COMMON_WORDS = """
    a about above access action add added after against agrees all alone along also an and
    another any anyone appear applied apply are argument as at author authors based be because
    been before behalf being beta between both but by call called can cannot case cause change
    changes claim claims code command complete compute contain contains control copies copy
    covered create created current damages data de deal default defined derived describe details
    display do document does domain each either entire entity error errors even event except
    exercise existing express extent fee field file files first flag flags for form format forms
    found free freely from full fully function future get given governed grant grants group has
    have help holder hope how if implied in include included includes instance instead into is
    it item its itself key language later law least legal liable library license licensed
    licenses like limited line list location long made make makes making marked material maximum
    may mean means message might modified modify module more most must name named names need new
    next no nor not notice notices number object obtain of on one only option or order origin
    original other others out output own package packages part party patent pattern perform
    permit person persons policy portions possible prior process product products program
    project promote property provide provided provides public purpose purposes put read received
    refers region regular related released removed required resource respect result retain
    retained return returns right rights run same script section see sell separate service
    services set shall should size so software some source special specific specify standard
    stated string subject such support system systems terms text than that the their them then
    there these they third this those through time to tried trying two type under unless upon
    use used user uses using value variable version versions want was way we were what when
    where whether which who whom will window with within without work works would write written
    wrote you your
""".split()

PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\"(])")
# Man pages: requests whose arguments are text, and escapes with what they stand for.
FONT_REQUEST = re.compile(r"\.(?:B|I|BR|BI|IR|IB|RB|RI|SM|SB|Nm|Ar|Fl|Pa|Xr)\s+(.*)")
ESCAPES = [(r"\\f(?:\[[^]]*\]|\(..|.)|\\s[-+]?\d+|\\[&|^/,:%]|\\\".*$", ""),
           (r"\\-|\\\(hy|\\\(en", "-"), (r"\\(?:\(aq|\[aq\]|\(cq|\(oq)", "'"),
           (r"\\(?:\(dq|\[dq\]|\(lq|\(rq|\*\(lq|\*\(rq)", '"'), (r"\\[ ~0]", " ")]
ESCAPES = [(re.compile(pattern), text) for pattern, text in ESCAPES]
POD_CODE = re.compile(r"[A-Z]<+\s?([^<>]*?)\s?>+")


class TokenEstimate:
    """Tokens of a text, special ones included: rare words are cut, signs stand alone."""

    def __init__(self, sentences):
        uses = collections.Counter()
        for sentence in sentences:
            uses.update(PIECE.findall(sentence.lower()))
        self.frequent = {piece for piece, count in uses.items() if count >= FREQUENT_USES}

    def __call__(self, text):
        return SPECIAL_TOKENS + sum(map(self._of_piece, PIECE.findall(text.lower())))

    def _of_piece(self, piece):
        if piece in self.frequent:
            return 1
        if piece.isdigit():
            return (len(piece) + 1) // 2
        return len(piece) if not piece.isascii() else 1 + max(0, len(piece) - 2) // 3


def read_text(path):
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        return file.read(MAX_FILE_BYTES).decode("utf-8", errors="replace")


def plain_paragraphs(text):
    """Of a licence or copyright file, without comment signs; a lone dot is a blank line."""
    lines = [re.sub(r"^[\s*#/|]+", "", line).rstrip() for line in text.splitlines()]
    for paragraph in re.split(r"\n(?:\.?\n)+", "\n".join(lines)):
        yield paragraph


def man_paragraphs(text):
    paragraph = []
    for line in text.splitlines():
        font = FONT_REQUEST.match(line)
        if font:
            line = font.group(1).replace('"', "")
        elif line.startswith((".", "'")) or not line.strip():
            yield "\n".join(paragraph)
            paragraph = []
            continue
        for pattern, replacement in ESCAPES:
            line = pattern.sub(replacement, line)
        paragraph.append(line)
    yield "\n".join(paragraph)


def pod_paragraphs(text):
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith((" ", "\t")):
            continue  # code
        paragraph = re.sub(r"^=\w+\s*", "", paragraph)
        for _ in range(3):  # codes nest
            paragraph = POD_CODE.sub(r"\1", paragraph)
        yield paragraph


def source_paragraphs(root):
    """All paragraphs of all sources, in an order that depends only on the files."""
    manuals = sorted(root.glob("usr/share/man/man[1-8]/*.gz"))
    step = max(1, len(manuals) // MAX_MAN_PAGES)
    kinds = [
        (plain_paragraphs, sorted(root.glob("usr/share/common-licenses/*"))),
        (plain_paragraphs, sorted(root.glob("usr/share/doc/*/copyright"))),
        (pod_paragraphs, sorted(root.glob("usr/share/perl/*/pod/*.pod"))),
        (man_paragraphs, manuals[::step]),
    ]
    for paragraphs_of, paths in kinds:
        for path in paths:
            try:
                text = read_text(path)
            except (OSError, EOFError, gzip.BadGzipFile):
                continue
            yield from paragraphs_of(text)


def sentences_of(paragraph):
    """The clean sentences of a paragraph, or none when it is a table, code or no UTF-8."""
    text = " ".join(paragraph.split())
    letters = sum(char.isalpha() for char in text)
    if letters < 0.6 * len(text) or "\ufffd" in text or "\\" in text:
        return []
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]


class Pool:
    """Texts by estimated length: each sentence, and each beginning of a paragraph."""

    def __init__(self, root):
        self.sentences = []  # distinct, in the order of the sources
        self.by_tokens = collections.defaultdict(list)
        seen = {}
        for paragraph in source_paragraphs(root):
            if len(self.sentences) >= MAX_SENTENCES:
                break
            whole = []
            for sentence in sentences_of(paragraph):
                whole.append(sentence)
                if sentence not in seen:
                    self.sentences.append(sentence)
                seen[sentence] = seen[" ".join(whole)] = None
        self.tokens_of = TokenEstimate(self.sentences)
        for text in seen:
            # What is much longer than any text asked for need not be measured.
            if len(text) < 12 * LENGTHS[-1][1]:
                self.by_tokens[self.tokens_of(text)].append(text)
        self.lengths = sorted(self.by_tokens)

    def near(self, tokens):
        """The length in the pool that is nearest to `tokens`."""
        at = bisect.bisect_left(self.lengths, tokens)
        around = self.lengths[max(0, at - 1):at + 1]
        return min(around, key=lambda length: (abs(length - tokens), length))


def quantile(share):
    for (low, shorter), (high, longer) in zip(LENGTHS, LENGTHS[1:]):
        if share <= high:
            return shorter + (longer - shorter) * (share - low) / (high - low)
    return LENGTHS[-1][1]


def varied(text, rng):
    """The same text with one word exchanged for a common one."""
    words = text.split()
    words[rng.randrange(len(words))] = rng.choice(COMMON_WORDS)
    return " ".join(words)


def cut(text, tokens, tokens_of):
    """The beginning of `text` with at most `tokens` tokens; at least one word."""
    words = text.split()
    while len(words) > 1 and tokens_of(" ".join(words)) > tokens:
        words.pop()
    return " ".join(words)


def mixed_texts(pool, count, max_tokens, rng):
    targets = [quantile((i + 0.5) / count) for i in range(count)]
    rng.shuffle(targets)
    order = {}  # length -> indices not used yet
    for target in targets:
        length = pool.near(round(min(target, max_tokens)))
        texts = pool.by_tokens[length]
        if length not in order:
            order[length] = rng.sample(range(len(texts)), len(texts))
        if order[length]:
            text = texts[order[length].pop()]
        else:
            text = varied(rng.choice(texts), rng)
        yield cut(text, max_tokens, pool.tokens_of) if length >= max_tokens else text


def short_texts(pool, count, rng):
    """Fragments of three to six common words in their natural order, some with a full stop."""
    common = set(COMMON_WORDS)
    runs = []
    for sentence in pool.sentences:
        run = []
        for word in sentence.split() + [""]:
            if word in common:
                run.append(word)
                continue
            if len(run) >= 3:
                runs.append(run)
            run = []
    runs = runs or [COMMON_WORDS]
    longest = SHORT_TOKENS - SPECIAL_TOKENS - 1
    for _ in range(count):
        run = rng.choice(runs)
        size = rng.randint(3, longest)
        first = rng.randrange(max(1, len(run) - size + 1))
        words = run[first:first + size]
        while len(words) < size:
            words.append(rng.choice(COMMON_WORDS))
        yield " ".join(words) + ("." if rng.random() < 0.3 else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="texts to write (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="another choice of texts (default 1)")
    parser.add_argument("--max-tokens", type=int, default=LENGTHS[-1][1],
                        help="longest text, about; not with --short (default %(default)s)")
    parser.add_argument("--short", action="store_true",
                        help=f"fragments of at most {SHORT_TOKENS} tokens")
    parser.add_argument("--output", type=pathlib.Path, help="file to write (default: stdout)")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("/"),
                        help="where the sources lie (default /)")
    arguments = parser.parse_args()
    if not 1 <= arguments.count <= 10_000_000:
        parser.error(f"--count: expected 1 to 10000000, found {arguments.count}")
    if arguments.max_tokens < 5:
        parser.error(f"--max-tokens: expected at least 5, found {arguments.max_tokens}")

    pool = Pool(arguments.root)
    if len(pool.sentences) < 100:
        sys.exit(f"make_corpus: expected licences and manuals in {arguments.root / 'usr/share'}, "
                 f"found {len(pool.sentences)} sentences; install base-files and perl-doc")
    rng = random.Random(arguments.seed)
    if arguments.short:
        texts = short_texts(pool, arguments.count, rng)
    else:
        texts = mixed_texts(pool, arguments.count, arguments.max_tokens, rng)
    out = arguments.output.open("w", encoding="utf-8") if arguments.output else sys.stdout
    try:
        for text in texts:
            out.write(text + "\n")
        out.flush()
    except BrokenPipeError:
        sys.stderr.close()  # the reader took what it wanted
    finally:
        if arguments.output:
            out.close()


if __name__ == "__main__":
    main()
