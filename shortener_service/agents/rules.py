"""What tells people from programs in a user agent: every rule, with its reason, and the version of them all.

An agent is words. Those that every browser says (`BROWSER_WORDS`), those of apps that show pages (`APPS`) and what
others wrote into it, such as the name of a phone (`OTHERS_WORDS`), are taken away first: nothing that a phone or an app
is called counts against its owner. What is left an agent says of its own. It is held against the named programs, the
list of crawlers, and what programs call themselves. Whatever names no browser (`BROWSERS`) is a program.
"""

from typing import NamedTuple

# Grows with every change of the rules, so that a verdict can be explained years later.
RULES_VERSION = 3


class Rule(NamedTuple):
    """A regular expression, whatever its case, and what it tells of whoever sends it."""

    pattern: str
    tells: str


# A version may follow each: "Chrome/140.0.0.0", "rv:140.0".
BROWSER_WORDS = frozenset(
    # A list of so many words is read best as a text.
    """
    mozilla applewebkit khtml gecko like chrome chromium safari version mobile firefox trident presto opera opr
    mini mobi edge edg edga edgios crios fxios samsungbrowser ucbrowser yabrowser mqqbrowser miuibrowser
    huaweibrowser heytapbrowser vivobrowser vivaldi brave silk puffin msie iemobile .net clr .net4.0c .net4.0e
    slcc1 slcc2 media center pc infopath.1 infopath.2 infopath.3 sv1 touch rv electron qtwebengine profile
    configuration midp-2.0 midp-2.1 cldc-1.0 cldc-1.1 up.browser up.link netfront obigo sogoumobilebrowser
    sogouandroidbrowser windows nt win64 wow64 x64 macintosh intel ppc mac os x cpu iphone ipad ipod x11 linux
    x86_64 i686 amd64 aarch64 armv7l cros ubuntu debian fedora freebsd openbsd u k wv compatible tablet en-us
    series60 symbianos j2me kaios tizen webos web0s smarttv smart-tv
    """.split()  # noqa: SIM905
)

# Words of apps that show pages, by the app. A list of crawlers names many, for what the same companies' programs send.
APPS = {
    "Alipay": "alipayclient aliapp alipaydefined",
    "Baidu": "baiduboxapp baidubrowser baiduhd baidu p1 t7",
    "Barcelona (Threads)": "barcelona",
    "Bing": "bingsapphire bingweb",
    "CamScanner": "camscanner",
    "Cốc Cốc": "coc_coc_browser",
    "DuckDuckGo": "duckduckgo ddg",
    "Ecosia": "ecosia",
    "Facebook": "metaiab facebook messenger messengerforios iabmv fban fbav fbbv fbdv fbmd fbsn fbsv fbss"
    " fbcr fbid fblc fbop fbrv fbpn fbca fbdm fb_iab fb_fw"
    " fb4a fbios",
    "Flipboard": "flipboard",
    "Fluid": "fluid",
    "Google": "gsa googleapp googlemaps gmail",
    "Instagram": "instagram",
    "KakaoTalk": "kakaotalk kakaostory inapp",
    "LINE": "line iab liff",
    "LinkedIn": "linkedinapp",
    "Naver and Daum": "naver daumapps daum whale",
    "Notion": "notion",
    "Phantom": "phantom",
    "Pinterest": "pinterest pinterest/ios pinterest/android",
    "QQ and WeChat": "micromessenger qq weibo tbs mmwebid wxwork nettype language process",
    "Quora": "quora",
    "Reddit": "reddit redditmobile",
    "Signal": "signal",
    # What comes before Slack's own word is the name of its release.
    "Slack": "slack slack_ssb sonic atomshell",
    "Snapchat": "snapchat",
    "Sogou": "sogoumse sogousearch awp",
    "Teams and Skype": "teams skype",
    "Telegram": "telegram telegram-android",
    "TikTok": "tiktok musical_ly trill bytedancewebview bytelocale bytefulllocale jssdk",
    "Tumblr": "tumblr",
    "Twitter": "twitter twitterandroid",
    "Viber": "viber",
    "VK": "vk vkandroidapp vkclient",
    "WhatsApp": "whatsapp",
    "Yahoo": "yahoo yahoomobile",
    "Zalo": "zalo",
}  # fmt: skip

# Words with which a program announces itself where phones have their names.
_ANNOUNCED = (
    r"compatible|https?:|www\.|@|google[-/]|[-/;] ?google\b|bot/\d|bot\.html|(?:spider|crawler)/"
    r"|screenshot|catchpoint|neustar"
)
_ANYTHING_ELSE = rf"(?:(?!{_ANNOUNCED})[^()])*"
# What others than the browser's maker have written into it.
OTHERS_WORDS = (
    Rule(
        rf"(?:\({_ANYTHING_ELSE})?\b(?:android|windows phone){_ANYTHING_ELSE}(?:\([^()]*\){_ANYTHING_ELSE})*",
        "makers of phones choose the names, such as CUBOT, M bot 60, ViewSonic or HTC Butterfly, and the number of a"
        " build, such as AP3A.240617.008, is that of all phones of a month",
    ),
    Rule(
        r"^mozilla/5\.0 \([^()+]*trident/7\.0;[^()+]*rv:11\.0\) like gecko$",
        "companies put words of their own into Internet Explorer 11",
    ),
)

# Exactly these agents: what was a browser's once, and is a program's alone today.
FORMER_BROWSERS = {
    # Nobody opens links with the Firefox of 2013. It is written so in the app.
    "Mozilla/5.0 (X11; Ubuntu; Linux i686; rv:24.0) Gecko/20100101 Firefox/24.0": "Samsung Messages",
}

# What shows a preview of a link in a message. The tap of its reader comes from a browser afterwards.
PREVIEWS = (
    Rule(r"facebookexternalhit/1\.1 facebot twitterbot/1\.0", "iMessage"),
    Rule(r"googlemessages", "Google Messages"),
    Rule(r"line-poker", "LINE"),
    Rule(r"kakaotalk-scrap", "KakaoTalk"),
    Rule(r"whatsapp", "WhatsApp"),  # Signal sends "WhatsApp/2" too.
    Rule(r"facebookexternalhit|facebot|facebookcatalog|facebookplatform|meta-external", "Facebook"),
    Rule(r"telegrambot", "Telegram"),
    Rule(r"slackbot|slack-imgproxy", "Slack"),
    Rule(r"discordbot", "Discord"),
    Rule(r"twitterbot", "Twitter"),
    Rule(r"linkedinbot", "LinkedIn"),
    Rule(r"skypeuripreview", "Skype"),
    Rule(r"viber", "Viber"),
    Rule(r"applebot", "Apple"),
    Rule(r"microsoftpreview|bingpreview", "Microsoft"),
    Rule(r"snap url preview|snapurlpreview|snapchatads", "Snapchat"),
    Rule(r"vkshare", "VK"),
    Rule(r"redditbot", "Reddit"),
    Rule(r"pinterestbot|pinterest\.com/bot", "Pinterest"),
    Rule(r"iframely", "Iframely"),
    Rule(r"embedly", "Embedly"),
    Rule(r"mastodon/", "Mastodon"),
    Rule(r"google-pagerenderer|google web preview|web/snippet|googleimageproxy", "Google"),
    Rule(r"evernoterichlinkbot", "Evernote"),
    Rule(r"keybasebot", "Keybase"),
    Rule(r"rocket\.?chat", "Rocket.Chat"),
    Rule(r"(?:link|url|page)[ _-]?(?:preview|unfurl|expand)|unfurl", "calls itself one"),
)

# What opens the links of a message before its reader does, and what looks for weaknesses.
SCANNERS = (
    Rule(r"proofpoint", "Proofpoint"),
    Rule(r"mimecast", "Mimecast"),
    Rule(r"barracuda", "Barracuda"),
    Rule(r"safelinks", "SafeLinks"),
    Rule(r"zscaler", "Zscaler"),
    Rule(r"urlscan", "urlscan"),
    Rule(r"virustotal", "VirusTotal"),
    Rule(r"symantec|messagelabs", "Symantec"),
    Rule(r"trend ?micro", "Trend Micro"),
    Rule(r"fireeye", "FireEye"),
    Rule(r"forcepoint|websense", "Forcepoint"),
    Rule(r"sophos", "Sophos"),
    Rule(r"cloudmark", "Cloudmark"),
    Rule(r"bitdefender", "Bitdefender"),
    Rule(r"kaspersky", "Kaspersky"),
    Rule(r"@mcafee|siteadvisor", "McAfee"),
    Rule(r"cyren|vade ?secure", "Cyren and Vade"),
    Rule(r"netcraft", "Netcraft"),
    Rule(r"phishtank", "PhishTank"),
    Rule(r"checkpoint\.com", "Check Point"),
    Rule(r"paloaltonetworks|expanse, a palo", "Palo Alto Networks"),
    Rule(r"forti(?:guard|sandbox|mail|web)", "Fortinet"),
    Rule(r"safedns", "SafeDNS"),
    Rule(r"google-safety", "Google"),
    Rule(r"censysinspect", "Censys"),
    Rule(r"internet-measurement", "driftnet"),
    Rule(r"nmap scripting", "Nmap"),
)

# Programs behind a browser's words, which the list does not have.
PROGRAMS = (
    Rule(r"adbeat\.com", "Adbeat"),
    Rule(r"burpcollaborator", "Burp"),
    Rule(r"cloudflareobservatory|cloudflare-amphtml|observatory/", "Cloudflare and Mozilla Observatory"),
    Rule(r"cursor/|claude-web", "coding agents"),
    Rule(r"(?:word|excel|powerpoint)/1|ms web services", "Microsoft Office"),
    Rule(r"dareboost|debugbear|ptst|webpagetest|neustar wpm|rigor|gomezagent|catchpoint|iplabel", "monitors"),
    Rule(r"dejaclick|site24x7", "monitors"),
    Rule(r"google-a|google-s|-google\b|googleweblight|google pp|google-publisher|google search console", "Google"),
    Rule(r"pageburst|mixnode|taginspector|sparkler|kimonolabs|semanticsclassifier|websnapr|webthumb", "read pages"),
    Rule(r"winhttp|hackney|fasthttp|lush http|siege|powershell|symfony|splash\b|wechatdevtools", "tools"),
    Rule(r"jsdom|happy-?dom|cypress/", "browsers without a window"),
    Rule(r"webkit2png|khtml2png|wkhtmlto|web-capture|imgsizer|mshots", "draw pages"),
    Rule(r"quiterss|reederformac", "feed readers"),
    Rule(r"yandex\.translate|mail\.\S+ proxy|binglocalsearch|mapper", "fetched for somebody"),
)  # fmt: skip

_ADVERTISED = r"(?:bsalsa|qtweb|avantbrowser|multibrowser|takatack)\."
# What programs call themselves, or do.
SELF_NAMED = (
    Rule(r"(?-i:bot|Bot|BOT|B0T)s?(?![a-z])|crawl|crwlr|spider|scrap(?:e|ing|y)|slurp|harvest|classifier", "crawls"),
    Rule(r"fetch|archiv|\bdownload(?:er)?\b|downloadmanager|downloader|transcoder|http-?client", "fetches"),
    Rule(r"validat|monitor|check(?:er|ing|link)|link ?check|scan(?:ner)?\b|uptime|survey|synthetic|analyzer", "checks"),
    Rule(r"preview|screenshot|thumbnail", "shows"),
    Rule(r"headless|phantomjs|lighthouse|page ?speed", "is driven"),
    Rule(r"\bfeed|\brss|search engine", "lists"),
    # Browsers have nobody to be asked about them. Makers of a few small ones advertise.
    Rule(
        rf"https?:(?!//(?:www\.)?{_ADVERTISED})|(?<!//)\bwww\.(?!{_ADVERTISED})|\S@[\w-]+\.[a-z]{{2}}",
        "says where its operator is",
    ),
)

# What shows that a browser sent it.
BROWSERS = (
    Rule(
        r"^mozilla/[\d.]+\W.*?(?:webkit|gecko|khtml|trident|msie|servo/|firefox/|chrome/"
        r"|\b(?:win|mac|x11|linux|android|iphone|ipad|ipod|cros\b|playstation|nintendo|xbox|smart-?tv|web[o0]s|tizen"
        r"|symbian|series60|kaios|bb10|playbook|nokia|sunos|\w*bsd|irix|hp-ux|aix|morphos|amiga|risc os|beos|haiku|os/2"
        r"|qnx|kindle|j2me|brew|palm|dreamcast|foma|dos|cos;))",
        "a browser's beginning, and an engine or a system",
    ),
    Rule(r"applewebkit|gecko/|khtml|trident/|msie|presto/|opera|opr/", "an engine"),
    Rule(r"browser|voyager|icab|mosaic|sleipnir", "a browser's name"),
    Rule(r"ucweb|netfront|up\.link|obigo|teleca|dolfin|polaris|\bwap\b|midp|cldc|mmp/", "a phone's browser"),
    Rule(r"docomo/|kddi-|j-phone/|softbank/|vodafone/", "a phone, by its network"),
    Rule(r"nokia|ericsson|blackberry|samsung-|\bsec-|\blge?-|\bmot-", "a phone, by its maker"),
    Rule(r"hbbtv/|smarttv_", "a television"),
    Rule(r"lynx/|\blinks |elinks|w3m/|\bdillo|dplus|netsurf|hotjava|amaya/|abrowse|charon;", "a small browser"),
    Rule(r"dreampassport|dreamkey|planetweb|mmef20|ave-?front|worldtalk|hiptop|ddipocket|docomo|i-opener|enavigator"
         r"|go\.web|\bwl/3", "a phone, console or organiser of long ago"),
    Rule(r"\[fb(?:an|_iab)/|^instagram |^kakaostory/|^vkandroidapp/", "an app that shows pages"),
)  # fmt: skip
