package main

import (
	"net"
	"net/http"
	"net/url"

	"k8s.io/cri-streaming/pkg/streaming"
)

// startCRI starts the streaming server every container runtime links in.
func startCRI() (streaming.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	config.BaseURL = &url.URL{Scheme: "http", Host: config.Addr, Path: "/"}
	server, err := streaming.NewServer(config, pretendRuntime{})
	if err != nil {
		return nil, err
	}
	go http.Serve(listener, server)
	return server, nil
}
