// The merchant's page: what was bought, and what was captured and refunded of it.
import { byId, call, make, money } from "./dom.js";

const TONES = { paid: "good", pending: "warn", refused: "bad", cancelled: "bad" };

async function act(order, verb, body) {
  byId("message").hidden = true;
  try {
    await call("POST", `/api/orders/${order.session_id}/${verb}`, body);
  } catch (error) {
    byId("message").textContent = error.message;
    byId("message").hidden = false;
  }
  await show();
}

/** Lines with a number beside each, and a button that does something with as many. */
function form(order, { title, lines, verb, extra, label }) {
  const inputs = lines.map((line) => {
    const id = `${verb}-${order.session_id}-${line.reference}-${extra.capture_id || ""}`;
    return make("input", { type: "number", id, min: 0, max: line.quantity, value: line.quantity });
  });
  const rows = lines.map((line, index) =>
    make(
      "tr",
      {},
      make("td", {}, make("label", { for: inputs[index].id }, line.name)),
      make("td", {}, inputs[index], ` of ${line.quantity}`),
      make("td", { className: "money" }, money(line.sum, order.currency)),
    ),
  );
  const button = make("button", { type: "button", className: "primary" }, label);
  button.addEventListener("click", () => {
    const chosen = Object.fromEntries(lines.map((line, index) => [line.reference, Number(inputs[index].value)]));
    act(order, verb, { ...extra, lines: chosen });
  });
  return make("section", {}, make("h3", {}, title), make("table", {}, make("tbody", {}, ...rows)), make("p", { className: "actions" }, button));
}

function orderCard(order) {
  const card = make(
    "article",
    { className: "card" },
    make(
      "h2",
      {},
      make("span", {}, order.session_id.slice(0, 8)),
      make("span", { className: "money" }, money(order.total, order.currency)),
      make("span", { className: `badge ${TONES[order.state] || ""}` }, order.status || order.state),
    ),
  );
  card.dataset.session = order.session_id;
  if (order.capturable.length) {
    card.append(form(order, { title: "To capture", lines: order.capturable, verb: "capture", extra: {}, label: "Capture" }));
  }
  for (const capture of order.captures) {
    const about = `Captured ${money(capture.amount, order.currency)} (${capture.status}), refunded ${money(capture.refunded, order.currency)}`;
    card.append(make("p", {}, about));
    if (capture.refundable.length) {
      const extra = { capture_id: capture.capture_id };
      card.append(form(order, { title: "To refund", lines: capture.refundable, verb: "refund", extra, label: "Refund" }));
    }
  }
  if (order.can_cancel) {
    const cancel = make("button", { type: "button" }, "Cancel the order");
    cancel.addEventListener("click", () => act(order, "cancel", {}));
    card.append(make("p", { className: "actions" }, cancel));
  }
  return card;
}

async function show() {
  const orders = await call("GET", "/api/orders");
  byId("none").hidden = orders.length > 0;
  byId("orders").replaceChildren(...orders.map(orderCard));
}

show();
