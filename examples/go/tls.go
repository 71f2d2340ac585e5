// Run by the tests. What the other examples share: TLS with our CA, and a client certificate if there is one.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"os"
)

// payload is what the examples publish.
const payload = `[{"n":"temperature","u":"Cel","v":21.5}]`

func tlsConfig() *tls.Config {
	pem, err := os.ReadFile(os.Getenv("CA_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatal("no certificate in CA_FILE")
	}
	config := &tls.Config{RootCAs: roots}
	if file := os.Getenv("CERT_FILE"); file != "" {
		pair, err := tls.LoadX509KeyPair(file, os.Getenv("KEY_FILE"))
		if err != nil {
			log.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}
