package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/moby/spdystream"
)

// serve answers each stream as its "mode" header asks:
//
//	echo     (or none) the reply repeats the headers, DATA comes back, FIN answers FIN
//	headers  every HEADERS frame comes back
//	source   "size" bytes of pattern(), then FIN
//	sink     everything is read; "<length> <sha256>" comes back, then FIN
//	refuse   RST_STREAM REFUSED_STREAM
//	reset    a reply, then RST_STREAM CANCEL
//	open     the server opens "count" bidirectional streams, which the client must
//	         echo; the names of those that came back whole are sent, then FIN
//	ping     the server pings the client, sends "pong", then FIN
//	goaway   a reply, "going", then FIN and GOAWAY
//
// A request of HTTP (":method") is answered by 200 and as many bytes of pattern() as
// its path names.
func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	report(map[string]any{"address": listener.Addr().String(), "version": version(spdystreamModule)})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		socket, err := listener.Accept()
		if err != nil {
			return err
		}
		connection, err := spdystream.NewConnection(socket, true)
		if err != nil {
			return err
		}
		go connection.Serve(func(stream *spdystream.Stream) { answer(connection, stream) })
	}
}

func answer(connection *spdystream.Connection, stream *spdystream.Stream) {
	headers := stream.Headers()
	mode := headers.Get("mode")
	if mode == "refuse" {
		stream.Refuse()
		return
	}
	if path := headers[":path"]; len(path) > 0 {
		go answerRequest(stream, path[0])
		return
	}
	if err := stream.SendReply(headers, false); err != nil {
		return
	}
	// The handler runs on the worker that also delivers the stream's DATA: it must return first.
	go func() {
		switch mode {
		case "headers":
			echoHeaders(stream)
			return
		case "source":
			size, _ := strconv.ParseInt(headers.Get("size"), 10, 64)
			io.CopyBuffer(plainWriter{stream}, pattern(size), make([]byte, 32<<10))
		case "sink":
			hash := sha256.New()
			size, _ := io.Copy(hash, stream)
			io.WriteString(stream, strconv.FormatInt(size, 10)+" "+hex.EncodeToString(hash.Sum(nil)))
		case "reset":
			stream.Reset()
			return
		case "open":
			openStreams(connection, stream)
		case "ping":
			if _, err := connection.Ping(); err == nil {
				io.WriteString(stream, "pong")
			}
		case "goaway":
			io.WriteString(stream, "going")
			stream.Close()
			connection.Close()
			return
		default:
			io.Copy(stream, stream)
		}
		stream.Close()
	}()
}

func answerRequest(stream *spdystream.Stream, path string) {
	if stream.SendReply(http.Header{":status": {"200"}, ":version": {"HTTP/1.1"}}, false) != nil {
		return
	}
	size, _ := strconv.ParseInt(strings.TrimPrefix(path, "/"), 10, 64)
	io.CopyBuffer(plainWriter{stream}, pattern(size), make([]byte, 32<<10))
	stream.Close()
}

func echoHeaders(stream *spdystream.Stream) {
	for {
		headers, err := stream.ReceiveHeader()
		if err != nil {
			break
		}
		if err := stream.SendHeader(headers, false); err != nil {
			return
		}
	}
	stream.Close()
}

// openStreams opens streams towards the client; they are bidirectional and have no associated stream.
func openStreams(connection *spdystream.Connection, stream *spdystream.Stream) {
	count, _ := strconv.Atoi(stream.Headers().Get("count"))
	for i := range count {
		name := "server-" + strconv.Itoa(i)
		opened, err := connection.CreateStream(http.Header{"name": {name}}, nil, false)
		if err != nil || opened.Wait() != nil {
			return
		}
		io.WriteString(opened, name)
		opened.Close()
		if back, err := io.ReadAll(opened); err == nil && string(back) == name {
			io.WriteString(stream, name+"\n")
		}
	}
}
