// Run by the tests. Publishes over a secure WebSocket and prints what comes back.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	url := fmt.Sprintf("%s/channels/%s/messages", os.Getenv("WS_URL"), os.Getenv("CHANNEL"))
	header := http.Header{}
	if key := os.Getenv("KEY"); key != "" {
		header.Set("Authorization", "Thing "+key)
	}
	dialer := websocket.Dialer{TLSClientConfig: tlsConfig(), HandshakeTimeout: 10 * time.Second}
	socket, _, err := dialer.Dial(url, header)
	if err != nil {
		log.Fatal(err)
	}
	defer socket.Close()
	if err := socket.WriteMessage(websocket.TextMessage, []byte(payload)); err != nil {
		log.Fatal(err)
	}
	socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, received, err := socket.ReadMessage()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("received %s\n", received)
}
