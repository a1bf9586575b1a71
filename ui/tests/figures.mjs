//! Answers of the server's endpoints of figures, for tests of the pages that show them.

const series = (calls, failedEvery, p95) => ({ calls: calls.map((it) => it), errors: calls.map((it, i) => (i % failedEvery === failedEvery - 1 ? Math.ceil(it / 10) : 0)), p95 });
const total = (list) => list.reduce((all, it) => all + it, 0);

function row(serviceName, spanName, kind, remoteServiceName, rate, p95Us, { failedEvery = 1000, jumpAt = 1000 } = {}) {
  const calls = Array.from({ length: 60 }, (_, i) => rate + ((i * 7) % 5));
  const p95 = calls.map((_, i) => (i === 20 ? null : Math.round((i >= jumpAt ? 4 : 1) * p95Us * (1 + ((i * 13) % 7) / 50))));
  const its = series(calls, failedEvery, p95);
  return { serviceName, spanName, remoteServiceName, kind, calls: total(its.calls), errors: total(its.errors), p50: Math.round(p95Us / 3), p95: jumpAt < 60 ? p95Us * 4 : p95Us, p99: p95Us * 6, series: its };
}

/** The last hour of a small shop, ending at `endMs`; `names` are more services, each with one operation of that name. */
export function statistics(endMs, names = []) {
  const rows = [
    row("front", "post", "SERVER", null, 30, 250_000, { failedEvery: 12 }),
    row("front", "get", "SERVER", null, 60, 18_000),
    row("front", "post", "CLIENT", "payment", 30, 200_000, { jumpAt: 35 }),
    row("payment", "post", "SERVER", "front", 30, 190_000, { jumpAt: 35 }),
    row("payment", "commit", "CLIENT", "postgres", 30, 8_000),
    row("payment", "store payment", null, null, 30, 180_000),
    row("stock", "get", "SERVER", null, 90, 9_000),
    row("mail", "post", "CONSUMER", null, 1, 7_000, { failedEvery: 4 }),
    ...names.map((name) => row(name, name, "SERVER", name, 2, 1_000)),
  ];
  return { stepMs: 60_000, startTs: Math.floor(endMs / 60_000) * 60_000 - 59 * 60_000, rows, rowsLeftOut: 0 };
}

/** A server an hour after its start; `polls` says how often it was asked before. */
export function status(polls, { problem = null, relays = [] } = {}) {
  const collector = (transport, listening, rest = {}) => ({ transport, listening, messages: 0, messagesDropped: 0, bytes: 0, spans: 0, spansDropped: 0, messagesRefused: {}, spansLeftOut: {}, ...rest });
  return {
    version: "0.1.0",
    uptimeSeconds: 3600 + 3 * polls,
    collectors: [
      collector("http", "0.0.0.0:9411", { messages: 41_000, bytes: 98_000_000 + polls * 3_000_000, spans: 482_100 + polls * 9_000 }),
      collector("scribe", "0.0.0.0:9410", { messages: 12, bytes: 5_000, spans: 60, spansDropped: problem ? 7 : 0, spansLeftOut: problem ? { "id 0": 7 } : {} }),
      collector("grpc", null),
    ],
    store: { name: "ColumnarStorage", healthy: problem === null, problem, figures: { spanlet_journal_bytes: 184_000_000, spanlet_segments: 412, spanlet_journal_syncs_total: 9_120 } },
    relays,
  };
}

export const RELAYS = [
  { name: "web-1", address: "10.0.4.9", lastSeenMs: 900, backlogBytes: 0, oldestMs: 0, rate: 812.4, errors: 0 },
  { name: "<img src=x onerror=alert(1)>", address: "172.16.8.2", lastSeenMs: 1200, backlogBytes: 6_200_000_000, oldestMs: 2_280_000, rate: 9_340, errors: 17 },
];
