// The live picture: asked for only while somebody can see it, and never passed off as live when it is not.

import { el, icon, show } from "./dom.js";
import { t } from "./texts.js";

const RETRY_MS = 4_000;

export function livePicture(stream) {
  const box = el("div", { class: "live-box" });
  const pause = el("button", { class: "quiet", "aria-pressed": "false", onclick: () => setPaused(!isPaused) });
  const root = el(
    "section",
    { class: "card live", "aria-labelledby": "live-title" },
    el("div", { class: "live-head" }, el("h2", { id: "live-title" }, t("live.title")), pause),
    box,
  );
  let picture = null;
  let timer = 0;
  let isPaused = false;

  function start() {
    stop();
    if (document.hidden || isPaused) return;
    picture = el("img", { src: "/api/v1/live", alt: t("live.alt") });
    picture.addEventListener("error", () => {
      say(t("live.none"));
      timer = setTimeout(start, RETRY_MS);
    });
    const waiting = el("p", { class: "faint" }, icon("picture"), t("live.waiting"));
    picture.addEventListener("load", () => waiting.remove(), { once: true }); // the first picture is there
    show(box, waiting, picture);
  }

  function stop() {
    clearTimeout(timer);
    picture?.removeAttribute("src"); // ends the request
    picture = null;
  }

  function say(text) {
    stop();
    show(box, el("p", { class: "faint" }, icon("picture"), text));
  }

  function setPaused(value) {
    isPaused = value;
    pause.setAttribute("aria-pressed", String(isPaused));
    show(pause, icon(isPaused ? "running" : "pause"), isPaused ? t("live.go_on") : t("live.pause"));
    if (isPaused) say(t("live.paused"));
    else start();
  }

  function onVisibility() {
    if (document.hidden) stop();
    else start();
  }

  setPaused(false);
  document.addEventListener("visibilitychange", onVisibility);
  const off = stream.on("connection", ({ state }) => {
    if (state === "lost") say(t("live.lost"));
    else if (picture === null) start();
  });
  return {
    root,
    close() {
      off();
      document.removeEventListener("visibilitychange", onVisibility);
      stop();
    },
  };
}
