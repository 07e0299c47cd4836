// What people's judgements say of the inspection: how often it is wrong, how sure that is, and what to do where it is not.

import { el } from "./dom.js";
import { hashOf } from "./shell.js";
import { dateTime, number, percent, t } from "./texts.js";

const ENOUGH = 30; // judged parts from which a rate is told as one

/** Return both measured rates in words; where: {since, until, product}, for the links. */
export function judgedCards({ rejects, audits, missed_elsewhere: elsewhere }, where, { isPaper = false } = {}) {
  const [right, wrong] = [rejects.true_reject, rejects.false_reject];
  const open = rejects.total - rejects.judged;
  const openAudits = audits.total - audits.judged;
  return [
    card("false_rejects", rejects.false_reject_rate, {
      values: { n: wrong, of: right + wrong },
      none: open > 0 ? t("quality.false_rejects_none", { n: open }) : t("quality.false_rejects_nothing"),
      todo: rejects.judged - rejects.unsure < ENOUGH && open > 0 && t("quality.false_rejects_todo", { n: open }),
      href: hashOf("defects", { query: { ...where, outcome: "reject", judged: "false" } }),
      unsure: rejects.unsure,
      isPaper,
    }),
    card("escapes", audits.escape_rate, {
      values: { n: audits.missed_defect, of: audits.missed_defect + audits.true_accept },
      none: openAudits > 0 ? t("quality.escapes_none", { n: openAudits }) : t("quality.escapes_nothing"),
      todo: audits.judged - audits.unsure < ENOUGH && openAudits > 0 && t("quality.escapes_todo", { n: openAudits }),
      href: hashOf("defects", { query: { ...where, label: null, audit: "true", judged: "false" } }),
      unsure: audits.unsure,
      more: elsewhere > 0 && t("quality.missed_elsewhere", { n: elsewhere }),
      isPaper,
    }),
  ];
}

function card(name, rate, { values, none, todo, href, unsure, more = null, isPaper }) {
  const isKnown = rate !== null && values.of > 0;
  const isRough = isKnown && values.of < ENOUGH;
  return el(
    "section",
    { class: "card judged", dataset: { judged: name }, "aria-label": t(`quality.${name}`) },
    el("h2", {}, t(`quality.${name}`)),
    el("p", { class: "figure-large" }, isKnown ? percent(rate.value) : "–"),
    isKnown
      ? el("p", {}, t(`quality.${name}_says`, { ...values, share: percent(rate.value), low: percent(rate.low), high: percent(rate.high) }))
      : el("p", {}, none),
    isRough && el("p", { class: "faint" }, t("quality.rough", { n: values.of })),
    unsure > 0 && el("p", { class: "faint" }, t("quality.unsure", { n: unsure })),
    more && el("p", { class: "faint" }, more),
    !isPaper && todo && el("p", {}, el("a", { class: "button", href }, todo)),
  );
}

/** Return what came again and again, with links; hits: [{label, count, parts, at, inspection_ids}]. */
export function runRuleList({ defects, parts, hits }, link) {
  const rule = el("p", { class: "faint" }, t("quality.run_rule_is", { n: defects, parts }));
  if (!hits.length) return [el("p", {}, t("quality.run_rule_none")), rule];
  return [
    el(
      "ul",
      { class: "hits" },
      hits.map((hit) => el("li", {}, el("a", { href: link(hit) }, t("quality.run_rule_hit", { n: hit.count, label: hit.label, parts: number(hit.parts), at: dateTime(hit.at) })))),
    ),
    rule,
  ];
}
