// The live picture: asked for only while somebody can see it, and never passed off as live when it is not.
//
// A browser tells nobody when a stream of pictures ends, its last one stays. So the picture is looked at: one that stays
// the same while the line inspects is asked for anew.

import { url } from "./api.js";
import { el, icon, show } from "./dom.js";
import { t } from "./texts.js";

const RETRY_MS = 4_000;
const LOOK_MS = 2_000;
const STILL_MS = 12_000; // more than what the rate of the line looks back on
const LOOKED_AT = [64, 40];

export function livePicture(stream) {
  const box = el("div", { class: "live-box" });
  const pause = el("button", { class: "quiet", "aria-pressed": "false", onclick: () => setPaused(!isPaused) });
  const root = el(
    "section",
    { class: "card live", "aria-labelledby": "live-title" },
    el("div", { class: "live-head" }, el("h2", { id: "live-title" }, t("live.title")), pause),
    box,
  );
  const look = looker();
  let picture = null;
  let timer = 0;
  let isPaused = false;
  let turn = 0; // of the asking: a browser does not ask twice for what it has, even where it may not keep it
  let still = { pixels: null, since: 0, isAsked: false }; // isAsked: asked for anew, and still the same

  function start() {
    stop();
    if (document.hidden || isPaused) return;
    picture = el("img", { src: url("/live", { turn: (turn += 1) }), alt: t("live.alt") });
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
    still.since = Date.now();
  }

  function watch() {
    const pixels = picture?.naturalWidth ? look(picture) : null;
    if (pixels === null) return;
    if (pixels !== still.pixels) still = { pixels, since: Date.now(), isAsked: false };
    const isLineMoving = (stream.line?.inspected_hz ?? 0) > 0;
    if (!isLineMoving) still.since = Date.now();
    else if (!still.isAsked && Date.now() - still.since > STILL_MS) {
      still.isAsked = true;
      start();
    }
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
  const watching = setInterval(watch, LOOK_MS);
  document.addEventListener("visibilitychange", onVisibility);
  const off = stream.on("connection", ({ state }) => {
    if (state === "lost") say(t("live.lost"));
    else if (picture === null) start();
  });
  return {
    root,
    close() {
      off();
      clearInterval(watching);
      document.removeEventListener("visibilitychange", onVisibility);
      stop();
    },
  };
}

/** Return a function that tells some pixels of a picture as one number. */
function looker() {
  const [width, height] = LOOKED_AT;
  const paper = el("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  paper.imageSmoothingEnabled = false;
  return (picture) => {
    paper.drawImage(picture, 0, 0, width, height);
    const { buffer } = paper.getImageData(0, 0, width, height).data;
    return new Uint32Array(buffer).reduce((sum, pixel) => (Math.imul(sum, 31) + pixel) | 0, 0);
  };
}
