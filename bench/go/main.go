// The benchmark's peer: moby/spdystream under the load of bench/load.ts, both
// sides in this process, as ours are in one process.
//
// Arguments: memory|tcp requests|bulk. Each line on standard input is a number
// of milliseconds to work for; the answer is a line with units a second of CPU
// time.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/moby/spdystream"
)

const inFlight = 100

// spdystream writes one DATA frame a call, whatever its length.
const bulkWrite = 32 * 1024

// Larger than any round moves, so that a round ends by its clock.
const bulkLength = 1 << 40

var body = []byte(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 23)[:1024])

func requestHeaders(index int) http.Header {
	h := http.Header{}
	h.Set(":method", "GET")
	h.Set(":path", fmt.Sprintf("/catalogue/items/%06d/details?page=%04d&x=1", index*7919%1000000, index%10000))
	h.Set(":scheme", "https")
	h.Set(":host", "www.example.com")
	h.Set(":version", "HTTP/1.1")
	h.Set("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	h.Set("accept-encoding", "gzip, deflate, br, x")
	h.Set("accept-language", "en-US,en;q=0.8")
	h.Set("cache-control", "max-age=0")
	h.Set("cookie", "session=0a1b2c3d4e5f60718293a4b5c6d7e8f9; theme=dark; lang=en; cart=7f3e2d1c0b9a8877; _ga=GA1.2.1093847561.1700000000")
	h.Set("referer", "https://www.example.com/catalogue/overview/index.html?sort=price&page=000012&view=list")
	h.Set("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36")
	return h
}

func responseHeaders(index int) http.Header {
	h := http.Header{}
	h.Set(":status", "200 OK")
	h.Set(":version", "HTTP/1.1")
	h.Set("content-type", "text/plain; charset=utf-8")
	h.Set("content-length", "1024")
	h.Set("date", "Mon, 23 Nov 2026 02:17:00 GMT")
	h.Set("etag", fmt.Sprintf("\"%x\"", index*104729%0xffffff))
	return h
}

func main() {
	client, server := connect(os.Args[1])
	bulk := os.Args[2] == "bulk"
	serverSide, err := spdystream.NewConnection(server, true)
	must(err)
	var served int64
	go serverSide.Serve(func(stream *spdystream.Stream) {
		index := int(atomic.AddInt64(&served, 1))
		must(stream.SendReply(responseHeaders(index), false))
		if bulk {
			// Memory never touched would be one page of zeros, always in the cache.
			chunk := []byte(strings.Repeat("spdystream", bulkWrite))[:bulkWrite]
			for sent := 0; sent < bulkLength; sent += len(chunk) {
				if _, err := stream.Write(chunk); err != nil {
					return
				}
			}
		} else {
			must(stream.WriteData(body, true))
		}
	})
	clientSide, err := spdystream.NewConnection(client, false)
	must(err)
	go clientSide.Serve(spdystream.NoOpStreamHandler)

	measure := func(d time.Duration) float64 { return requests(clientSide, d) }
	if bulk {
		stream, err := clientSide.CreateStream(requestHeaders(0), nil, true)
		must(err)
		must(stream.Wait())
		measure = func(d time.Duration) float64 { return receive(stream, d) }
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		milliseconds, err := strconv.Atoi(lines.Text())
		must(err)
		fmt.Println(measure(time.Duration(milliseconds) * time.Millisecond))
	}
}

func connect(transport string) (client, server net.Conn) {
	if transport == "memory" {
		return net.Pipe()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	accepted := make(chan net.Conn)
	go func() {
		conn, err := listener.Accept()
		must(err)
		accepted <- conn
	}()
	client, err = net.Dial("tcp", listener.Addr().String())
	must(err)
	return client, <-accepted
}

// cpuTime is the CPU time of this process so far. On a busy machine, wall time
// would include the time of other processes.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func requests(conn *spdystream.Connection, duration time.Duration) float64 {
	var done, next int64
	var workers sync.WaitGroup
	begin, cpu := time.Now(), cpuTime()
	for i := 0; i < inFlight; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for time.Since(begin) < duration {
				index := int(atomic.AddInt64(&next, 1))
				stream, err := conn.CreateStream(requestHeaders(index), nil, true)
				must(err)
				must(stream.Wait())
				// Read may lose the last frame to the end of the stream (it
				// selects between both), so the body's length is not checked.
				_, err = io.Copy(io.Discard, stream)
				must(err)
				atomic.AddInt64(&done, 1)
			}
		}()
	}
	workers.Wait()
	return float64(done) / (cpuTime() - cpu).Seconds()
}

func receive(stream *spdystream.Stream, duration time.Duration) float64 {
	var received int
	begin, cpu := time.Now(), cpuTime()
	for time.Since(begin) < duration {
		data, err := stream.ReadData()
		must(err)
		received += len(data)
	}
	return float64(received) / 1e9 / (cpuTime() - cpu).Seconds()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
