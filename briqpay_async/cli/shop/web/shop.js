// The buyer's page: products, the cart, the checkout in its iframe, and what each click sent.
import { byId, call, make, money } from "./dom.js";

let state = null;
let asked = Promise.resolve(); // clicks are sent one after the other, as the buyer made them

function fail(error) {
  byId("message").textContent = error.message;
  byId("message").hidden = false;
}

function productCard({ reference, name, price }) {
  const add = make("button", { type: "button", className: "primary" }, "Add");
  add.setAttribute("aria-label", `Add ${name}`);
  add.addEventListener("click", () => change(reference, 1));
  return make(
    "li",
    { className: "card product" },
    make("span", { className: "tile", "aria-hidden": "true" }, name.slice(0, 1)),
    make("strong", {}, name),
    make("span", { className: "money" }, money(price, state.currency)),
    add,
  );
}

function cartLine({ reference, name, quantity, sum }) {
  const step = (label, by) => {
    const button = make("button", { type: "button", "aria-label": `${label} ${name}` }, by > 0 ? "+" : "−");
    button.addEventListener("click", () => change(reference, by));
    return button;
  };
  const less = step(quantity === 1 ? "Remove" : "One less", -1);
  less.disabled = quantity === 1 && state.lines.length === 1; // Briqpay takes no empty cart
  return make(
    "li",
    {},
    make("span", {}, name),
    make("span", { className: "stepper" }, less, make("output", {}, String(quantity)), step("One more", 1)),
    make("span", { className: "money" }, money(sum, state.currency)),
  );
}

function clickEntry(click) {
  const share = Math.min(100, (100 * click.bytes) / click.full_bytes);
  const bar = make("span", {});
  bar.style.width = `${share}%`;
  const words =
    click.bytes === 0 ? "Nothing changed, so nothing was sent." : `${click.bytes} bytes, ${share.toFixed(0)} % of the ${click.full_bytes} that send everything`;
  const retries = click.attempts > 1 ? `${click.attempts} attempts: ${click.retries.join(", ")}` : "";
  return make(
    "li",
    { className: "card click" },
    make("h3", {}, click.title),
    make("p", {}, words),
    make("span", { className: "bar", role: "img", "aria-label": `${share.toFixed(0)} percent` }, bar),
    retries ? make("p", {}, make("span", { className: "badge warn" }, retries)) : null,
    click.body ? make("details", {}, make("summary", {}, "The patch"), make("pre", { tabIndex: 0 }, JSON.stringify(click.body, null, 2))) : null,
  );
}

async function show(next) {
  state = next;
  byId("products").replaceChildren(...state.products.map(productCard));
  byId("cart").replaceChildren(...state.lines.map(cartLine));
  byId("total").textContent = state.lines.length ? `Total ${money(state.total, state.currency)}` : "The cart is empty.";
  byId("clicks").replaceChildren(...state.clicks.map(clickEntry));
  byId("bad-network").checked = state.bad_network;
  byId("refuse").checked = state.refuse_next;
  byId("inspector").href = state.inspector;
  byId("invitation").hidden = Boolean(state.snippet);
  const place = byId("snippet");
  if (state.session_id && place.dataset.session !== state.session_id) {
    place.dataset.session = state.session_id;
    await loadBriqpay(state.script);
    place.innerHTML = state.snippet; // markup that Briqpay made for exactly this place
  }
}

let loading = null;

/** Load `_briqpay` once, and answer when the checkout asks for a decision. */
function loadBriqpay(source) {
  loading ??= new Promise((resolve, reject) => {
    const script = make("script", { src: source });
    script.addEventListener("load", () => {
      window._briqpay.subscribe("make_decision", async (data) => {
        try {
          await call("POST", "/api/decision", { session_id: data.sessionId });
        } catch (error) {
          fail(error);
        }
        window._briqpay.v3.resumeDecision();
      });
      resolve();
    });
    script.addEventListener("error", () => reject(new Error("The script of the checkout could not be loaded.")));
    document.head.append(script);
  });
  return loading;
}

/** Put one more or one less of a product into the cart. */
function change(reference, by) {
  asked = asked.then(async () => {
    byId("message").hidden = true;
    const known = state.lines.find((line) => line.reference === reference)?.quantity || 0;
    const focused = document.activeElement?.getAttribute("aria-label");
    window._briqpay?.v3.suspend();
    try {
      await show(await call("POST", "/api/cart", { reference, quantity: known + by }));
    } catch (error) {
      fail(error);
    }
    window._briqpay?.v3.resume();
    if (focused) document.querySelector(`button[aria-label="${CSS.escape(focused)}"]`)?.focus();
  });
  return asked;
}

for (const [id, name] of [["bad-network", "bad_network"], ["refuse", "refuse_next"]]) {
  byId(id).addEventListener("change", ({ target }) => call("POST", "/api/settings", { [name]: target.checked }).catch(fail));
}
call("GET", "/api/shop").then(show).catch(fail);
