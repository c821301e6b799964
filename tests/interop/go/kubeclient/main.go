// Command kubeclient drives client-go's SPDY executors as a peer: it execs,
// attaches or forwards a port at a URL, prints one JSON line with what it saw,
// and exits with 1 when that failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// timeout bounds everything one run waits for.
const timeout = 120 * time.Second

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kubeclient exec|portforward|version [flags]")
		os.Exit(2)
	}
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("url", "", "full URL of the exec, attach or portforward resource")
	ca := flags.String("ca", "", "PEM file of the authority the server's certificate comes from")
	certificate := flags.String("cert", "", "PEM file of the client's certificate")
	key := flags.String("key", "", "PEM file of its key")
	token := flags.String("token", "", "bearer token")
	var command commandOptions
	flags.Int64Var(&command.stdin, "stdin", -1, "exec: bytes of pattern to send on stdin; -1: no stdin")
	flags.StringVar(&command.input, "input", "", "exec: text to send on stdin instead")
	flags.BoolVar(&command.tty, "tty", false, "exec: with a terminal")
	flags.BoolVar(&command.stderr, "stderr", true, "exec: with stderr")
	flags.StringVar(&command.sizes, "sizes", "", "exec: terminal sizes to send, as 80x24,100x30")
	flags.StringVar(&command.protocols, "protocols", "", "exec: sub-protocols to offer, comma-separated; none: client-go's own list")
	flags.DurationVar(&command.readDelay, "read-delay", 0, "exec: pause before each read of stdout")
	flags.IntVar(&command.repeat, "repeat", 1, "exec: how often, one after the other")
	var forward forwardOptions
	flags.IntVar(&forward.port, "port", 0, "portforward: port in the pod")
	flags.IntVar(&forward.requests, "requests", 50, "portforward: parallel HTTP requests through it")
	flags.Int64Var(&forward.size, "size", 1<<20, "portforward: bytes of each body")
	flags.StringVar(&forward.transport, "transport", "spdy", "portforward: spdy, websocket, or fallback (websocket, then spdy)")
	flags.Parse(os.Args[2:])

	if os.Args[1] == "version" {
		print(map[string]any{"module": clientModule, "version": version(clientModule)})
		return
	}
	target, err := url.Parse(*address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config := &rest.Config{
		Host:            target.Scheme + "://" + target.Host,
		BearerToken:     *token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: *ca, CertFile: *certificate, KeyFile: *key},
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var result map[string]any
	switch os.Args[1] {
	case "exec":
		result, err = execute(ctx, config, target, command)
	case "portforward":
		result, err = forwardPort(ctx, config, target, forward)
	default:
		err = fmt.Errorf("unknown mode %q", os.Args[1])
	}
	if err != nil {
		result = map[string]any{"error": err.Error()}
	}
	print(result)
	if err != nil {
		os.Exit(1)
	}
}

func print(line map[string]any) {
	json.NewEncoder(os.Stdout).Encode(line)
}
