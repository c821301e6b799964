package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/moby/spdystream/spdy"
)

// playPriority opens one stream of each priority frame by frame:
// spdystream.Connection leaves the priority out of its SYN_STREAM. The server
// answers with the priority it saw in the header "priority".
func playPriority(address string) (string, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(scenarioTimeout))
	framer, err := spdy.NewFramer(socket, socket)
	if err != nil {
		return "", err
	}
	for priority := range uint8(8) {
		err := framer.WriteFrame(&spdy.SynStreamFrame{
			CFHeader: spdy.ControlFrameHeader{Flags: spdy.ControlFlagFin},
			StreamId: spdy.StreamId(2*priority + 1),
			Priority: priority,
			Headers:  http.Header{"mode": {"priority"}},
		})
		if err != nil {
			return "", err
		}
	}
	for replies := 0; replies < 8; {
		frame, err := framer.ReadFrame()
		if err != nil {
			return "", err
		}
		reply, ok := frame.(*spdy.SynReplyFrame)
		if !ok {
			continue
		}
		want := strconv.Itoa(int(reply.StreamId-1) / 2)
		if got := reply.Headers.Get("priority"); got != want {
			return "", fmt.Errorf("stream %d was seen with priority %q, sent with %q", reply.StreamId, got, want)
		}
		replies++
	}
	return "8 priorities", nil
}
