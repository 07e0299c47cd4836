// The Line page: what is happening now. The outcome of the last part is read from two meters away.

import { idOf } from "./api.js";
import { alarmList } from "./bar.js";
import { el, icon, show, showList, showOnce } from "./dom.js";
import { fact } from "./figures.js";
import { causeOf, nameOf, outcomeBadge, reasonText, thumbnail, whyOf } from "./items.js";
import { livePicture } from "./live.js";
import { newest } from "./newest.js";
import { hashOf } from "./shell.js";
import { dateTime, number, percent, t, time, when } from "./texts.js";

const STRIP = 16;
const SAY_EVERY_MS = 5_000; // whoever hears the page can follow

export async function open(root, { api, stream, announce }) {
  const first = stream.line ?? (await api.get("/line")); // before anything goes on by itself
  const outcome = el("section", { class: "big", "aria-labelledby": "big-title" });
  const counters = el("section", { class: "card counters", "aria-labelledby": "shift-title" });
  const cards = [el("div", { class: "card rule" }), el("div", { class: "card" })];
  const warnings = el("section", { class: "warnings", "aria-label": t("line.warnings") }, cards);
  const entries = el("ul", { tabindex: "0", "aria-labelledby": "strip-title" });
  const none = el("p", { class: "faint none-yet" }, icon("accept"), t("line.none_yet"));
  const strip = el(
    "section",
    { class: "card strip", "aria-labelledby": "strip-title" },
    el(
      "div",
      { class: "strip-head" },
      el("h2", { id: "strip-title" }, t("line.latest")),
      el("a", { href: "#/defects" }, t("line.all")),
    ),
    entries,
    none,
  );
  const live = livePicture(stream);
  let unsaid = 0;
  let toSay = "";
  let saying = 0;
  root.append(el("h1", { class: "unseen" }, t("page.line")), outcome, live.root, counters, warnings, strip);

  stream.on("line", draw);
  stream.on("defect.detected", say);
  const latest = newest({
    api,
    stream,
    query: { outcome: ["reject", "review", "no_verdict"], limit: STRIP },
    onItems: drawStrip,
  });
  if (stream.line === null) draw(first);
  await latest.load().catch(latest.again);

  function draw(line) {
    drawOutcome(outcome, line);
    drawCounters(counters, line);
    drawWarnings(cards, line);
  }

  function drawStrip(items) {
    entries.hidden = items.length === 0;
    none.hidden = items.length > 0;
    showList(entries, items, idOf, stripEntry);
  }

  function say({ data }) {
    if (data.phase && data.phase !== "new") return;
    const why =
      data.outcome === "no_verdict"
        ? causeOf(data.no_verdict?.cause)
        : data.reasons.map(({ label }) => label).join(", ");
    toSay = t("line.said", { name: nameOf({ track_id: null, ...data }), outcome: t(`outcome.${data.outcome}`), why });
    unsaid += 1;
    if (!saying) sayThem();
  }

  /** Say the newest, and how many came since something was said. */
  function sayThem() {
    saying = 0;
    if (unsaid === 0) return;
    announce(unsaid === 1 ? toSay : t("line.said_more", { n: unsaid - 1, last: toSay }));
    unsaid = 0;
    saying = setTimeout(sayThem, SAY_EVERY_MS);
  }

  return {
    close() {
      clearTimeout(saying);
      latest.close();
      live.close();
    },
  };
}

function drawOutcome(root, { last, is_triggered: isTriggered, lot }) {
  root.dataset.outcome = last?.outcome ?? "none";
  showOnce(root, [last, lot], () => outcomeOf(last, isTriggered, lot));
}

function outcomeOf(last, isTriggered, lot) {
  const title = el("h2", { id: "big-title" }, isTriggered ? t("line.last_part") : t("line.last_defect"));
  if (last === null) {
    return [title, el("p", { class: "word" }, isTriggered ? t("line.no_part_yet") : t("line.no_defect_yet"))];
  }
  const treated = last.outcome === "no_verdict" && last.treated_as;
  return [
    el(
      "div",
      { class: "top" },
      el("div", { class: "sign" }, icon(last.outcome)),
      el(
        "div",
        { class: "says" },
        title,
        el("p", { class: "word" }, t(`outcome.${last.outcome}`)),
        last.outcome === "no_verdict"
          ? el("p", { class: "why" }, causeOf(last.cause), treated && ` ${t(`treated.${treated}`)}`)
          : el(
              "ul",
              { class: "why" },
              last.reasons.slice(0, 3).map((reason) => el("li", {}, reasonText(reason))),
              last.reasons.length > 3 && el("li", {}, t("line.more_reasons", { n: last.reasons.length - 3 })),
            ),
      ),
    ),
    el(
      "dl",
      { class: "which" },
      fact(
        isTriggered ? t("line.part") : t("line.defect"),
        el("a", { href: hashOf("defects", { id: idOf(last) }) }, nameOf(last)),
      ),
      fact(t("line.time"), el("time", { datetime: last.captured_at }, when(last.captured_at))),
      last.product !== null && fact(t("line.product"), last.product),
      (last.lot ?? lot) !== null && fact(t("line.lot"), last.lot ?? lot),
    ),
  ];
}

function drawCounters(root, { shift, is_triggered: isTriggered, inspected_hz: hz }) {
  const rate = hz === null ? null : t("line.rate", { hz: number(hz, 1) });
  const share = shift.reject_share === null ? null : percent(shift.reject_share, 2);
  const badge = (name, text) => el("span", { class: "outcome" }, icon(name), el("span", {}, text));
  show(
    root,
    el(
      "div",
      { class: "shift-head" },
      el("h2", { id: "shift-title" }, t("line.shift", { name: shift.name })),
      el("p", { class: "faint" }, t("line.shift_since", { time: dateTime(shift.since) })),
    ),
    el(
      "dl",
      {},
      counter(badge("line", isTriggered ? t("line.parts") : t("line.frames")), shift.parts, "parts", rate),
      isTriggered
        ? [
            counter(outcomeBadge("accept"), shift.accept, "accept"),
            counter(outcomeBadge("review"), shift.review, "review"),
            counter(outcomeBadge("reject"), shift.reject, "reject", share),
          ]
        : counter(badge("defects", t("line.defects")), shift.defects, "defects"),
      counter(outcomeBadge("no_verdict"), shift.no_verdict, "no_verdict"),
    ),
  );
}

function counter(name, value, kind, beside = null) {
  return el(
    "div",
    { dataset: { kind } },
    el("dt", {}, name),
    el("dd", {}, number(value), beside !== null && el("small", {}, beside)),
  );
}

function drawWarnings([ruleCard, alarmCard], { alarms, run_rule: rule }) {
  ruleCard.hidden = rule === null;
  if (rule !== null) {
    showOnce(ruleCard, rule.label, () => [icon("warning"), ruleWords(rule.label)]);
    ruleCard.querySelector("h2").textContent = t("line.rule", { label: rule.label, n: rule.count, parts: rule.parts });
  }
  showOnce(alarmCard, alarms, () => [el("h2", {}, t("alarm.title")), alarmList(alarms)]);
}

function ruleWords(label) {
  return el(
    "div",
    {},
    el("h2", {}),
    el("p", {}, t("line.rule_do")),
    el("a", { class: "button", href: hashOf("defects", { query: { label } }) }, t("line.rule_show")),
  );
}

function stripEntry(item) {
  return el(
    "li",
    {},
    el(
      "a",
      { href: hashOf("defects", { id: idOf(item) }), dataset: { outcome: item.outcome } },
      thumbnail(item, { width: 192 }),
      el(
        "span",
        { class: "strip-words" },
        outcomeBadge(item.outcome),
        el("span", { class: "strip-why" }, whyOf(item)),
        el("span", {}, nameOf(item)),
        el("time", { class: "faint", datetime: item.captured_at }, time(item.captured_at)),
      ),
    ),
  );
}
