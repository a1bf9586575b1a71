//! Traces of a small shop, as its services would report them: for the browser tests and the pictures.

const HOSTS = { front: "10.0.0.1", cart: "10.0.0.2", stock: "10.0.0.3", payment: "10.0.0.4", mail: "10.0.0.5" };
const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** Collects the spans of one trace. Times are milliseconds after the start of the trace. */
export class TraceBuilder {
  spans = [];
  #next = 1;

  constructor(number, startMs) {
    this.traceId = `5ba9e1c40d27${hex(number, 20)}`;
    this.startUs = Math.round(startMs) * 1000;
  }

  #span(id, parentId, service, fromMs, toMs, rest) {
    const { kind, name, tags, remote, shared, notes, skewMs = 0 } = rest;
    this.spans.push({
      traceId: this.traceId,
      ...(parentId && { parentId }),
      id,
      ...(kind && { kind }),
      name,
      timestamp: this.startUs + Math.round((fromMs + skewMs) * 1000),
      duration: Math.round((toMs - fromMs) * 1000),
      // The same for every span of a service, as libraries report it: Zipkin tells the halves of one id by it.
      localEndpoint: { serviceName: service, ipv4: HOSTS[service] ?? "10.0.0.9" },
      ...(remote && { remoteEndpoint: { serviceName: remote } }),
      ...(notes && { annotations: notes.map(([atMs, value]) => ({ timestamp: this.startUs + Math.round((atMs + skewMs) * 1000), value })) }),
      ...(tags && { tags }),
      ...(shared && { shared: true }),
    });
    return id;
  }

  /** A span id that no other span of this trace has. */
  id() {
    return hex(0x7a10000000000000n + BigInt(this.#next++), 16);
  }

  local(parentId, service, name, fromMs, toMs, rest = {}) {
    return this.#span(this.id(), parentId, service, fromMs, toMs, { name, ...rest });
  }

  server(service, name, fromMs, toMs, rest = {}) {
    return this.#span(this.id(), undefined, service, fromMs, toMs, { kind: "SERVER", name, ...rest });
  }

  /** Both halves of a call, `netMs` apart at either end. Gives the id they share. */
  call(parentId, from, to, name, fromMs, toMs, { netMs = 1, server = {}, ...rest } = {}) {
    const id = this.#span(this.id(), parentId, from, fromMs, toMs, { kind: "CLIENT", name, ...rest });
    return this.#span(id, parentId, to, fromMs + netMs, toMs - netMs, { kind: "SERVER", name, shared: true, ...rest, ...server });
  }
}

/** One checkout. `slowMs` is what the payment waits for a lock, `failing` whether the mail is refused. */
export function checkout(number, startMs, { slowMs = 4, failing = false, skewMs = 0 } = {}) {
  const t = new TraceBuilder(number, startMs);
  const end = 74 + slowMs;
  const http = (path, code = "200") => ({ tags: { "http.method": "POST", "http.path": path, "http.status_code": code } });
  const root = t.server("front", "post", 0, end, http("/checkout"));
  t.local(root, "front", "parse body", 0.6, 3.1);
  const cart = t.call(root, "front", "cart", "get", 4, 17, { tags: { "http.method": "GET", "http.path": "/cart/4711" } });
  t.local(cart, "cart", "select cart", 6, 14, { kind: "CLIENT", remote: "postgres", tags: { "sql.query": "select * from cart where id = $1" } });
  for (let shelf = 0; shelf < 3; shelf++) {
    const from = 19 + shelf * 1.5;
    const stock = t.call(root, "front", "stock", "get", from, from + 9 + shelf * 3, { tags: { "http.method": "GET", "http.path": `/stock/${shelf}` } });
    t.local(stock, "stock", "get", from + 2, from + 4, { kind: "CLIENT", remote: "memcached" });
    t.local(stock, "stock", "select stock", from + 4.5, from + 7 + shelf * 3, { kind: "CLIENT", remote: "postgres" });
  }
  const pay = t.call(root, "front", "payment", "post", 40, 62 + slowMs, { ...http("/payments"), server: { skewMs } });
  t.local(pay, "payment", "check card", 42, 46, { skewMs });
  const store = t.local(pay, "payment", "store payment", 47, 59 + slowMs, { skewMs });
  t.local(store, "payment", "lock wait", 48, 49 + slowMs, { skewMs, notes: [[48.2, "waiting for row lock"], [49 + slowMs, "lock taken"]], tags: { "db.lock.waiters": String(Math.round(slowMs / 20)) } });
  t.local(store, "payment", "commit", 50 + slowMs, 58 + slowMs, { skewMs, kind: "CLIENT", remote: "postgres" });
  const mailTags = failing ? { error: "550 mailbox unavailable", "http.status_code": "502" } : { "http.status_code": "202" };
  const mail = t.call(root, "front", "mail", "post", 64 + slowMs, 71 + slowMs, { tags: { "http.method": "POST", "http.path": "/mails", ...mailTags } });
  t.local(mail, "mail", "smtp send", 66 + slowMs, 69 + slowMs, failing ? { tags: { error: "550 mailbox unavailable" } } : {});
  t.local(root, "front", "render", 71.5 + slowMs, 73.5 + slowMs);
  return t;
}

/** A look at the catalogue: short, only two services. */
export function browse(number, startMs, lengthMs = 18) {
  const t = new TraceBuilder(number, startMs);
  const root = t.server("front", "get", 0, lengthMs, { tags: { "http.method": "GET", "http.path": "/shelf/9", "http.status_code": "200" } });
  const stock = t.call(root, "front", "stock", "get", 2, lengthMs - 2, { tags: { "http.method": "GET", "http.path": "/stock" } });
  t.local(stock, "stock", "select stock", 5, lengthMs - 5, { kind: "CLIENT", remote: "postgres" });
  return t;
}

/** `count` spans in one trace, a tree with many children here and there. */
export function big(number, startMs, count) {
  const t = new TraceBuilder(number, startMs);
  const services = ["front", "cart", "stock", "payment", "mail"];
  const open = [{ id: t.server("front", "get", 0, count, { tags: { "http.path": "/big" } }), from: 0, to: count }];
  for (let i = 1; i < count; i++) {
    const parent = open[(i * 7919) % open.length];
    const from = parent.from + ((parent.to - parent.from) * ((i * 31) % 97)) / 100;
    const to = from + Math.max(0.01, (parent.to - from) * 0.6);
    const id = t.local(parent.id, services[i % 5], `step ${i % 41}`, from, to, i % 4999 === 0 ? { tags: { error: "lost" } } : {});
    if (open.length < 400) open.push({ id, from, to });
  }
  return t;
}

/** A quarter of an hour in the shop, newest last: the lock of the payments gets slow towards the end. */
export function shop(nowMs) {
  const traces = [];
  // Numbers from the clock, so that a second run adds traces and does not report those of the first once more.
  const first = Math.floor(nowMs) * 100;
  for (let i = 0; i < 22; i++) {
    const startMs = nowMs - 900_000 + i * 40_000 + ((i * 7717) % 9000);
    const slowMs = i > 13 ? 90 + ((i * 53) % 210) : 2 + (i % 5);
    traces.push(i % 3 === 2 ? browse(first + i, startMs, 14 + ((i * 37) % 60)) : checkout(first + i, startMs, { slowMs, failing: i % 7 === 4 }));
  }
  return traces;
}

export async function post(url, traces) {
  const spans = traces.flatMap((trace) => trace.spans);
  for (let from = 0; from < spans.length; from += 5000) {
    const response = await fetch(new URL("/api/v2/spans", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(spans.slice(from, from + 5000)),
    });
    if (response.status !== 202) throw new Error(`POST /api/v2/spans: ${response.status} ${await response.text()}`);
  }
}
