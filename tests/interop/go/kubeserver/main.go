// Command kubeserver is the Kubernetes side of the tests: the CRI streaming
// server with a pretend runtime, and in front of it the way an API server goes
// to it, WebSocket tunnel included.
//
// Its first line on standard output is a JSON object with its addresses; it
// lives until its standard input ends.
package main

import (
	"crypto/tls"
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
	secure := flag.Bool("tls", false, "TLS, with certificates made for this run that clients have to show, too")
	flag.Parse()
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := run(*secure); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(secure bool) error {
	cri, err := startCRI()
	if err != nil {
		return err
	}
	target, err := startTarget()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	hello := map[string]string{
		"address": listener.Addr().String(),
		"target":  target,
		"version": version("k8s.io/cri-streaming"),
	}
	if secure {
		if listener, err = withTLS(listener, hello); err != nil {
			return err
		}
	}
	json.NewEncoder(os.Stdout).Encode(hello)
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

// withTLS also tells what a client needs.
func withTLS(listener net.Listener, hello map[string]string) (net.Listener, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	config, err := authority.serverConfig()
	if err != nil {
		return nil, err
	}
	certificate, key, err := authority.issue("client")
	if err != nil {
		return nil, err
	}
	hello["ca"] = string(pemOf("CERTIFICATE", authority.certificate.Raw))
	hello["cert"] = string(certificate)
	hello["key"] = string(key)
	return tls.NewListener(listener, config), nil
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
