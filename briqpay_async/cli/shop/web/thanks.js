// After the checkout: waits until a webhook has brought the shop the state of the payment.
import { byId, call, make, money } from "./dom.js";

const session = new URLSearchParams(window.location.search).get("session") || "";
const OUTCOMES = {
  paid: ["good", "Thank you, your order is paid", "Briqpay told the shop that the payment is approved."],
  pending: ["warn", "Your order is being looked at", "The shop is told by webhook as soon as the payment is approved."],
  refused: ["bad", "The payment was refused", "Nothing was paid."],
};

async function look() {
  const order = await call("GET", `/api/orders/${encodeURIComponent(session)}`);
  const known = OUTCOMES[order.state];
  if (known) {
    const [tone, title, words] = known;
    byId("outcome").className = `notice ${tone}`;
    byId("outcome").dataset.state = order.state;
    byId("title").textContent = title;
    byId("words").replaceChildren(words, " ", make("span", { className: "money" }, money(order.total, order.currency)));
  }
  if (order.state !== "paid" && order.state !== "refused") window.setTimeout(look, 300);
}

look().catch((error) => {
  byId("outcome").className = "notice bad";
  byId("title").textContent = error.message;
});
