package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"

	remotecommand "k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// pretendRuntime is a container runtime whose containers are this machine.
//
// A few commands are played instead of run:
//
//	produce <size>  <size> bytes of a known pattern on stdout
//	consume         reads stdin to its end, then prints "<length> <sha256>"
//	sizes <count>   prints that many terminal sizes as they arrive, a line each
//	fail <message>  the runtime itself fails
type pretendRuntime struct{}

func (pretendRuntime) Exec(ctx context.Context, _ string, command []string, stdin io.Reader, stdout, stderr io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	if len(command) == 0 {
		return errors.New("no command")
	}
	argument := ""
	if len(command) > 1 {
		argument = command[1]
	}
	switch command[0] {
	case "produce":
		size, err := strconv.ParseInt(argument, 10, 64)
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(plainWriter{stdout}, pattern(size), make([]byte, 32<<10))
		return err
	case "consume":
		hash := sha256.New()
		size, err := io.Copy(hash, stdin)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "%d %s", size, hex.EncodeToString(hash.Sum(nil)))
		return err
	case "sizes":
		count, err := strconv.Atoi(argument)
		if err != nil {
			return err
		}
		for range count {
			size := <-resize
			fmt.Fprintf(stdout, "%dx%d\n", size.Width, size.Height)
		}
		return nil
	case "fail":
		return errors.New(argument)
	default:
		return runProcess(ctx, command, stdin, stdout, stderr)
	}
}

func runProcess(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	process := exec.CommandContext(ctx, command[0], command[1:]...)
	process.Stdout, process.Stderr = stdout, stderr
	if stdin != nil {
		// Not process.Stdin: Wait would then wait for the end of stdin after the process is gone.
		pipe, err := process.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			io.Copy(pipe, stdin)
			pipe.Close()
		}()
	}
	err := process.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}

// Attach gives back what it is sent; a terminal size comes back as "<width>x<height>\n".
func (pretendRuntime) Attach(ctx context.Context, _ string, stdin io.Reader, stdout, _ io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	io.WriteString(stdout, "attached\n")
	if resize != nil {
		go func() {
			for size := range resize {
				fmt.Fprintf(stdout, "%dx%d\n", size.Width, size.Height)
			}
		}()
	}
	if stdin == nil {
		return nil
	}
	_, err := io.Copy(stdout, stdin)
	return err
}

func (pretendRuntime) PortForward(ctx context.Context, _ string, port int32, stream io.ReadWriteCloser) error {
	socket, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer socket.Close()
	go func() {
		io.Copy(socket, stream)
		socket.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, socket)
	return err
}
