// Command kubeserver is the Kubernetes side of the tests: the CRI streaming
// server with a pretend runtime, and in front of it the way an API server goes
// to it, WebSocket tunnel included.
//
// Its first line on standard output is a JSON object with its addresses; it
// lives until its standard input ends.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"k8s.io/klog/v2"
)

func main() {
	certificate := flag.String("cert", "", "PEM file of the API server's certificate; none: plain HTTP")
	key := flag.String("key", "", "PEM file of its key")
	clientCA := flag.String("client-ca", "", "PEM file of the authority client certificates must come from")
	flag.Parse()
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := run(*certificate, *key, *clientCA); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(certificate, key, clientCA string) error {
	cri, err := startCRI()
	if err != nil {
		return err
	}
	target, err := startTarget()
	if err != nil {
		return err
	}
	listener, err := listen(certificate, key, clientCA)
	if err != nil {
		return err
	}
	json.NewEncoder(os.Stdout).Encode(map[string]string{
		"address": listener.Addr().String(),
		"target":  target,
		"version": version("k8s.io/cri-streaming"),
	})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	// HTTP/1.1 only: neither SPDY/3.1 nor WebSocket is upgraded to from HTTP/2 here.
	server := &http.Server{
		Handler:      apiHandler(cri),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	return server.Serve(listener)
}

func listen(certificate, key, clientCA string) (net.Listener, error) {
	if certificate == "" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return tls.Listen("tcp", "127.0.0.1:0", config)
}

// version is the version of a module this program was built with.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				return dependency.Version
			}
		}
	}
	return "unknown"
}
