#!/usr/bin/env python3
"""Makes events.md and causes.md of this folder from the sources: what the code says of itself is what the pages say.

    docs/reference/make.py            writes them
    docs/reference/make.py --check    says whether they are up to date
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
CRATES = HERE.parent.parent / "crates"


def source(path):
    return (CRATES / path).read_text()


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def chinese():
    """The words of the command line's tables, by their English."""
    return dict(re.findall(r'^    \("([\w-]+)", "([^"]+)"\),$', source("hotline/src/language.rs"), re.M))


def variants(text, name):
    """Doc, word and fields (name, type, doc) of each variant of an enum."""
    body = re.search(rf"pub enum {name} \{{\n(.*?)^\}}", text, re.M | re.S).group(1)
    found, doc, word, fields, field_doc, optional = [], [], None, None, [], False
    for line in body.splitlines():
        depth = len(line) - len(line.lstrip())
        line = line.strip()
        if depth == 4 and line.startswith("/// "):
            doc.append(line[4:])
        elif depth == 4 and (renamed := re.match(r'#\[serde\(rename = "([^"]+)"\)\]', line)):
            word = renamed.group(1)
        elif depth == 4 and (variant := re.match(r"(\w+)", line)):
            fields = []
            found.append((" ".join(doc), word or snake(variant.group(1)), fields))
            doc, word = [], None
        elif depth == 8 and line.startswith("/// "):
            field_doc.append(line[4:])
        elif depth == 8 and line.startswith("#[serde"):
            optional = True
        elif depth == 8 and (field := re.match(r"(\w+): (.+),$", line)):
            kind = field.group(2)
            may_lack = optional or kind.startswith("Option<")
            fields.append((field.group(1), may_lack, " ".join(field_doc)))
            field_doc, optional = [], False
    return found


def plain(doc):
    """Without links and table marks."""
    return re.sub(r"\[`?([^\]`]+)`?\]", r"\1", doc).replace("|", "\\|")


def events():
    words = chinese()
    page = ["# Events · 事件", "", "Made by `docs/reference/make.py` from `crates/model/src/event/`. 由源码生成。", "",
            "The log is read by `GET /api/v1/events` (poll, stream) and, for one contact, `GET /api/v1/contacts/{id}/events` or `hotline",
            "contacts show ID`. An entry has `node`, `seq` (1, 2, 3 … without a gap), `at` (UTC), `by` (who caused it, or null) and `event`,",
            "whose `about` names the group and `type` the event. Further fields and types may come; none changes its meaning. A field",
            "with `?` may be null or missing.", "",
            "事件日志的每一条含 `node`、`seq`（连续编号）、`at`（UTC）、`by`（操作者）与 `event`；`about` 为分组，`type` 为类型。", ""]
    for group in ["center", "contact", "queue", "agent", "recording", "storage"]:
        text = source(f"model/src/event/{group}.rs")
        page += [f"## `about: {group}`", ""]
        for doc, word, fields in variants(text, f"{group.capitalize()}Event"):
            page += [f"### `{word}` {words[word]}", "", plain(doc), ""]
            if fields:
                page += ["| field | what |", "|---|---|"]
                page += [f"| `{name}`{'?' if may_lack else ''} | {plain(what)} |" for name, may_lack, what in fields]
                page.append("")
    return "\n".join(page)


def table(title, about, rows, words):
    page = [f"## {title}", "", about, "", "| word | meaning 含义 |", "|---|---|"]
    page += [f"| `{word}` | {plain(doc)} {words.get(word, '')} |".replace("  |", " |") for doc, word, _ in rows]
    return page + [""]


def causes():
    words = chinese()
    cause = source("model/src/cause.rs")
    states = source("model/src/event/states.rs")
    page = ["# Causes and refusals · 原因与拒绝", "", "Made by `docs/reference/make.py` from the sources. 由源码生成。", ""]
    for title, about, text, name in [
        ("Why a contact ended · 结束原因", "`cause` of `end`, in the log line `contact ended`, and as `reason` of a refused call.", cause, "Cause"),
        ("Who ended it · 结束方", "`by` of `end`.", cause, "EndedBy"),
        ("What it counts as · 统计分类", "`class` of `end`, in reports and `hotline_contacts_total`.", cause, "Class"),
        ("Why a queue was left · 离队原因", "`reason` of `queue_left`.", states, "LeaveReason"),
        ("How an offer ended · 振铃结果", "`outcome` of `offer_ended`; `refused` names one of the next table.", states, "OfferOutcome"),
        ("Why a phone was not reached · 话机未接原因", "Of an offer that was refused.", source("model/src/leg.rs"), "Refusal"),
        ("Why an agent is not ready · 未就绪原因", "`not_ready` of `shift`.", states, "NotReadyReason"),
        ("Why a command was refused · 命令被拒原因", "The API answers 403, 404, 409 or 503 with a text for each.", source("model/src/command.rs"), "Refused"),
    ]:
        page += table(title, about, variants(text, name), words)
    seen = source("hotline/src/signalling/seen.rs")
    status = re.search(r"fn reason_of\(.*?\n\}", seen, re.S).group(0)
    page += ["## Why a SIP request was refused · 信令拒绝原因", "",
             "`reason` of the log line `refused` and of `hotline_refusals_total`, where no cause above says better; by status.", "",
             "| word | status |", "|---|---|"]
    page += [f"| `{word}` | {code} |" for code, word in re.findall(r'(\d{3}) => "(\w+)"', status)]
    page += ["| `other` | any other |", ""]
    kinds = re.search(r"fn parts\(self\).*?\n    \}", source("api/src/problem.rs"), re.S).group(0)
    page += ["## Problems of the API · 接口问题", "",
             "`application/problem+json` (RFC 9457): `title` and `detail` in the language of `Accept-Language`, else in both.", "",
             "| status | title |", "|---|---|"]
    rows = re.findall(r'StatusCode::(\w+),\s*"([^"]+)",\s*"([^"]+)"', kinds)
    page += [f"| {name.replace('_', ' ').lower()} | {en} {zh} |" for name, zh, en in rows]
    return "\n".join(page) + "\n"


def main():
    stale = []
    for name, text in {"events.md": events(), "causes.md": causes()}.items():
        path = HERE / name
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        sys.exit(f"not up to date: {', '.join(stale)}; run docs/reference/make.py")


if __name__ == "__main__":
    main()
