// Every text that a person reads, from the one catalogue; numbers and times as the browser's language writes them.
//
// Keys are written out where they are used, t("work.mine", {n: 3}), or begin with what is written out, t(`kind.${kind}`):
// a test compares both with the catalogue. An entry {"one": …, "other": …} goes by {n}.

let catalogue = {};
const plural = new Intl.PluralRules("en");

/** Fetch the catalogue; before everything else. */
export async function loadTexts(url = "/static/texts.en.json") {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  catalogue = await answer.json();
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
}

/** Return the text of a key, its {names} filled in. */
export function t(key, values = {}) {
  let text = catalogue[key];
  if (text === undefined) {
    console.error(`texts: expected the key ${key}`);
    return key;
  }
  if (typeof text === "object") text = text[plural.select(values.n ?? 0)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : String(value);
  });
}

/** Whether the catalogue knows a key. */
export function knows(key) {
  return catalogue[key] !== undefined;
}

/** 1234.5 -> "1,234.5"; at most `digits` behind the point. */
export function number(value, digits = 2) {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value);
}

/** 0.934 -> "93 %"; "–" where there is none. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** Day and time of day of an ISO time. */
export function dateTime(at) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}
