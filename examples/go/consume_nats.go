// Run by the tests. A backend that takes each message of all channels from NATS, over mutual TLS.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
)

func main() {
	connection, err := nats.Connect(os.Getenv("NATS_URL"), nats.Secure(tlsConfig()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	stream, err := connection.JetStream()
	if err != nil {
		log.Fatal(err)
	}
	// From here on messages wait for this consumer until it acknowledges them, also while it is away.
	consumer, err := stream.PullSubscribe("channel.>", "backend", nats.BindStream("MESSAGES"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	deliveries, err := consumer.Fetch(1, nats.MaxWait(30*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	// The fields of mainflux.RawMessage; with protoc-gen-go a generated type does this.
	fields := textFields(deliveries[0].Data)
	channel, publisher, protocol, payload := fields[1], fields[3], fields[4], fields[6]
	fmt.Println("received", channel, publisher, protocol, payload)
	if err := deliveries[0].AckSync(); err != nil {
		log.Fatal(err)
	}
}

// textFields returns the strings and bytes of a protobuf message by their numbers.
func textFields(data []byte) map[protowire.Number]string {
	fields := map[protowire.Number]string{}
	for len(data) > 0 {
		number, kind, length := protowire.ConsumeTag(data)
		if length < 0 {
			log.Fatal(protowire.ParseError(length))
		}
		data = data[length:]
		length = protowire.ConsumeFieldValue(number, kind, data)
		if length < 0 {
			log.Fatal(protowire.ParseError(length))
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data)
			fields[number] = string(value)
		}
		data = data[length:]
	}
	return fields
}
