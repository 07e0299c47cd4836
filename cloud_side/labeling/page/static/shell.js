// The shell around every page: who looks, the bar, light or dark, and which page is open.
//
// A page is a function (root, context) -> {close()}: context = {me, strip(text or null)}.

import { openAgreement } from "./agreement.js";
import { api } from "./api.js";
import { button, el, icon, show } from "./dom.js";
import { bindKeys, openHelp, startKeys } from "./keys.js";
import { openOrders } from "./orders.js";
import { resumeOutboxes } from "./outbox.js";
import { t } from "./texts.js";
import { nothingHere } from "./tools.js";
import { openWork } from "./work.js";

const THEME = "edge-inspector.labeling.theme";

export async function startShell() {
  const root = document.getElementById("page");
  let opened = null;
  let turn = 0; // of the newest opening: what an older one brings is thrown away
  let me = null;

  startTheme();
  startKeys();
  bindKeys([
    { keys: ["o"], text: t("keys.list"), run: () => (location.hash = "#/") },
    { keys: ["?"], text: t("keys.help"), run: openHelp },
  ]);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    root.focus();
  });
  drawBar(null);
  window.addEventListener("hashchange", go);
  await go();

  async function go() {
    const mine = ++turn;
    opened?.close();
    opened = null;
    show(root);
    const page = el("div", { class: "content" });
    try {
      me ??= await enter();
      show(root, page);
      const object = await open(page, routeOf(location.hash));
      if (mine !== turn) return void object.close();
      opened = object;
    } catch (error) {
      if (mine === turn) show(root, refusal(error));
    }
  }

  async function enter() {
    const found = await api.get("/api/me");
    drawBar(found.name);
    resumeOutboxes(found.name, strip);
    return found;
  }

  function open(page, { name, rest }) {
    const context = { me, strip };
    document.title = t("app.title_of", { page: name === "work" || name === "agreement" ? rest[0] : t("orders.title") });
    if (name === "work") return openWork(page, { batch: rest[0], round: rest[1], kind: rest[2] }, context);
    if (name === "agreement") return openAgreement(page, rest[0], context);
    return openOrders(page, context);
  }

  function refusal(error) {
    const isUnknown = error.status === 401 || error.status === 403;
    const again = el("button", { class: "main", onclick: go }, t("shell.again"));
    const words = isUnknown
      ? { title: t("gate.title"), text: t("gate.text") }
      : { title: t("error.title"), text: error.message };
    return el(
      "div",
      { class: "content" },
      el("h1", { class: "unseen" }, t("app.title")),
      nothingHere({ sign: isUnknown ? "person" : "warning", ...words, actions: [again] }),
    );
  }
}

/** Say something over every page for as long as it holds; null: it holds no more. */
function strip(text) {
  const element = document.getElementById("strip");
  element.hidden = text === null;
  show(element, text && [icon("warning"), el("span", {}, text)]);
}

function drawBar(name) {
  show(
    document.getElementById("bar"),
    el("a", { class: "brand", href: "#/" }, icon("label"), el("span", {}, t("app.title"))),
    el("span", { class: "stretch" }),
    name && el("span", { class: "person" }, icon("person"), el("span", {}, name)),
    button(
      { class: "quiet only-icon", "aria-label": t("shell.theme"), title: t("shell.theme"), onclick: turnTheme },
      icon("moon"),
    ),
    button({ class: "quiet", onclick: openHelp }, icon("keys"), el("span", { class: "word" }, t("keys.title"))),
  );
}

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () =>
    (document.documentElement.dataset.theme = localStorage.getItem(THEME) ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", apply);
  apply();
}

function turnTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(THEME, next);
  document.documentElement.dataset.theme = next;
}

/** Read "#/work/BATCH/1/label". */
function routeOf(hash) {
  const [name, ...rest] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { name, rest };
}
