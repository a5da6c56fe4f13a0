// The checkout's end of the line to the page that it is embedded in; the other end is briq.min.js.

const messages = new EventTarget();
let page = null; // origin of the page, once it has said hello
let unsent = [];

const post = (message) => window.parent.postMessage({ briqpay: "checkout", ...message }, page);

/** Whether this checkout stands in another page. */
export const isEmbedded = window.parent !== window;
/** Whether the page has loaded briq.min.js and listens. */
export const isConnected = () => page !== null;

export function send(message) {
  if (!isEmbedded) return;
  if (page) post(message);
  else if (message.type !== "height") unsent.push(message);
}

/** Pass an event to the page's subscribers, such as `make_decision`. */
export const emit = (event, data) => send({ type: "event", event, data });

export const listen = (type, callback) => messages.addEventListener(type, ({ detail }) => callback(detail));

/** Look for a page that listens: it may load its script after this checkout. */
export function connect() {
  if (!isEmbedded) return;
  window.addEventListener("message", ({ origin, source, data }) => {
    if (source !== window.parent || !data || data.briqpay !== "page") return;
    if (data.type === "hello") {
      page = origin;
      for (const message of unsent.splice(0)) post(message);
    }
    if (origin === page) messages.dispatchEvent(new CustomEvent(data.type, { detail: data }));
  });
  let tries = 0;
  const knock = () => {
    if (page || ++tries > 100) return;
    // Says only that this page is there, so it may go to any origin.
    window.parent.postMessage({ briqpay: "checkout", type: "ready" }, "*");
    window.setTimeout(knock, Math.min(50 * tries, 1000));
  };
  knock();
}
