package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
)

type commandOptions struct {
	stdin     int64
	input     string
	tty       bool
	stderr    bool
	sizes     string
	protocols string
	readDelay time.Duration
	repeat    int
}

// execute runs the command at the URL, or attaches when the URL says so; both are one protocol.
// The result tells of the last run; an exit code is a result, not an error.
func execute(ctx context.Context, config *rest.Config, target *url.URL, options commandOptions) (map[string]any, error) {
	executor, err := newExecutor(config, target, options.protocols)
	if err != nil {
		return nil, err
	}
	var result map[string]any
	for range options.repeat {
		stdout, stderr := &sink{hash: sha256.New(), delay: options.readDelay}, &sink{hash: sha256.New()}
		streams := remotecommand.StreamOptions{Stdout: stdout, Tty: options.tty}
		if options.stderr && !options.tty {
			streams.Stderr = stderr
		}
		if options.input != "" {
			streams.Stdin = strings.NewReader(options.input)
		} else if options.stdin >= 0 {
			streams.Stdin = pattern(options.stdin)
		}
		if options.sizes != "" {
			streams.TerminalSizeQueue = parseSizes(options.sizes)
		}
		err := executor.StreamWithContext(ctx, streams)
		code := 0
		if exit, ok := errors.AsType[utilexec.CodeExitError](err); ok {
			code, err = exit.Code, nil
		}
		if err != nil {
			return nil, err
		}
		result = map[string]any{"exitCode": code, "stdout": stdout.summary(), "stderr": stderr.summary()}
	}
	return result, nil
}

func newExecutor(config *rest.Config, target *url.URL, protocols string) (remotecommand.Executor, error) {
	if protocols == "" {
		return remotecommand.NewSPDYExecutor(config, "POST", target)
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutorForProtocols(transport, upgrader, "POST", target, strings.Split(protocols, ",")...)
}

// textLength is up to how many bytes an output is kept as text beside its checksum.
const textLength = 4096

// sink takes an output: its length and checksum, and the whole of it when it is short.
type sink struct {
	hash  hash.Hash
	size  int64
	text  bytes.Buffer
	delay time.Duration
}

func (s *sink) Write(p []byte) (int, error) {
	time.Sleep(s.delay)
	s.hash.Write(p)
	s.size += int64(len(p))
	if s.size <= textLength {
		s.text.Write(p)
	}
	return len(p), nil
}

func (s *sink) summary() map[string]any {
	summary := map[string]any{"size": s.size, "sha256": hex.EncodeToString(s.hash.Sum(nil))}
	if s.size <= textLength {
		summary["text"] = s.text.String()
	}
	return summary
}

// sizeQueue hands out its sizes and then says that there are no more.
type sizeQueue []remotecommand.TerminalSize

func (q *sizeQueue) Next() *remotecommand.TerminalSize {
	if len(*q) == 0 {
		return nil
	}
	size := (*q)[0]
	*q = (*q)[1:]
	return &size
}

func parseSizes(text string) *sizeQueue {
	queue := sizeQueue{}
	for _, part := range strings.Split(text, ",") {
		var size remotecommand.TerminalSize
		if _, err := fmt.Sscanf(part, "%dx%d", &size.Width, &size.Height); err == nil {
			queue = append(queue, size)
		}
	}
	return &queue
}

// pattern is a body both sides can make up: byte i is (i*31 + i>>8) & 0xff.
func pattern(size int64) io.Reader {
	return io.LimitReader(&patternReader{}, size)
}

type patternReader struct {
	offset uint64
}

func (r *patternReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.offset*31 + r.offset>>8)
		r.offset++
	}
	return len(p), nil
}
