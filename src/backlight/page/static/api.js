// Talking to the server. The token is kept for this origin (host and port) alone, and leaves the address at once.
const PLACE = "backlight-token";

export function takeToken() {
  const query = new URLSearchParams(location.search);
  if (query.has("token")) {
    localStorage.setItem(PLACE, query.get("token"));
    history.replaceState(null, "", location.pathname + location.hash);
  }
}

const token = () => localStorage.getItem(PLACE) ?? "";

async function ask(path, options) {
  const response = await fetch(path, { ...options, headers: { authorization: `Bearer ${token()}` } });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  throw new Error(error);
}

export const get = async (path) => (await ask(path)).json();
export const post = async (path, document) =>
  (await ask(path, { method: "POST", body: JSON.stringify(document) })).json();

// An address with the token in it, for what cannot send headers: streams, frames and downloads.
export function address(path) {
  return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token())}`;
}

// Server-sent events: `handlers` by the event's name. The function that is returned closes the stream.
export function listen(path, handlers) {
  const source = new EventSource(address(path));
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(event.data === undefined ? null : JSON.parse(event.data)));
  }
  return () => source.close();
}
