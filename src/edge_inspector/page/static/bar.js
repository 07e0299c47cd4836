// The bar at the top: which station, its state, whether what is shown is new, alarms, the person, light or dark.

import { el, icon, show, showOnce } from "./dom.js";
import { knows, t, time, when } from "./texts.js";
import { toast } from "./toasts.js";

const STATE_ICONS = {
  Preoperational: "pause",
  Initialized: "pause",
  Ready: "accept",
  ContinuousExecution: "running",
  Error: "warning",
  Halted: "pause",
};

export function createBar(root, { session, stream }) {
  const place = el("p", { class: "place" });
  const state = el("p", { class: "state" });
  const connection = el("p", { class: "connection", role: "status" });
  const stale = el("p", { class: "stale", role: "alert", hidden: true });
  const alarms = menu("alarms");
  const person = menu("person");
  const theme = el("button", { class: "quiet only-icon", onclick: () => nextTheme(theme) });
  root.append(
    el("a", { class: "brand", href: "#/line", "aria-label": t("app.title") }, mark()),
    place,
    state,
    el("span", { class: "stretch" }),
    connection,
    alarms.root,
    theme,
    person.root,
  );
  root.after(stale);
  applyTheme(theme);

  stream.on("line", (line) => {
    drawState(state, line.now);
    drawAlarms(alarms, line.alarms);
  });
  stream.on("connection", drawConnection);

  function drawConnection({ state: is, since }) {
    document.documentElement.dataset.connection = is;
    connection.hidden = is === "off";
    stale.hidden = is !== "lost";
    connection.dataset.state = is;
    if (is === "live") show(connection, icon("live"), el("span", {}, t("connection.live")));
    if (is === "lost") {
      show(connection, icon("lost"), el("span", {}, t("connection.lost", { time: time(since) })));
      show(stale, icon("lost"), el("span", {}, t("connection.stale", { time: time(since) })));
    }
  }

  return {
    /** The person has changed. */
    draw() {
      const { station, user, role, can_sign_in: canSignIn, signed_in_by: by, version } = session.now;
      show(
        place,
        Object.entries(station).map(([name, value]) => el("span", { class: name }, value)),
      );
      place.title = session.place;
      const mayLook = session.may("viewer");
      state.hidden = alarms.root.hidden = !mayLook;
      const word = user ?? (canSignIn ? t("session.sign_in") : t(`role.${role}`));
      person.button.replaceChildren(icon("person"), el("span", { class: "word" }, word));
      person.button.setAttribute("aria-label", t("session.menu", { user: word }));
      show(
        person.panel,
        el("h2", {}, user ?? t("session.nobody")),
        el("p", {}, el("strong", {}, t(`role.${role}`)), " – ", t(`role_text.${role}`)),
        by === "proxy" && el("p", {}, t("session.by_proxy")),
        user === null &&
          canSignIn &&
          el(
            "button",
            { class: "main", onclick: () => (person.close(), session.signIn()) },
            icon("person"),
            t("session.sign_in"),
          ),
        user !== null &&
          by === "page" &&
          el(
            "button",
            {
              onclick: () => (
                person.close(),
                session.signOut().catch((error) => toast(error.message, { kind: "error" }))
              ),
            },
            t("session.sign_out"),
          ),
        el("p", { class: "faint" }, t("app.version", { version })),
      );
    },
  };
}

/** A button and what it opens; closed by Escape, by a click elsewhere, or when the focus leaves it. */
function menu(name) {
  const button = el("button", { class: `quiet ${name}`, "aria-expanded": "false", "aria-controls": `menu-${name}` });
  const panel = el("div", { class: "panel", id: `menu-${name}`, hidden: true });
  const root = el("div", { class: "menu" }, button, panel);
  function set(isOpen) {
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }
  button.addEventListener("click", () => set(panel.hidden));
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.stopPropagation();
    set(false);
    button.focus();
  });
  document.addEventListener("pointerdown", (event) => root.contains(event.target) || set(false));
  root.addEventListener(
    "focusout",
    (event) => event.relatedTarget && !root.contains(event.relatedTarget) && set(false),
  );
  return { root, button, panel, close: () => set(false) };
}

function drawState(state, now) {
  const word = knows(`state.${now.state}`) ? t(`state.${now.state}`) : now.state;
  state.dataset.state = now.state;
  const isCameraFine = now.camera === null || now.camera === "online";
  show(
    state,
    el("span", { class: "chip", title: now.reason }, icon(STATE_ICONS[now.state] ?? "warning"), el("span", {}, word)),
    !isCameraFine &&
      el(
        "span",
        { class: "chip", dataset: { severity: "critical" }, title: now.camera_reason },
        icon("warning"),
        el("span", {}, t(`camera.${now.camera}`)),
      ),
  );
}

function drawAlarms({ button, panel }, alarms) {
  button.dataset.severity = alarms.some(isCritical)
    ? "critical"
    : alarms.length
      ? "warning"
      : "none";
  button.setAttribute("aria-label", t("alarm.count", { n: alarms.length }));
  showOnce(button, alarms.length, () => [
    icon(alarms.length ? "alarm" : "bell"),
    alarms.length > 0 && el("span", { class: "count" }, String(alarms.length)),
  ]);
  showOnce(panel, alarms, () => [el("h2", {}, t("alarm.title")), alarmList(alarms)]);
}

const isCritical = ({ severity }) => severity === "critical";

/** Return alarms in words with what to do, the critical ones first. */
export function alarmList(alarms) {
  if (!alarms.length) return el("p", { class: "faint" }, t("alarm.none"));
  return el(
    "ul",
    { class: "alarm-list" },
    [...alarms].sort((one, other) => isCritical(other) - isCritical(one)).map((alarm) =>
      el(
        "li",
        { dataset: { severity: alarm.severity } },
        icon("alarm"),
        el(
          "div",
          {},
          el("p", { class: "alarm-text" }, el("strong", {}, t(`severity.${alarm.severity}`)), ": ", alarm.text),
          el("p", { class: "alarm-do" }, alarm.what_to_do),
          el("p", { class: "faint" }, t("alarm.since", { time: when(alarm.raised_at), name: alarm.name })),
        ),
      ),
    ),
  );
}

const THEMES = ["auto", "light", "dark"];
const THEME_ICONS = { auto: "half", light: "sun", dark: "moon" };
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function chosenTheme() {
  const stored = localStorage.getItem("theme");
  return THEMES.includes(stored) ? stored : "auto";
}

function applyTheme(button) {
  const chosen = chosenTheme();
  const isDark = chosen === "dark" || (chosen === "auto" && prefersDark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  show(button, icon(THEME_ICONS[chosen]));
  button.setAttribute("aria-label", t("theme.now", { theme: t(`theme.${chosen}`) }));
  button.title = t("theme.now", { theme: t(`theme.${chosen}`) });
  prefersDark.onchange = () => applyTheme(button);
  document.dispatchEvent(new CustomEvent("theme")); // for what draws with colors itself
}

function nextTheme(button) {
  localStorage.setItem("theme", THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]);
  applyTheme(button);
}

function mark() {
  return icon("defects", { class: "icon mark" });
}
