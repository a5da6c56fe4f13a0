// The checkout: it follows its session, lets the buyer fill in what is missing, and pays.
import { byId, call, follow, make, money } from "./dom.js";
import * as form from "./form.js";
import * as link from "./page_link.js";

const base = window.location.pathname.replace(/\/$/, "");
const DECISION_TIME = 10_000; // milliseconds that a shop has to decide
const SAVE_AFTER = 400; // milliseconds without typing

let view = null;
let suspended = false;
let decisionTimer = 0;
const locked = new Set();

const text = (value) => document.createTextNode(value);

function showSummary({ order, locale }) {
  byId("summary").hidden = !order;
  if (!order) return;
  const show = (minor) => money(minor, order.currency, locale);
  byId("lines").tBodies[0].replaceChildren(
    ...order.lines.map((line) =>
      make(
        "tr",
        {},
        make("td", {}, line.name),
        make("td", {}, line.quantity === null ? "" : `${line.quantity} ${line.unit}`),
        make("td", { className: "money" }, show(line.sum)),
      ),
    ),
  );
  const row = (label, minor, className) => [
    make("dt", { className }, label),
    make("dd", { className: `money ${className}` }, show(minor)),
  ];
  byId("totals").replaceChildren(
    ...row("Tax included", order.amountIncVat - order.amountExVat, "muted"),
    ...row("To pay", order.amountIncVat, "total"),
  );
  byId("pay").textContent = `Pay ${show(order.amountIncVat)}`;
}

function showModules() {
  const { modules } = view;
  for (const name of ["company_lookup", "billing", "shipping", "order_note", "payment"]) byId(name).hidden = !modules[name];
  byId("upsell").hidden = !modules.upsell;
  if (modules.upsell) form.buildUpsell(modules.upsell);
  byId("terms").hidden = !modules.terms;
  if (modules.terms) form.buildTerms(modules.terms, view.urls.terms);
  form.buildProviders(view.providers);
  form.fill(view.data);
}

const ENDS = {
  paid: ["good", "Thank you", "The payment is approved."],
  pending: ["warn", "Nearly there", "The payment is being looked at. The shop tells you when it is approved."],
  rejected: ["bad", "The payment was refused", "Nothing was paid. You can go back to the shop."],
  cancelled: ["bad", "The payment was cancelled", "Nothing was paid. You can go back to the shop."],
  ended: ["bad", "This order cannot be placed", "The shop ended the checkout."],
  completed: ["good", "All done", "Nothing had to be paid."],
};

function showEnd() {
  const over = view.state !== "open" && view.state !== "deciding";
  byId("form").hidden = over;
  byId("end").hidden = !over;
  if (!over) return;
  const [tone, title, words] = ENDS[view.state];
  byId("end").className = `card notice ${tone}`;
  byId("end").dataset.state = view.state;
  byId("end-title").textContent = title;
  byId("end-text").textContent = view.messages.length ? view.messages.join(" ") : words;
  byId("end-link").hidden = !view.urls.redirect;
  if (view.urls.redirect) byId("end-link").href = view.urls.redirect;
}

function showNotices() {
  const notices = view.state === "open" ? view.messages : [];
  byId("notices").replaceChildren(...notices.map((notice) => make("p", { className: "notice bad" }, notice)));
}

function showVeil() {
  const waiting = suspended || view?.state === "deciding";
  byId("veil").hidden = !waiting;
  byId("checkout").inert = waiting;
  byId("pay").disabled = waiting || locked.has("payment");
  byId("payment").inert = locked.has("payment");
}

function show(next) {
  view = next;
  document.title = `Checkout ${view.sessionId.slice(0, 8)} (sandbox)`;
  byId("title").textContent = view.title || "Checkout";
  showSummary(view);
  showModules();
  showNotices();
  showEnd();
  showVeil();
  byId("checkout").setAttribute("aria-busy", "false");
}

// --- what the buyer does -----------------------------------------------------------------------------

let saving = 0;

function saveSoon() {
  window.clearTimeout(saving);
  saving = window.setTimeout(async () => {
    const entered = form.details();
    try {
      const { data } = await call("POST", `${base}/details`, entered);
      link.emit("addressupdate", { billing: data.billing, shipping: data.shipping, company: data.company });
    } catch (error) {
      form.showProblems({ form: error.message });
    }
  }, SAVE_AFTER);
}

async function pay(event) {
  event.preventDefault();
  window.clearTimeout(saving);
  if (byId("pay").disabled) return;
  byId("pay").disabled = true;
  try {
    after(await call("POST", `${base}/pay`, form.everything()));
  } catch (error) {
    form.showProblems({ form: error.message });
  }
  if (view.state === "open") byId("pay").disabled = locked.has("payment");
}

/** Go on after a step of the payment. */
function after(answer) {
  form.showProblems(answer.problems || {});
  if (answer.problems) return;
  show(answer.view);
  if (view.state === "deciding") {
    link.emit("paymentProcessStarted", {});
    link.emit("make_decision", { sessionId: view.sessionId });
    window.clearTimeout(decisionTimer);
    decisionTimer = window.setTimeout(decided, DECISION_TIME);
  } else if (view.state === "open") {
    link.emit("paymentProcessCancelled", {});
    byId("notices").scrollIntoView({ block: "center" });
  } else {
    finish();
  }
}

async function decided() {
  window.clearTimeout(decisionTimer);
  if (!view || view.state !== "deciding") return;
  try {
    after(await call("POST", `${base}/decided`, {}));
  } catch (error) {
    form.showProblems({ form: error.message });
  }
}

let finished = false;

function finish() {
  if (finished) return; // the answer to the payment and the events of the session both report the end
  finished = true;
  byId("end").focus();
  link.emit("order_status", { status: view.state, sessionId: view.sessionId });
  if (["rejected", "cancelled", "ended"].includes(view.state)) return;
  link.emit("session_complete", { sessionId: view.sessionId, status: "completed" });
  if (!view.leaves) return;
  const leave = () => {
    if (link.isConnected()) link.send({ type: "redirect", url: view.urls.redirect });
    else window.top.location.assign(view.urls.redirect);
  };
  window.setTimeout(leave, link.isEmbedded ? 400 : 1500); // the buyer sees how it ended
}

let searching = 0;

function searchCompanies({ target }) {
  window.clearTimeout(searching);
  searching = window.setTimeout(async () => {
    const found = target.value.trim() ? await call("GET", `${base}/companies?q=${encodeURIComponent(target.value)}`) : [];
    byId("companies").replaceChildren(
      ...found.map((company) => {
        const choose = make("button", { type: "button" }, `${company.name} · ${company.cin}`);
        choose.addEventListener("click", () => {
          form.chooseCompany(company);
          byId("companies").replaceChildren();
          byId("company.name").focus();
          saveSoon();
        });
        return make("li", {}, choose);
      }),
    );
  }, 150);
}

// --- start -------------------------------------------------------------------------------------------

form.buildAddresses();
byId("form").addEventListener("submit", pay);
byId("form").addEventListener("change", ({ target }) => {
  if (target.id === "other-address") form.showShipping();
  if (/^(billing|shipping|company)\./.test(target.name || "") || target.id === "other-address") saveSoon();
});
byId("company-search").addEventListener("input", searchCompanies);
byId("company-search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault(); // a search does not pay
});

link.listen("suspend", () => {
  suspended = true;
  showVeil();
});
link.listen("resume", async () => {
  show(await call("GET", `${base}/view`));
  suspended = false;
  showVeil();
});
link.listen("resumeDecision", async () => {
  suspended = false;
  await decided();
});
link.listen("lock", ({ name }) => {
  locked.add(name);
  showVeil();
});
link.listen("unlock", ({ name }) => {
  locked.delete(name);
  showVeil();
});

new ResizeObserver(() => link.send({ type: "height", height: document.documentElement.offsetHeight })).observe(document.body);
link.listen("hello", () => link.send({ type: "height", height: document.documentElement.offsetHeight }));

follow(`${base}/events`, (next) => {
  const before = view?.state;
  show(next);
  if (before === undefined) link.connect();
  const isOver = view.state !== "open" && view.state !== "deciding";
  if (before !== undefined && isOver) finish(); // also when something else than this page ended it
}).addEventListener("error", () => {
  if (view === null) {
    byId("checkout").replaceChildren(make("p", { className: "notice bad" }, text("This checkout does not exist any more.")));
  }
});
