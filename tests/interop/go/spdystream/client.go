package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/moby/spdystream"
)

// scenarioTimeout bounds everything a scenario waits for.
const scenarioTimeout = 60 * time.Second

// play runs one scenario and says in a word or two what it saw.
func play(scenario, address string, streams int, size int64) (string, error) {
	if scenario == "priority" {
		return playPriority(address)
	}
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(scenarioTimeout))
	connection, err := spdystream.NewConnection(socket, false)
	if err != nil {
		return "", err
	}
	go connection.Serve(spdystream.MirrorStreamHandler)
	client := &client{connection}
	switch scenario {
	case "many":
		return client.many(streams)
	case "headers":
		return client.headers()
	case "half-close":
		return client.halfClose()
	case "refuse":
		return client.refuse()
	case "reset":
		return client.reset()
	case "ping":
		return client.ping()
	case "pinged":
		return client.readAll(http.Header{"mode": {"ping"}}, "pong")
	case "upload":
		return client.upload(size)
	case "get":
		return client.get(size)
	case "download":
		return client.download(size)
	case "echo":
		return client.echo(size)
	case "goaway":
		return client.goaway()
	case "opened":
		return client.readAll(http.Header{"mode": {"open"}, "count": {"3"}}, "server-0\nserver-1\nserver-2\n")
	}
	return "", fmt.Errorf("unknown scenario %q", scenario)
}

type client struct {
	connection *spdystream.Connection
}

func (c *client) open(headers http.Header) (*spdystream.Stream, error) {
	stream, err := c.connection.CreateStream(headers, nil, false)
	if err != nil {
		return nil, err
	}
	return stream, stream.WaitTimeout(scenarioTimeout)
}

func (c *client) many(count int) (string, error) {
	failures := make(chan error, count)
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			want := []byte("body of stream " + strconv.Itoa(i))
			stream, err := c.open(http.Header{"number": {strconv.Itoa(i)}})
			if err != nil {
				failures <- err
				return
			}
			stream.Write(want)
			stream.Close()
			if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, want) {
				failures <- fmt.Errorf("stream %d: got %q, %v", i, got, err)
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return "", err
	default:
		return fmt.Sprintf("%d streams", count), nil
	}
}

func (c *client) headers() (string, error) {
	stream, err := c.open(http.Header{"mode": {"headers"}})
	if err != nil {
		return "", err
	}
	for i := range 20 {
		want := strconv.Itoa(i)
		if err := stream.SendHeader(http.Header{"round": {want}, "twice": {"a", "b"}}, false); err != nil {
			return "", err
		}
		got, err := stream.ReceiveHeader()
		if err != nil {
			return "", err
		}
		if got.Get("round") != want || len(got.Values("twice")) != 2 {
			return "", fmt.Errorf("round %d came back as %v", i, got)
		}
	}
	return "20 rounds", stream.Close()
}

// halfClose ends its own side first and then reads what the other side still sends.
func (c *client) halfClose() (string, error) {
	stream, err := c.open(http.Header{"mode": {"sink"}})
	if err != nil {
		return "", err
	}
	io.WriteString(stream, "half")
	if err := stream.Close(); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("half"))
	return expect(stream, "4 "+hex.EncodeToString(sum[:]))
}

func (c *client) refuse() (string, error) {
	if _, err := c.open(http.Header{"mode": {"refuse"}}); err != spdystream.ErrReset {
		return "", fmt.Errorf("wanted %v, got %v", spdystream.ErrReset, err)
	}
	return c.readAll(http.Header{"mode": {"sink"}}, "0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}

func (c *client) reset() (string, error) {
	stream, err := c.open(http.Header{"mode": {"reset"}})
	if err != nil {
		return "", err
	}
	if got, err := io.ReadAll(stream); err != nil || len(got) > 0 {
		return "", fmt.Errorf("got %q, %v", got, err)
	}
	ours, err := c.open(http.Header{"mode": {"echo"}})
	if err != nil {
		return "", err
	}
	if err := ours.Reset(); err != nil {
		return "", err
	}
	return c.many(3)
}

func (c *client) ping() (string, error) {
	var slowest time.Duration
	for range 20 {
		elapsed, err := c.connection.Ping()
		if err != nil {
			return "", err
		}
		slowest = max(slowest, elapsed)
	}
	return fmt.Sprintf("20 pings, slowest %v", slowest.Round(time.Microsecond)), nil
}

func (c *client) upload(size int64) (string, error) {
	stream, err := c.open(http.Header{"mode": {"sink"}})
	if err != nil {
		return "", err
	}
	if err := send(stream, size); err != nil {
		return "", err
	}
	return expect(stream, digest(pattern(size)))
}

func (c *client) download(size int64) (string, error) {
	stream, err := c.open(http.Header{"mode": {"source"}, "size": {strconv.FormatInt(size, 10)}})
	if err != nil {
		return "", err
	}
	return compare(digest(stream), digest(pattern(size)))
}

// get asks for a file of size bytes of pattern(), as a browser would.
func (c *client) get(size int64) (string, error) {
	stream, err := c.open(http.Header{
		":method":  {"GET"},
		":path":    {"/pattern"},
		":scheme":  {"http"},
		":host":    {"localhost"},
		":version": {"HTTP/1.1"},
	})
	if err != nil {
		return "", err
	}
	stream.Close()
	return compare(digest(stream), digest(pattern(size)))
}

func (c *client) echo(size int64) (string, error) {
	stream, err := c.open(http.Header{})
	if err != nil {
		return "", err
	}
	sent := make(chan error, 1)
	go func() { sent <- send(stream, size) }()
	got := digest(stream)
	if err := <-sent; err != nil {
		return "", err
	}
	return compare(got, digest(pattern(size)))
}

func (c *client) goaway() (string, error) {
	last := make(chan *spdystream.Stream, 1)
	c.connection.NotifyClose(last, time.Second)
	detail, err := c.readAll(http.Header{"mode": {"goaway"}}, "going")
	if err != nil {
		return "", err
	}
	select {
	case <-last:
		return detail, nil
	case <-time.After(scenarioTimeout):
		return "", fmt.Errorf("no GOAWAY within %v", scenarioTimeout)
	}
}

// readAll opens a stream, ends its own side and wants the body that comes back.
func (c *client) readAll(headers http.Header, want string) (string, error) {
	stream, err := c.open(headers)
	if err != nil {
		return "", err
	}
	stream.Close()
	return expect(stream, want)
}

func send(stream *spdystream.Stream, size int64) error {
	if _, err := io.CopyBuffer(plainWriter{stream}, pattern(size), make([]byte, 32<<10)); err != nil {
		return err
	}
	return stream.Close()
}

func expect(stream *spdystream.Stream, want string) (string, error) {
	got, err := io.ReadAll(stream)
	if err != nil {
		return "", err
	}
	return compare(string(got), want)
}

func compare(got, want string) (string, error) {
	if got != want {
		return "", fmt.Errorf("got %q, wanted %q", got, want)
	}
	return got, nil
}

// digest is a body's length and checksum, in the form the mode "sink" answers with.
func digest(body io.Reader) string {
	hash := sha256.New()
	size, err := io.Copy(hash, body)
	if err != nil {
		return err.Error()
	}
	return strconv.FormatInt(size, 10) + " " + hex.EncodeToString(hash.Sum(nil))
}
