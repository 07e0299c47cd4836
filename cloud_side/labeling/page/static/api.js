// The API as functions; answers are parsed JSON, null for "204 nothing".
//
// What fails is an ApiError {status, message}; its message is the server's own, to be shown. status 0: no answer came.

import { t } from "./texts.js";

const PATIENCE_MS = 20_000;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same may go well a little later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Edge-Inspector"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer, document;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
      credentials: "same-origin",
      cache: "no-store",
    });
    const text = await answer.text();
    document = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(answer && answer.status >= 400 ? answer.status : 0, t("error.no_answer"));
  }
  if (answer.ok) return document;
  throw new ApiError(answer.status, document?.error ?? t("error.status", { status: String(answer.status) }));
}

export const api = {
  get: (path) => ask("GET", path),
  post: (path, body = {}) => ask("POST", path, body),
  put: (path, body) => ask("PUT", path, body),
  delete: (path) => ask("DELETE", path),
};

/** Return the address of a work order, and of one of its items. */
export function orderPath({ batch, round, kind }, item = null, what = "") {
  const order = `/api/orders/${encodeURIComponent(batch)}/${round}/${kind}`;
  return item === null ? `${order}${what}` : `${order}/items/${encodeURIComponent(item)}${what}`;
}
