// The API as functions: api.get("/results", {label}, {signal}), api.put("/results/ID/disposition", {…}). Answers: parsed JSON.
//
// What fails is an ApiError {status, code, text}; its text is the device's own, to be shown. status 0: no answer came.
// After a 401 or 403 the shell asks who looks, and lets the person sign in. What changes something repeats the CSRF token.

const BASE = "/api/v1";
const PATIENCE_MS = 20_000;

export class ApiError extends Error {
  constructor(status, code, text, retryAfterS = null) {
    super(text);
    Object.assign(this, { status, code, text, retryAfterS });
  }
}

export function createApi({ csrf, onRefused, noAnswer }) {
  async function ask(method, path, { query, body, signal } = {}) {
    const headers = { Accept: "application/json" };
    if (method !== "GET" && csrf()) headers["X-CSRF-Token"] = csrf();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    signal?.addEventListener("abort", () => patience.abort());
    let answer, document;
    try {
      answer = await fetch(url(path, query), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: patience.signal,
        credentials: "same-origin",
        cache: "no-store",
      });
      const text = await answer.text();
      document = text ? JSON.parse(text) : {};
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(answer?.status ?? 0, "no_answer", noAnswer());
    } finally {
      clearTimeout(timer);
    }
    if (answer.ok) return document;
    const { code = "failed", text = `${answer.status}` } = document.error ?? {};
    if ([401, 403].includes(answer.status) && path !== "/session") onRefused();
    throw new ApiError(answer.status, code, text, Number(answer.headers.get("Retry-After")) || null);
  }

  return {
    get: (path, query, { signal } = {}) => ask("GET", path, { query, signal }),
    post: (path, body = {}) => ask("POST", path, { body }),
    put: (path, body) => ask("PUT", path, { body }),
    delete: (path, query) => ask("DELETE", path, { query }),
  };
}

/** Return the address of something in the API, for links and pictures; query values may be lists, null is left out. */
export function url(path, query = {}) {
  return `${BASE}${path}${search(query)}`;
}

/** Return a query as it ends an address, with its "?"; nothing where nothing is asked. */
export function search(query) {
  const asked = new URLSearchParams();
  for (const [name, value] of query instanceof URLSearchParams ? query : Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") asked.append(name, each);
    }
  }
  const text = asked.toString();
  return text ? `?${text}` : "";
}

/** Return the id that tells a result from all others: several defects of a line without parts may begin on one frame. */
export function idOf({ track_id: track = null, inspection_id: id }) {
  return track ?? id;
}

/** Return the address of the picture of a frame of a result; `width` asks for a smaller one. */
export function pictureUrl(item, { frame = item.pictures?.[0] ?? 0, width = null } = {}) {
  return url(`/results/${encodeURIComponent(item.inspection_id)}/picture`, { frame, width });
}
