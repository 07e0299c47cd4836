// What there is to say of models: their names, how a candidate does, and how far one on probation is.

import { el, icon } from "./dom.js";
import { tableOf } from "./figures.js";
import { knows, number, percent, t } from "./texts.js";

export function modelName(model) {
  return isNone(model) ? t("model.none") : `${model.name} ${model.version}`;
}

/** Return whether no model judges: the station says so by a name. */
export function isNone({ name, version }) {
  return name === "none" && version === "0.0.0";
}

/** The first digits of a checksum tell models of the same version apart. */
export function shortSha(sha256) {
  return sha256.slice(0, 12);
}

/** Return what happens with models now, in words: a candidate at its stage, a probation; or that nothing does. */
export function candidateNotes({ candidate, probation }) {
  if (!candidate && !probation) return el("p", { class: "faint" }, t("model.quiet"));
  return [
    candidate && el("p", { class: "noted" }, icon("next"), t("model.candidate_is", { model: candidate.package, stage: stageOf(candidate.stage) })),
    probation && el("p", { class: "noted" }, icon("warning"), t("model.probation_is", { ...probation, n: probation.judged })),
  ];
}

function stageOf(stage) {
  const name = stage.replaceAll(" ", "_");
  return knows(`model.stage.${name}`) ? t(`model.stage.${name}`) : stage;
}

/** Return what the candidate says beside the model that runs. */
export function comparisonTable({ frames, failed, disagreements, candidate_ms: candidateMs, running_ms: runningMs }) {
  const others = Object.entries(disagreements);
  const differ = others.reduce((sum, [, count]) => sum + count, 0);
  const ms = (found, name) => (found?.[name] === undefined ? "–" : t("model.ms", { ms: number(found[name], 1) }));
  const word = (verdict) => (knows(`outcome.${verdict}`) ? t(`outcome.${verdict}`) : verdict);
  return [
    el("p", {}, t("model.shadow_says", { n: frames, differ, share: percent(frames ? differ / frames : null), failed })),
    tableOf(
      [{ text: t("model.speed") }, { text: percent(0.5), isNumber: true }, { text: percent(0.95), isNumber: true }],
      [
        [t("model.running"), ms(runningMs, "p50"), ms(runningMs, "p95")],
        [t("model.candidate"), ms(candidateMs, "p50"), ms(candidateMs, "p95")],
      ],
    ),
    others.length > 0 &&
      tableOf(
        [{ text: t("model.running_says") }, { text: t("model.candidate_says") }, { text: t("model.frames"), isNumber: true }],
        others.map(([pair, count]) => [...pair.split("->").map(word), number(count)]),
      ),
  ];
}
