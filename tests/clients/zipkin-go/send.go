// Records the trace of ../README.md with zipkin-go: go run . json|proto3 HOST:PORT START_US
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/openzipkin/zipkin-go/reporter"
	"github.com/openzipkin/zipkin-go/reporter/http"
)

func main() {
	us, err := strconv.ParseInt(os.Args[3], 10, 64)
	start := time.UnixMicro(must(us, err))
	options := []http.ReporterOption{}
	if os.Args[1] == "proto3" {
		options = append(options, http.Serializer(zipkin_proto3.SpanSerializer{}))
	}
	sender := http.NewReporter("http://"+os.Args[2]+"/api/v2/spans", options...)
	front, frontEnd := service(sender, "front", "10.0.0.1:8001")
	orders, ordersEnd := service(sender, "orders", "10.0.0.2:8002")

	client := front.StartSpan("get /orders", zipkin.Kind(model.Client), zipkin.StartTime(start), zipkin.RemoteEndpoint(ordersEnd))
	client.Tag("http.path", "/orders")
	client.Annotate(start.Add(125*time.Millisecond), "retry")

	headers := b3.Map{}
	must(0, headers.Inject()(client.Context()))
	server := orders.StartSpan("get /orders", zipkin.Kind(model.Server), zipkin.StartTime(start.Add(62_500*time.Microsecond)),
		zipkin.RemoteEndpoint(frontEnd), zipkin.Parent(orders.Extract(headers.Extract)))
	zipkin.TagError.Set(server, "out of stock")
	server.FinishedWithDuration(250 * time.Millisecond)
	client.FinishedWithDuration(500 * time.Millisecond)
	must(0, sender.Close())
	fmt.Printf("{\"trace\":%q,\"client\":%q,\"server\":%q}\n", client.Context().TraceID, client.Context().ID, server.Context().ID)
}

func service(sender reporter.Reporter, name, address string) (*zipkin.Tracer, *model.Endpoint) {
	end, err := zipkin.NewEndpoint(name, address)
	tracer, failed := zipkin.NewTracer(sender, zipkin.WithLocalEndpoint(must(end, err)), zipkin.WithTraceID128Bit(true))
	return must(tracer, failed), end
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
