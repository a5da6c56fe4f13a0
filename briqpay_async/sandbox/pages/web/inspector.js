// The inspector: what the sandbox holds and what happened to it, live.
import { byId, call, follow, make, money } from "./dom.js";

const PAGE = 100; // sessions shown at a time
const TONES = { completed: "good", order_rejected: "bad", order_cancelled: "bad", order_pending: "warn" };
let shown = PAGE;
let route = "";

const badge = (word, tone) => make("span", { className: `badge ${tone || ""}` }, word || "–");
const heading = (text) => make("h2", {}, text);
const json = (value) => make("pre", { tabIndex: 0 }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
const fold = (title, value) => make("details", {}, make("summary", {}, title), json(value));
const bytes = (count) => (count < 10_000 ? `${count} B` : `${(count / 1000).toFixed(0)} kB`);

function table(caption, names, rows) {
  if (!rows.length) return make("p", { className: "muted" }, "Nothing yet.");
  const head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  const made = make("table", {}, make("caption", { className: "visually-hidden" }, caption), make("thead", {}, head));
  made.append(make("tbody", {}, ...body));
  return make("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": caption }, made);
}

function button(label, action, { primary = false } = {}) {
  const made = make("button", { type: "button", className: primary ? "primary small" : "small" }, label);
  made.addEventListener("click", () => attempt(action));
  return made;
}

/** Do something, and say so when the sandbox refuses. */
async function attempt(action) {
  try {
    byId("message").hidden = true;
    await action();
    await refresh();
  } catch (error) {
    byId("message").textContent = error.message;
    byId("message").hidden = false;
  }
}

// --- the list of sessions ------------------------------------------------------------------------------

async function showList() {
  const query = new URLSearchParams({ q: byId("search").value, limit: shown });
  const { sessions, total } = await call("GET", `/_sandbox/inspector/sessions?${query}`);
  byId("found").textContent = `${sessions.length} of ${total} sessions`;
  byId("more").hidden = sessions.length >= total;
  byId("sessions").replaceChildren(
    ...sessions.map((each) => {
      const isCurrent = route === `session/${each.sessionId}`;
      const status = each.orderStatus || each.status;
      return make(
        "li",
        {},
        make(
          "a",
          { href: `#session/${each.sessionId}`, "aria-current": isCurrent ? "page" : null },
          make("span", { className: "id" }, each.sessionId.slice(0, 13)),
          make("span", { className: "money" }, money(each.amountIncVat, each.currency) || "no order"),
          make("span", { className: "muted" }, each.reference || each.email || each.customerType || ""),
          badge(status.replace(/^order_/, "").replaceAll("_", " "), TONES[status]),
        ),
      );
    }),
  );
}

// --- views ---------------------------------------------------------------------------------------------

function requestRow(request) {
  const what = make("div", {}, make("code", {}, `${request.method} ${request.path}`));
  if (request.body) what.append(fold(`body, ${bytes(request.body_length)}`, request.body));
  if (request.after) what.append(fold("state after it", request.after));
  const size = make("div", {}, bytes(request.body_length));
  if (request.full_length) {
    const share = Math.min(100, (100 * request.body_length) / request.full_length);
    const bar = make("span", {});
    bar.style.width = `${share}%`;
    size.append(make("span", { className: "bar" }, bar), `of ${bytes(request.full_length)} in full`);
  }
  const status = request.status === null ? badge(request.finished === null ? "under way" : "cut", "warn") : badge(String(request.status), request.status < 300 ? "good" : "bad");
  return [String(request.sequence), what, size, status, request.fault || ""];
}

const requestTable = (requests) =>
  table("Requests", ["#", "Request", "Bytes", "Answer", "Fault"], requests.map(requestRow));

const deliveryTable = (deliveries) =>
  table(
    "Webhook deliveries",
    ["Event", "To", "Attempts", "State", ""],
    deliveries.map((each) => [
      make("div", {}, `${each.event} ${each.status}`, each.body ? fold("body", each.body) : ""),
      make("code", {}, `${each.method} ${each.url}`),
      String(each.attempts.length) + (each.attempts.length ? `, last ${each.attempts.at(-1).status ?? each.attempts.at(-1).error}` : ""),
      badge(each.state, each.state === "delivered" ? "good" : each.state === "waiting" ? "warn" : "bad"),
      button("Send again", () => call("POST", `/_sandbox/deliveries/${each.id}/resend`)),
    ]),
  );

async function sessionView(id) {
  const { session, requests, deliveries, effects, checkout, choices, isPending } = await call("GET", `/_sandbox/inspector/sessions/${id}`);
  const { order } = session.data;
  const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value ?? "–")];
  const facts = make(
    "dl",
    { className: "facts" },
    ...fact("Status", session.status),
    ...fact("Order", session.moduleStatus.payment.orderStatus),
    ...fact("Total", order ? money(order.amountIncVat, order.currency) : "no order"),
    ...fact("Customer", `${session.customerType ?? ""} ${session.country ?? ""} ${session.locale ?? ""}`),
    ...fact("Created", session.createdAt),
    ...Object.entries(session.references || {}).flatMap(([name, value]) => fact(name, value)),
  );
  const choice = make("select", { id: "order-status" }, ...choices.map((each) => make("option", { value: each }, each)));
  const complete = () => call("POST", `/_sandbox/sessions/${id}/complete`, { orderStatus: choice.value });
  const advance = () => call("POST", `/_sandbox/sessions/${id}/advance`, { outcome: choice.value });
  const actions = make(
    "div",
    { className: "actions" },
    make("div", {}, make("label", { for: "order-status" }, "Order status"), choice),
    isPending ? button("Advance", advance, { primary: true }) : button("Complete", complete, { primary: true }),
  );
  const over = session.status === "completed";
  return [
    heading(`Session ${id}`),
    make("div", { className: "card" }, facts, make("p", {}, make("a", { href: checkout }, "Open the checkout"))),
    over && !isPending ? "" : make("div", { className: "card" }, make("h3", {}, "Play the buyer and the provider"), actions),
    make("div", { className: "card" }, make("h3", {}, "History"), requestTable(requests)),
    make("div", { className: "card" }, make("h3", {}, "Webhooks"), deliveryTable(deliveries)),
    make("div", { className: "card" }, make("h3", {}, "Effects"), effectTable(effects)),
    make("div", { className: "card" }, fold("State now", session)),
  ];
}

const sessionLink = (id) => (id ? make("a", { href: `#session/${id}`, className: "id" }, id.slice(0, 13)) : "");

const effectTable = (effects) =>
  table(
    "Effects",
    ["What took effect", "Session", "Request", "Made"],
    effects.map((each) => [each.kind, sessionLink(each.session_id), each.sequence === null ? "" : String(each.sequence), each.made || ""]),
  );

async function faultsView() {
  const { faults, kinds } = await call("GET", "/_sandbox/inspector/faults");
  const kind = make("select", { id: "fault-kind" }, ...kinds.map(({ name }) => make("option", { value: name }, name)));
  const about = make("p", { className: "muted" });
  const describe = () => (about.textContent = kinds.find(({ name }) => name === kind.value).description);
  kind.addEventListener("change", describe);
  describe();
  const endpoint = make("input", { id: "fault-endpoint", placeholder: "patch, read, capture … or empty for all" });
  const times = make("input", { id: "fault-times", type: "number", min: 1, value: 1 });
  const more = make("input", { id: "fault-more", placeholder: '{"status": 503, "retry_after": 1}' });
  const add = () => {
    const fault = { kind: kind.value, times: Number(times.value) || undefined, ...(more.value ? JSON.parse(more.value) : {}) };
    if (endpoint.value) fault.endpoint = endpoint.value;
    return call("POST", "/_sandbox/faults", fault);
  };
  const labelled = (control, label) => make("div", {}, make("label", { for: control.id }, label), control);
  return [
    heading("Faults"),
    make(
      "div",
      { className: "card" },
      about,
      make("div", { className: "actions" }, labelled(kind, "Kind"), labelled(endpoint, "Endpoint"), labelled(times, "Times"), labelled(more, "More (JSON)"), button("Add", add, { primary: true })),
    ),
    make("div", { className: "card" }, table("Faults set", ["Fault"], faults.map((fault) => [make("code", {}, JSON.stringify(fault))])), button("Clear all", () => call("DELETE", "/_sandbox/faults"))),
  ];
}

async function switchesView() {
  const switches = await call("GET", "/_sandbox/inspector/switches");
  const rows = switches.map(({ name, value, among, summary, source, default: switch_default }) => {
    const id = `switch-${name}`;
    const change = (next) => attempt(() => call("PATCH", "/_sandbox/switches", { [name]: next }));
    let control;
    if (typeof value === "boolean") {
      control = make("input", { type: "checkbox", id, checked: value });
      control.addEventListener("change", () => change(control.checked));
    } else if (among.length) {
      control = make("select", { id }, ...among.map((each) => make("option", { value: String(each), selected: each === value }, String(each))));
      control.addEventListener("change", () => change(among.find((each) => String(each) === control.value)));
    } else {
      control = make("input", { type: "number", id, value, step: "any" });
      control.addEventListener("change", () => change(Number(control.value)));
    }
    return [make("label", { for: id }, name), control, make("div", {}, summary, make("p", { className: "muted" }, `Default ${JSON.stringify(switch_default)}: ${source}`))];
  });
  return [heading("Switches"), make("div", { className: "card" }, table("Switches", ["Name", "Value", "What it does"], rows))];
}

const views = {
  async sessions() {
    return [heading("Sessions"), make("p", {}, "Choose a session, or make one over the API. What happens shows up here at once.")];
  },
  async requests() {
    const requests = await call("GET", "/_sandbox/inspector/requests?limit=200");
    return [heading("The newest requests"), make("div", { className: "card" }, requestTable(requests))];
  },
  async deliveries() {
    return [heading("Webhooks"), make("div", { className: "card" }, deliveryTable(await call("GET", "/_sandbox/inspector/deliveries?limit=200")))];
  },
  async effects() {
    return [heading("Effects"), make("div", { className: "card" }, effectTable(await call("GET", "/_sandbox/inspector/effects?limit=200")))];
  },
  faults: faultsView,
  switches: switchesView,
};

// What a person presses stays until the press ends: drawn anew, a button would go, and its click with it.
let press = Promise.resolve();
byId("view").addEventListener("pointerdown", () => {
  press = new Promise((end) => {
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => window.setTimeout(end), { once: true });
  });
});
let drawing = 0;

async function draw() {
  const turn = ++drawing;
  const [name, id] = route.split("/");
  let parts;
  try {
    parts = await (name === "session" ? sessionView(id) : (views[name] || views.sessions)());
  } catch (error) {
    parts = [make("p", { className: "notice bad" }, error.message)];
  }
  await press;
  if (turn !== drawing) return; // a newer drawing is under way
  const open = [...byId("view").querySelectorAll("details")].map((each) => each.open);
  const chosen = byId("order-status")?.value; // a choice outlives what is drawn anew
  byId("view").replaceChildren(...parts.filter(Boolean));
  const choice = byId("order-status");
  if (choice && [...choice.options].some((option) => option.value === chosen)) choice.value = chosen;
  [...byId("view").querySelectorAll("details")].forEach((each, index) => (each.open = open[index] || false));
}

async function refresh() {
  await Promise.all([showList(), draw()]);
}

async function go() {
  route = window.location.hash.slice(1) || "sessions";
  const section = route.split("/")[0] === "session" ? "sessions" : route;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${section}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("view").replaceChildren();
  await refresh();
}

window.addEventListener("hashchange", go);
let typing = 0;
byId("search").addEventListener("input", () => {
  window.clearTimeout(typing);
  typing = window.setTimeout(() => {
    shown = PAGE;
    showList();
  }, 120);
});
byId("more").addEventListener("click", () => {
  shown += PAGE;
  showList();
});
byId("reset").addEventListener("click", () => {
  if (window.confirm("Forget every session, request, effect and fault?")) attempt(() => call("POST", "/_sandbox/reset"));
});

let due = false;
follow("/_sandbox/inspector/events", (counts) => {
  byId("counts").textContent = `${counts.sessions} sessions · ${counts.requests} requests · ${counts.effects} effects · ${counts.deliveries} webhooks`;
  // Forms that a person is filling in stay; everything else is drawn anew, at most a few times a second.
  const isForm = route === "faults" || route === "switches";
  if (due) return;
  due = true;
  window.setTimeout(() => {
    due = false;
    if (isForm || byId("view").contains(document.activeElement?.closest?.("select, input"))) showList();
    else refresh();
  }, 250);
});
go();
