// Run by the tests. Publishes over HTTPS, with a client certificate or with the thing's key.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	url := fmt.Sprintf("%s/channels/%s/messages", os.Getenv("HTTP_URL"), os.Getenv("CHANNEL"))
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(payload))
	if err != nil {
		log.Fatal(err)
	}
	if key := os.Getenv("KEY"); key != "" {
		request.Header.Set("Authorization", "Thing "+key)
	}
	client := http.Client{
		Transport: &http.Transport{TLSClientConfig: tlsConfig()},
		Timeout:   10 * time.Second,
	}
	reply, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusAccepted {
		log.Fatal("refused: ", reply.Status)
	}
	fmt.Println("published")
}
