"""Names of languages as logs write them, as the two-letter codes of ISO 639-1."""

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


def language_code(name: object) -> str | None:
    """Return the code of a language given as a name or a code (`en`, `en-GB`); None if unknown."""
    if not isinstance(name, str) or not name.strip():
        return None
    lower = name.strip().lower()
    code = CODES.get(lower, lower.replace("_", "-").split("-")[0])
    return code if code.isascii() and code.isalpha() and len(code) in {2, 3} else None
