// Model: which one judges, which was good before it, what may take its place; and the way back, for who may.

import { el, icon, show, showOnce } from "./dom.js";
import { facts } from "./figures.js";
import { askFirst } from "./keys.js";
import { candidateNotes, comparisonTable, isNone, modelName, shortSha } from "./model_notes.js";
import { number, t } from "./texts.js";

const EVERY_MS = 5_000;
const PATIENCE_MS = 60_000; // for the answer to a command
const EVENTS = ["model.changed", "model.rejected", "model.proved", "product.changed", "gap"];

export async function open(root, context) {
  const { api, stream } = context;
  const asking = new AbortController();
  let timer = 0;
  let model = await api.get("/model");
  const way = createWayBack();
  const body = el("div", { class: "grid" });
  const problem = el("p", { class: "problem", role: "alert" });
  root.append(el("h1", {}, t("model.title")), problem, way.node, body);

  async function load() {
    clearTimeout(timer);
    try {
      if (!document.hidden) model = await api.get("/model", {}, { signal: asking.signal });
      problem.textContent = "";
      draw();
    } catch (error) {
      if (!asking.signal.aborted) problem.textContent = error.message;
    }
    if (!asking.signal.aborted) timer = setTimeout(load, EVERY_MS);
  }

  function draw() {
    showOnce(body, [model, way.isWaiting], () => [
      card("running", t("model.running"), modelFacts(model.running), !isNone(model.running) && el("p", { class: "faint" }, t("model.classes", { n: model.class_names.length, names: model.class_names.join(", ") }))),
      card("previous", t("model.previous"), model.previous ? modelFacts(model.previous) : el("p", {}, t("model.previous_none")), rollback()),
      card("candidate", t("model.candidate"), candidateNotes(model), model.candidate?.shadow && comparisonTable(model.candidate.shadow), model.probation && probationFacts(model.probation)),
      card("rejected", t("model.rejected"), el("p", {}, model.rejected ? t("model.rejected_says", { n: model.rejected }) : t("model.rejected_none"))),
    ]);
  }

  function rollback() {
    const why = !context.may("admin") ? t("model.needs_admin") : !model.can_roll_back ? t("model.cannot") : way.isWaiting ? t("model.waiting_short") : null;
    const reason = el("p", { class: "faint", id: "rollback-why" }, why);
    const button = el(
      "button",
      { class: "danger rollback", type: "button", "aria-disabled": why ? "true" : null, "aria-describedby": why ? "rollback-why" : null, onclick: () => why === null && way.confirm(model) },
      icon("undo"),
      t("model.roll_back"),
    );
    return el("div", { class: "way-back" }, button, why && reason);
  }

  /** The dialog, the command, and what comes of it. */
  function createWayBack() {
    const node = el("div", { class: "came-of-it", role: "status" });
    const answers = new Map(); // those that came before the answer to the request did
    let waitsFor = null;
    let patience = 0;

    function say(kind, text) {
      show(node, el("p", { class: `card note ${kind}` }, icon(kind === "done" ? "accept" : kind === "waits" ? "next" : "warning"), text));
    }

    function answered({ status, text }) {
      clearTimeout(patience);
      waitsFor = null;
      say(status === "done" ? "done" : "failed", status === "done" ? t("model.rolled_back", { text }) : t("model.not_rolled_back", { text }));
      load();
    }

    async function ask(previous) {
      waitsFor = "";
      say("waits", t("model.waiting"));
      load();
      try {
        waitsFor = (await api.post("/model/rollback", { to_sha256: previous.sha256 })).request_id;
      } catch (error) {
        waitsFor = null;
        say("failed", t("model.not_rolled_back", { text: error.message }));
        load();
        return;
      }
      if (answers.has(waitsFor)) answered(answers.get(waitsFor));
      else patience = setTimeout(() => waitsFor && say("waits", t("model.no_answer_yet")), PATIENCE_MS);
    }

    stream.on("command.answered", ({ data }) => {
      if (data.command !== "model-rollback") return;
      if (waitsFor === data.request_id) answered(data);
      else if (waitsFor === "") answers.set(data.request_id, data);
    });

    return {
      node,
      get isWaiting() {
        return waitsFor !== null;
      },
      confirm({ running, previous }) {
        const names = { running: modelName(running), previous: modelName(previous) };
        const words = el("p", {}, t("model.confirm_text", names));
        const yes = [icon("undo"), t("model.roll_back")];
        askFirst(t("model.confirm", names), words, yes, () => ask(previous), { kind: "danger" });
      },
      close() {
        clearTimeout(patience);
      },
    };
  }

  for (const kind of EVENTS) stream.on(kind, load);
  draw();
  timer = setTimeout(load, EVERY_MS);
  return {
    close() {
      asking.abort();
      clearTimeout(timer);
      way.close();
    },
  };
}

function card(name, title, ...children) {
  return el("section", { class: "card", dataset: { model: name }, "aria-label": title }, el("h2", {}, title), children);
}

function modelFacts({ name, version, sha256 }) {
  if (isNone({ name, version })) return el("p", {}, t("model.none_says"));
  return [el("p", { class: "model-name" }, modelName({ name, version })), facts([[t("model.sha"), el("span", { class: "mono", title: sha256 }, shortSha(sha256))]])];
}

function probationFacts({ judged, rejected, failed }) {
  return facts([[t("model.judged"), number(judged)], [t("model.rejects"), number(rejected)], [t("model.failed"), number(failed)]]);
}
