package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	streamhttp "k8s.io/streaming/pkg/httpstream"
)

const clientModule = "k8s.io/client-go"

type forwardOptions struct {
	port      int
	requests  int
	size      int64
	transport string
}

// forwardPort forwards a free local port and sends its HTTP requests through
// it at once, one TCP connection each. The server behind it answers
// GET /<size> with the body's SHA-256 in the header "digest".
func forwardPort(ctx context.Context, config *rest.Config, target *url.URL, options forwardOptions) (map[string]any, error) {
	dialer, err := newDialer(config, target, options.transport)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan struct{})
	ports := []string{"0:" + strconv.Itoa(options.port)}
	forwarder, err := portforward.NewOnAddressesWithContext(ctx, dialer, []string{"127.0.0.1"}, ports, ready, io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return nil, err
	case <-ready:
	}
	forwarded, err := forwarder.GetPorts()
	if err != nil {
		return nil, err
	}
	if err := requestAll(ctx, int(forwarded[0].Local), options); err != nil {
		return nil, err
	}
	stop()
	if err := <-ended; err != nil {
		return nil, err
	}
	return map[string]any{"requests": options.requests}, nil
}

func newDialer(config *rest.Config, target *url.URL, transport string) (httpstream.Dialer, error) {
	roundTripper, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	plain := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, "POST", target)
	if transport == "spdy" {
		return plain, nil
	}
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(target, config)
	if err != nil || transport == "websocket" {
		return tunnel, err
	}
	// kubectl's own condition.
	return portforward.NewFallbackDialer(tunnel, plain, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || streamhttp.IsUpgradeFailure(err)
	}), nil
}

func requestAll(ctx context.Context, port int, options forwardOptions) error {
	failures := make(chan error, options.requests)
	var group sync.WaitGroup
	for range options.requests {
		group.Go(func() {
			if err := request(ctx, port, options.size); err != nil {
				failures <- err
			}
		})
	}
	group.Wait()
	close(failures)
	return <-failures
}

func request(ctx context.Context, port int, size int64) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/%d", port, size), nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	hash := sha256.New()
	got, err := io.Copy(hash, response.Body)
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); got != size || sum != response.Header.Get("digest") {
		return fmt.Errorf("body of %d bytes with checksum %s, wanted %d with %s", got, sum, size, response.Header.Get("digest"))
	}
	return nil
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
