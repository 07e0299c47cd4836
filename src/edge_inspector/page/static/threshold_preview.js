// The preview: what other thresholds would have made of the last parts, asked a moment after the last change.

import { url } from "./api.js";
import { el, icon, show } from "./dom.js";
import { tableOf } from "./figures.js";
import { outcomeBadge } from "./items.js";
import { hashOf } from "./shell.js";
import { snapshot } from "./snapshots.js";
import { number, t, when } from "./texts.js";

const PAUSE_MS = 350;
const VERDICTS = ["accept", "review", "reject"];
const CHOICES = [100, 300, 1000, 3000, 10000];
const FIRST = 24; // parts that are shown at once

/** Return {node, ask(classes or null, of how many parts at most), words(), close()}. */
export function createPreview(context) {
  const body = el("div", { class: "preview-body", role: "status" });
  const select = el("select", { onchange: () => ask(wanted, most) });
  const node = el(
    "section",
    { class: "card preview", "aria-label": t("preview.title") },
    el("h2", {}, t("preview.title")),
    el("label", { class: "field" }, el("span", {}, t("preview.parts")), select),
    body,
  );
  let wanted = null;
  let most = 0;
  let turn = 0;
  let timer = 0;
  let found = null;

  function ask(classes, parts) {
    wanted = classes;
    if (parts !== most || !select.options.length) offer((most = parts));
    turn += 1;
    clearTimeout(timer);
    found = null;
    body.removeAttribute("aria-busy"); // of what is not asked any more
    if (classes === null) return show(body, el("p", { class: "faint" }, most ? t("preview.nothing") : t("preview.no_parts")));
    if (!most) return show(body, el("p", {}, t("preview.no_parts")));
    body.setAttribute("aria-busy", "true");
    timer = setTimeout(load, PAUSE_MS);
  }

  function offer(parts) {
    const counts = [...CHOICES.filter((count) => count < parts), parts];
    show(select, counts.map((count) => el("option", { value: count, selected: count === parts }, number(count))));
    select.disabled = parts === 0;
  }

  async function load() {
    const mine = turn;
    try {
      const answer = await context.api.post("/thresholds/preview", { classes: wanted, parts: Number(select.value) });
      if (mine !== turn) return;
      found = answer;
      draw(answer);
    } catch (error) {
      if (mine === turn) show(body, el("p", { class: "problem" }, error.message));
    }
    if (mine === turn) body.removeAttribute("aria-busy");
  }

  function draw({ parts, since, before, after, changed, changed_total: total }) {
    const list = el("ul", { class: "changed" }, changed.slice(0, FIRST).map(partCard));
    const rest = changed.slice(FIRST);
    const more = el("button", { type: "button", onclick: () => (list.append(...rest.map(partCard)), more.remove()) }, t("preview.more", { n: rest.length }));
    show(
      body,
      el("p", { class: "preview-says" }, words()),
      tableOf(
        [{ text: t("preview.verdict") }, ...["before", "after", "change"].map((name) => ({ text: t(`preview.${name}`), isNumber: true }))],
        VERDICTS.map((verdict) => [outcomeBadge(verdict), number(before[verdict]), number(after[verdict]), signed(after[verdict] - before[verdict])]),
        t("preview.title"),
      ),
      since && el("p", { class: "faint" }, t("preview.since", { n: parts, at: when(since) })),
      total > 0 && [el("h3", {}, t("preview.changed", { n: total })), list, rest.length > 0 && more, total > changed.length && el("p", { class: "faint" }, t("preview.first", { n: changed.length }))],
    );
  }

  function words() {
    if (found === null) return t("preview.not_yet");
    return found.changed_total ? t("preview.says", { n: found.changed_total, parts: found.parts }) : t("preview.same", { n: found.parts });
  }

  return { node, ask, words, close: () => ((turn += 1), clearTimeout(timer)) };
}

function partCard({ inspection_id: id, part_id: part, captured_at: at, before, after, has_picture: hasPicture }) {
  const address = url(`/results/${encodeURIComponent(id)}/picture`, { width: 240 });
  return el(
    "li",
    {},
    el(
      "a",
      { href: hashOf("defects", { id }) },
      snapshot(hasPicture ? address : null),
      el("span", { class: "turn" }, outcomeBadge(before), icon("next"), el("span", { class: "unseen" }, t("preview.becomes")), outcomeBadge(after)),
      el("span", { class: "faint" }, [part, when(at)].filter(Boolean).join(" · ")),
    ),
  );
}

function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value);
}
