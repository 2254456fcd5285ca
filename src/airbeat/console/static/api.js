// Every call to the console: JSON in and out, the session's token with what changes something.

import { t } from "./words.js";

let csrf = "";

export class Refused extends Error {
  constructor(status, answer) {
    super(answer.error ? t(answer.error) : t("the console answered {status}", { status }));
    this.status = status;
    this.answer = answer;
  }
}

async function asked(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

export const get = (path) => asked(path, {});

// A file is sent as its bytes alone, without its name; everything else as JSON.
export const post = (path, body) =>
  asked(path, {
    method: "POST",
    headers: { "content-type": body instanceof Blob ? "application/octet-stream" : "application/json", "x-airbeat-csrf": csrf },
    body: body instanceof Blob ? body : JSON.stringify(body),
  });

export async function me() {
  const answer = await get("/api/me");
  csrf = answer.csrf;
  return answer;
}
