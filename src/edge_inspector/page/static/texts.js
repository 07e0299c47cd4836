// Every text that a person reads, from the one catalogue; numbers and times as the browser's language writes them.
//
// Keys are written out where they are used, t("line.last_part", {n: 3}), or begin with what is written out,
// t(`outcome.${item.outcome}`): a test compares both with the catalogue. An entry {"one": …, "other": …} goes by {n}.

let catalogue = {};
export const locale = navigator.languages?.length ? [...navigator.languages] : undefined;
const plural = new Intl.PluralRules("en");

/** Fetch the catalogue; before everything else. */
export async function loadTexts(url = "/static/texts.en.json") {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  catalogue = await answer.json();
  translate(document);
}

/** Return the text of a key, its {names} filled in; numbers are written as the browser's language does. */
export function t(key, values = {}) {
  let text = catalogue[key];
  if (text === undefined) {
    console.error(`texts: expected the key ${key}`);
    return key;
  }
  if (typeof text === "object") text = text[plural.select(values.n ?? 0)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : String(value);
  });
}

/** Whether the catalogue knows a key; for causes and states that a newer device may add. */
export function knows(key) {
  return catalogue[key] !== undefined;
}

/** Fill in data-t (text) and data-t-label (aria-label) of markup. */
function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(element.dataset.tLabel));
}

const formats = new Map();

function format(kind, options) {
  const name = kind + JSON.stringify(options);
  if (!formats.has(name)) formats.set(name, new Intl[kind](locale, options));
  return formats.get(name);
}

/** 1234.5 -> "1,234.5"; at most `digits` behind the point. */
export function number(value, digits = 2) {
  return format("NumberFormat", { maximumFractionDigits: digits }).format(value);
}

/** 0.0123 -> "1.2 %"; "–" for null. */
export function percent(share, digits = 1) {
  if (share === null || share === undefined) return "–";
  return format("NumberFormat", { style: "percent", maximumFractionDigits: digits }).format(share);
}

/** Time of day of an ISO time or a Date, with seconds. */
export function time(at) {
  return format("DateTimeFormat", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));
}

/** Day and time of day, without seconds; the year only where it is another one. */
export function dateTime(at) {
  const year = new Date(at).getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format("DateTimeFormat", { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(
    new Date(at),
  );
}

/** Day and time of day with seconds. */
export function moment(at) {
  return format("DateTimeFormat", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

/** Hours and minutes today, else day and time. */
export function clock(at) {
  const day = new Date(at).toDateString() === new Date().toDateString() ? {} : { month: "numeric", day: "numeric" };
  return format("DateTimeFormat", { ...day, hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** Time of day today, else day and time. */
export function when(at) {
  return new Date(at).toDateString() === new Date().toDateString() ? time(at) : dateTime(at);
}

/** 95 -> "1 min 35 s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours) return t("time.hours", { hours: String(hours), minutes: String(minutes) });
  return minutes
    ? t("time.minutes", { minutes: String(minutes), seconds: String(rest) })
    : t("time.seconds", { seconds: String(rest) });
}
