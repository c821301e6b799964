package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strconv"
)

// startTarget starts the HTTP server behind the forwarded port: GET /<size>
// gives <size> bytes whose SHA-256 is in the header "digest".
func startTarget() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.ParseInt(r.URL.Path[1:], 10, 64)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		hash := sha256.New()
		io.Copy(hash, pattern(size))
		w.Header().Set("digest", hex.EncodeToString(hash.Sum(nil)))
		w.Header().Set("content-length", strconv.FormatInt(size, 10))
		io.Copy(w, pattern(size))
	}))
	return listener.Addr().String(), nil
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

// plainWriter hides every method but Write, so that io.Copy keeps to its buffer.
type plainWriter struct {
	io.Writer
}
