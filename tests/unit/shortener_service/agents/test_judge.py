"""Who sends a user agent."""

import re

import pytest

from clicktrail.tracking.v1 import click_pb2
from shortener_service.agents.judge import judge, own_words

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WEB_VIEW = "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
IN_APP = f"Mozilla/5.0 (Linux; Android 15; SM-A536B Build/AP3A.240905.015; wv) {WEB_VIEW}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"


def verdict(agent: str) -> str:
    """Return the verdict of an agent in lower case."""
    return click_pb2.Verdict.Name(judge(agent).verdict).removeprefix("VERDICT_").lower()


@pytest.mark.parametrize(
    "agent",
    [
        f"Mozilla/5.0 (Linux; Android 15; XYZ2001 Build/AP3A.240617.008; wv) {WEB_VIEW} Instagram 400.0.0.0.0",
        f"Mozilla/5.0 (Linux; Android 7.0; M bot 60 Build/NRD; wv) {WEB_VIEW}",
        f"Mozilla/5.0 (Linux; Android 4.4.2; ViewSonic V500) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) {CHROME}",
        f"mozilla/5.0 (linux; android 6.0; cubot echo) {CHROME.lower()}",
        f"Mozilla/5.0 (Linux; Android 8.1.0; XBot Junior Build/ROBOT.123; wv) {WEB_VIEW}",
        f"Mozilla/5.0 (Linux; Android 13; Spider 8) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 12; Robotics R2 Crawler Edition) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 4.2.2; HTC Butterfly Build/JDQ39) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 8.0.0; Expanse) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 8.1.0; Fever_Plus_J) {CHROME}",
        f"Mozilla/5.0 (Linux; Android 7.0; Moto G (4) Bot Build/NPJ25; wv) {WEB_VIEW}",
        "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; CUBOT; Lumia 950) AppleWebKit/537.36 Edge/15.1",
        "DESAY TS1008/1.0 Mozilla/5.0 (Linux; U; Android 4.0.3; zh-cn) AppleWebKit/534.30 (KHTML, like Gecko) Mobile",
        "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/37.9178; U; en) Presto/2.12.423 Version/12.16",
    ],
)
def test_what_a_phone_is_called_says_nothing_against_its_owner(agent: str) -> None:
    """Nor the number of its build, which a list of crawlers has."""
    assert verdict(agent) == "human"


@pytest.mark.parametrize(
    "agent",
    [
        f"{IPHONE} Mobile/15E148 MetaIAB Facebook",
        f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/440.0.0.28.108;FBBV/532;FBDV/iPhone14,2;FBMD/iPhone]",
        f"{IN_APP} [FB_IAB/FB4A;FBAV/400.0.0.37.76;FBDV/CUBOT_X18;]",
        "[FBAN/FB4A;FBAV/400.0.0.37.76;FBBV/1;FBDM/{density=3.0}]",
        f"{IPHONE} Mobile/20F66 Instagram 289.0.0.18.109 (iPhone14,2; iOS 18_5; es_UY; scale=3.00)",
        f"{IN_APP} Barcelona 323.1.0.35.109 Android (34/14; 420dpi; 1080x2138; CUBOT; X18; es_UY; 5)",
        f"{IPHONE} Mobile/15E148 musical_ly_34.3.1 JsSdk/2.0 NetType/4G Channel/App Store ByteLocale/es Region/UY",
        f"{IPHONE} Mobile/15E148 BytedanceWebview/d8a21c6 trill_34.9.0",
        f"{IN_APP} WhatsApp/2.24.1.78",
        f"{IN_APP} Viber/12.0.0.4",
        f"{IPHONE} Mobile/15E148 Safari Line/13.0.0",
        f"{IN_APP} KAKAOTALK/10.2.3 (INAPP)",
        f"{IPHONE} Version/18.5 Mobile/15E148 Snapchat/12.36.0.36 (like Safari/604.1)",
        f"{IN_APP} Snapchat/10.24.5.0 (CUBOT_NOTE_S; Android 6.0#1480562#23; gzip)",
        f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.29.8989",
        f"{IPHONE} Mobile/15E148 [Pinterest/iOS]",
        f"{IPHONE} GSA/372.0.765951532 Mobile/15E148 Safari/604.1",
        f"{IN_APP} MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN",
        f"{IN_APP} Telegram-Android/12.3.1 (Xiaomi 2304FPN6DG; Android 15; SDK 35; AVERAGE)",
        f"{IN_APP} Zalo android/12100475",
        f"{IPHONE} Mobile/15E148 Twitter for iPhone/10.1",
        f"{IN_APP} BingSapphire/25.3.410617301",
        f"{IPHONE} Version/18.0 Mobile/15E148 Safari/605.1.15 BingWeb/6.9.6",
        f"{IN_APP} T7/13.6 baiduboxapp/13.28.0.11 (Baidu; P1 10)",
        f"{IN_APP} SogouMSE,SogouMobileBrowser/6.1",
        f"{IPHONE} Mobile/10A403 SogouAndroidBrowser/2.6.3",
        f"{MAC} Slack/4.4.2 Chrome/78.0.3904.130 Electron/7.2.1 Safari/537.36 Sonic Slack_SSB/4.4.2",
        f"{MAC} Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0 Teams/26106.2110.4675.2592 (50)",
        f"{IPHONE} Mobile/15E148 Phantom/ios/24.3.0.16061",
        f"{IN_APP} CamScanner/4.5.0.2305051722",
        f"{IPHONE} Version/17.4.1 Mobile/15E148 Safari/604.1 (Ecosia ios@9.2.3.1367)",
    ],
)
def test_who_taps_in_an_app_is_a_person(agent: str) -> None:
    """In-app browsers are browsers, whatever else the same company's programs send."""
    assert verdict(agent) == "human"


@pytest.mark.parametrize(
    "agent",
    [
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.308; U; en) Presto/2.12.423 Version/12.16",
        "Nokia5130c-2/2.0 (07.97) Profile/MIDP-2.1 Configuration/CLDC-1.1",
        "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; en-US; Micromax_A106) U2/1.0.0 UCBrowser/9.7.0.520 U2/1.0.0 Mobile",
        "Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "SAMSUNG-GT-S3650/S365XXIIC2 SHP/VPP/R5 Dolfin/1.5",
        "DoCoMo/2.0 SH01A(c100;TB;W24H16)",
        "Motorola-T33/1.5.1a UP.Browser/5.0.1.7.c.2 (GUI) (Google WAP Proxy/1.0)",
        "Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Lynx/2.9.0 libwww-FM/2.14 SSL-MM/1.4.1",
        "w3m/0.5.3",
        "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; https://intranet.example/; rv:11.0) like Gecko",
    ],
)
def test_people_need_no_mozilla_and_no_safari(agent: str) -> None:
    """Older phones, consoles, browsers of text, and what companies put into theirs."""
    assert verdict(agent) == "human"


@pytest.mark.parametrize(
    ("agent", "app"),
    [
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME.replace('140', '138')} GoogleMessages/20.1", "Google Messages"),
        (f"{MAC} Chrome/123.0.0.0 Safari/537.36 GoogleMessages/15.1", "Google Messages"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux i686; rv:24.0) Gecko/20100101 Firefox/24.0", "Samsung Messages"),
        (f"{MAC} Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0", "iMessage"),
        ("WhatsApp/2.23.20.0 A", "WhatsApp"),
        ("WhatsApp/2", "WhatsApp"),
        ("TelegramBot (like TwitterBot)", "Telegram"),
        ("Viber/12.8.0.1 CFNetwork/1121.2.2 Darwin/19.3.0", "Viber"),
        ("facebookexternalhit/1.1;line-poker/1.0", "LINE"),
        ("facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984", "KakaoTalk"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "Facebook"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Slack"),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "Discord"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "Skype"),
        ("Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots", "Snapchat"),
        (f"{MAC} Chrome/46.0.2486.0 Safari/537.36 Edge/13.11067 BingPreview/1.0b", "Microsoft"),
        ("http.rb/5.1.1 (Mastodon/4.2.5; +https://m.t-8.me/)", "Mastodon"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Google"),
        ("Bitrix link preview", "calls itself one"),
    ],
)
def test_what_shows_a_preview_is_no_reader(agent: str, app: str) -> None:
    """Above all what the apps send that show SMS."""
    assert (verdict(agent), judge(agent).reason) == ("preview", f"preview: {app}")


@pytest.mark.parametrize(
    ("agent", "scanner"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Proofpoint URL Defense", "scanner: Proofpoint"),
        ("BarracudaCentral", "scanner: Barracuda"),
        ("Kaspersky Lab CFR link resolver cfradmins@kaspersky.com", "scanner: Kaspersky"),
        ("Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", "scanner: Censys"),
        ("Mozilla/5.0 (Windows NT 10.0) Symantec SafeLink", "scanner: Symantec"),
        (f"{MAC} Chrome/140.0.0.0 Safari/537.36 FortiSandbox", "scanner: Fortinet"),
        ("Mozilla/5.0 (compatible; FortiMail URL click protection)", "scanner: Fortinet"),
        ("sqlmap/1.7 (https://sqlmap.org)", "crawler list: sqlmap"),
    ],
)
def test_what_looks_for_danger_is_a_scanner(agent: str, scanner: str) -> None:
    """By our names or by the tags of the list."""
    assert (verdict(agent), judge(agent).reason) == ("scanner", scanner)


@pytest.mark.parametrize(
    "agent",
    [
        "GuzzleHttp/7",
        "PostmanRuntime/7.29.0",
        "Dalvik/2.1.0 (Linux; U; Android 13; XYZ)",
        "undici",
        "curl/8.0.1",
        "python-requests/2.31",
        "okhttp/4.12.0",
        "Go-http-client/2.0",
        "Java/17.0.1",
        "node",
        "Deno/1.40",
        "Faraday v2.9.0",
        "ShopApp/12 CFNetwork/1494.0.7 Darwin/23.4.0",
        "AppleCoreMedia/1.0.0.21F79 (iPhone; U; CPU OS 17_5 like Mac OS X; en_us)",
        "Armadillo/12.19 (Linux;Android 11) ExoPlayerLib/2.17.1",
        "hackney/1.6.6, Mozilla/5.0 (Windows NT 6.1; WOW64; rv:29.0) Gecko/20100101 Firefox/29.0",
        "Mozilla/5.0",
        "Mozilla/5.0 (compatible)",
        "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {CHROME} (compatible; Googlebot/2.1)",
        "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3; Storebot-Google/1.0) AppleWebKit/537.36",
        f"{MAC} Chrome/140.0.0.0 Safari/537.36 (someone@example.com)",
        f"{MAC} HeadlessChrome/69.0.3477.0 Safari/537.36",
        "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/22.1.0",
        f"{MAC} Cypress/13.6.0 Chrome/140.0.0.0 Electron/27.1.3 Safari/537.36",
        "TotallyNewBot/1.0",
        "\0\x7f" * 10_000,
    ],
)
def test_a_program_is_no_person(agent: str) -> None:
    """Neither without a browser's words, nor with them where it says in words of its own what it is."""
    assert verdict(agent) == "bot"


@pytest.mark.parametrize("agent", ["", "   "])
def test_nothing_is_said_by_programs(agent: str) -> None:
    """Every browser says something."""
    assert judge(agent) == (click_pb2.VERDICT_BOT, "no user agent")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", []),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME}", []),
        (f"{IN_APP} Instagram 289.0.0.18.109", []),
        (f"{MAC} Chrome/140.0.0.0 Safari/537.36 SomethingNew/1.0", ["SomethingNew/1.0"]),
        ("curl/8.0.1", ["curl/8.0.1"]),
    ],
)
def test_most_say_nothing_of_their_own(agent: str, words: list[str]) -> None:
    """So nothing can be held against them."""
    assert re.findall(r"[\w./]+", own_words(agent)) == words
