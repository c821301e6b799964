package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"k8s.io/apimachinery/pkg/util/proxy"
	tunnel "k8s.io/apiserver/pkg/util/proxy"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// apiHandler serves
//
//	GET /cri/<method>?…                            the streaming URL the runtime would hand to a kubelet
//	/api/v1/namespaces/<ns>/pods/<pod>/<method>?…  the same, proxied as kubelet and API server do
//	/old/api/v1/…                                  the same, as an API server does that knows no tunnel
//
// where <method> is exec, attach or portforward.
func apiHandler(cri streaming.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cri/{method}", func(w http.ResponseWriter, r *http.Request) {
		address, err := streamingURL(cri, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, address)
	})
	mux.Handle("/api/v1/namespaces/{namespace}/pods/{pod}/{method}", podHandler(cri, true))
	mux.Handle("/old/api/v1/namespaces/{namespace}/pods/{pod}/{method}", podHandler(cri, false))
	return mux
}

func podHandler(cri streaming.Server, tunnels bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		address, err := streamingURL(cri, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		location, err := url.Parse(address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		var handler http.Handler = proxy.NewUpgradeAwareHandler(location, nil, false, true, responder{})
		if tunnels && r.PathValue("method") == "portforward" && wsstream.IsWebSocketRequestWithTunnelingProtocol(r) {
			handler = tunnel.NewTunnelingHandler(handler)
		}
		handler.ServeHTTP(w, r)
	}
}

func streamingURL(cri streaming.Server, r *http.Request) (string, error) {
	query := r.URL.Query()
	flag := func(name string) bool {
		value, _ := strconv.ParseBool(query.Get(name))
		return value
	}
	switch method := r.PathValue("method"); method {
	case "exec":
		answer, err := cri.GetExec(&runtimeapi.ExecRequest{
			ContainerId: "container",
			Cmd:         query["command"],
			Stdin:       flag("stdin"),
			Stdout:      flag("stdout"),
			Stderr:      flag("stderr") && !flag("tty"),
			Tty:         flag("tty"),
		})
		return answer.GetUrl(), err
	case "attach":
		answer, err := cri.GetAttach(&runtimeapi.AttachRequest{
			ContainerId: "container",
			Stdin:       flag("stdin"),
			Stdout:      flag("stdout"),
			Stderr:      flag("stderr") && !flag("tty"),
			Tty:         flag("tty"),
		})
		return answer.GetUrl(), err
	case "portforward":
		answer, err := cri.GetPortForward(&runtimeapi.PortForwardRequest{PodSandboxId: "sandbox"})
		return answer.GetUrl(), err
	default:
		return "", fmt.Errorf("unknown method %q", method)
	}
}

type responder struct{}

func (responder) Error(w http.ResponseWriter, r *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusBadGateway)
}
