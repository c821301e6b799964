// Command spdystream drives moby/spdystream as a peer: an echo server, or a
// client that plays one named scenario against a server of the same manners.
//
// Both speak JSON lines on standard output. The server's first line holds its
// address; it lives until its standard input ends. The client prints one line
// with the result and exits with 1 when the scenario failed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
)

const spdystreamModule = "github.com/moby/spdystream"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: spdystream server|client|version [flags]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "address to listen on, or to connect to")
	scenario := flags.String("scenario", "", "client: name of the scenario")
	streams := flags.Int("streams", 200, "client: streams in the scenario \"many\"")
	size := flags.Int64("size", 64<<20, "client: bytes of each body in the scenarios \"upload\", \"download\", \"echo\"")
	flags.Parse(os.Args[2:])

	switch os.Args[1] {
	case "server":
		exitOn(serve(*address))
	case "client":
		detail, err := play(*scenario, *address, *streams, *size)
		report(map[string]any{"scenario": *scenario, "ok": err == nil, "detail": detail, "error": text(err)})
		if err != nil {
			os.Exit(1)
		}
	case "version":
		report(map[string]any{"module": spdystreamModule, "version": version(spdystreamModule)})
	default:
		exitOn(fmt.Errorf("unknown mode %q", os.Args[1]))
	}
}

func report(line map[string]any) {
	json.NewEncoder(os.Stdout).Encode(line)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// version is the version of a module this program was built with.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return "unknown"
}
