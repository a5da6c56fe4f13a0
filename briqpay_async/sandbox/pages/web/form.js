// The buyer's form: it is filled from the session, kept while the buyer types, and read when the buyer pays.
import { byId, make } from "./dom.js";

const ADDRESS = [
  // member, label, autocomplete, required, wide
  ["firstName", "First name", "given-name", true],
  ["lastName", "Last name", "family-name", true],
  ["streetAddress", "Street and number", "address-line1", true, true],
  ["streetAddress2", "Flat, floor, c/o", "address-line2", false, true],
  ["zip", "Postal code", "postal-code", true],
  ["city", "City", "address-level2", true],
  ["region", "State or region", "address-level1", false],
  ["phoneNumber", "Phone", "tel", false],
  ["email", "E-mail", "email", true, true],
];
const dirty = new Set(); // names of inputs that the buyer changed

function field(id, label, control, { required = false, wide = false } = {}) {
  control.id = id;
  control.required = required;
  return make(
    "div",
    { className: wide ? "field wide" : "field" },
    make("label", { for: id }, required ? label : `${label} (optional)`),
    control,
    make("p", { className: "error", id: `${id}-error`, hidden: true }),
  );
}

/** Build the two address forms. */
export function buildAddresses() {
  for (const fields of document.querySelectorAll("[data-address]")) {
    const section = fields.dataset.address;
    for (const [member, label, autocomplete, required, wide] of ADDRESS) {
      const input = make("input", {
        name: `${section}.${member}`,
        type: member === "email" ? "email" : member === "phoneNumber" ? "tel" : "text",
        autocomplete: `${section} ${autocomplete}`,
        maxLength: 100,
      });
      fields.append(field(`${section}.${member}`, label, input, { required, wide }));
    }
  }
  byId("form").addEventListener("input", ({ target }) => dirty.add(target.id));
}

/** Fill what the buyer has not touched. */
export function fill(data) {
  for (const section of ["billing", "shipping", "company"]) {
    for (const [member, value] of Object.entries(data[section] || {})) {
      const input = byId(`${section}.${member}`);
      if (input && !dirty.has(input.id) && typeof value === "string") input.value = value;
    }
  }
  const other = byId("other-address");
  if (data.shipping && !dirty.has("other-address")) other.checked = true;
  showShipping();
}

export function showShipping() {
  document.querySelector('[data-address="shipping"]').hidden = !byId("other-address").checked;
}

/** Put a company that the buyer chose into the form. */
export function chooseCompany(company) {
  for (const member of ["name", "cin"]) {
    byId(`company.${member}`).value = company[member];
    dirty.add(`company.${member}`);
  }
  for (const [member, value] of Object.entries(company.billing)) {
    const input = byId(`billing.${member}`);
    if (input && !input.value) input.value = value;
  }
}

const inputTypes = { phone: "tel", currency: "number" };

function upsellInput(entry) {
  const id = `upsell.${entry.key}`;
  const options = (entry.enum || []).map((each) => (typeof each === "object" ? each : { value: each, label: each }));
  const extra = { required: entry.required, wide: entry.span === 2 || entry.component === "textArea" };
  if (entry.component === "checkbox" || entry.type === "boolean") {
    const box = make("input", { type: "checkbox", id, name: id, required: entry.required });
    const error = make("p", { className: "error", id: `${id}-error`, hidden: true });
    return make("div", { className: "field wide" }, make("label", { className: "choice", for: id }, box, entry.label), error);
  }
  if (entry.component === "enumRadio") {
    const group = make("fieldset", { className: "field wide", id }, make("legend", { className: "label" }, entry.label));
    options.forEach(({ value, label }, index) => {
      const radio = make("input", { type: "radio", name: id, id: `${id}.${index}`, value });
      group.append(make("label", { className: "choice", for: `${id}.${index}` }, radio, label || value));
    });
    group.append(make("p", { className: "error", id: `${id}-error`, hidden: true }));
    return group;
  }
  if (entry.component === "enumDropdown" || options.length) {
    const select = make("select", { name: id }, make("option", { value: "" }, "Choose …"));
    select.append(...options.map(({ value, label }) => make("option", { value }, label || value)));
    return field(id, entry.label, select, extra);
  }
  const control =
    entry.component === "textArea"
      ? make("textarea", { name: id, rows: 2 })
      : make("input", { name: id, type: inputTypes[entry.component] || "text" });
  if (entry.minLength) control.minLength = entry.minLength;
  if (entry.maxLength) control.maxLength = entry.maxLength;
  return field(id, entry.label, control, extra);
}

let upsellShown = "";

/** Build the upsell module, anew only when its configuration changed. */
export function buildUpsell(upsell) {
  const described = JSON.stringify(upsell);
  if (described === upsellShown) return;
  upsellShown = described;
  for (const part of ["header", "subheader", "footer"]) {
    const element = byId(`upsell-${part}`);
    element.textContent = upsell[part] || (part === "header" ? "More for you" : "");
    element.hidden = !element.textContent;
  }
  byId("upsell-inputs").replaceChildren(...upsell.inputs.map(upsellInput));
}

/** Build the checkboxes of the terms. */
export function buildTerms(boxes, termsUrl) {
  const place = byId("terms-boxes");
  if (place.childElementCount) return;
  for (const { key, label, required, default: checked } of boxes) {
    const id = `terms.${key}`;
    const box = make("input", { type: "checkbox", id, name: id, required, checked: Boolean(checked) });
    const error = make("p", { className: "error", id: `${id}-error`, hidden: true });
    place.append(make("div", { className: "field" }, make("label", { className: "choice", for: id }, box, label), error));
  }
  if (termsUrl) {
    const link = make("a", { href: termsUrl, target: "_blank", rel: "noopener noreferrer" }, "Read the terms");
    place.append(make("p", {}, link));
  }
}

let providersShown = "";

export function buildProviders(providers) {
  const described = JSON.stringify(providers);
  if (described === providersShown) return;
  providersShown = described;
  const chosen = document.querySelector('[name="provider"]:checked')?.value;
  byId("providers").replaceChildren(
    ...providers.map(({ name, label }, index) => {
      const radio = make("input", {
        type: "radio",
        name: "provider",
        id: `provider-${name}`,
        value: name,
        checked: chosen ? chosen === name : index === 0,
      });
      return make("label", { className: "provider", for: radio.id }, radio, make("span", {}, label));
    }),
  );
}

const read = (section, members) =>
  Object.fromEntries(
    members.map((member) => [member, byId(`${section}.${member}`).value.trim()]).filter(([, value]) => value),
  );

/** The addresses and the company as they stand in the form. */
export function details() {
  const members = ADDRESS.map(([member]) => member);
  const found = {};
  if (!byId("billing").hidden) found.billing = read("billing", members);
  if (!byId("shipping").hidden && byId("other-address").checked) found.shipping = read("shipping", members);
  if (!byId("company_lookup").hidden) found.company = read("company", ["name", "cin"]);
  return found;
}

/** Everything that the buyer entered. */
export function everything() {
  const entered = { ...details(), provider: document.querySelector('[name="provider"]:checked')?.value };
  if (!byId("order_note").hidden) entered.note = byId("note").value.trim();
  const collect = (prefix) => {
    const found = {};
    for (const control of document.querySelectorAll(`[name^="${prefix}."]`)) {
      const key = control.name.slice(prefix.length + 1);
      if (control.type === "checkbox") found[key] = control.checked;
      else if (control.type !== "radio") found[key] = control.value;
      else if (control.checked) found[key] = control.value;
    }
    return found;
  };
  if (!byId("terms").hidden) entered.terms = collect("terms");
  if (!byId("upsell").hidden) entered.upsell = collect("upsell");
  return entered;
}

/** Show what is wrong beside each input, and all of it at the top; `problems` maps names of inputs to texts. */
export function showProblems(problems) {
  for (const error of document.querySelectorAll(".error")) error.hidden = true;
  for (const control of document.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-describedby");
  }
  const summary = byId("problems");
  const entries = Object.entries(problems);
  summary.hidden = entries.length === 0;
  if (!entries.length) return;
  const list = make("ul", {});
  for (const [name, text] of entries) {
    const control = byId(name);
    const error = byId(`${name}-error`);
    if (control) {
      control.setAttribute("aria-invalid", "true");
      if (error) control.setAttribute("aria-describedby", error.id);
    }
    if (error) {
      error.textContent = text;
      error.hidden = false;
    }
    const label = control?.labels?.[0]?.textContent.replace(" (optional)", "");
    list.append(make("li", {}, label ? `${label}: ${text}` : text));
  }
  summary.replaceChildren(make("strong", {}, "Please check these:"), list);
  summary.focus();
}
