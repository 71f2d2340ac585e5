// Run by the tests. Subscribes over MQTT with TLS, publishes, and prints what comes back.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

func main() {
	topic := fmt.Sprintf("channels/%s/messages", os.Getenv("CHANNEL"))
	options := mqtt.NewClientOptions().
		AddBroker(fmt.Sprintf("ssl://%s:%s", os.Getenv("MQTT_HOST"), os.Getenv("MQTT_PORT"))).
		SetTLSConfig(tlsConfig())
	if key := os.Getenv("KEY"); key != "" {
		options.SetUsername(os.Getenv("THING")).SetPassword(key)
	}
	client := mqtt.NewClient(options)
	wait(client.Connect())
	received := make(chan string, 1)
	wait(client.Subscribe(topic, 1, func(_ mqtt.Client, message mqtt.Message) {
		received <- string(message.Payload())
	}))
	wait(client.Publish(topic, 1, false, payload))
	select {
	case text := <-received:
		fmt.Println("received", text)
	case <-time.After(10 * time.Second):
		log.Fatal("nothing came back")
	}
	client.Disconnect(250)
}

func wait(token mqtt.Token) {
	if !token.WaitTimeout(10 * time.Second) {
		log.Fatal("no answer in time")
	}
	if err := token.Error(); err != nil {
		log.Fatal(err)
	}
}
