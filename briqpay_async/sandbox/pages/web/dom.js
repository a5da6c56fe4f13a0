// Small helpers: elements are built from values, never from markup, so that a value is always shown as text.

/** Make an element: `make("td", { className: "money" }, "1.00 EUR")`. Attributes with a dash or `role` are set as such. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for" || name === "colspan") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Minor units as money: `money(12345, "SEK")` is "SEK 123.45" in the buyer's locale. */
export function money(minor, currency, locale) {
  if (!Number.isFinite(minor)) return "";
  try {
    return new Intl.NumberFormat(locale || undefined, { style: "currency", currency }).format(minor / 100);
  } catch {
    return `${(minor / 100).toFixed(2)} ${currency || ""}`.trim(); // a currency or locale that the browser does not know
  }
}

/** Send JSON to the sandbox and return its JSON; throws an Error with the sandbox's message. */
export async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const document_ = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(document_?.error?.message || `The sandbox answered ${response.status}.`);
  return document_;
}

/** Follow server-sent events that carry JSON; the browser reconnects by itself. */
export function follow(path, onMessage) {
  const source = new EventSource(path);
  source.addEventListener("message", ({ data }) => onMessage(JSON.parse(data)));
  return source;
}
