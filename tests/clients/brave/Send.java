// Records the trace of ../README.md with Brave: java Send.java urlconnection|proto3|libthrift HOST:PORT START_US

import brave.Span;
import brave.Tracing;
import brave.handler.SpanHandler;
import brave.propagation.TraceContext;
import java.util.HashMap;
import java.util.Map;
import zipkin2.reporter.AsyncReporter;
import zipkin2.reporter.BytesMessageSender;
import zipkin2.reporter.Encoding;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.brave.ZipkinSpanHandler;
import zipkin2.reporter.libthrift.LibthriftSender;
import zipkin2.reporter.urlconnection.URLConnectionSender;

class Send {
  public static void main(String[] args) throws Exception {
    String how = args[0], host = args[1].split(":")[0];
    int port = Integer.parseInt(args[1].split(":")[1]);
    long start = Long.parseLong(args[2]);
    if (how.equals("libthrift")) {
      LibthriftSender sender = LibthriftSender.newBuilder().host(host).port(port).build();
      AsyncReporter<zipkin2.Span> reporter = AsyncReporter.create(sender);
      record(ZipkinSpanHandler.create(reporter), start);
      reporter.flush();
      reporter.close();
      sender.close();
    } else {
      BytesMessageSender sender = URLConnectionSender.newBuilder()
          .endpoint("http://" + args[1] + "/api/v2/spans")
          .encoding(how.equals("proto3") ? Encoding.PROTO3 : Encoding.JSON).build();
      AsyncZipkinSpanHandler handler = AsyncZipkinSpanHandler.create(sender);
      record(handler, start);
      handler.flush();
      handler.close();
      sender.close();
    }
  }

  static void record(SpanHandler handler, long start) {
    Tracing front = tracing(handler, "front", "10.0.0.1", 8001), orders = tracing(handler, "orders", "10.0.0.2", 8002);
    Span client = front.tracer().newTrace().kind(Span.Kind.CLIENT).name("get /orders").start(start);
    client.remoteServiceName("orders").remoteIpAndPort("10.0.0.2", 8002);
    client.tag("http.path", "/orders").annotate(start + 125_000, "retry");

    Map<String, String> headers = new HashMap<>();
    front.propagation().injector(Map<String, String>::put).inject(client.context(), headers);
    TraceContext context = orders.propagation().extractor(Map<String, String>::get).extract(headers).context();
    Span server = orders.tracer().joinSpan(context).kind(Span.Kind.SERVER).name("get /orders").start(start + 62_500);
    server.remoteIpAndPort("10.0.0.1", 8001);
    server.error(new IllegalStateException("out of stock")).finish(start + 312_500);
    client.finish(start + 500_000);
    System.out.printf("{\"trace\":\"%s\",\"client\":\"%s\",\"server\":\"%s\"}%n",
        client.context().traceIdString(), client.context().spanIdString(), server.context().spanIdString());
  }

  static Tracing tracing(SpanHandler handler, String name, String ip, int port) {
    return Tracing.newBuilder().localServiceName(name).localIp(ip).localPort(port)
        .traceId128Bit(true).addSpanHandler(handler).build();
  }
}
