// Reads a stream of server-sent events (WHATWG HTML, section 9.2): bytes in, events out.
import { NoAnswer } from "./failures.js";

const MOST_CHARACTERS = 4 * 1024 * 1024;
// The server sends a comment every 15 seconds; a connection that is silent for longer is lost.
const QUIET = 60000;

export async function* readEvents(stream, stop) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  let data = [];
  for (;;) {
    const silent = setTimeout(() => stop.abort(new Error("the stream is silent")), QUIET);
    let piece;
    try {
      piece = await reader.read();
    } finally {
      clearTimeout(silent);
    }
    if (piece.done) return;
    const lines = (rest + decoder.decode(piece.value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const each of lines) {
      const line = each.replace(/\r$/, "");
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line === "" && data.length > 0) {
        const text = data.join("\n");
        data = [];
        yield event(text);
      }
    }
    if (rest.length + data.reduce((sum, one) => sum + one.length, 0) > MOST_CHARACTERS) {
      throw new NoAnswer("an event of the stream is too long");
    }
  }
}

function event(text) {
  let members;
  try {
    members = JSON.parse(text);
  } catch {
    members = null;
  }
  if (!Number.isInteger(members?.number) || typeof members?.event !== "string") {
    throw new NoAnswer("the stream holds what is no event");
  }
  return members;
}
