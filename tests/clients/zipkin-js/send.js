// Records the trace of ../README.md with zipkin-js: node send.js v1|v2|scribe HOST:PORT START_US
'use strict';

const { Annotation, BatchRecorder, ExplicitContext, InetAddress, Request, TraceId, Tracer, jsonEncoder, option } = require('zipkin');
const { HttpLogger } = require('zipkin-transport-http');
const { ScribeLogger } = require('zipkin-transport-scribe');

const [how, address, startText] = process.argv.slice(2);
const start = Number(startText);
const END_MAX_MS = 10_000;

function logger() {
  const [scribeHost, scribePort] = address.split(':');
  if (how === 'scribe') return new ScribeLogger({ scribeHost, scribePort: Number(scribePort), scribeInterval: 10 });
  const encoder = how === 'v1' ? jsonEncoder.JSON_V1 : jsonEncoder.JSON_V2;
  const http = new HttpLogger({ endpoint: `http://${address}/api/${how}/spans`, jsonEncoder: encoder, httpInterval: 10 });
  http.on('success', () => process.exit(0));
  return http;
}

const recorder = new BatchRecorder({ logger: logger() });
const tracer = (localServiceName) =>
  new Tracer({ ctxImpl: new ExplicitContext(), recorder, localServiceName, traceId128Bit: true });
const address_of = (host, port, serviceName) => ({ host: new InetAddress(host), port, serviceName });
const [front, orders] = [tracer('front'), tracer('orders')];

const client = front.createRootId();
const { headers } = Request.addZipkinHeaders({}, client);
front.letId(client, () => {
  front.recordServiceName('front');
  front.recordRpc('get /orders');
  front.recordBinary('http.path', '/orders');
  front.recordAnnotation(new Annotation.LocalAddr(address_of('10.0.0.1', 8001)));
  front.recordAnnotation(new Annotation.ServerAddr(address_of('10.0.0.2', 8002, 'orders')));
  front.recordAnnotation(new Annotation.ClientSend(), start);
  front.recordAnnotation(new Annotation.Message('retry'), start + 125_000);
});

const server = orders.join(new TraceId({
  traceId: headers['X-B3-TraceId'], spanId: headers['X-B3-SpanId'], sampled: new option.Some(true),
}));
orders.letId(server, () => {
  orders.recordServiceName('orders');
  orders.recordRpc('get /orders');
  orders.recordBinary('error', 'out of stock');
  orders.recordAnnotation(new Annotation.LocalAddr(address_of('10.0.0.2', 8002)));
  orders.recordAnnotation(new Annotation.ClientAddr(address_of('10.0.0.1', 8001)));
  orders.recordAnnotation(new Annotation.ServerRecv(), start + 62_500);
  orders.recordAnnotation(new Annotation.ServerSend(), start + 312_500);
});
front.letId(client, () => front.recordAnnotation(new Annotation.ClientRecv(), start + 500_000));

console.log(JSON.stringify({ trace: client.traceId, client: client.spanId, server: server.spanId }));
setTimeout(() => process.exit(how === 'scribe' ? 0 : 1), how === 'scribe' ? 500 : END_MAX_MS);
