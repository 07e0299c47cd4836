// Health: what the station knows of itself, asked every two seconds while somebody looks; what is not known is a dash.

import { alarmList } from "./bar.js";
import { el, icon, showOnce } from "./dom.js";
import { percentileBar } from "./drawings.js";
import { facts, tableOf } from "./figures.js";
import { candidateNotes, modelName } from "./model_notes.js";
import { duration, knows, number, percent, t, when } from "./texts.js";

const EVERY_MS = 2_000;
const DASH = "–";

export async function open(root, { api }) {
  const asking = new AbortController();
  const problem = el("p", { class: "problem", role: "alert" });
  const sections = [
    section("state", ({ now }) => now, drawState),
    section("alarms", ({ alarms }) => alarms, (alarms) => alarmList(alarms)),
    section("frames", ({ values }) => [values.frames, values.total?.frames], drawFrames),
    section("parts", ({ values }) => [values.parts, values.total?.parts, values.total?.sessions], drawParts),
    section("latency", ({ values }) => values.latency_ms ?? {}, drawLatency),
    section("camera", ({ values, now }) => [values.camera ?? {}, now], drawCamera),
    section("journal", ({ values }) => [values.journal ?? {}, values.undelivered ?? {}], drawJournal),
    section("samples", ({ values }) => values.samples, drawSamples),
    section("model", ({ values }) => values.model, drawModel),
    section("gate", ({ values }) => values.gate, drawGate),
    section("checks", ({ values, page }) => [values.health, page], drawChecks),
  ];
  root.append(el("h1", {}, t("health.title")), problem, el("div", { class: "health-grid" }, sections.map(({ node }) => node)));

  let timer = 0;
  let isAsking = false;
  async function load() {
    clearTimeout(timer);
    if (isAsking || asking.signal.aborted) return;
    if (!document.hidden) {
      isAsking = true;
      try {
        const health = await api.get("/health", {}, { signal: asking.signal });
        problem.textContent = "";
        sections.forEach((each) => each.draw(health));
      } catch (error) {
        if (!asking.signal.aborted) problem.textContent = error.message;
      }
      isAsking = false;
    }
    if (!asking.signal.aborted) timer = setTimeout(load, EVERY_MS);
  }

  const seen = () => document.hidden || load();
  document.addEventListener("visibilitychange", seen);
  await load();
  return {
    close() {
      asking.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}

/** A card that draws only what has changed, so that a text that is being read or selected stays. */
function section(name, pick, render) {
  const body = el("div", { class: "section" });
  const node = el("section", { class: "card", dataset: { section: name }, "aria-label": t(`health.${name}`) }, el("h2", {}, t(`health.${name}`)), body);
  return {
    node,
    draw(health) {
      const part = pick(health) ?? null;
      showOnce(body, part, () => (part === null ? el("p", { class: "faint" }, t(`health.no_${name}`)) : render(part)));
    },
  };
}

function drawState({ state, reason, since, model, product }) {
  return [
    el("p", { class: "state-large", dataset: { state } }, icon(state === "Error" ? "warning" : state === "Halted" ? "pause" : "running"), stateWord(state)),
    reason && el("p", {}, reason),
    facts([
      [t("health.since"), since && when(since)],
      [t("health.model_runs"), model && modelName(model)],
      [t("health.product"), product],
    ]),
  ];
}

function drawCamera([{ status, outages, away_s: awayS }, now]) {
  const found = now.camera ?? status;
  return [
    el("p", { class: "state-large", dataset: { camera: found } }, icon(found === "online" ? "accept" : found ? "warning" : "unsure"), found ? cameraWord(found) : t("health.camera_unknown")),
    now.camera_reason && el("p", {}, now.camera_reason),
    facts([
      [t("health.outages"), counted(outages)],
      [t("health.away"), awayS === undefined ? null : duration(awayS)],
    ]),
  ];
}

function drawFrames([session, total]) {
  return ledger(["captured", "inspected", "in_flight"], session, total, "dropped");
}

function drawParts([session, total, sessions]) {
  const rows = (found) => found && { ...found, ...found.outcomes, causes: found.no_verdict };
  return [
    ledger(["seen", "accept", "review", "reject", "in_flight"], rows(session), rows(total), "causes"),
    sessions !== undefined && el("p", { class: "faint" }, t("health.sessions", { n: sessions })),
  ];
}

/** The accounts of frames or parts: since the start, and over all restarts; then what was not inspected, by cause. */
function ledger(names, session, total, causes) {
  const cells = (name) => [counted(session?.[name] ?? (session && 0)), counted(total?.[name] ?? (total && 0))];
  const found = [...new Set([...Object.keys(session?.[causes] ?? {}), ...Object.keys(total?.[causes] ?? {})])].sort();
  const rows = names.map((name) => [t(`health.count.${name}`), ...cells(name)]);
  const lost = (cause) => [counted(session?.[causes]?.[cause] ?? 0), counted(total?.[causes]?.[cause] ?? 0)];
  const columns = (text) => [{ text }, { text: t("health.session"), isNumber: true }, { text: t("health.total"), isNumber: true }];
  return [
    tableOf(columns(t("health.account")), rows),
    el("h3", {}, t(`health.${causes}`)),
    found.length ? tableOf(columns(t("health.cause")), found.map((cause) => [causeWord(cause), ...lost(cause)])) : el("p", {}, t(`health.${causes}_none`)),
  ];
}

function drawLatency(stages) {
  const names = Object.keys(stages);
  if (!names.length) return el("p", { class: "faint" }, t("health.latency_none"));
  const largest = Math.max(...names.map((name) => stages[name].p99 ?? 0));
  const ms = (value) => (value === undefined || value === null ? DASH : number(value, 1));
  const columns = [{ text: t("health.stage") }, ...[0.5, 0.95, 0.99].map((share) => ({ text: percent(share), isNumber: true })), { text: t("health.bar") }];
  return [
    tableOf(columns, names.map((name) => [stageWord(name), ms(stages[name].p50), ms(stages[name].p95), ms(stages[name].p99), percentileBar(stages[name], largest)])),
    el("p", { class: "faint" }, t("health.latency_note", { share: percent(0.95) })),
  ];
}

function drawJournal([journal, undelivered]) {
  const sinks = [...new Set(["waiting", "evicted", "dead_letters"].flatMap((name) => Object.keys(journal[name] ?? {})).concat(Object.keys(undelivered)))].sort();
  const columns = ["sink", "waiting", "evicted", "dead_letters", "undelivered"].map((name, index) => ({ text: t(`health.journal_${name}`), isNumber: index > 0 }));
  return [
    trouble(journal.problem),
    facts([
      [t("health.rows"), counted(journal.rows)],
      [t("health.bytes"), bytes(journal.bytes)],
      [t("health.pending"), counted(journal.pending)],
    ]),
    sinks.length > 0 && tableOf(columns, sinks.map((sink) => [sink, counted(journal.waiting?.[sink]), counted(journal.evicted?.[sink]), counted(journal.dead_letters?.[sink]), counted(undelivered[sink])])),
  ];
}

function drawSamples(samples) {
  const by = (counts, word) => Object.entries(counts ?? {}).map(([name, count]) => [word(name), counted(count)]);
  const columns = (text) => [{ text }, { text: t("health.samples_count"), isNumber: true }];
  const [kept, not] = [by(samples.kept, reasonWord), by(samples.not_kept, notKeptWord)];
  return [
    trouble(samples.problem),
    facts([
      [t("health.samples_waiting"), counted(samples.waiting)],
      [t("health.samples_bytes"), bytes(samples.waiting_bytes)],
      [t("health.samples_uploaded"), counted(samples.uploaded)],
      [t("health.samples_evicted"), counted(samples.evicted)],
    ]),
    kept.length > 0 && tableOf(columns(t("health.samples_kept")), kept),
    not.length > 0 && tableOf(columns(t("health.samples_not_kept")), not),
  ];
}

function drawModel({ running, previous, candidate, probation, rejected }) {
  return [
    facts([
      [t("health.model_runs"), modelName(running)],
      [t("health.model_before"), previous && modelName(previous)],
      [t("health.model_rejected"), counted(rejected)],
    ]),
    candidateNotes({ candidate, probation }),
    el("p", {}, el("a", { href: "#/model" }, t("health.to_model"))),
  ];
}

function drawGate(gate) {
  const ms = (found) => (found?.p50 === undefined ? null : t("health.gate_ms", { half: percent(0.5), most: percent(0.99), p50: number(found.p50, 1), p99: number(found.p99, 1), max: number(found.max, 1) }));
  return [
    el("p", { class: "state-large" }, icon(gate.trusted ? "accept" : "warning"), gate.trusted ? t("health.gate_trusted") : t("health.gate_not_trusted")),
    gate.reason && el("p", {}, gate.reason),
    facts([
      ...["decided", "rejected", "pulses", "withheld", "missed", "missed_pulses"].map((name) => [t(`health.gate_${name}`), counted(gate[name])]),
      [t("health.gate_unreachable"), gate.unreachable_s === undefined ? null : duration(gate.unreachable_s)],
      [t("health.gate_latency"), ms(gate.latency_ms)],
      [t("health.gate_late"), ms(gate.late_ms)],
    ]),
  ];
}

function drawChecks([health, page]) {
  const failures = Object.entries(health?.failures ?? {});
  return [
    trouble(page.index_problem),
    facts([
      [t("health.viewers"), counted(page.viewers)],
      [t("health.live_viewers"), counted(page.live_viewers)],
      [t("health.indexed"), counted(page.indexed)],
      [t("health.missed_share"), health ? percent(health.deadline_missed_share) : null],
    ]),
    failures.length > 0 && tableOf([{ text: t("health.failures") }, { text: t("health.samples_count"), isNumber: true }], failures.map(([name, count]) => [name, counted(count)])),
  ];
}

function trouble(text) {
  return text ? el("p", { class: "trouble", role: "status" }, icon("warning"), text) : null;
}

function counted(value) {
  return value === null || value === undefined ? DASH : number(value);
}

function bytes(value) {
  return value === null || value === undefined ? null : t("health.megabytes", { mb: number(value / 1e6, 1) });
}

// What a newer device may add is shown as it comes.
const stateWord = (name) => (knows(`state.${name}`) ? t(`state.${name}`) : name);
const cameraWord = (name) => (knows(`camera.${name}`) ? t(`camera.${name}`) : name);
const causeWord = (name) => (knows(`health.why.${name}`) ? t(`health.why.${name}`) : name);
const stageWord = (name) => (knows(`health.stage.${name}`) ? t(`health.stage.${name}`) : name);
const reasonWord = (name) => (knows(`health.reason.${name}`) ? t(`health.reason.${name}`) : name);
const notKeptWord = (name) => (knows(`health.not_kept.${name}`) ? t(`health.not_kept.${name}`) : name);
