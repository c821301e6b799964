// Command cri asks a container runtime for pods, containers and streaming URLs.
//
//	cri SOCKET version
//	cri SOCKET run|run-i|run-t|run-it NAME CGROUP COMMAND...   prints JSON: sandbox, container
//	cri SOCKET exec|exec-i|exec-t|exec-it CONTAINER COMMAND... prints a URL
//	cri SOCKET attach|attach-i|attach-t|attach-it CONTAINER    prints a URL
//	cri SOCKET port-forward SANDBOX                            prints a URL
//	cri SOCKET stop CONTAINER SECONDS
//	cri SOCKET list                                            prints JSON: the ids of all sandboxes
//	cri SOCKET remove SANDBOX
//
// "-i" asks for standard input, "-t" for a terminal. Pods use the network of
// the host, so no CNI plugin is needed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	image    = "spdy.test/box:1"
	deadline = 60 * time.Second
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: cri SOCKET VERB ARGUMENT..."))
	}
	connection := must(grpc.NewClient("unix://"+os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials())))
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	runtime := cri.NewRuntimeServiceClient(connection)
	verb, streams, _ := strings.Cut(os.Args[2], "-")
	if os.Args[2] == "port-forward" {
		verb, streams = "port-forward", ""
	}
	stdin, tty := strings.Contains(streams, "i"), strings.Contains(streams, "t")
	args := os.Args[3:]
	switch verb {
	case "version":
		fmt.Println(must(runtime.Version(ctx, &cri.VersionRequest{})).RuntimeVersion)
	case "run":
		run(ctx, runtime, args[0], args[1], args[2:], stdin, tty)
	case "exec":
		fmt.Println(must(runtime.Exec(ctx, &cri.ExecRequest{
			ContainerId: args[0], Cmd: args[1:], Stdin: stdin, Stdout: true, Stderr: !tty, Tty: tty,
		})).Url)
	case "attach":
		fmt.Println(must(runtime.Attach(ctx, &cri.AttachRequest{
			ContainerId: args[0], Stdin: stdin, Stdout: true, Stderr: !tty, Tty: tty,
		})).Url)
	case "port-forward":
		fmt.Println(must(runtime.PortForward(ctx, &cri.PortForwardRequest{PodSandboxId: args[0]})).Url)
	case "stop":
		must(runtime.StopContainer(ctx, &cri.StopContainerRequest{
			ContainerId: args[0], Timeout: int64(must(strconv.Atoi(args[1]))),
		}))
	case "list":
		ids := []string{}
		for _, sandbox := range must(runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})).Items {
			ids = append(ids, sandbox.Id)
		}
		printJSON(ids)
	case "remove":
		must(runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: args[0]}))
		must(runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: args[0]}))
	default:
		fail(fmt.Errorf("unknown verb %q", verb))
	}
}

func run(ctx context.Context, runtime cri.RuntimeServiceClient, name, cgroup string, command []string, stdin, tty bool) {
	namespaces := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER}
	pod := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Namespace: "default", Uid: name},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent:    cgroup,
			SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces},
		},
	}
	sandbox := must(runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})).PodSandboxId
	container := must(runtime.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: sandbox, SandboxConfig: pod, Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "main"},
			Image:    &cri.ImageSpec{Image: image},
			Command:  command,
			Stdin:    stdin, Tty: tty,
			Linux: &cri.LinuxContainerConfig{
				SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: namespaces},
			},
		},
	})).ContainerId
	must(runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: container}))
	printJSON(map[string]string{"sandbox": sandbox, "container": container})
}

func printJSON(value any) {
	fmt.Println(string(must(json.Marshal(value))))
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err)
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
