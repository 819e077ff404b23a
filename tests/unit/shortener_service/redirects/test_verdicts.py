"""Who is behind a hit."""

import pytest

from clicktrail.tracking.v1 import click_pb2
from shortener_service.redirects.verdicts import classify

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko)"

PEOPLE = [
    f"{IPHONE} Version/17.0 Mobile/15E148 Safari/604.1",
    f"{ANDROID} Chrome/120.0.0.0 Mobile Safari/537.36",
    f"{ANDROID} Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 BingSapphire/25.3.410617301",
    f"{IPHONE} Version/14.0 Mobile/15E148 Safari/605.1.15 BingWeb/6.9.6",
    f"{ANDROID} Version/4.0 Chrome/88.0 Mobile Safari/537.36 T7/13.6 baiduboxapp/13.28.0.11 (Baidu; P1 10)",
    f"{IPHONE} GSA/283.0.564099828 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0 Mobile Safari/537.36",
    f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/440.0.0.28.108;FBBV/532]",
    f"{IPHONE} Mobile/20F66 Instagram 289.0.0.18.109",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
]
OTHERS = [
    ("WhatsApp/2.23.20.0 A", "PREVIEW", "WhatsApp"),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "PREVIEW", "Facebook"),
    (
        "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "PREVIEW",
        "iMessage",
    ),
    ("TelegramBot (like TwitterBot)", "PREVIEW", "Telegram"),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "PREVIEW", "Slack"),
    ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "PREVIEW", "Discord"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "PREVIEW", "Skype"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "BOT", "Googlebot"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "BOT", "bingbot"),
    ("curl/8.0.1", "BOT", "curl"),
    ("python-requests/2.31", "BOT", "python-requests"),
    ("TotallyNewBot/1.0", "BOT", "calls itself bot"),
    ("", "BOT", "no user agent"),
    ("   ", "BOT", "no user agent"),
    ("Mozilla/5.0 (Windows NT 10.0) Proofpoint URL Defense", "SCANNER", "Proofpoint"),
    ("BarracudaCentral", "SCANNER", "Barracuda"),
]


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_people_are_people(user_agent: str) -> None:
    """Browsers are people, also inside apps and on phones whose names read like a crawler's."""
    assert classify(user_agent, "", is_head=False).verdict == click_pb2.VERDICT_HUMAN


@pytest.mark.parametrize(("user_agent", "verdict", "reason"), OTHERS)
def test_programs_are_not_people(user_agent: str, verdict: str, reason: str) -> None:
    """Previews, crawlers and scanners are told apart, each with its reason."""
    found = classify(user_agent, "", is_head=False)
    assert click_pb2.Verdict.Name(found.verdict) == f"VERDICT_{verdict}"
    assert reason in found.reason


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "Prefetch, x", "preview"])
def test_a_prefetch_comes_first(purpose: str) -> None:
    """A prefetch is one whoever sends it, even as HEAD."""
    assert classify(PEOPLE[0], purpose, is_head=True).verdict == click_pb2.VERDICT_PREFETCH


def test_head_is_no_click() -> None:
    """A HEAD request of a browser is not a person's click."""
    assert classify(PEOPLE[0], "", is_head=True).verdict == click_pb2.VERDICT_HEAD
    assert classify(PEOPLE[0], "document", is_head=False).verdict == click_pb2.VERDICT_HUMAN
