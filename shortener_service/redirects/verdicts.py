"""Who is behind a hit: a person, a messenger's preview, a crawler, a scanner, or a browser that fetches ahead."""

import re
from functools import lru_cache
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from clicktrail.tracking.v1 import click_pb2

# Grows with every change of the rules, so that a verdict can be explained years later.
RULES_VERSION = 1
# Distinct user agents remembered, about 300 bytes each.
REMEMBERED = 20_000

HUMAN = click_pb2.VERDICT_HUMAN
PREVIEW = click_pb2.VERDICT_PREVIEW
BOT = click_pb2.VERDICT_BOT
SCANNER = click_pb2.VERDICT_SCANNER
PREFETCH = click_pb2.VERDICT_PREFETCH
HEAD = click_pb2.VERDICT_HEAD


class Classification(NamedTuple):
    """A verdict and its reason in a word or two."""

    verdict: "click_pb2.Verdict.ValueType"
    reason: str


_PREFETCHES = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)

# Parts of user agents that look like a crawler's and are people's: in-app browsers, and a phone.
_PEOPLE = re.compile(r"BingSapphire|BingWeb|baiduboxapp|baidubrowser|\(Baidu; P1|GSA/|GoogleApp/|CUBOT", re.IGNORECASE)

# What the messengers send that show a preview of a link. A person's tap comes from the ordinary browser.
_PREVIEWS = (
    ("facebookexternalhit/1.1 facebot twitterbot/1.0", "iMessage"),
    ("whatsapp/", "WhatsApp"), ("facebookexternalhit", "Facebook"), ("facebot", "Facebook"),
    ("facebookcatalog", "Facebook"), ("meta-externalagent", "Facebook"), ("telegrambot", "Telegram"),
    ("slackbot", "Slack"), ("slack-imgproxy", "Slack"), ("discordbot", "Discord"), ("twitterbot", "Twitter"),
    ("linkedinbot", "LinkedIn"), ("skypeuripreview", "Skype"), ("viber/", "Viber"), ("applebot", "Apple"),
    ("microsoftpreview", "Microsoft"), ("bingpreview", "Microsoft"),
    ("snap url preview", "Snapchat"), ("snapchatads", "Snapchat"), ("vkshare", "VK"), ("redditbot", "Reddit"),
    ("pinterestbot", "Pinterest"), ("line-poker", "LINE"), ("kakaotalk-scrap", "KakaoTalk"), ("iframely", "Iframely"),
    ("embedly", "Embedly"), ("mastodon/", "Mastodon"),
    ("google-pagerenderer", "Google"), ("evernoterichlinkbot", "Evernote"), ("keybasebot", "Keybase"),
)  # fmt: skip

# Programs that open the links of a message before its reader does.
_SCANNERS = (
    ("proofpoint", "Proofpoint"), ("mimecast", "Mimecast"), ("barracuda", "Barracuda"), ("safelinks", "SafeLinks"),
    ("zscaler", "Zscaler"), ("urlscan", "urlscan"), ("virustotal", "VirusTotal"), ("symantec", "Symantec"),
    ("messagelabs", "Symantec"), ("trendmicro", "Trend Micro"), ("fireeye", "FireEye"), ("forcepoint", "Forcepoint"),
    ("sophos", "Sophos"), ("cloudmark", "Cloudmark"), ("bitdefender", "Bitdefender"), ("netcraft", "Netcraft"),
    ("phishtank", "PhishTank"), ("checkpoint.com", "Check Point"), ("paloaltonetworks", "Palo Alto Networks"),
    ("expanse, a palo", "Palo Alto Networks"), ("safedns", "SafeDNS"), ("google-safety", "Google"),
    ("censysinspect", "Censys"), ("internet-measurement", "driftnet"), ("nmap scripting", "Nmap"),
)  # fmt: skip

# The list writes a dot and a slash with a backslash. What is plain otherwise is searched as text, four times faster.
_PLAIN = re.compile(r"(?:[\w /!,:;@&=%#'-]|\\[./-])+", re.ASCII)
_LIST = [str(entry["pattern"]) for entry in CRAWLER_USER_AGENTS_DATA]
_CRAWLER_TEXTS = tuple(re.sub(r"\\(.)", r"\1", pattern) for pattern in _LIST if _PLAIN.fullmatch(pattern))
_CRAWLER_PATTERNS = tuple(re.compile(pattern) for pattern in _LIST if not _PLAIN.fullmatch(pattern))
# Those that the list does not know by name call themselves so.
_SELF_NAMED = re.compile(r"bot\b|crawler|spider|scraper|\bcurl/|\bwget/|headless", re.IGNORECASE)


def classify(user_agent: str, purpose: str, *, is_head: bool) -> Classification:
    """Return who is behind a hit; the same for the same input and version of the rules."""
    if purpose and _PREFETCHES.search(purpose):
        return Classification(PREFETCH, "prefetch header")
    if is_head:
        return Classification(HEAD, "HEAD request")
    return classify_user_agent(user_agent)


@lru_cache(maxsize=REMEMBERED)
def classify_user_agent(user_agent: str) -> Classification:
    """Return who sends a user agent."""
    if not user_agent.strip():
        return Classification(BOT, "no user agent")
    lower = user_agent.lower()
    for table, verdict, label in ((_PREVIEWS, PREVIEW, "preview"), (_SCANNERS, SCANNER, "scanner")):
        for part, name in table:
            if part in lower:
                return Classification(verdict, f"{label}: {name}")
    rest = _PEOPLE.sub("", user_agent)
    if crawler := _listed_crawler(rest):
        return Classification(BOT, f"crawler list: {crawler}")
    if named := _SELF_NAMED.search(rest):
        return Classification(BOT, f"calls itself {named.group().strip().lower()}")
    return Classification(HUMAN, "no rule against it")


def _listed_crawler(user_agent: str) -> str | None:
    for text in _CRAWLER_TEXTS:
        if text in user_agent:
            return text.strip("/ ")
    for pattern in _CRAWLER_PATTERNS:
        if found := pattern.search(user_agent):
            return found.group().strip("/ ")[:64]
    return None
